//! Mistakes in how the server was set up, for which requests cannot be told apart: each is logged once.

use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_http::{KeyError, RequestView};

/// Which mistakes were told to who runs the server.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    peer: AtomicBool,
    route: AtomicBool,
}

impl Complaints {
    /// Tells of a request that is refused because it is nobody's, if that is the server's mistake and was not told yet.
    #[cold]
    pub(crate) fn tell(&self, error: &KeyError, view: &dyn RequestView) {
        let told = match error {
            KeyError::PeerAddress => &self.peer,
            KeyError::Route => &self.route,
            _ => return,
        };
        if let Some(advice) = error.advice(view)
            && !told.swap(true, Ordering::Relaxed)
        {
            tracing::error!(%error, advice, "requests cannot be told apart, and are refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tidegate_http::{Options, PlainRequest, key};

    use super::*;
    use crate::plain::{Plain, gate};
    use crate::{Entry, Gate, Outcome, Why};

    /// Two subscribers more: where there is only one, tracing asks it once for all threads whether it cares.
    fn others() -> [tracing::Dispatch; 2] {
        [(), ()].map(|()| tracing::Dispatch::new(tracing_subscriber::fmt().finish()))
    }

    /// What is logged on this thread while `f` runs.
    fn logged(f: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Lines(Arc<Mutex<Vec<u8>>>);

        impl io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, f);
        let lines = lines.0.lock().unwrap();
        String::from_utf8(lines.clone()).unwrap()
    }

    fn refused(gate: &Arc<Gate<Plain>>, request: &PlainRequest) {
        let mut slot = None;
        let entry = gate.enter(&(), request, &mut slot);
        let refused = matches!(entry, Entry::Now(Outcome::Refuse(Why::Nobodys(_))));
        assert!(refused, "{request:?}");
    }

    #[test]
    fn a_mistake_in_the_program_is_logged_once_whatever_is_answered() {
        let _others = others();
        let get = PlainRequest::new("GET");
        let with_peer = get.clone().with_peer([192, 0, 2, 1]);
        for (key, request, error, advice) in [
            (key::client_ip(), &get, KeyError::PeerAddress, "with_peer"),
            (key::route(), &with_peer, KeyError::Route, "with_route"),
            (key::parameter("id"), &get, KeyError::Route, "with_route"),
        ] {
            for options in [
                Options::new(key.clone()),
                Options::new(key).on_key_error(|answer, _| answer.status = 418),
            ] {
                let gate = gate(options);
                let log = logged(|| (0..3).for_each(|_| refused(&gate, request)));
                assert_eq!(log.lines().count(), 1, "{log}");
                for part in ["ERROR", "requests cannot be told apart", advice] {
                    assert!(log.contains(part), "{part} is not in {log}");
                }
                assert!(log.contains(&error.to_string()), "{log}");
            }
        }
    }

    #[test]
    fn each_mistake_is_logged() {
        let _others = others();
        let gate = gate(key::client_ip().and(key::route()).into());
        let get = PlainRequest::new("GET");
        let with_peer = get.clone().with_peer([192, 0, 2, 1]);
        let requests = [&get, &get, &with_peer, &with_peer, &get];
        let log = logged(|| requests.iter().for_each(|request| refused(&gate, request)));
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 2, "{log}");
        for (line, advice) in lines.iter().zip(["with_peer", "with_route"]) {
            assert!(line.contains(advice), "{advice} is not in {line}");
        }
    }

    #[test]
    fn what_a_request_lacks_is_not_logged() {
        let routed = PlainRequest::new("GET").with_route("/");
        for key in [
            key::header("x-api-key").unwrap(),
            key::parameter("id"),
            key::from_fn("user", |()| None::<String>),
        ] {
            let gate = gate(key.into());
            let log = logged(|| (0..3).for_each(|_| refused(&gate, &routed)));
            assert_eq!(log, "");
        }
    }
}
