//! What must hold in every small world.

use tidegate_core::shared::{Report, sync};

use super::{Message, Size, WINDOW, World, intern};

impl World {
    /// What all admitted in a window.
    fn admitted(&self, window: usize) -> u64 {
        let living: u64 = self.nodes.iter().map(|node| node.admitted[window]).sum();
        living + self.dead[window]
    }

    /// Whether nothing has gone wrong yet.
    fn is_calm(&self, size: &Size) -> bool {
        let (now, then) = (self.may, size.may);
        (
            now.losses,
            now.twice,
            now.late,
            now.restarts,
            now.data_losses,
        ) == (
            then.losses,
            then.twice,
            then.late,
            then.restarts,
            then.data_losses,
        )
    }

    /// G3: what was denied was used up, or granted to somebody who has not heard of it.
    pub(super) fn judge_denial(&mut self, size: &Size, window: usize) {
        let granted = self.messages.iter().map(|message| match message {
            Message::Answer { replies, .. } => replies[0].got,
            Message::Call { .. } => 0,
        });
        let used = self.admitted(window) + granted.sum::<u64>();
        if self.is_calm(size) && used < size.limit {
            let what = format!("G3: denied, and {used} of {} were used", size.limit);
            self.flaw = Some(what);
        }
    }

    /// What does not hold here.
    pub(super) fn wrong(&self, size: &Size) -> Option<String> {
        self.flaw
            .clone()
            .or_else(|| self.beyond_tolerance(size))
            .or_else(|| self.clone().healed(size))
    }

    /// G2: L + (N - 1) q, every life being a node, and what was decided without an answer. A store that loses its data may
    /// let the limit through once more.
    fn beyond_tolerance(&self, size: &Size) -> Option<String> {
        if self.may.data_losses < size.may.data_losses {
            return None;
        }
        (0..2).find_map(|window| {
            let bound = size.limit + (self.lives - 1) * size.slack + self.unanswered[window];
            let admitted = self.admitted(window);
            (admitted > bound).then(|| format!("G2: {admitted} admitted, at most {bound} may be"))
        })
    }

    /// Lets everything arrive and every node register, and then say what it has to say, which must leave nothing untold (G6),
    /// and then speak once more, and looks at what is left (G5, L4).
    fn healed(mut self, size: &Size) -> Option<String> {
        self.requests = 0;
        self.all_speak(size, Self::has_to_send);
        if let Some(lost) = self.miscounted("G6", |stored, admitted| stored < admitted) {
            return Some(lost);
        }
        self.all_speak(size, |_, _, _| true);
        if let Some(flaw) = &self.flaw {
            return Some(flaw.clone());
        }
        self.miscounted("G5", |stored, admitted| stored != admitted)
            .or_else(|| self.denied_for_ever(size))
    }

    /// Lets everything arrive, every node register, and those speak that do.
    fn all_speak(&mut self, size: &Size, speaks: impl Fn(&Self, &Size, usize) -> bool) {
        for _ in 0..4 {
            for place in 0..self.nodes.len() {
                self.deliver(size);
                // Lost, if it is still waited for.
                self.give_up(size, place);
                self.register(place);
                if speaks(self, size, place) {
                    self.send(size, place);
                }
            }
        }
        self.deliver(size);
    }

    fn deliver(&mut self, size: &Size) {
        while let Some(message) = self.messages.pop() {
            self.arrive(size, message);
        }
    }

    /// Of which node, in a living window, the store counts what it must not.
    fn miscounted(&self, guarantee: &str, is_wrong: fn(u64, u64) -> bool) -> Option<String> {
        self.nodes.iter().enumerate().find_map(|(place, node)| {
            let (current, previous) = self.record.totals(node.id);
            let windows = [(self.window, current), (self.window + 1, previous)];
            windows.into_iter().find_map(|(window, totals)| {
                // The one before the second is the first; there is none before the first.
                let window = if window > self.window { self.window.checked_sub(1)? } else { window };
                let (stored, admitted) = (totals.net(), node.admitted[window]);
                let is_here = self.record.usage().at() == self.now() - WINDOW / 2;
                (is_here && is_wrong(stored, admitted)).then(|| {
                    format!("{guarantee}: n{place} admitted {admitted} in window {window}, the store counts {stored}")
                })
            })
        })
    }

    fn denied_for_ever(&self, size: &Size) -> Option<String> {
        let denies = |place: &usize| !self.clone().admits_later(size, *place);
        let place = (0..self.nodes.len()).find(denies)?;
        Some(format!("L4: n{place} denies a window later"))
    }

    fn admits_later(mut self, size: &Size, place: usize) -> bool {
        let (now, view, rules) = (self.now() + WINDOW, size.view(), [size.rule()]);
        let node = &mut self.nodes[place];
        if let Some(decision) = node.group.acquire(&rules, 1, &view, now, &mut intern) {
            return decision.is_allowed();
        }
        let Some(outgoing) = node.group.compose(Some((&rules, 1)), now) else {
            return false;
        };
        let reports: Vec<Report> = outgoing.reports.iter().map(|(_, report)| *report).collect();
        let records = std::slice::from_mut(&mut self.record);
        sync(records, &rules, &reports, node.id, 1, now)[0].got == 1
    }
}
