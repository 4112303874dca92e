//! How the app of a case is configured, in words that both frameworks understand.

use std::sync::Mutex;
use std::time::Duration;

use tidegate_http::{
    Answer, ClientAddress, Dialect, Dialects, ForwardedField, HashKey, Key, Options, Proxies, key,
};
use tidegate_limiter::{Algorithm, Limiter, ManualClock, Outage, Policy, PolicyName, Quota, Store};
use tidegate_store_memory::MemoryStore;
use tidegate_tests::{Flaky, Turnstile};

/// What a framework's request must show for the closures of these configurations.
pub(crate) trait Head: 'static {
    fn path(&self) -> &str;
}

/// The configuration of a case; the default is three requests a minute and client, in fixed windows.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) quotas: Vec<(&'static str, Quota)>,
    pub(crate) by: By,
    pub(crate) dialects: Dialects,
    /// The cost of requests to `/report`.
    pub(crate) report_cost: u64,
    pub(crate) skip_preflights: bool,
    /// Clients with these addresses are not limited.
    pub(crate) allowed: Option<&'static str>,
    pub(crate) failures_only: bool,
    pub(crate) mode_header: bool,
    /// The decision is not put into extensions.
    pub(crate) untold: bool,
    /// The most that is added to `Retry-After`, in seconds.
    pub(crate) jitter: u64,
    pub(crate) plain_denials: bool,
    /// Denials have these statuses, in turn.
    pub(crate) denied_as: &'static [u16],
    /// Requests without a key are asked for one, in words of their own.
    pub(crate) plain_key_errors: bool,
    /// The policies that only report.
    pub(crate) shadow: &'static [&'static str],
    pub(crate) store: How,
    pub(crate) outage: Option<Outage>,
    /// Whether middleware around the limiter adds `x-outer` to every response: `yes`, or what the decision says that
    /// is in the response's extensions.
    pub(crate) marked: bool,
    /// Whether the limiter is inside `/nested`, around what is there alone, and not around the whole app.
    pub(crate) nested: bool,
    /// Whether a CORS layer is around the limiter.
    pub(crate) cors: bool,
    /// Where the store's calls wait.
    pub(crate) held: Option<Turnstile>,
    /// A second limiter around the first, with this limit.
    pub(crate) outer: Option<u64>,
}

/// By what the requests of a case are limited.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Client,
    KeyOrClient,
    KeyAlone,
    Host,
    RouteAndMethod,
    /// The parameter `id`, or the client.
    Item,
    HashedKey,
    /// What a function finds: the first segment of the path, or nothing.
    Segment,
    Proxied(ForwardedField, &'static str),
    /// Behind so many proxies.
    Hops(ForwardedField, u8),
    /// What the one proxy says, by prefixes of IPv4 and IPv6 addresses.
    Prefixes(u8, u8),
}

/// How the store behaves.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Ready,
    /// Every answer must be awaited.
    Slow,
    /// There is no answer.
    Down,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            quotas: vec![("per-client", fixed(3, 60))],
            by: By::Client,
            dialects: Dialects::default(),
            report_cost: 1,
            skip_preflights: false,
            allowed: None,
            failures_only: false,
            mode_header: false,
            untold: false,
            jitter: 0,
            plain_denials: false,
            denied_as: &[],
            plain_key_errors: false,
            shadow: &[],
            store: How::Ready,
            outage: None,
            marked: false,
            nested: false,
            cors: false,
            held: None,
            outer: None,
        }
    }
}

pub(crate) fn fixed(limit: u64, seconds: u64) -> Quota {
    let quota = Quota::new(limit, Duration::from_secs(seconds)).unwrap();
    quota.with_algorithm(Algorithm::FixedWindow).unwrap()
}

impl Config {
    /// The limiter around the handlers.
    pub(crate) fn limiter(&self, clock: &ManualClock) -> Limiter {
        let memory = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let store: Box<dyn Store> = match (self.store, self.held.clone()) {
            (_, Some(turnstile)) => Box::new(Flaky::held(memory, turnstile)),
            (How::Ready, None) => Box::new(memory),
            (How::Slow, None) => Box::new(Flaky::slow(memory)),
            (How::Down, None) => Box::new(Flaky::down(memory)),
        };
        let policies = self.quotas.iter().map(|(name, quota)| {
            let policy = Policy::new(*name, *quota).shadow(self.shadow.contains(name));
            match self.outage {
                Some(outage) => policy.outage(outage),
                None => policy,
            }
        });
        let mut builder = Limiter::builder(store).policies(policies);
        if self.held.is_some() {
            builder = builder.deadline(Duration::from_secs(60));
        }
        builder.clock(clock.clone()).build().unwrap()
    }

