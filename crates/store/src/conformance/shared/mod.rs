//! The part of the suite that is for stores which nodes share: reports, grants, data loss, the registry.

mod batches;
mod granting;
mod history;
mod merging;
mod player;
mod rebuilding;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tidegate_core::Rule;
use tidegate_core::shared::{NodeId, Reply, Report as Told};

use super::{Bench, Checked, Fixture, Form, Report, Verdict, Violation, check};
use crate::{Registry, SharedStore, StoreError, SyncRequest};

/// A [`Fixture`] whose stores are shared by nodes.
#[async_trait]
pub trait SharedFixture: Fixture<Store: SharedStore> {
    /// For how long a node must say nothing until the store no longer counts it: a few seconds.
    fn silence(&self) -> Duration;

    /// Whether [`lose_everything`](Self::lose_everything) can be done. If not, the cases about data loss are
    /// left out.
    fn can_lose(&self) -> bool;

    /// Makes the store that was made last lose all that it holds, as a server does that starts again empty.
    ///
    /// # Errors
    ///
    /// If that does not work; the case then fails.
    async fn lose_everything(&self) -> Result<(), StoreError>;
}

/// Runs every case that is about a store's nodes. What [`run`](super::run) checks is not repeated.
pub async fn run_shared<F: SharedFixture>(fixture: &F) -> Report {
    let mut report = Report::default();
    for case in ALL {
        let forms: &[Form] = if case.takes_time {
            &[Form::Itself]
        } else {
            &Form::ALL
        };
        for form in forms {
            let verdict = run_case(fixture, case, *form).await;
            report.record(case.guarantee, case.name, form.shared_str(), verdict);
        }
    }
    report
}

async fn run_case<F: SharedFixture>(fixture: &F, case: &Case, form: Form) -> Verdict {
    let store = match fixture.fresh().await {
        Ok(store) => store,
        Err(error) => return Verdict::Broken(format!("no store to test: {error}")),
    };
    if case.loses && !fixture.can_lose() {
        return Verdict::LeftOut("the fixture cannot make the store lose its data".to_owned());
    }
    if case.says_generation && store.register(player::NODES[0]).await.is_ok_and(is_silent) {
        let reason = "the store does not say of which generation its data is: nodes do not see a loss by themselves";
        return Verdict::LeftOut(reason.to_owned());
    }
    // One more level of indirection, as for the other cases.
    let store: Box<dyn SharedStore> = match form {
        Form::Itself => Box::new(store),
        Form::Boxed => Box::new(Box::new(store) as Box<dyn SharedStore>),
        Form::Shared => Box::new(Arc::new(store) as Arc<dyn SharedStore>),
    };
    let nodes = Nodes {
        bench: Bench {
            store: &*store,
            clock: fixture,
        },
        store: &*store,
        hazards: fixture,
    };
    match (case.run)(&nodes).await {
        Ok(()) => Verdict::Kept,
        Err(violation) => Verdict::Broken(violation.0),
    }
}

fn is_silent(registry: Registry) -> bool {
    registry.generation.is_none()
}

/// One case: which guarantee it checks, and what it needs.
struct Case {
    guarantee: &'static str,
    name: &'static str,
    /// Whether the store must lose its data for it.
    loses: bool,
    /// Whether the store must say of which generation its data is.
    says_generation: bool,
    /// Whether seconds must pass for it; then it runs on the store itself only.
    takes_time: bool,
    run: for<'a> fn(&'a Nodes<'a>) -> BoxFuture<'a, Checked>,
}

macro_rules! case {
    ($guarantee:literal, $module:ident :: $name:ident $(, $flag:ident)*) => {
        Case {
            $($flag: true,)*
            ..Case {
                guarantee: $guarantee,
                name: stringify!($name),
                loses: false,
                says_generation: false,
                takes_time: false,
                run: |nodes| Box::pin($module::$name(nodes)),
            }
        }
    };
}

