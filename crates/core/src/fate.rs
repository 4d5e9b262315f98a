//! Which of a template's steps a task has: each node's fate is open, then exists or absent, and never changes again.
//!
//! - A standard, decision or batchable node is absent if a parent is absent or a parent decision did not name it, and
//!   exists when every parent exists and every parent that is a decision has named it.
//! - A batch worker exists once its batchable parent is done, with no batches too.
//! - A convergence waits until the fate of every parent is known; then it exists if one of them does.
//!
//! A node is told by each parent first of the parent's fate and later that the parent is done. So every edge is looked
//! at twice in a task's life, whatever decisions say.

use crate::graph::Kind;
use crate::{Graph, NodeIndex, StepIndex};

/// Whether a task has a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not known yet.
    Open,
    /// It has.
    Exists,
    /// It never will.
    Absent,
}

/// A node as one task has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Whether the task has it.
    pub fate: Fate,
    /// Parents that have not said yet whether this node may exist.
    unknown: u32,
    /// Parents that have said that it may.
    existing: u32,
    /// Parents that are neither done nor absent.
    waiting: u32,
    /// The node's first step, once it exists.
    pub first: StepIndex,
    /// How many steps it became: one, or one for each batch.
    pub count: u32,
    /// How many of them are not done.
    pub undone: u32,
    /// How many of them are in error.
    pub failed: u32,
}

/// What happened to the nodes in one go.
#[derive(Debug, Default)]
pub struct Born {
    /// Nodes that exist now and did not before, with their number of steps, in the template's order.
    pub nodes: Vec<(NodeIndex, u32)>,
    /// Nodes that existed already and have lost their last open parent.
    pub ready: Vec<NodeIndex>,
}

/// The nodes of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fates(Vec<NodeState>);

/// What a parent tells its children.
enum News {
    Exists,
    Absent,
    Done,
}

impl Fates {
    /// The nodes of a new task, and those that exist from the beginning.
    pub fn new(graph: &Graph) -> (Fates, Born) {
        let node = |node: &crate::graph::Node| NodeState {
            fate: Fate::Open,
            unknown: node.parents.len() as u32,
            existing: 0,
            waiting: node.parents.len() as u32,
            first: 0,
            count: 0,
            undone: 0,
            failed: 0,
        };
        let mut fates = Fates(graph.nodes.iter().map(node).collect());
        let mut spread = Spread::new(graph, &mut fates);
        for root in 0..graph.nodes.len() as NodeIndex {
            if graph.node(root).parents.is_empty() {
                spread.determine(root);
            }
        }
        let born = spread.finish();
        (fates, born)
    }

    /// A node.
    pub fn node(&self, node: NodeIndex) -> &NodeState {
        &self.0[node as usize]
    }

    pub(crate) fn node_mut(&mut self, node: NodeIndex) -> &mut NodeState {
        &mut self.0[node as usize]
    }

    /// Whether all parents of an existing node are done.
    pub fn is_ready(&self, node: NodeIndex) -> bool {
        self.node(node).waiting == 0
    }

    /// A node is done: all its steps are. `chosen` are the children that a decision named, sorted; `batches` the number
    /// of steps that the child of a batchable node becomes.
    pub fn done(
        &mut self,
        graph: &Graph,
        node: NodeIndex,
        chosen: &[NodeIndex],
        batches: u32,
    ) -> Born {
        let mut spread = Spread::new(graph, self);
        spread.done(node, chosen, batches);
        spread.finish()
    }
}

/// One event on its way through the graph, on a list of its own: a chain may be long.
struct Spread<'a> {
    graph: &'a Graph,
    fates: &'a mut Fates,
    news: Vec<(NodeIndex, News)>,
    born: Born,
}

