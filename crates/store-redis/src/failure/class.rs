//! What kind of trouble an error is, and what follows from that.

use redis::RedisError;
use tidegate_core::Outcome;
use tidegate_store::ErrorKind;

/// What kind of trouble an error of the client library tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The connection is broken, or cannot be made.
    Disconnected,
    TimedOut,
    /// A replica, or a server that loads its data: another server, or this one later, does the work.
    WrongServer,
    /// Full, unable to save, or busy with someone's script: the connection is as good as any.
    Unable,
    /// A password, a permission, a certificate, a setting.
    Refused,
    /// A member of a cluster that was not configured as one.
    Clustered,
    /// The cluster as a whole, or the part that was asked for, does not work now.
    ClusterDown,
    /// Of another type than a record.
    WrongType,
    /// The script itself failed.
    Script,
    /// Not understood.
    Protocol,
}

impl Class {
    pub(super) fn of(error: &RedisError) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        match error.kind() {
            redis::ErrorKind::Io if is_tls(error) => Self::Refused,
            redis::ErrorKind::Io => Self::Disconnected,
            redis::ErrorKind::AuthenticationFailed
            | redis::ErrorKind::InvalidClientConfig
            | redis::ErrorKind::RESP3NotSupported => Self::Refused,
            redis::ErrorKind::Parse | redis::ErrorKind::UnexpectedReturnType => Self::Protocol,
            _ => Self::of_answer(
                error.code().unwrap_or_default(),
                error.detail().unwrap_or_default(),
            ),
        }
    }

    /// From an error answer's first word and the rest. Inside scripts the first word is sometimes `ERR`, and the word
    /// that counts stands somewhere in the rest.
    fn of_answer(code: &str, detail: &str) -> Self {
        const WORDS: &[(&str, Class)] = &[
            ("READONLY", Class::WrongServer),
            ("MASTERDOWN", Class::WrongServer),
            ("LOADING", Class::WrongServer),
            ("max number of clients", Class::Disconnected),
            ("OOM", Class::Unable),
            ("MISCONF", Class::Unable),
            ("NOREPLICAS", Class::Unable),
            ("BUSY", Class::Unable),
            ("UNKILLABLE", Class::Unable),
            ("CLUSTERDOWN", Class::ClusterDown),
            ("TRYAGAIN", Class::ClusterDown),
            ("MOVED", Class::Clustered),
            ("ASK", Class::Clustered),
            ("CROSSSLOT", Class::Clustered),
            ("NOAUTH", Class::Refused),
            ("WRONGPASS", Class::Refused),
            ("NOPERM", Class::Refused),
            ("DENIED", Class::Refused),
            ("invalid password", Class::Refused),
            ("without any password configured", Class::Refused),
            ("unknown command", Class::Refused),
            ("can't run this command", Class::Refused),
            ("can't access at least one of the keys", Class::Refused),
            ("DB index is out of range", Class::Refused),
            ("WRONGTYPE", Class::WrongType),
        ];
        let by_code = WORDS.iter().find(|(word, _)| *word == code);
        // A key's name may be quoted in the text, so a word in capitals counts only at its beginning or after a
        // script's preamble, which ends with a colon or a dash.
        let in_text = |word: &str| {
            detail.match_indices(word).any(|(at, _)| {
                word.contains(' ') || at == 0 || detail[..at].ends_with([':', '-', ' ', '\''])
            })
        };
        let by_text = || WORDS.iter().find(|(word, _)| in_text(word));
        match by_code.or_else(by_text) {
            Some((_, class)) => *class,
            None => Self::Script,
        }
    }

    pub(super) const fn consequences(self) -> (ErrorKind, Outcome, bool) {
        match self {
            Self::Disconnected | Self::WrongServer => {
                (ErrorKind::Unavailable, Outcome::Failure, true)
            }
            Self::Unable | Self::ClusterDown => (ErrorKind::Unavailable, Outcome::Failure, false),
            Self::TimedOut => (ErrorKind::Timeout, Outcome::Failure, true),
            Self::Refused | Self::Clustered => (ErrorKind::Refused, Outcome::Refused, true),
            Self::WrongType => (ErrorKind::Corrupt, Outcome::Success, false),
            Self::Script => (ErrorKind::Internal, Outcome::Success, false),
            Self::Protocol => (ErrorKind::Internal, Outcome::Failure, true),
        }
    }

    /// What can be done about it.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Disconnected => {
                " (see that the server runs, that host and port are its own, and that it takes more clients)"
            }
            Self::TimedOut => {
                " (see what keeps the server or the network, or allow a longer deadline)"
            }
            Self::WrongServer => {
                " (it is a replica, or still loads its data: give the primary's address, or those of Sentinels)"
            }
            Self::Unable => {
                " (see the server's maxmemory, its disk and replicas, and scripts of others that run for long)"
            }
            Self::Clustered => {
                " (this server is part of a cluster: connect to it as one, by several addresses or redis+cluster://)"
            }
            Self::ClusterDown => " (see CLUSTER INFO on its members)",
            Self::Refused => " (check the password, the user's permissions, and the TLS settings)",
            Self::WrongType => " (another program writes to this key: use a prefix of your own)",
            Self::Script => " (the server must be Redis 7.0 or newer, or Valkey 8)",
            Self::Protocol => " (see that a Redis server listens there, and whether it wants TLS)",
        }
    }
}

