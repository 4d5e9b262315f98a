//! Random graphs: chains, fans, diamonds, anything without a cycle; decisions, one within another; batches.

use std::time::Duration;

use super::{CALLABLES, Kind, Node, Retry};
use crate::chance::Chance;

/// No graph grows beyond about this many nodes.
const LARGE: usize = 16;

/// Nodes in an order in which parents come first.
pub fn random(chance: &mut Chance) -> Vec<Node> {
    let mut shape = Shape {
        nodes: Vec::new(),
        chance,
    };
    match shape.chance.below(4) {
        0 => shape.anything(),
        1 => {
            for _ in 0..shape.chance.between(1, 3) {
                shape.segment(&[], 2);
            }
        }
        _ => {
            shape.segment(&[], 3);
        }
    }
    shape.nodes
}

struct Shape<'a> {
    nodes: Vec<Node>,
    chance: &'a mut Chance,
}

impl Shape<'_> {
    fn add(&mut self, kind: Kind, parents: &[usize]) -> usize {
        let chance = &mut *self.chance;
        let number = self.nodes.len();
        self.nodes.push(Node {
            name: format!("s{number}"),
            kind,
            parents: parents.to_vec(),
            callable: chance.pick(&CALLABLES),
            retry: Retry {
                retryable: !chance.permille(100),
                max_attempts: chance.between(1, 5) as u32,
                backoff: chance.pick(&["none", "linear", "exponential", "fibonacci"]),
                base: Duration::from_millis(chance.pick(&[1, 20, 300])),
                most: Duration::from_millis(chance.pick(&[300, 1000])),
            },
            timeout: chance
                .permille(300)
                .then(|| Duration::from_millis(chance.pick(&[60, 250, 1000, 5000]))),
        });
        number
    }

    /// Adds a piece behind some nodes, and returns the nodes at its end, which are no batch workers.
    fn segment(&mut self, parents: &[usize], depth: usize) -> Vec<usize> {
        if depth == 0 || self.nodes.len() >= LARGE {
            return vec![self.add(Kind::Standard, parents)];
        }
        match self.chance.below(7) {
            0 => vec![self.add(Kind::Standard, parents)],
            1 | 2 => {
                let mut ends = parents.to_vec();
                for _ in 0..self.chance.between(2, 3) {
                    ends = self.segment(&ends, depth - 1);
                }
                ends
            }
            3 => {
                let start = self.add(Kind::Standard, parents);
                let ends = self.branches(start, depth);
                if self.chance.permille(700) {
                    vec![self.add(Kind::Standard, &ends)]
                } else {
                    ends
                }
            }
            4 | 5 => {
                let decision = self.add(Kind::Decision, parents);
                let mut ends = self.branches(decision, depth);
                if self.chance.permille(200) {
                    ends.push(decision);
                }
                if self.chance.permille(800) {
                    vec![self.add(Kind::Convergence, &ends)]
                } else {
                    ends
                }
            }
            _ => {
                let batchable = self.add(Kind::Batchable, parents);
                let fail_fast = self.chance.permille(500);
                let worker = self.add(Kind::BatchWorker { fail_fast }, &[batchable]);
                vec![self.add(Kind::Convergence, &[worker])]
            }
        }
    }

    fn branches(&mut self, start: usize, depth: usize) -> Vec<usize> {
        let mut ends = Vec::new();
        for _ in 0..self.chance.between(1, 4) {
            ends.extend(self.segment(&[start], depth - 1));
        }
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// Any edges, without a cycle, and decisions where something follows.
    fn anything(&mut self) {
        let density = self.chance.between(100, 700);
        let count = self.chance.between(2, 10) as usize;
        for node in 0..count {
            let chosen: Vec<usize> = (0..node)
                .filter(|_| self.chance.permille(density))
                .collect();
            self.add(Kind::Standard, &chosen);
        }
        for node in 0..count {
            let followed = self.nodes.iter().any(|child| child.parents.contains(&node));
            if followed && self.chance.permille(150) {
                self.nodes[node].kind = Kind::Decision;
            }
        }
    }
}
