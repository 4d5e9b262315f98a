//! What a handler, or an operator in its place, said of a step, held against what the step can have.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::Kind;
use crate::{Graph, NodeIndex};

/// The most batches that a batchable step may have.
pub const MAX_BATCHES: u32 = 100_000;

/// What comes with the success of a step beside its results, which the core does not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Success {
    /// The steps that a decision names.
    pub create_steps: Option<Vec<String>>,
    /// How many batches a batchable step has.
    pub batches: Option<u64>,
}

/// What follows from a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Branches {
    /// Nothing but that the step is done.
    None,
    /// These children exist, once each, in the template's order.
    Chosen(Vec<NodeIndex>),
    /// So many batches.
    Batches(u32),
}

/// A success that its step cannot have. Kept in records: variants are only added, at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Invalid {
    /// A decision that does not say which steps it creates.
    MissingBranches,
    /// A step that is no decision names steps.
    UnexpectedBranches,
    /// A decision names what is no step of the template.
    UnknownBranch(String),
    /// A decision names a step that does not depend on it directly.
    NotADependent(String),
    /// A decision names a convergence, which follows from the steps before it.
    ConvergenceNamed(String),
    /// A batchable step that does not say into which batches its work is split.
    MissingBatches,
    /// A step that is not batchable has batches.
    UnexpectedBatches,
    /// More than [`MAX_BATCHES`].
    TooManyBatches(u64),
}

impl Invalid {
    /// The error's code.
    pub fn code(&self) -> &'static str {
        match self {
            Invalid::MissingBranches => "MISSING_BRANCHES",
            Invalid::UnexpectedBranches => "UNEXPECTED_BRANCHES",
            Invalid::UnknownBranch(_)
            | Invalid::NotADependent(_)
            | Invalid::ConvergenceNamed(_) => "INVALID_BRANCH",
            Invalid::MissingBatches => "MISSING_BATCHES",
            Invalid::UnexpectedBatches => "UNEXPECTED_BATCHES",
            Invalid::TooManyBatches(_) => "TOO_MANY_BATCHES",
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Invalid::MissingBranches => write!(
                out,
                "a decision step says which steps it creates, none being an empty list: its outcome lacks `create_steps`"
            ),
            Invalid::UnexpectedBranches => write!(
                out,
                "only a decision step names steps to create: make the step's type `decision`, or leave out `create_steps`"
            ),
            Invalid::UnknownBranch(name) => {
                write!(
                    out,
                    "`create_steps` names {name:?}, which the template does not have"
                )
            }
            Invalid::NotADependent(name) => write!(
                out,
                "`create_steps` names {name:?}, which does not depend on this step directly"
            ),
            Invalid::ConvergenceNamed(name) => write!(
                out,
                "`create_steps` names {name:?}, a deferred convergence: it runs by itself once the steps before it are done"
            ),
            Invalid::MissingBatches => write!(
                out,
                "a batchable step says into which batches its work is split, none being an empty list: its outcome lacks \
                 `batches`"
            ),
            Invalid::UnexpectedBatches => write!(
                out,
                "only a batchable step has batches: make the step's type `batchable`, or leave out `batches`"
            ),
            Invalid::TooManyBatches(count) => {
                write!(
                    out,
                    "{count} batches, at most {MAX_BATCHES} are made: use larger ones"
                )
            }
        }
    }
}

