//! What others compute from a policy set, and would not compute again for every request.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// Of how many types a set keeps a value: one for each framework that limits by one limiter is what there usually is.
const TYPES: usize = 4;

type Kept = OnceLock<Box<dyn Any + Send + Sync>>;

/// Values of any types, one of each, made when they are first asked for. They go when their policy set goes.
pub(crate) struct Derived([Kept; TYPES]);

impl Derived {
    pub(crate) const fn new() -> Self {
        Self([const { Kept::new() }; TYPES])
    }

    /// Runs `f` on the value of its type. Where other types have taken all places, one is made for this time.
    #[inline]
    pub(crate) fn with<T: Send + Sync + 'static>(&self, make: impl Fn() -> T, f: impl FnOnce(&T)) {
        for kept in &self.0 {
            let value = kept.get_or_init(|| Box::new(make()));
            if let Some(value) = value.downcast_ref() {
                return f(value);
            }
        }
        f(&make());
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.0.iter().filter(|kept| kept.get().is_some()).count();
        write!(f, "{kept} values")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Of<const N: u8>(u8);

    #[test]
    fn a_value_of_each_type_is_made_once_as_long_as_there_is_room() {
        let (derived, made) = (Derived::new(), Cell::new(0));
        let one = || {
            made.set(made.get() + 1);
            made.get()
        };
        for _ in 0..2 {
            derived.with(|| Of::<1>(one()), |of| assert_eq!(*of, Of(1)));
            derived.with(|| Of::<2>(one()), |of| assert_eq!(*of, Of(2)));
            derived.with(|| Of::<3>(one()), |of| assert_eq!(*of, Of(3)));
            derived.with(|| Of::<4>(one()), |of| assert_eq!(*of, Of(4)));
        }
        derived.with(|| Of::<5>(one()), |of| assert_eq!(*of, Of(5)));
        derived.with(|| Of::<5>(one()), |of| assert_eq!(*of, Of(6)));
    }
}
