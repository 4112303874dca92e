//! Runs tidegate_test_bytes::forwarded on what libFuzzer thinks of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tidegate_test_bytes::forwarded(bytes));
