//! From `tidegate-http`'s headers to a framework's: the same code for types that differ only in their version.

/// Defines `fn translated(Header) -> Option<(Name, Value)>` for a framework's types of names and values, which must
/// have the methods that those of the crate `http` have, of any version. It is `None` for what HTTP does not allow.
///
/// The names that tidegate sends are made when the program is built: to make one for each response costs several
/// times more than to find it. Values are taken over, not copied.
#[macro_export]
macro_rules! translate_headers {
    ($name:ident, $value:ident) => {
        /// `None` for what HTTP does not allow.
        fn translated((name, value): ::tidegate_http::Header) -> Option<($name, $value)> {
            let name = $crate::known_name!(
                $name,
                &*name,
                "ratelimit-policy",
                "ratelimit",
                "content-type",
                "cache-control",
                "retry-after",
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "x-ratelimit-reset",
                "tidegate-mode",
            )?;
            let value = $value::from_maybe_shared(value.into_bytes()).ok()?;
            Some((name, value))
        }
    };
}

/// A name of type `$type`: one of those that are known, or made of `$name`.
#[doc(hidden)]
#[macro_export]
macro_rules! known_name {
    ($type:ident, $name:expr, $($known:literal),* $(,)?) => {
        match $name {
            $($known => {
                static NAME: $type = $type::from_static($known);
                Some(NAME.clone())
            })*
            other => $type::from_bytes(other.as_bytes()).ok(),
        }
    };
}
