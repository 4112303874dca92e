//! From `tidegate-http`'s headers to a framework's: the same code for types that differ only in their version.

/// Defines `fn translated(Header) -> Option<(Name, Value)>` for a framework's types of names and values, which must
/// have the methods that those of the crate `http` have, of any version. It is `None` for what HTTP does not allow.
///
/// The names that tidegate sends are made when the program is built: to make one for each response costs several
/// times more than to find it.
#[macro_export]
macro_rules! translate_headers {
    ($name:ident, $value:ident) => {
        static NAMES: [$name; 9] = [
            $name::from_static("ratelimit-policy"),
            $name::from_static("ratelimit"),
            $name::from_static("content-type"),
            $name::from_static("cache-control"),
            $name::from_static("retry-after"),
            $name::from_static("x-ratelimit-limit"),
            $name::from_static("x-ratelimit-remaining"),
            $name::from_static("x-ratelimit-reset"),
            $name::from_static("tidegate-mode"),
        ];

        /// `None` for what HTTP does not allow.
        fn translated((name, value): ::tidegate_http::Header) -> Option<($name, $value)> {
            let known = NAMES.iter().find(|known| known.as_str() == name);
            let name = match known {
                Some(known) => known.clone(),
                None => $name::from_bytes(name.as_bytes()).ok()?,
            };
            let value = $value::try_from(value.into_owned()).ok()?;
            Some((name, value))
        }
    };
}