fn is_tls(error: &RedisError) -> bool {
    let text = error.to_string();
    // rustls reports through io errors, whose only trace is the text.
    [
        "invalid peer certificate",
        "received fatal alert",
        "received corrupt message",
        "no CA certificates",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As servers word it, bare and inside scripts.
    #[test]
    fn answers_are_understood_in_all_their_wordings() {
        for (code, detail, class) in [
            (
                "READONLY",
                "You can't write against a read only replica.",
                Class::WrongServer,
            ),
            (
                "ERR",
                "Error running script (call to f_1): @user_script:1: -READONLY You can't",
                Class::WrongServer,
            ),
            (
                "LOADING",
                "Redis is loading the dataset in memory",
                Class::WrongServer,
            ),
            ("ERR", "max number of clients reached", Class::Disconnected),
            (
                "OOM",
                "command not allowed when used memory > 'maxmemory'.",
                Class::Unable,
            ),
            ("BUSY", "Redis is busy running a script.", Class::Unable),
            (
                "MISCONF",
                "Redis is configured to save RDB snapshots",
                Class::Unable,
            ),
            ("CLUSTERDOWN", "Hash slot not served", Class::ClusterDown),
            ("MOVED", "3999 127.0.0.1:6381", Class::Clustered),
            ("NOAUTH", "Authentication required.", Class::Refused),
            (
                "NOPERM",
                "this user has no permissions to run the 'evalsha' command",
                Class::Refused,
            ),
            (
                "ERR",
                "The user executing the script can't run this command or subcommand script",
                Class::Refused,
            ),
            ("ERR", "DB index is out of range", Class::Refused),
            (
                "WRONGTYPE",
                "Operation against a key holding the wrong kind of value",
                Class::WrongType,
            ),
            (
                "ERR",
                "Error compiling script (new function): unexpected symbol near '#'",
                Class::Script,
            ),
            ("WRONGTYPE", "key READONLY holds a list", Class::WrongType),
        ] {
            assert_eq!(Class::of_answer(code, detail), class, "{code} {detail}");
        }
    }

    #[test]
    fn whatever_it_is_there_is_something_to_do() {
        for class in [
            Class::Disconnected,
            Class::TimedOut,
            Class::WrongServer,
            Class::Unable,
            Class::Refused,
            Class::Clustered,
            Class::ClusterDown,
            Class::WrongType,
            Class::Script,
            Class::Protocol,
        ] {
            let advice = class.advice();
            assert!(
                advice.starts_with(" (") && advice.ends_with(')'),
                "{class:?}: {advice}"
            );
        }
    }
}