    /// The limiter around the first one, if there is one.
    pub(crate) fn outer_limiter(&self, clock: &ManualClock) -> Option<Limiter> {
        let quota = fixed(self.outer?, 60);
        let memory = MemoryStore::builder().clock(clock.clone()).build().unwrap();
        let name = PolicyName::new("outer").unwrap();
        let policy = Policy::new(name.as_str(), quota);
        Some(Limiter::builder(memory).policy(policy).build().unwrap())
    }

    /// Those of the second limiter, which always tells its decision.
    pub(crate) fn outer_options<R: Head + ?Sized>(&self) -> Options<R> {
        let told = Self {
            untold: false,
            ..self.clone()
        };
        told.options()
    }

    pub(crate) fn options<R: Head + ?Sized>(&self) -> Options<R> {
        let report_cost = self.report_cost;
        let mut options = Options::new(self.key())
            .allow_header("x-pass", ["monitoring"])
            .unwrap()
            .headers(self.dialects)
            .retry_jitter(Duration::from_secs(self.jitter))
            .cost_by(move |request: &R| {
                if request.path() == "/report" {
                    report_cost
                } else {
                    1
                }
            })
            .skip(|request: &R| request.path() == "/unlimited");
        if let Some(ranges) = self.allowed {
            options = options.allow_addresses(self.client(), ranges.parse().unwrap());
        }
        if self.skip_preflights {
            options = options.skip_preflights();
        }
        if self.failures_only {
            options = options.charge_if(|status| status == 401);
        }
        if self.mode_header {
            options = options.mode_header();
        }
        if self.untold {
            options = options.without_decision();
        }
        if self.plain_denials {
            options = options.on_denial(|answer, _| {
                answer.set("Content-Type", "text/plain");
                answer.set("x-not-a-value", "line\nbreak");
                set_framing(answer);
                answer.body = "slow down".to_owned();
                // HTTP has no such status.
                answer.status = 1000;
            });
        }
        if !self.denied_as.is_empty() {
            let statuses = Mutex::new(self.denied_as.iter().copied().cycle());
            options = options.on_denial(move |answer, _| {
                answer.status = statuses.lock().unwrap().next().unwrap();
            });
        }
        if self.plain_key_errors {
            options = options.on_key_error(|answer, error| {
                answer.status = 401;
                answer.set("Content-Type", "text/plain");
                answer.set("www-authenticate", "ApiKey");
                set_framing(answer);
                answer.body = error.to_string();
            });
        }
        options
    }

    fn key<R: Head + ?Sized>(&self) -> Key<R> {
        let api_key = || key::header("X-Api-Key").unwrap();
        match self.by {
            By::Client => key::client_ip(),
            By::Item => key::parameter("id").or(key::client_ip()),
            By::HashedKey => api_key().hashed(HashKey::new([7; 16])),
            By::KeyOrClient => api_key().or(key::client_ip()),
            By::KeyAlone => api_key(),
            By::Host => key::header("Host").unwrap(),
            By::RouteAndMethod => key::route().and(key::method()),
            By::Segment => key::from_fn("segment", |request: &R| {
                let segment = request.path().split('/').nth(1)?;
                (!segment.is_empty()).then(|| segment.to_owned())
            }),
            By::Proxied(..) | By::Hops(..) | By::Prefixes(..) => key::client(self.client()),
        }
    }

    fn client(&self) -> ClientAddress {
        let direct = ClientAddress::new();
        match self.by {
            By::Proxied(field, ranges) => {
                direct.behind(Proxies::trusted(field, ranges.parse().unwrap()))
            }
            By::Hops(field, hops) => direct.behind(Proxies::hops(field, hops).unwrap()),
            By::Prefixes(v4, v6) => {
                let proxy = Proxies::hops(ForwardedField::XForwardedFor, 1).unwrap();
                let client = direct.behind(proxy).with_ipv4_prefix(v4).unwrap();
                client.with_ipv6_prefix(v6).unwrap()
            }
            _ => direct,
        }
    }
}

/// Sets what is the server's to say, and wrongly so.
fn set_framing(answer: &mut Answer) {
    answer.set("content-length", "3");
    answer.set("transfer-encoding", "gzip");
    answer.headers.push(("Connection".into(), "close".into()));
}

pub(crate) fn both_dialects() -> Dialects {
    Dialect::Draft11 | Dialect::XRateLimit
}
