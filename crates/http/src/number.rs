//! Numbers in decimal, without the formatting machinery: several stand in every response.

/// Appends a number.
pub(crate) fn push(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // Below 10, and the largest number has 20 digits.
        digits[at] += (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    // Digits are text, whatever the compiler knows of it.
    text.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

/// A number as text.
pub(crate) fn text(number: u64) -> String {
    let mut text = String::with_capacity(8);
    push(&mut text, number);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_are_written_as_they_are(number: u64) {
            for number in [number, number % 1000, 0, u64::MAX] {
                proptest::prop_assert_eq!(text(number), number.to_string());
            }
        }
    }
}
