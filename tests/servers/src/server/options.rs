//! What is special about a server, and the files that tell it so.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::Flavor;
use crate::tls::Identity;

/// The configuration file, in the server's folder.
pub(super) const FILE: &str = "server.conf";

/// The user that administration logs in as. It needs no password: whoever reaches a test's server may do all.
pub(super) const ADMIN: &str = "tidegate-test-admin";

/// What a server in cluster mode or a Sentinel needs told apart from an ordinary one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Server,
    Sentinel,
}

/// What is special about a server, to be set before it is started.
///
/// ```no_run
/// use tidegate_test_servers::Options;
///
/// let server = Options::new()
///     .user("on", "app", "secret", "~tg1:* +@all")
///     .config("maxmemory", "2mb")
///     .start()?;
/// println!("{}", server.url_as("app", "secret"));
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) flavor: Flavor,
    role: Role,
    config: Vec<(String, String)>,
    tls: Option<Identity>,
    steps_clock: bool,
    /// Whether the server cannot do TLS itself.
    pub(super) needs_front: bool,
}

impl Options {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another program than the first one found.
    #[must_use]
    pub fn flavor(self, flavor: Flavor) -> Self {
        Self { flavor, ..self }
    }

    /// One line of the server's configuration, for example `maxmemory` and `2mb`.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.config.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A password for everybody who gives no user's name.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        self.config("requirepass", password)
    }

    /// A user: `on` or `off`, a name, a password, and the rest of what an ACL rule says, for example
    /// `~tg1:* +@all`.
    #[must_use]
    pub fn user(self, state: &str, name: &str, password: &str, rules: &str) -> Self {
        self.config("user", &format!("{name} {state} >{password} {rules}"))
    }

    /// TLS on the port instead of plaintext. Where the server was built without it, as the one from PyPI, this process
    /// ends the encryption in front of it.
    #[must_use]
    pub fn tls(self, identity: &Identity) -> Self {
        Self {
            tls: Some(identity.clone()),
            ..self
        }
    }

    /// A wall clock that can be stepped, by [`Server::step_clock`](crate::Server::step_clock). Needs `cc`.
    #[must_use]
    pub fn stepping_clock(self) -> Self {
        Self {
            steps_clock: true,
            ..self
        }
    }

    pub(super) const fn steps_clock(&self) -> bool {
        self.steps_clock
    }

    pub(crate) fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    pub(crate) const fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What to prove the server with, if that is not the server's own affair.
    pub(super) fn front(&self) -> Option<&Identity> {
        self.tls.as_ref().filter(|_| self.needs_front)
    }

    /// The socket for administration in the server's folder.
    pub(super) fn socket(&self, folder: &Path) -> PathBuf {
        folder.join("admin.sock")
    }

    pub(super) const fn arguments(&self) -> &'static [&'static str] {
        match self.role {
            Role::Server => &[],
            Role::Sentinel => &["--sentinel"],
        }
    }

    pub(super) fn write_files(&self, folder: &Path, port: u16) -> Result<()> {
        let mut text = self.text(folder, port);
        if let Some(identity) = self.tls.as_ref().filter(|_| !self.needs_front) {
            let [ca, certificate, key] = identity.write(folder)?;
            for (name, file) in [
                ("tls-ca-cert-file", ca),
                ("tls-cert-file", certificate),
                ("tls-key-file", key),
            ] {
                writeln!(text, "{name} {}", file.display())?;
            }
        }
        let path = folder.join(FILE);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self, folder: &Path, port: u16) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            text += name;
            text += " ";
            text += value;
            text += "\n";
        };
        line("bind", "127.0.0.1");
        if self.needs_front {
            line("port", "0");
        } else if self.has_tls() {
            line("port", "0");
            line("tls-port", &port.to_string());
            line("tls-auth-clients", "no");
        } else {
            line("port", &port.to_string());
        }
        line("unixsocket", &self.socket(folder).to_string_lossy());
        line("unixsocketperm", "700");
        line("dir", &folder.to_string_lossy());
        line("user", &format!("{ADMIN} on nopass ~* &* +@all"));
        if self.role == Role::Server {
            line("save", "\"\"");
            line("appendonly", "no");
            line("enable-debug-command", "yes");
        }
        for (name, value) in &self.config {
            line(name, value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_lines_of_the_configuration() {
        let options = Options::new()
            .user("on", "app", "secret", "~tg1:* +@all")
            .config("maxmemory", "2mb");
        let text = options.text(Path::new("/somewhere"), 12_345);
        for line in [
            "port 12345\n",
            "user app on >secret ~tg1:* +@all\n",
            "maxmemory 2mb\n",
            "unixsocket /somewhere/admin.sock\n",
        ] {
            assert!(text.contains(line), "{line:?} is missing in:\n{text}");
        }
    }

    #[test]
    fn a_server_on_the_default_port_would_be_seen_here() {
        let text = Options::new().text(Path::new("/somewhere"), 10_001);
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("port "))
                .count(),
            1
        );
        assert!(!text.contains("6379"));
    }
}
