//! The scripts that run in the server. `tidegate-core` is their specification.

mod template;

use std::sync::OnceLock;

use redis::{Arg, Cmd};
use tidegate_core::{Algorithm, Rule};

use self::template::{Kind, expand};

/// The most policies in one request: what scripts keep of each of them are local variables, of which Lua allows 200.
pub(crate) const MOST_RULES: usize = 6;

const PRELUDE: &str = include_str!("prelude.lua");
const CLOCK: &str = "call('TIME')";

/// The scripts that are written out rule by rule, in the order of their names.
const TEMPLATES: [&str; 4] = [
    include_str!("acquire.lua"),
    include_str!("refund.lua"),
    include_str!("reset.lua"),
    include_str!("sync.lua"),
];

/// The scripts that know no rules.
const PLAIN: [&str; 3] = [
    include_str!("register.lua"),
    include_str!("deregister.lua"),
    include_str!("probe.lua"),
];

/// What a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Acquire,
    Refund,
    Reset,
    Sync,
    Register,
    Deregister,
    Probe,
}

/// The kinds of a request's rules: what scripts differ by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    rules: u8,
    /// One bit for each rule, the lowest for the first: whether it is a bucket.
    buckets: u8,
}

/// All scripts, each made when it is first needed.
#[derive(Debug)]
pub(crate) struct Scripts {
    clock: Option<String>,
    all: Vec<OnceLock<Script>>,
}

/// A script's text, and the hash that servers know it by.
#[derive(Debug)]
struct Script {
    text: String,
    hash: String,
}

/// A call of a script, by its hash.
#[derive(Debug)]
pub(crate) struct Call {
    script: (Name, Shape),
    pub(crate) command: Cmd,
    /// Whether a member of a cluster is asked for a slot that it is about to have.
    pub(crate) asking: bool,
}

impl Shape {
    /// No rules.
    pub(crate) const NONE: Self = Self {
        rules: 0,
        buckets: 0,
    };

    const COUNT: usize = 2 << MOST_RULES;

    /// Of at most [`MOST_RULES`] rules; more are not seen.
    pub(crate) fn of(rules: &[Rule]) -> Self {
        let mut shape = Self::NONE;
        for rule in rules.iter().take(MOST_RULES) {
            let is_bucket = rule.quota().algorithm() == Algorithm::TokenBucket;
            shape.buckets |= u8::from(is_bucket) << shape.rules;
            shape.rules += 1;
        }
        shape
    }

    fn kinds(self) -> Vec<Kind> {
        let kind = |rule| match self.buckets >> rule & 1 {
            0 => Kind::Windows,
            _ => Kind::Bucket,
        };
        (0..self.rules).map(kind).collect()
    }

    fn index(self) -> usize {
        1 << self.rules | usize::from(self.buckets)
    }
}

impl Scripts {
    /// The scripts. Where a clock's key is given, the time is read from the list under it, for tests.
    pub(crate) fn new(clock: Option<String>) -> Self {
        let count = (TEMPLATES.len() + PLAIN.len()) * Shape::COUNT;
        Self {
            clock,
            all: std::iter::repeat_with(OnceLock::new).take(count).collect(),
        }
    }

    /// A call by hash, for servers that have the script.
    pub(crate) fn call<'k>(
        &self,
        name: Name,
        shape: Shape,
        keys: impl IntoIterator<Item = &'k [u8], IntoIter: ExactSizeIterator>,
        args: &[&[u8]],
    ) -> Call {
        let keys = keys.into_iter();
        let script = self.get(name, shape);
        let size = 96 + keys.len() * 64 + args.iter().map(|arg| arg.len()).sum::<usize>();
        let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), size);
        command.arg("EVALSHA").arg(&script.hash).arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        for arg in args {
            command.arg(*arg);
        }
        Call {
            script: (name, shape),
            command,
            asking: false,
        }
    }

    /// The same call with the script's text, which leaves it in the server.
    pub(crate) fn with_text(&self, call: &Call) -> Cmd {
        let mut command = redis::cmd("EVAL");
        let (name, shape) = call.script;
        command.arg(&self.get(name, shape).text);
        for arg in call.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        command
    }

    fn get(&self, name: Name, shape: Shape) -> &Script {
        let slot = &self.all[name as usize * Shape::COUNT + shape.index()];
        slot.get_or_init(|| {
            let name = name as usize;
            let text = match TEMPLATES.get(name) {
                Some(template) => {
                    let kinds = shape.kinds();
                    format!(
                        "#!lua\n{}{}",
                        expand(PRELUDE, &kinds),
                        expand(template, &kinds)
                    )
                }
                None => PLAIN[name - TEMPLATES.len()].to_owned(),
            };
            Script::new(match &self.clock {
                Some(key) => text.replace(CLOCK, &format!("call('LRANGE', '{key}', 0, 1)")),
                None => text,
            })
        })
    }
}

impl Script {
    fn new(text: String) -> Self {
        Self {
            hash: redis::Script::new(&text).get_hash().to_owned(),
            text,
        }
    }
}
