//! A framework's types, as far as every adapter does the same with them.

use tidegate_http::{Constant, Field, Header, Text};

/// The types of a web framework. [`framework!`](crate::framework) implements it.
pub trait Framework: Sized + 'static {
    /// What options' functions are shown of a request.
    type Request: ?Sized + 'static;
    /// The headers of a response.
    type Headers;
    /// The value of a header.
    type Value: Clone + Send + Sync + 'static;

    /// The value that these bytes are, if HTTP allows it.
    fn value(bytes: &[u8]) -> Option<Self::Value>;

    /// The same, which need not copy the text.
    fn shared(text: Text) -> Option<Self::Value>;

    /// A value that is always the same.
    fn constant(constant: Constant) -> Self::Value;

    /// Whether there is such a header.
    fn has(headers: &Self::Headers, field: Field) -> bool;

    /// Adds a header.
    fn append(headers: &mut Self::Headers, field: Field, value: Self::Value);

    /// Adds a header that may be any; nothing if HTTP does not allow its name or its value.
    fn append_any(headers: &mut Self::Headers, header: Header);
}

/// Implements [`Framework`] for the type of that name, by a framework's types of names, values and maps of headers, which
/// must have the methods that those of the crate `http` have, of any version: types that differ only in their version.
///
/// Names and values that are always the same are made when the program is built: to make one for each response costs
/// several times more than to find it.
#[macro_export]
macro_rules! framework {
    ($framework:ident, $request:ty, $name:ident, $value:ident, $headers:ident) => {
        impl $crate::Framework for $framework {
            type Request = $request;
            type Headers = $headers;
            type Value = $value;

            #[inline]
            fn value(bytes: &[u8]) -> Option<$value> {
                $value::from_bytes(bytes).ok()
            }

            fn shared(text: ::tidegate_http::Text) -> Option<$value> {
                $value::from_maybe_shared(text.into_bytes()).ok()
            }

            #[inline]
            fn constant(constant: ::tidegate_http::Constant) -> $value {
                $crate::constants!(constant, Constant, $value, ProblemJson, NoStore)
            }

            #[inline]
            fn has(headers: &$headers, field: ::tidegate_http::Field) -> bool {
                headers.contains_key(field.as_str())
            }

            #[inline(always)]
            fn append(headers: &mut $headers, field: ::tidegate_http::Field, value: $value) {
                let name = $crate::constants!(
                    field,
                    Field,
                    $name,
                    ContentType,
                    CacheControl,
                    RetryAfter,
                    RateLimitPolicy,
                    RateLimit,
                    XRateLimitLimit,
                    XRateLimitRemaining,
                    XRateLimitReset,
                    Mode,
                );
                headers.append(name, value);
            }

            fn append_any(headers: &mut $headers, (name, value): ::tidegate_http::Header) {
                let name = $name::from_bytes(name.as_bytes()).ok();
                if let (Some(name), Some(value)) = (name, Self::shared(value)) {
                    headers.append(name, value);
                }
            }
        }
    };
}

/// What `$type` makes of one of these variants, made when the program is built.
#[doc(hidden)]
#[macro_export]
macro_rules! constants {
    ($given:expr, $enum:ident, $type:ident, $($variant:ident),* $(,)?) => {
        match $given {
            $(::tidegate_http::$enum::$variant => {
                const { $type::from_static(::tidegate_http::$enum::$variant.as_str()) }
            })*
        }
    };
}
