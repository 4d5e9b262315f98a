//! The known name that is nearest to a mistyped one.

/// Candidates beyond these are not compared.
const CANDIDATES: usize = 1_000;
/// Longer names are not compared: the cost grows with the square.
const LONGEST: usize = 64;

/// The candidate with the fewest edits to `name`, if they are few enough for a slip of the hand:
/// at most a third of its length.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name: Vec<char> = fold(name)?;
    candidates
        .into_iter()
        .take(CANDIDATES)
        .filter_map(|candidate| {
            let edits = distance(&name, &fold(candidate)?);
            let allowed = name.len() / 3;
            (edits <= allowed).then_some((edits, candidate))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Case and the choice between `-` and `_` are the commonest slips, so they cost nothing.
fn fold(name: &str) -> Option<Vec<char>> {
    let folded: Vec<char> = name
        .chars()
        .take(LONGEST + 1)
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    (folded.len() <= LONGEST).then_some(folded)
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours
/// (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const FIELDS: [&str; 3] = ["dependencies", "handler", "retry"];

    #[test]
    fn a_slip_of_the_hand_is_found() {
        assert_eq!(nearest("dependancies", FIELDS), Some("dependencies"));
        assert_eq!(nearest("hander", FIELDS), Some("handler"));
        assert_eq!(nearest("rtery", FIELDS), Some("retry"));
        assert_eq!(nearest("rtry", FIELDS), Some("retry"));
    }

    #[test]
    fn case_and_hyphens_do_not_count() {
        assert_eq!(nearest("HANDLER", FIELDS), Some("handler"));
        assert_eq!(
            nearest("step-one", ["step_two", "step_one"]),
            Some("step_one")
        );
    }

    #[test]
    fn another_word_is_not_guessed_at() {
        assert_eq!(nearest("colour", FIELDS), None);
        assert_eq!(nearest("", FIELDS), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest(&"x".repeat(10_000), FIELDS), None);
    }
}
