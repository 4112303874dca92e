//! What a request's subject is made of.

use tidegate_core::SubjectBuf;

use super::{HashKey, Key, KeyError, Part, hash, parameter};
use crate::RequestView;

/// Subjects of more bytes are hashed: no store is to hold what a client made up at such length.
const LONGEST: usize = 256;

impl<R: ?Sized> Key<R> {
    /// The request's subject.
    ///
    /// # Errors
    ///
    /// If the request lacks what it is to be limited by.
    pub fn subject(&self, request: &R, view: &dyn RequestView) -> Result<SubjectBuf, KeyError> {
        let mut subject = SubjectBuf::new();
        self.put(request, view, &mut subject)?;
        Ok(subject)
    }

    /// Puts the subject where there is none yet.
    #[inline]
    pub(crate) fn put(
        &self,
        request: &R,
        view: &dyn RequestView,
        subject: &mut SubjectBuf,
    ) -> Result<(), KeyError> {
        self.push(request, view, subject)?;
        if subject.as_subject().as_bytes().len() > LONGEST {
            shorten(subject);
        }
        Ok(())
    }

    fn push(
        &self,
        request: &R,
        view: &dyn RequestView,
        subject: &mut SubjectBuf,
    ) -> Result<(), KeyError> {
        match &self.part {
            Part::Everyone => subject.push("everyone"),
            Part::Client(address) => {
                let client = address.of(view).ok_or(KeyError::PeerAddress)?;
                subject.push("address");
                match address.group(client) {
                    std::net::IpAddr::V4(v4) => subject.push(v4.octets()),
                    std::net::IpAddr::V6(v6) => subject.push(v6.octets()),
                }
            }
            Part::Header { name } => {
                let value = view.header(name).filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| KeyError::Header { name: name.clone() })?;
                subject.push("header");
                subject.push(name.as_bytes());
                subject.push(value);
            }
            Part::Method => {
                subject.push("method");
                subject.push(registered(view.method()));
            }
            Part::Route => {
                let route = view.route();
                if route.is_none() && !view.is_routed() {
                    return Err(KeyError::Route);
                }
                subject.push("route");
                subject.push(route.unwrap_or_default().as_bytes());
            }
            Part::Parameter { name } => {
                let value = view.parameter(name);
                if value.is_none() && !view.is_routed() {
                    return Err(KeyError::Route);
                }
                let value = value.as_deref().and_then(parameter::decoded);
                let value = value.ok_or_else(|| KeyError::Parameter { name: name.clone() })?;
                subject.push("parameter");
                subject.push(name.as_bytes());
                subject.push(value.as_bytes());
            }
            Part::Hashed(inner) => {
                let (key, hash_key) = &**inner;
                let mut plain = SubjectBuf::new();
                key.push(request, view, &mut plain)?;
                subject.push(
                    hash::hashed("hashed", &plain, hash_key)
                        .as_subject()
                        .as_bytes(),
                );
            }
            Part::Custom { name, value } => {
                subject.push("custom");
                subject.push(name);
                if !value(request, subject) {
                    return Err(KeyError::Custom { name });
                }
            }
            Part::All(keys) => {
                for key in &**keys {
                    key.push(request, view, subject)?;
                }
            }
            Part::FirstOf(keys) => return push_first(keys, request, view, subject),
        }
        Ok(())
    }
}

/// The method, or nothing for all that RFC 9110 and RFC 5789 do not have: a client can make up as many as it likes.
fn registered(method: &str) -> &str {
    const METHODS: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    if METHODS.contains(&method) {
        method
    } else {
        ""
    }
}

#[cold]
fn shorten(subject: &mut SubjectBuf) {
    *subject = hash::hashed("long", subject, &HashKey::OPEN);
}

fn push_first<R: ?Sized>(
    keys: &[Key<R>],
    request: &R,
    view: &dyn RequestView,
    subject: &mut SubjectBuf,
) -> Result<(), KeyError> {
    let before = subject.clone();
    let mut outcome = Ok(());
    for key in keys {
        subject.clone_from(&before);
        outcome = key.push(request, view, subject);
        if outcome
            .as_ref()
            .map_or_else(KeyError::is_mistake, |()| true)
        {
            break;
        }
    }
    outcome
}
