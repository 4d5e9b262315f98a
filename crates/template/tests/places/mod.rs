//! Where problems may stand.

use tasker_template::Problems;

/// Every problem stands in `text`, just behind its end at most, and they are in its order.
pub fn assert_within(problems: &Problems, text: &str) {
    assert!(!problems.0.is_empty());
    let lines: Vec<usize> = text.split('\n').map(|line| line.chars().count()).collect();
    let mut last = (1, 1);
    for problem in &problems.0 {
        let place = (problem.line, problem.column);
        assert!(last <= place, "{problem} comes too late");
        last = place;
        let line = lines.get(problem.line as usize - 1);
        let length = line.unwrap_or_else(|| panic!("{problem} is below the text"));
        let column = problem.column as usize;
        assert!(
            (1..=length + 1).contains(&column),
            "{problem} is beside the text"
        );
    }
}
