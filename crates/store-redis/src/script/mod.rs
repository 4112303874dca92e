//! The scripts that run in the server. `tidegate-core` is their specification.

use redis::{Arg, Cmd};

const PRELUDE: &str = include_str!("prelude.lua");
const CLOCK: &str = "call('TIME')";

/// Which script.
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

/// All scripts: their texts, and the hashes that servers know them by.
#[derive(Debug)]
pub(crate) struct Scripts {
    all: [Script; 7],
}

#[derive(Debug)]
struct Script {
    text: String,
    hash: String,
}

/// A call of a script, by its hash.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) script: Name,
    pub(crate) command: Cmd,
}

impl Scripts {
    /// The scripts. Where a clock's key is given, the time is read from the list under it, for tests.
    pub(crate) fn new(clock: Option<&str>) -> Self {
        let make = |parts: &[&str]| {
            let text = parts.concat();
            Script::new(match clock {
                Some(key) => text.replace(CLOCK, &format!("call('LRANGE', '{key}', 0, 1)")),
                None => text,
            })
        };
        Self {
            all: [
                make(&[PRELUDE, include_str!("acquire.lua")]),
                make(&[PRELUDE, include_str!("refund.lua")]),
                make(&[PRELUDE, include_str!("reset.lua")]),
                make(&[PRELUDE, include_str!("sync.lua")]),
                make(&[include_str!("register.lua")]),
                make(&[include_str!("deregister.lua")]),
                make(&[include_str!("probe.lua")]),
            ],
        }
    }

    /// A call by hash, for servers that have the script.
    pub(crate) fn call<'k>(
        &self,
        script: Name,
        keys: impl IntoIterator<Item = &'k [u8], IntoIter: ExactSizeIterator>,
        args: &[&[u8]],
    ) -> Call {
        let keys = keys.into_iter();
        let size = 96 + keys.len() * 64 + args.iter().map(|arg| arg.len()).sum::<usize>();
        let mut command = Cmd::with_capacity(3 + keys.len() + args.len(), size);
        command
            .arg("EVALSHA")
            .arg(&self.get(script).hash)
            .arg(keys.len());
        for key in keys {
            command.arg(key);
        }
        for arg in args {
            command.arg(*arg);
        }
        Call { script, command }
    }

    /// The same call with the script's text, which leaves it in the server.
    pub(crate) fn with_text(&self, call: &Call) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(&self.get(call.script).text);
        for arg in call.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = arg {
                command.arg(bytes);
            }
        }
        command
    }

    fn get(&self, name: Name) -> &Script {
        &self.all[name as usize]
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
