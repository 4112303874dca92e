//! What can be wrong with a store.

/// What is wrong with a store, on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// Every report is added to what was reported before.
    AddsReports,
    /// The last report wins, even over a larger one.
    KeepsTheLastReport,
    /// What was granted is told in the call that granted it, and never again.
    ForgetsGrants,
    GrantsWhatIsWanted,
    GrantsAllOrNothing,
    /// Each policy grants what it has room for.
    GrantsEachPolicyByItself,
    HeedsShadow,
    /// Direct calls and reports are counted apart.
    KeepsTwoCounts,
    /// Answers with what others used, without the node's own part.
    LeavesOutOwnPart,
    DropsThePreviousWindow,
    CountsAnyWindow,
    IgnoresReturns,
    ForgetsNodesInAReset,
    IgnoresWhatWasHeard,
    /// Node ids are numbers of a language whose numbers are doubles.
    RoundsNodeIds,
    AnswersBackwards,
    ForgetsTheSecondPolicy,
    TrimsSubjects,
    Wraps,
    RegistersTwice,
    IgnoresDeregistration,
    ForgetsNodesAtOnce,
    NeverForgetsNodes,
    /// No fault, but less than can be done.
    SaysNoGeneration,
    KeepsItsGeneration,
    TellsEachNodeAGenerationOfItsOwn,
    /// Only a random history finds it.
    GrantsOneLessWhenReturnsWereMade,
}
