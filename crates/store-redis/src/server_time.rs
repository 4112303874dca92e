//! Until when a registration is waited for, on the server's clock: one that was given up must not be carried out later.

use std::time::Duration;

use parking_lot::Mutex;
use tidegate_core::Timestamp;
use tokio::time::Instant;

/// About what time it is on the server, from the last answer that told it: never earlier than it is, unless its clock has stepped,
/// and later by as long as the call was on its way there at the most.
#[derive(Debug, Default)]
pub(crate) struct ServerTime(Mutex<Option<(Instant, Timestamp)>>);

impl ServerTime {
    /// A call that was sent then was answered. When it is heard does not matter: that may be long after.
    pub(crate) fn told(&self, sent: Instant, server: Timestamp) {
        *self.0.lock() = Some((sent, server));
    }

    /// Until when a call that begins now is waited for, if it is waited for that long. `None` if nothing is known yet.
    pub(crate) fn waited_until(&self, deadline: Duration) -> Option<Timestamp> {
        let (sent, server) = (*self.0.lock())?;
        Some(server + sent.elapsed() + deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_is_waited_for_from_now_on_however_late_an_answer_is_heard() {
        let millis = Duration::from_millis;
        let (time, server) = (ServerTime::default(), Timestamp::from_secs(1_000));
        assert_eq!(time.waited_until(millis(50)), None);
        let sent = Instant::now();
        tokio::time::advance(millis(20)).await;
        time.told(sent, server);
        assert_eq!(time.waited_until(millis(50)), Some(server + millis(70)));
        tokio::time::advance(millis(1_000)).await;
        let late = millis(1_070);
        assert_eq!(time.waited_until(millis(50)), Some(server + late));
    }
}
