//! What people and programs read of the figures: a Markdown table, and JSON.

use std::fmt::Write;

use anyhow::Result;
use serde_json::json;

use crate::figure::{Figure, Target};

/// The head of the table that [`rows`] are of.
pub const HEAD: &str = "| scenario | what | figure | rounds | floor | × floor | target | |\n|---|---|---|---|---|---|---|---|\n";

/// A row for each figure.
pub fn rows(scenario: &str, figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let rounds: Vec<String> = figure.rounds.iter().map(|value| number(*value)).collect();
        let or_nothing = |value: Option<f64>| value.map(number).unwrap_or_default();
        // A string takes all text.
        let _ = writeln!(
            text,
            "| {scenario} | {} | {} {} | {} | {} | {} | {} | {} |",
            figure.what,
            number(figure.value()),
            figure.unit,
            rounds.join(", "),
            or_nothing(figure.floor()),
            figure
                .ratio()
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
            figure.target.map(target).unwrap_or_default(),
            match figure.met() {
                Some(true) => "met",
                Some(false) => "missed",
                None => "",
            },
        );
    }
    text
}

/// All figures by their scenarios.
pub fn json(scenarios: &[(String, Vec<Figure>)]) -> Result<String> {
    let scenarios: serde_json::Map<_, _> = scenarios
        .iter()
        .map(|(scenario, figures)| (scenario.clone(), json!(figures)))
        .collect();
    Ok(serde_json::to_string_pretty(&scenarios)?)
}

fn target(target: Target) -> String {
    match target {
        Target::AtMost(most) => format!("≤ {}", number(most)),
        Target::AtLeast(least) => format!("≥ {}", number(least)),
        Target::Floors(floors) => format!("≤ {} floors", number(floors)),
    }
}

/// Three digits that count, or all before the point.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 0.0005 => 0,
        small if small < 1.0 => 4,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    if digits == 4 {
        text.trim_end_matches('0').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_figure_its_rounds_its_floor_and_whether_it_is_enough() {
        let figure = Figure::new("linear, p50", "ms", vec![2.5, 3.0, 2.75])
            .floors(vec![1.0, 1.5, 1.1])
            .target(Target::Floors(2.7));
        assert_eq!(
            rows("latency", &[figure]),
            "| latency | linear, p50 | 2.75 ms | 2.50, 3.00, 2.75 | 1.10 | 2.50 | ≤ 2.70 floors | met |\n"
        );
    }

    #[test]
    fn numbers_are_as_exact_as_they_can_be_read() {
        let numbers = [0.0, 0.0123, 0.5, 4.0, 31.26, 25_000.4];
        let shown = numbers.map(number);
        assert_eq!(shown, ["0", "0.0123", "0.5", "4.00", "31.3", "25000"]);
    }
}
