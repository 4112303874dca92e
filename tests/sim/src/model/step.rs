//! What can happen next in a small world, and what it does.

use tidegate_core::shared::{NodeId, Record, Report, sync};
use tidegate_core::tiered::Timing;
use tidegate_core::{Decision, Fallback, Provenance, Timestamp};

use super::{Message, Node, START, Size, Step, WINDOW, World, intern};

/// So many requests wait on a node at once.
const MOST_WAITING: u64 = 2;

impl World {
    /// All that can happen next.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            if self.requests > 0 && node.waiting + node.asked < MOST_WAITING {
                steps.push(Step::Request(place));
            }
            if node.sent.is_none() && (node.waiting > 0 || node.group.is_untold()) {
                steps.push(Step::Send(place));
            }
            if node.sent.is_some() && (self.may.late > 0 || self.is_forgotten(node)) {
                steps.push(Step::GiveUp(place));
            }
            // Once more would tell nothing new.
            if node.generation != Some(self.generation) {
                steps.push(Step::Register(place));
            }
            if self.may.restarts > 0 {
                steps.push(Step::Restart(place));
            }
        }
        for place in 0..self.messages.len() {
            steps.push(Step::Arrive(place));
            if self.may.twice > 0 {
                steps.push(Step::ArriveTwice(place));
            }
            if self.may.losses > 0 {
                steps.push(Step::Lose(place));
            }
        }
        if self.may.data_losses > 0 {
            steps.push(Step::LoseData);
        }
        if self.may.windows > 0 {
            steps.push(Step::NextWindow);
        }
        steps
    }

    /// Whether a node's call will not be answered any more.
    fn is_forgotten(&self, node: &Node) -> bool {
        let under_way = |message: &Message| match message {
            Message::Call { id, outgoing, .. } => {
                *id == node.id && Some(outgoing.call) == node.sent.as_ref().map(|sent| sent.call)
            }
            Message::Answer { id, call, .. } => {
                *id == node.id && Some(*call) == node.sent.as_ref().map(|sent| sent.call)
            }
        };
        !self.messages.iter().any(under_way)
    }

    pub(super) fn now(&self) -> Timestamp {
        let passed = u32::try_from(self.window).unwrap_or(0);
        START + WINDOW * passed + WINDOW / 2
    }

    /// Lets it happen.
    pub(super) fn take(&mut self, size: &Size, step: Step) {
        let touched = match step {
            Step::Request(node)
            | Step::Send(node)
            | Step::GiveUp(node)
            | Step::Register(node)
            | Step::Restart(node) => Some(node),
            Step::Arrive(place) | Step::ArriveTwice(place) => Some(self.messages[place].node()),
            Step::Lose(_) | Step::LoseData | Step::NextWindow => None,
        };
        self.change(size, step);
        if let Some(node) = touched {
            self.throw_away_answers(size, node);
            self.nodes[node].print = self.nodes[node].print();
        }
        self.throw_away_old_news();
    }

    fn change(&mut self, size: &Size, step: Step) {
        match step {
            Step::Request(node) => {
                self.requests -= 1;
                self.request(size, node);
            }
            Step::Send(node) => self.send(size, node),
            Step::Arrive(place) => {
                let message = self.messages.remove(place);
                self.arrive(size, message);
            }
            Step::ArriveTwice(place) => {
                self.may.twice -= 1;
                let message = self.messages[place].clone();
                self.arrive(size, message);
            }
            Step::Lose(place) => {
                self.may.losses -= 1;
                self.messages.remove(place);
            }
            Step::GiveUp(node) => {
                if !self.is_forgotten(&self.nodes[node]) {
                    self.may.late -= 1;
                }
                self.give_up(size, node);
            }
            Step::Register(node) => self.register(node),
            Step::Restart(node) => {
                self.may.restarts -= 1;
                self.lives += 1;
                let successor = Node::new(self.lives + 100, self.generation);
                let ended = std::mem::replace(&mut self.nodes[node], successor);
                self.ended.push(ended.id);
                for (sum, admitted) in self.dead.iter_mut().zip(ended.admitted) {
                    *sum += admitted;
                }
            }
            Step::LoseData => {
                self.may.data_losses -= 1;
                self.record = Record::default();
                self.generation += 1;
            }
            Step::NextWindow => {
                self.may.windows -= 1;
                self.window += 1;
            }
        }
    }

    fn request(&mut self, size: &Size, place: usize) {
        let (now, view, rules) = (self.now(), size.view(), [size.rule()]);
        let node = &mut self.nodes[place];
        match node.group.acquire(&rules, 1, &view, now, &mut intern) {
            Some(decision) => self.settle(size, place, &decision),
            None => node.waiting += 1,
        }
    }

    pub(super) fn send(&mut self, size: &Size, place: usize) {
        let (now, rules) = (self.now(), [size.rule()]);
        let node = &mut self.nodes[place];
        let wanting = (node.waiting > 0).then_some((&rules[..], node.waiting));
        let Some(outgoing) = node.group.compose(wanting, now) else {
            return;
        };
        node.asked = std::mem::take(&mut node.waiting);
        node.sent = Some(outgoing.clone());
        let id = node.id;
        self.messages.push(Message::Call {
            node: place,
            id,
            outgoing,
        });
    }

    /// A node registers: it tells again what it has told, if the store's data is not what it told that to.
    pub(super) fn register(&mut self, place: usize) {
        let (now, generation) = (self.now(), self.generation);
        let node = &mut self.nodes[place];
        if node.hear_generation(generation) {
            node.group.tell_again(now);
        }
    }

    /// Whether a node has anything to tell, or to ask, by itself.
    pub(super) fn has_to_send(&self, size: &Size, place: usize) -> bool {
        let node = &self.nodes[place];
        node.waiting > 0 || node.group.due(&size.view(), &Timing::default()).is_some()
    }

    pub(super) fn arrive(&mut self, size: &Size, message: Message) {
        match message {
            Message::Call { node, id, outgoing } => {
                let reports: Vec<Report> =
                    outgoing.reports.iter().map(|(_, report)| *report).collect();
                let records = std::slice::from_mut(&mut self.record);
                let now = START + WINDOW * u32::try_from(self.window).unwrap_or(0) + WINDOW / 2;
                let replies = sync(records, &[size.rule()], &reports, id, outgoing.want, now);
                let call = outgoing.call;
                self.messages.push(Message::Answer {
                    node,
                    id,
                    call,
                    replies,
                });
            }
            Message::Answer {
                node,
                id,
                call,
                replies,
            } => {
                let sent = self.nodes[node].sent.as_ref();
                if self.nodes[node].id == id && sent.is_some_and(|sent| sent.call == call) {
                    self.hear(size, node, &replies);
                }
            }
        }
    }

    fn hear(&mut self, size: &Size, place: usize, replies: &[tidegate_core::shared::Reply]) {
        let (now, timing, rules) = (self.now(), Timing::default(), [size.rule()]);
        let node = &mut self.nodes[place];
        let Some(sent) = node.sent.take() else { return };
        let asked = std::mem::take(&mut node.asked);
        let used = replies[0].got.min(asked);
        node.group.hear(&sent, replies, used, &timing, now);
        for number in 0..asked {
            let group = &mut self.nodes[place].group;
            let decision = group.answered(&rules, replies, 1, number < used);
            self.settle(size, place, &decision);
        }
        let waiting = std::mem::take(&mut self.nodes[place].waiting);
        for _ in 0..waiting {
            self.request(size, place);
        }
    }

    pub(super) fn give_up(&mut self, size: &Size, place: usize) {
        let (now, timing) = (self.now(), Timing::default());
        let node = &mut self.nodes[place];
        let Some(sent) = node.sent.take() else { return };
        node.group.give_up(sent.call, &timing, now);
        for _ in 0..std::mem::take(&mut node.asked) {
            let (view, rules) = (size.view(), [size.rule()]);
            let group = &mut self.nodes[place].group;
            let decision = group.decide_without_store(&rules, 1, &view, true, now);
            self.settle(size, place, &decision);
        }
    }

    fn settle(&mut self, size: &Size, place: usize, decision: &Decision) {
        let Some(status) = decision.statuses().first() else {
            return;
        };
        let since = status.usage().at().since(START).as_secs() / WINDOW.as_secs();
        let window = usize::try_from(since).unwrap_or(0).min(1);
        let by_share = decision.provenance() == Provenance::Outage(Fallback::Share);
        if decision.is_allowed() {
            self.nodes[place].admitted[window] += 1;
            self.unanswered[window] += u64::from(by_share);
        } else if !matches!(decision.provenance(), Provenance::Outage(_)) {
            self.judge_denial(size, window);
        }
    }
}

impl Message {
    /// Who sent it, or for whom it is.
    const fn node(&self) -> usize {
        match self {
            Self::Call { node, .. } | Self::Answer { node, .. } => *node,
        }
    }

    /// Of whose life.
    pub(super) const fn id(&self) -> NodeId {
        match self {
            Self::Call { id, .. } | Self::Answer { id, .. } => *id,
        }
    }
}
