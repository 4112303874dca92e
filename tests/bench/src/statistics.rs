//! What many rounds come to.

/// The middle one, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => (sorted[len / 2 - 1] + sorted[len / 2]) / 2.0,
    }
}

/// The median of the rounds' ratios: a round's two figures were measured one after the other, and a machine is not equally
/// fast all the time.
pub fn ratio(own: &[f64], other: &[f64]) -> f64 {
    let ratios: Vec<f64> = own
        .iter()
        .zip(other)
        .map(|(own, other)| own / other)
        .collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 100.0]), 3.0);
        assert_eq!(median(&[3.0, 1.0]), 2.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_ratio_is_that_of_rounds() {
        assert_eq!(ratio(&[1.0, 10.0, 9.0], &[2.0, 10.0, 3.0]), 1.0);
    }
}
