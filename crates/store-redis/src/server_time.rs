//! Until when a registration is waited for, on the server's clock: one that was given up must not be carried out later.

use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::Timestamp;
use tokio::time::Instant;

/// About what time it is on the server, from the last answer that told it.
#[derive(Debug, Default)]
pub(crate) struct ServerTime(Mutex<Option<(Instant, Timestamp)>>);

impl ServerTime {
    /// A call that was sent then has just been answered: the server's time was told somewhere between, so that half of that is
    /// the most by which it is off.
    pub(crate) fn told(&self, sent: Instant, server: Timestamp) {
        let between = sent + sent.elapsed() / 2;
        *self.0.lock() = Some((between, server));
    }

    /// Until when a call that begins now is waited for, if it is waited for that long; a little later, by as much as is not known.
    /// `None` if nothing is known yet.
    pub(crate) fn waited_until(&self, deadline: Duration) -> Option<Timestamp> {
        let (told, server) = (*self.0.lock())?;
        // An answer that took longer than the deadline was not heard.
        Some(server + told.elapsed() + deadline + deadline / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_is_waited_for_from_now_on_and_half_as_long_again() {
        let millis = Duration::from_millis;
        let (time, server) = (ServerTime::default(), Timestamp::from_secs(1_000));
        assert_eq!(time.waited_until(millis(50)), None);
        let sent = Instant::now();
        tokio::time::advance(millis(20)).await;
        time.told(sent, server);
        assert_eq!(time.waited_until(millis(50)), Some(server + millis(85)));
        tokio::time::advance(millis(1_000)).await;
        assert_eq!(time.waited_until(millis(50)), Some(server + millis(1_085)));
    }
}