/// What follows from the success of a node's step.
pub fn check(graph: &Graph, node: NodeIndex, success: &Success) -> Result<Branches, Invalid> {
    let kind = graph.node(node).kind;
    if success.create_steps.is_some() && kind != Kind::Decision {
        return Err(Invalid::UnexpectedBranches);
    }
    if success.batches.is_some() && kind != Kind::Batchable {
        return Err(Invalid::UnexpectedBatches);
    }
    match kind {
        Kind::Decision => {
            let names = success.create_steps.as_ref();
            let names = names.ok_or(Invalid::MissingBranches)?;
            let mut chosen = names
                .iter()
                .map(|name| branch(graph, node, name))
                .collect::<Result<Vec<_>, _>>()?;
            chosen.sort_unstable();
            chosen.dedup();
            Ok(Branches::Chosen(chosen))
        }
        Kind::Batchable => {
            let count = success.batches.ok_or(Invalid::MissingBatches)?;
            match u32::try_from(count) {
                Ok(batches) if batches <= MAX_BATCHES => Ok(Branches::Batches(batches)),
                _ => Err(Invalid::TooManyBatches(count)),
            }
        }
        Kind::Standard | Kind::Convergence | Kind::BatchWorker(_) => Ok(Branches::None),
    }
}

fn branch(graph: &Graph, decision: NodeIndex, name: &str) -> Result<NodeIndex, Invalid> {
    let children = &graph.node(decision).children;
    let child = children
        .iter()
        .copied()
        .find(|child| graph.node(*child).name == name);
    match child {
        Some(child) if graph.node(child).kind == Kind::Convergence => {
            Err(Invalid::ConvergenceNamed(name.to_owned()))
        }
        Some(child) => Ok(child),
        None if graph.nodes.iter().any(|node| node.name == name) => {
            Err(Invalid::NotADependent(name.to_owned()))
        }
        None => Err(Invalid::UnknownBranch(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use crate::task::tests::graph_of_types;

    use super::*;

    fn graph() -> std::sync::Arc<Graph> {
        graph_of_types(&[
            ("decide", "decision", &[]),
            ("left", "standard", &["decide"]),
            ("right", "standard", &["decide"]),
            ("after", "standard", &["left"]),
            (
                "join",
                "deferred_convergence",
                &["decide", "after", "right"],
            ),
            ("split", "batchable", &[]),
            ("part", "batch_worker", &["split"]),
            ("sum", "deferred_convergence", &["part"]),
        ])
    }

    fn named(names: &[&str]) -> Success {
        Success {
            create_steps: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            batches: None,
        }
    }

    fn batches(count: u64) -> Success {
        Success {
            create_steps: None,
            batches: Some(count),
        }
    }

    #[test]
    fn a_decision_names_direct_dependents_that_are_not_convergences() {
        let graph = graph();
        let of = |names: &[&str]| check(&graph, 0, &named(names));
        assert_eq!(of(&[]), Ok(Branches::Chosen(vec![])));
        assert_eq!(
            of(&["right", "left", "right"]),
            Ok(Branches::Chosen(vec![1, 2]))
        );
        assert_eq!(
            of(&["left", "nowhere"]),
            Err(Invalid::UnknownBranch("nowhere".into()))
        );
        assert_eq!(of(&["after"]), Err(Invalid::NotADependent("after".into())));
        assert_eq!(of(&["join"]), Err(Invalid::ConvergenceNamed("join".into())));
        let nothing = Success::default();
        assert_eq!(check(&graph, 0, &nothing), Err(Invalid::MissingBranches));
        assert_eq!(
            check(&graph, 1, &named(&[])),
            Err(Invalid::UnexpectedBranches)
        );
        assert_eq!(check(&graph, 1, &nothing), Ok(Branches::None));
    }

    #[test]
    fn a_batchable_step_has_batches_up_to_the_most() {
        let graph = graph();
        assert_eq!(check(&graph, 5, &batches(0)), Ok(Branches::Batches(0)));
        assert_eq!(
            check(&graph, 5, &batches(100_000)),
            Ok(Branches::Batches(100_000))
        );
        let error = check(&graph, 5, &batches(100_001)).expect_err("too many");
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            (
                "TOO_MANY_BATCHES",
                "100001 batches, at most 100000 are made: use larger ones"
            )
        );
        assert_eq!(
            check(&graph, 5, &Success::default()),
            Err(Invalid::MissingBatches)
        );
        assert_eq!(
            check(&graph, 6, &batches(1)),
            Err(Invalid::UnexpectedBatches)
        );
    }
}
