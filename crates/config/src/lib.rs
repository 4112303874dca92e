//! Policies from a TOML file: read at the start, and read anew while the program runs, without losing counts.
//!
//! ```toml
//! [[policy]]
//! name = "per-client"               # 1 to 64 of a-z A-Z 0-9 - _ .
//! limit = 100                       # how much is admitted
//! window = "1m"                     # in how long: 500ms, 60s, 1m, 1h, 1day
//!
//! [[policy]]
//! name = "login"
//! limit = 5
//! window = "1m"
//! algorithm = "token-bucket"        # or fixed-window; sliding-window unless told
//! burst = 10                        # of a token-bucket; the limit unless told
//! tolerance = 0                     # how far past the limit all nodes may go, 0 (exact) to 1; 0.01 unless told
//! outage = { first = "share", for = "30s", then = "closed" }  # or one of "share", "full", "open", "closed"
//! shadow = false                    # true: decide and report, deny nothing
//! ```
//!
//! A request must be admitted by all policies of the file. [`parse`] makes policies of such a text, and
//! [`PolicyFile`] reads a file, again and again if that is wanted. [`duration`] reads a time as the file does, for a program's flags. A text with mistakes is refused whole, and all its
//! mistakes are told at once, each with its line and field.
//!
//! ```
//! use tidegate_config::parse;
//! use tidegate_limiter::Limiter;
//! use tidegate_store_memory::MemoryStore;
//!
//! let limiter = Limiter::builder(MemoryStore::new())
//!     .policies(parse("[[policy]]\nname = 'per-client'\nlimit = 100\nwindow = '1m'")?)
//!     .build()?;
//! assert_eq!(limiter.policies()[0].quota().limit(), 100);
//!
//! let mistakes = parse("[[policy]]\nname = 'login'\nlimit = 0\nwindow = '60'").unwrap_err();
//! assert_eq!(
//!     mistakes.to_string(),
//!     "line 3: policy \"login\": limit 0: it must be a whole number, 1 to 9007199254740991\n\
//!      line 4: policy \"login\": window \"60\": it must be a time such as \"500ms\", \"60s\" or \"1h\", \
//!      in ns, us, ms, s, m (minutes), h, d or w",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod duration;
mod fields;
mod file;
mod mistake;
mod outage;
mod parse;
mod quota;
mod value;

pub use duration::{DurationError, duration};
pub use file::{FileError, PolicyFile};
pub use mistake::{Mistake, Mistakes};
pub use parse::parse;
