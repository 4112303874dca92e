//! Messages that change nothing whenever they arrive: they are thrown away, or else every order of them would be a state.

use tidegate_core::shared::{Report, sync};
use tidegate_core::tiered::{Outgoing, Timing};

use super::{Message, Size, World};

impl World {
    /// Answers that nobody waits for change nothing whenever they arrive: it is seen to now that they do not.
    pub(super) fn throw_away_answers(&mut self, size: &Size, place: usize) {
        let node = &self.nodes[place];
        let awaited = node.sent.as_ref().map(|sent| sent.call);
        let (mut group, now) = (node.group.clone(), self.now());
        let (mut heard, living) = (false, node.id);
        self.messages.retain(|message| match message {
            Message::Answer {
                node,
                id,
                call,
                replies,
            } if *node == place => {
                let waits = *id == living && awaited == Some(*call);
                if *id == living && !waits {
                    let reports = vec![(size.rule(), Report::NOTHING)];
                    let outgoing = Outgoing {
                        call: *call,
                        reports,
                        want: 0,
                        at: now,
                        since: None,
                    };
                    heard |= group
                        .hear(&outgoing, replies, 0, &Timing::default(), now)
                        .is_some();
                }
                waits
            }
            _ => true,
        });
        if heard {
            self.flaw = Some("G5: an answer is listened to that nobody waits for".to_owned());
        }
    }

    /// Reports of what the store knows change nothing whenever they arrive, if it is not to lose its data any more and nobody
    /// waits for the answer: it is seen to now that they do not.
    pub(super) fn throw_away_old_news(&mut self) {
        if self.may.data_losses > 0 {
            return;
        }
        let messages = std::mem::take(&mut self.messages);
        let news = |message: &Message| self.is_news(message);
        self.messages = messages.into_iter().filter(news).collect();
    }

    fn is_news(&self, message: &Message) -> bool {
        let Message::Call { node, id, outgoing } = message else {
            return true;
        };
        let node = &self.nodes[*node];
        let awaited = node.sent.as_ref().map(|sent| sent.call);
        if outgoing.want > 0 || (node.id == *id && awaited == Some(outgoing.call)) {
            return true;
        }
        let (mut rolled, now) = (self.record.clone(), self.now());
        for (rule, report) in &outgoing.reports {
            rolled.bring_forward(rule.quota(), now);
            let mut told = [rolled.clone()];
            sync(&mut told, &[*rule], &[*report], *id, 0, now);
            if told[0] != rolled {
                return true;
            }
        }
        false
    }
}