const ALL: &[Case] = &[
    case!("G1", granting::grants_reach_the_limit_and_no_further),
    case!(
        "G1",
        granting::grants_to_concurrent_nodes_stay_within_the_limit
    ),
    case!("G1", granting::what_is_taken_directly_counts_for_nodes),
    case!("G1", history::agrees_with_core_on_random_histories),
    case!("G3", granting::what_one_node_used_is_heard_by_others),
    case!("G5", merging::a_repeated_report_counts_once),
    case!("G5", merging::an_overtaken_report_changes_nothing),
    case!("G5", merging::a_grant_whose_answer_was_lost_is_told_again),
    case!("G5", merging::what_is_returned_is_free_again),
    case!("G5", merging::a_reset_is_not_undone_by_reports),
    case!("G5", merging::a_late_report_goes_into_its_own_window),
    case!("G5", merging::a_report_for_no_known_window_is_dropped),
    case!("G6", rebuilding::windows_are_rebuilt_from_reports, loses),
    case!(
        "G6",
        rebuilding::a_bucket_is_rebuilt_from_what_nodes_heard,
        loses
    ),
    case!("G6", rebuilding::the_registry_is_rebuilt, loses),
    case!(
        "G6",
        registry::a_generation_is_known_to_all_and_lost_with_the_data,
        loses,
        says_generation
    ),
    case!("G8", granting::several_policies_are_granted_together),
    case!("G8", granting::policies_in_shadow_hold_nothing_back),
    case!("G8", granting::a_report_that_wants_nothing_takes_nothing),
    case!("G8", merging::the_largest_totals_do_not_wrap),
    case!("G8", batches::answers_come_in_order),
    case!("G8", batches::an_empty_batch_is_answered),
    case!("G9", batches::nodes_are_told_apart_by_all_bits),
    case!("G9", batches::subjects_are_told_apart_by_all_bytes),
    case!("G2", registry::live_nodes_are_counted_once),
    case!(
        "G2",
        registry::a_silent_node_is_forgotten_and_no_sooner,
        takes_time
    ),
];

impl Form {
    const fn shared_str(self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::Boxed => "Box<dyn SharedStore>",
            Self::Shared => "Arc<dyn SharedStore>",
        }
    }
}

/// What can happen to a store beyond the passing of time.
#[async_trait]
trait Hazards: Send + Sync {
    fn silence(&self) -> Duration;
    async fn lose_everything(&self) -> Result<(), StoreError>;
}

#[async_trait]
impl<F: SharedFixture> Hazards for F {
    fn silence(&self) -> Duration {
        SharedFixture::silence(self)
    }

    async fn lose_everything(&self) -> Result<(), StoreError> {
        SharedFixture::lose_everything(self).await
    }
}

/// What a case works on: a fresh store, what can happen to it, and the nodes that share it.
struct Nodes<'a> {
    bench: Bench<'a>,
    store: &'a dyn SharedStore,
    hazards: &'a dyn Hazards,
}

impl Nodes<'_> {
    /// One node's reports for one subject.
    async fn sync(
        &self,
        node: NodeId,
        subject: &str,
        reports: &[(Rule, Told)],
        want: u64,
    ) -> Result<Vec<Reply>, Violation> {
        let request = SyncRequest {
            subject: subject.into(),
            reports,
            want,
        };
        let mut answers = self.batch(node, &[request]).await?;
        answers
            .pop()
            .ok_or_else(|| Violation("a batch of one was not answered".to_owned()))
    }

    /// One node's report for one subject under one policy.
    async fn tell(
        &self,
        node: NodeId,
        subject: &str,
        rule: &Rule,
        report: Told,
        want: u64,
    ) -> Result<Reply, Violation> {
        let replies = self.sync(node, subject, &[(*rule, report)], want).await?;
        let reply = replies.first().copied();
        reply.ok_or_else(|| Violation("one policy was not answered".to_owned()))
    }

    /// What a node that has used nothing hears.
    async fn hear(&self, node: NodeId, subject: &str, rule: &Rule) -> Result<Reply, Violation> {
        self.tell(node, subject, rule, player::nothing(rule), 0)
            .await
    }

    /// A batch, whose answers are as many as the contract says.
    async fn batch(
        &self,
        node: NodeId,
        batch: &[SyncRequest<'_>],
    ) -> Result<Vec<Vec<Reply>>, Violation> {
        let answers = self.store.sync(node, batch).await?;
        check!(
            answers.len() == batch.len(),
            "{} subjects were reported, {} answered",
            batch.len(),
            answers.len()
        );
        let answers = answers.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (request, replies) in batch.iter().zip(&answers) {
            check!(
                replies.len() == request.reports.len(),
                "a subject was reported under {} policies and answered under {}",
                request.reports.len(),
                replies.len()
            );
        }
        Ok(answers)
    }
}
