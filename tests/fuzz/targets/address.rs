//! Runs tidegate_test_bytes::address on what libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_test_bytes::address(bytes));
