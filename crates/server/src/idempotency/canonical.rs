//! One text for all JSON texts that are equal: no white space, the members of every object in one order, strings
//! written in one way. Numbers stay as they are written, to the digit.
//!
//! Nothing recurses, and no text is copied once for each level: a context may be nested as deeply as its length allows.

use std::borrow::Cow;
use std::collections::HashMap;

/// A member of an object: where its key is, and where its value ends.
#[derive(Clone, Copy)]
struct Member {
    key: usize,
    key_end: usize,
    end: usize,
}

/// An object that has not ended.
struct Open {
    start: usize,
    /// Its first member, in the list of those of all open objects.
    first: usize,
    /// How many lists within it are open.
    lists: usize,
    wants_key: bool,
}

/// An object whose members are written in another order than they stand.
struct Unordered {
    members: Vec<Member>,
    end: usize,
}

/// What is still to be written.
enum Part {
    /// The text from here to there.
    Text(usize, usize),
    Byte(u8),
}

/// The canonical text of a valid JSON text.
pub(super) fn canonical(json: &str) -> String {
    let unordered = unordered(json);
    let mut text = String::with_capacity(json.len());
    let mut parts = vec![Part::Text(0, json.len())];
    while let Some(part) = parts.pop() {
        let (start, end) = match part {
            Part::Byte(byte) => {
                text.push(char::from(byte));
                continue;
            }
            Part::Text(start, end) => (start, end),
        };
        let Some(object) = write(json, start, end, &unordered, &mut text) else {
            continue;
        };
        // The last to be written is the first on the stack.
        parts.push(Part::Text(object.end, end));
        parts.push(Part::Byte(b'}'));
        for (index, member) in object.members.iter().enumerate().rev() {
            parts.push(Part::Text(member.key, member.end));
            if index > 0 {
                parts.push(Part::Byte(b','));
            }
        }
        parts.push(Part::Byte(b'{'));
    }
    text
}

/// Writes a text as far as the next object whose members change their places, which it returns.
fn write<'a>(
    json: &str,
    start: usize,
    end: usize,
    unordered: &'a HashMap<usize, Unordered>,
    text: &mut String,
) -> Option<&'a Unordered> {
    let bytes = json.as_bytes();
    let mut at = start;
    while at < end {
        match bytes[at] {
            b'"' => {
                let after = string_end(bytes, at);
                text.push_str(&string(&json[at..after]));
                at = after;
                continue;
            }
            b'{' => {
                if let Some(object) = unordered.get(&at) {
                    return Some(object);
                }
                text.push('{');
            }
            byte if byte.is_ascii_whitespace() => {}
            // Outside of strings JSON is ASCII.
            byte => text.push(char::from(byte)),
        }
        at += 1;
    }
    None
}

/// The objects whose members do not stand in order, by where they begin.
fn unordered(json: &str) -> HashMap<usize, Unordered> {
    let bytes = json.as_bytes();
    let mut found = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'"' {
            let after = string_end(bytes, at);
            if let Some(object) = open.last_mut()
                && object.wants_key
            {
                object.wants_key = false;
                members.push(Member {
                    key: at,
                    key_end: after,
                    end: after,
                });
            }
            at = after;
            continue;
        }
        at += 1;
        if byte == b'{' {
            open.push(Open {
                start: at - 1,
                first: members.len(),
                lists: 0,
                wants_key: true,
            });
            continue;
        }
        let Some(object) = open.last_mut() else {
            continue;
        };
        match byte {
            b'[' => object.lists += 1,
            b']' => object.lists -= 1,
            b',' if object.lists == 0 => {
                end_member(&mut members, at - 1);
                object.wants_key = true;
            }
            b'}' => {
                let (start, first) = (object.start, object.first);
                if members.len() > first {
                    end_member(&mut members, at - 1);
                }
                if let Some(members) = in_order(json, &members[first..]) {
                    found.insert(start, Unordered { members, end: at });
                }
                members.truncate(first);
                open.pop();
            }
            _ => {}
        }
    }
    found
}

fn end_member(members: &mut [Member], end: usize) {
    if let Some(member) = members.last_mut() {
        member.end = end;
    }
}

/// The members in the order of their keys, unless they stand in it. Those of the same key stay as they are.
fn in_order(json: &str, members: &[Member]) -> Option<Vec<Member>> {
    let key = |member: &Member| string(&json[member.key..member.key_end]);
    if members.is_sorted_by(|a, b| key(a) <= key(b)) {
        return None;
    }
    let mut members = members.to_vec();
    members.sort_by_cached_key(key);
    Some(members)
}

/// Where the string ends that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// A string, in its quotes, with no escape but those that it needs. One that is no Unicode text, for half a surrogate
/// pair, stays as it is.
fn string(quoted: &str) -> Cow<'_, str> {
    if !quoted.contains('\\') {
        return Cow::Borrowed(quoted);
    }
    let text = serde_json::from_str::<String>(quoted);
    let written = text.and_then(|text| serde_json::to_string(&text));
    written.map_or(Cow::Borrowed(quoted), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn members_are_ordered_at_every_depth_and_lists_are_not() {
        for (json, expected) in [
            ("1", "1"),
            (" [ 2 , 1 ] ", "[2,1]"),
            ("{}", "{}"),
            (r#"{"b": 1, "a": 2}"#, r#"{"a":2,"b":1}"#),
            (
                r#" [ {"b": {"d": [ {"f": 1, "e": 2}, {} ], "c": "x, y"}, "a": []}, 3 ] "#,
                r#"[{"a":[],"b":{"c":"x, y","d":[{"e":2,"f":1},{}]}},3]"#,
            ),
            (
                r#"{"a":{"b":1,"c":2},"d":[]}"#,
                r#"{"a":{"b":1,"c":2},"d":[]}"#,
            ),
            // What is given twice keeps its order: readers take the last.
            (r#"{"b":1,"a":2,"b":3}"#, r#"{"a":2,"b":1,"b":3}"#),
        ] {
            assert_eq!(canonical(json), expected, "{json}");
            assert_eq!(canonical(expected), expected);
        }
    }

    #[test]
    fn strings_are_written_in_one_way_and_numbers_as_they_are() {
        let pairs = [
            (r#""\u00e9\/\"\\\u0041\n\u000a""#, r#""é/\"\\A\n\n""#),
            (r#""\ud83d\ude00""#, "\"\u{1f600}\""),
            (r#""\ud83d \/""#, r#""\ud83d \/""#),
            (r#"{"\u0062":1,"a\"}":"{"}"#, r#"{"a\"}":"{","b":1}"#),
        ];
        for (json, expected) in pairs {
            assert_eq!(canonical(json), expected, "{json}");
        }
        let numbers = "[1,1.0,1e0,-0,0.10,12345678901234567890123,1e400]";
        assert_eq!(canonical(numbers), numbers);
    }

    #[test]
    fn depth_and_size_are_no_hindrance() {
        const DEPTH: usize = 200_000;
        let nested = |open: &str, close: &str| open.repeat(DEPTH) + "1" + &close.repeat(DEPTH);
        assert_eq!(canonical(&nested("[", "]")), nested("[", "]"));
        assert_eq!(
            canonical(&nested(r#"{"b":0,"a":"#, "}")),
            nested(r#"{"a":"#, r#","b":0}"#)
        );
        let wide = |keys: &mut dyn Iterator<Item = usize>| {
            let members: Vec<String> = keys.map(|key| format!("\"{key:06}\":{key}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert_eq!(
            canonical(&wide(&mut (0..DEPTH).rev())),
            wide(&mut (0..DEPTH))
        );
    }
}