impl<'a> Spread<'a> {
    fn new(graph: &'a Graph, fates: &'a mut Fates) -> Spread<'a> {
        Spread {
            graph,
            fates,
            news: Vec::new(),
            born: Born::default(),
        }
    }

    fn finish(mut self) -> Born {
        while let Some((node, news)) = self.news.pop() {
            match news {
                News::Exists => self.exists(node),
                News::Absent => self.absent(node),
                News::Done => self.done(node, &[], 0),
            }
        }
        self.born.nodes.sort_unstable();
        // What was born in the same go is ready by itself, if it is.
        let Born { nodes, ready } = &mut self.born;
        ready.retain(|node| nodes.binary_search_by_key(node, |(node, _)| *node).is_err());
        ready.sort_unstable();
        self.born
    }

    /// All that a node's fate depends on is known.
    fn determine(&mut self, node: NodeIndex) {
        let kind = self.graph.node(node).kind;
        let state = self.fates.node_mut(node);
        if state.fate != Fate::Open || state.unknown > 0 {
            return;
        }
        if kind == Kind::Convergence && state.existing == 0 {
            self.vanish(node);
        } else {
            self.bear(node, 1);
        }
    }

    fn bear(&mut self, node: NodeIndex, steps: u32) {
        let state = self.fates.node_mut(node);
        state.fate = Fate::Exists;
        self.born.nodes.push((node, steps));
        self.news.push((node, News::Exists));
        if steps == 0 {
            self.news.push((node, News::Done));
        }
    }

    fn vanish(&mut self, node: NodeIndex) {
        let state = self.fates.node_mut(node);
        if state.fate == Fate::Open {
            state.fate = Fate::Absent;
            self.news.push((node, News::Absent));
        }
    }

    fn exists(&mut self, parent: NodeIndex) {
        let graph = self.graph;
        for &child in &graph.node(parent).children {
            if !waits_for_done(graph, parent, child) {
                self.may_exist(child);
            }
        }
    }

    fn may_exist(&mut self, node: NodeIndex) {
        let state = self.fates.node_mut(node);
        state.unknown -= 1;
        state.existing += 1;
        self.determine(node);
    }

    fn absent(&mut self, parent: NodeIndex) {
        let graph = self.graph;
        for &child in &graph.node(parent).children {
            if graph.node(child).kind == Kind::Convergence {
                let state = self.fates.node_mut(child);
                state.unknown -= 1;
                self.parent_is_over(child);
                self.determine(child);
            } else {
                self.vanish(child);
            }
        }
    }

    fn done(&mut self, parent: NodeIndex, chosen: &[NodeIndex], batches: u32) {
        let graph = self.graph;
        for &child in &graph.node(parent).children {
            self.parent_is_over(child);
            if !waits_for_done(graph, parent, child) {
                continue;
            }
            if self.fates.node(child).fate != Fate::Open {
                continue;
            }
            match graph.node(child).kind {
                Kind::BatchWorker(_) => self.bear(child, batches),
                _ if chosen.binary_search(&child).is_ok() => self.may_exist(child),
                _ => self.vanish(child),
            }
        }
    }

    fn parent_is_over(&mut self, node: NodeIndex) {
        let state = self.fates.node_mut(node);
        state.waiting -= 1;
        #[cfg(feature = "mutation")]
        if let Some(ready) = mutated(self.graph, node, state) {
            self.born.ready.extend(ready.then_some(node));
            return;
        }
        if state.waiting == 0 && state.fate == Fate::Exists {
            self.born.ready.push(node);
        }
    }
}

/// Whether a node is ready by a deliberate bug, if there is one.
#[cfg(feature = "mutation")]
fn mutated(graph: &Graph, node: NodeIndex, state: &NodeState) -> Option<bool> {
    use crate::mutation::Mutation;
    if Mutation::WakeUpForgotten.is_active() {
        return Some(false);
    }
    let several = graph.node(node).parents.len() > 1;
    let exists = state.fate == Fate::Exists;
    (Mutation::ParentSkipped.is_active() && several).then_some(exists && state.waiting == 1)
}

/// Whether a child's fate depends on what its parent says when it is done, not only on the parent's fate.
fn waits_for_done(graph: &Graph, parent: NodeIndex, child: NodeIndex) -> bool {
    match graph.node(child).kind {
        Kind::BatchWorker(_) => true,
        Kind::Convergence => false,
        _ => graph.node(parent).kind == Kind::Decision,
    }
}
