//! Alternatives of the wide schema: the value keeps to one of them, or to exactly one.

use serde_json::Value;

use super::known::Known;
use super::types::Types;
use super::{Gap, GapKind, Search, undecided};

/// How deeply a property that tells alternatives apart may stand in them.
const DEEPEST: usize = 4;

impl<'a> Search<'a> {
    pub(super) fn within_any(&mut self, known: &Known<'a>, list: &'a Value, at: &str) -> Vec<Gap> {
        self.choose(known, list, at).1
    }

    pub(super) fn within_one(&mut self, known: &Known<'a>, list: &'a Value, at: &str) -> Vec<Gap> {
        let is_unchanged = |it: &Value| it == list && (self.same_root || !super::refers(it));
        if known.all("oneOf").any(is_unchanged) {
            return Vec::new();
        }
        let (index, mut gaps) = self.choose(known, list, at);
        if gaps.iter().any(|gap| gap.kind > GapKind::Named) {
            return gaps;
        }
        let all: Vec<&'a Value> = list.as_array().into_iter().flatten().collect();
        let others = all.iter().enumerate().filter(|(other, _)| *other != index);
        let chosen = self.wide_known(all[index]);
        let is_apart =
            |other: &'a Value| self.are_disjoint(&chosen, &self.wide_known(other), DEEPEST);
        if !others.into_iter().all(|(_, other)| is_apart(other)) {
            let message =
                "`oneOf` accepts a value once, and its alternatives are not shown to be apart";
            gaps.push(undecided(at, message));
        }
        gaps
    }

    /// The alternative that a value of which this is known keeps to, by its index, or comes nearest to, with the gaps.
    fn choose(&mut self, known: &Known<'a>, list: &'a Value, at: &str) -> (usize, Vec<Gap>) {
        // At least one, as in every valid schema.
        let cases = list.as_array().map_or(&[][..], Vec::as_slice);
        let mut nearest = (0, vec![undecided(at, "there are no alternatives")]);
        for (index, case) in cases.iter().enumerate() {
            let gaps = self.within(known, case, &format!("{at}/{index}"));
            if gaps.is_empty() {
                return (index, gaps);
            }
            let weight = |gaps: &[Gap]| (gaps.iter().map(|it| it.kind).max(), gaps.len());
            if index == 0 || weight(&gaps) < weight(&nearest.1) {
                nearest = (index, gaps);
            }
        }
        // Each refuses something, which another may accept: several may share the values out among them.
        if cases.len() > 1 {
            for gap in nearest
                .1
                .iter_mut()
                .filter(|gap| gap.kind == GapKind::Refused)
            {
                gap.kind = GapKind::Undecided;
            }
        }
        nearest
    }

    /// What a part of the wide schema says of a value.
    fn wide_known(&self, schema: &'a Value) -> Known<'a> {
        let mut known = Known::default();
        known.add(schema, self.wide);
        known
    }

    /// Whether no value keeps to both.
    fn are_disjoint(&self, left: &Known<'a>, right: &Known<'a>, depth: usize) -> bool {
        let types = left.types.and(right.types);
        if types.is_empty() {
            return true;
        }
        if let (Some(left), Some(right)) = (left.values(), right.values()) {
            // 1 and 1.0 are the same, and only values that are texts are never written otherwise.
            let is_text = |it: &&Value| it.is_string();
            return left.iter().all(is_text)
                && right.iter().all(is_text)
                && !left.iter().any(|it| right.contains(it));
        }
        if depth == 0 || !types.minus(Types::OBJECT).is_empty() {
            return false;
        }
        let required = left.required();
        required.union(&right.required()).any(|name| {
            let property = |known: &Known<'a>| {
                let mut inner = Known::default();
                for schema in known.all("properties").filter_map(|it| it.get(*name)) {
                    inner.add(schema, self.wide);
                }
                inner
            };
            self.are_disjoint(&property(left), &property(right), depth - 1)
        })
    }
}
