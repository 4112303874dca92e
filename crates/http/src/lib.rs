//! The HTTP side of tidegate that no framework owns: who the client is, what to ask the limiter, and how to
//! answer.
//!
//! The frameworks disagree about their types, so this crate speaks in strings: an adapter shows it a request
//! through [`RequestView`], asks the limiter what [`Options::question`] says, and turns the [`Verdict`] that
//! [`Options::verdict`] makes of the limiter's decision into its framework's response. Whatever two adapters
//! would otherwise both do is done here.
//!
//! | you want | look at |
//! |---|---|
//! | to say by what requests are limited | [`key`], [`Key`] |
//! | client addresses behind proxies, IPv6 prefixes | [`ClientAddress`], [`Proxies`] |
//! | costs, skips, which headers, another response | [`Options`] |
//! | which headers there are | [`Dialect`] |
//! | to write an adapter | [`RequestView`], [`Question`], [`Verdict`], [`Answer`], [`Sink`] |
//!
//! ```
//! use tidegate_core::{PolicyName, Quota, Rule, Timestamp, Usage, decide};
//! use tidegate_http::{Options, PlainRequest, PolicyField, Question, Verdict, key};
//!
//! let options: Options<()> = Options::new(key::client_ip());
//! let request = PlainRequest::new("GET").with_peer([192, 0, 2, 7]);
//! let Question::Ask { subject, cost } = options.question(&(), &request) else { panic!() };
//! assert_eq!(cost, 1);
//!
//! // what a limiter would do with the subject
//! # let _ = subject;
//! let rules = [Rule::new(PolicyName::new("per-client")?, Quota::per_minute(100)?)];
//! let decision = decide(&rules, &mut [Usage::default()], cost, Timestamp::from_secs(1_700_000_000));
//!
//! let policies = PolicyField::new(rules.iter().map(|rule| (rule.name().as_str(), rule.quota())));
//! let Verdict::Proceed(headers) = options.verdict(&decision, &policies) else { panic!() };
//! assert_eq!(headers[0], ("ratelimit-policy".into(), r#""per-client";q=100;w=60"#.into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allow;
mod answer;
mod client;
mod dialect;
mod field;
mod fields;
pub mod key;
mod options;
mod policy_field;
mod problem;
mod seconds;
mod text;
mod view;

pub use answer::{Answer, Header};
pub use client::{CidrError, Cidrs, ClientAddress, ForwardedField, PrefixError, Proxies, ZeroHops};
pub use dialect::{Dialect, Dialects};
pub use field::{Constant, Field, Sink};
pub use key::{HashKey, HashKeyError, HeaderNameError, Key, KeyError};
pub use options::{Asked, Options, Question, Refusal, Verdict};
pub use policy_field::PolicyField;
pub use text::Text;
pub use view::{PlainRequest, RequestView, host_of};
