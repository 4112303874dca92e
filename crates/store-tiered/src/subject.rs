//! A subject's bytes, kept for as long as its entry: most are short, and need no memory of their own.

use std::ops::Deref;

/// As many bytes as fit beside the length without making it larger than a boxed slice and its tag.
const INLINE: usize = 22;

#[derive(Clone, Debug)]
pub(crate) enum OwnedSubject {
    Short { len: u8, bytes: [u8; INLINE] },
    Long(Box<[u8]>),
}

impl Default for OwnedSubject {
    fn default() -> Self {
        Self::Short {
            len: 0,
            bytes: [0; INLINE],
        }
    }
}

impl From<&[u8]> for OwnedSubject {
    fn from(subject: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..subject.len()), u8::try_from(subject.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(subject);
                Self::Short { len, bytes }
            }
            _ => Self::Long(subject.into()),
        }
    }
}

impl Deref for OwnedSubject {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_subjects_are_kept_whole() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 255, 256, 300] {
            let subject: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0]).collect();
            assert_eq!(&*OwnedSubject::from(&subject[..]), subject, "{len} bytes");
        }
        assert_eq!(size_of::<OwnedSubject>(), 24);
    }
}
