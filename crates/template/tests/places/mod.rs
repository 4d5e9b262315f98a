//! Where problems may stand.

use tasker_template::Problems;

/// Every problem stands in `text`, just behind its end at most, and they are in its order.
pub fn assert_within(problems: &Problems, text: &str) {
    assert!(!problems.0.is_empty());
    // All that YAML knows as line breaks.
    let breaks = text.replace("\r\n", "\n").replace('\r', "\n");
    let lengths: Vec<usize> = breaks
        .split('\n')
        .map(|line| line.chars().count())
        .collect();
    let mut last = (1, 1);
    for problem in &problems.0 {
        let place = (problem.line, problem.column);
        assert!(last <= place, "out of order: {problem} in {text:?}");
        last = place;
        let length = lengths.get(problem.line as usize - 1).copied();
        let is_within = length.is_some_and(|it| (1..=it + 1).contains(&(problem.column as usize)));
        assert!(is_within, "{problem} is not within {text:?}");
    }
}
