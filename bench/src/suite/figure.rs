//! A figure: what was measured, round by round, beside the floor of the same rounds and what it is to reach.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Which figures are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Lower,
    Higher,
}

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// So many times the floor, at most.
    Floors(f64),
}

#[derive(Clone, Debug)]
pub struct Figure {
    pub what: String,
    pub unit: &'static str,
    pub better: Better,
    /// A value a round.
    pub rounds: Vec<f64>,
    /// The floor of each round, in the same unit; empty where there is none.
    pub floors: Vec<f64>,
    /// Whether the best round stands for the figure, instead of the median.
    pub best: bool,
    pub target: Option<Target>,
}

impl Figure {
    /// A figure of which less is better.
    pub fn new(what: impl Into<String>, unit: &'static str, rounds: Vec<f64>) -> Figure {
        Figure {
            what: what.into(),
            unit,
            better: Better::Lower,
            rounds,
            floors: Vec::new(),
            best: false,
            target: None,
        }
    }

    /// More is better.
    pub fn higher(mut self) -> Figure {
        self.better = Better::Higher;
        self
    }

    /// The best round counts.
    pub fn best(mut self) -> Figure {
        self.best = true;
        self
    }

    pub fn floors(mut self, floors: Vec<f64>) -> Figure {
        self.floors = floors;
        self
    }

    pub fn target(mut self, target: Target) -> Figure {
        self.target = Some(target);
        self
    }

    /// What stands for all rounds.
    pub fn value(&self) -> f64 {
        let least = || self.rounds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = || self.rounds.iter().copied().fold(0.0, f64::max);
        match (self.best, self.better) {
            (false, _) => median(&self.rounds),
            (true, Better::Lower) => least(),
            (true, Better::Higher) => most(),
        }
    }

    pub fn floor(&self) -> Option<f64> {
        (!self.floors.is_empty()).then(|| median(&self.floors))
    }

    /// How many times worse than the floor of the same round.
    pub fn ratio(&self) -> Option<f64> {
        let ratios: Vec<f64> = self
            .rounds
            .iter()
            .zip(&self.floors)
            .map(|(value, floor)| match self.better {
                Better::Lower => value / floor,
                Better::Higher => floor / value,
            })
            .collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }

    /// Whether it reaches its target, if it has one.
    pub fn met(&self) -> Option<bool> {
        Some(match self.target? {
            Target::AtMost(most) => self.value() <= most,
            Target::AtLeast(least) => self.value() >= least,
            Target::Floors(floors) => self.ratio().is_some_and(|ratio| ratio <= floors),
        })
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut figure = serializer.serialize_struct("Figure", 10)?;
        figure.serialize_field("what", &self.what)?;
        figure.serialize_field("unit", &self.unit)?;
        figure.serialize_field("better", &self.better)?;
        figure.serialize_field("value", &self.value())?;
        figure.serialize_field("rounds", &self.rounds)?;
        figure.serialize_field("floor", &self.floor())?;
        figure.serialize_field("floors", &self.floors)?;
        figure.serialize_field("ratio", &self.ratio())?;
        figure.serialize_field("target", &self.target)?;
        figure.serialize_field("met", &self.met())?;
        figure.end()
    }
}

/// The middle one; of an even number the mean of both.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 0) => f64::midpoint(values[half - 1], values[half]),
        (half, _) => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_the_same_round_and_says_how_many_times_worse() {
        let time = Figure::new("time", "ms", vec![4.0, 9.0, 2.0]).floors(vec![2.0, 3.0, 2.0]);
        assert_eq!((time.value(), time.ratio()), (4.0, Some(2.0)));
        let rate = Figure::new("rate", "steps/s", vec![10.0, 40.0])
            .higher()
            .floors(vec![20.0, 40.0]);
        assert_eq!((rate.value(), rate.ratio()), (25.0, Some(1.5)));
    }

    #[test]
    fn a_target_is_met_by_the_median_the_best_round_or_the_ratio() {
        let figure = Figure::new("time", "ms", vec![6.0, 4.0, 9.0]);
        let met = |figure: Figure, target| figure.target(target).met();
        assert_eq!(met(figure.clone(), Target::AtMost(5.0)), Some(false));
        assert_eq!(met(figure.clone().best(), Target::AtMost(5.0)), Some(true));
        assert_eq!(
            met(figure.clone().higher(), Target::AtLeast(6.0)),
            Some(true)
        );
        let beside = figure.floors(vec![2.0, 2.0, 2.0]);
        assert_eq!(met(beside.clone(), Target::Floors(3.0)), Some(true));
        assert_eq!(met(beside, Target::Floors(2.9)), Some(false));
    }
}
