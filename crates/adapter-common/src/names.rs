//! The names of all headers that `tidegate-http` sends, for frameworks that like to have them ready.

/// An array of these names as a framework's type, which must have a `from_static` that can be evaluated when the
/// program is built. To make a name from text for each response costs several times more than to find it here.
///
/// ```
/// struct Name(&'static str);
///
/// impl Name {
///     const fn from_static(name: &'static str) -> Self {
///         Self(name)
///     }
/// }
///
/// static NAMES: [Name; 9] = tidegate_adapter_common::header_names!(Name);
/// assert!(NAMES.iter().any(|name| name.0 == "retry-after"));
/// ```
#[macro_export]
macro_rules! header_names {
    ($name:ident) => {
        [
            $name::from_static("ratelimit-policy"),
            $name::from_static("ratelimit"),
            $name::from_static("content-type"),
            $name::from_static("cache-control"),
            $name::from_static("retry-after"),
            $name::from_static("x-ratelimit-limit"),
            $name::from_static("x-ratelimit-remaining"),
            $name::from_static("x-ratelimit-reset"),
            $name::from_static("tidegate-mode"),
        ]
    };
}
