//! Characters that nobody sees: how messages show them, and what they are called.

use std::borrow::Cow;

/// A text as messages show it: what cannot be seen, or looks like a space and is none, is escaped.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_unseen(c) || c.is_ascii_control() => shown.extend(c.escape_debug()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// The first character that looks like a space, or like nothing, and is no white space to YAML.
pub(crate) fn unseen(text: &str) -> Option<char> {
    text.chars().find(|c| is_unseen(*c))
}

/// Accents and vowel signs that stand on the letter before them are seen there.
fn is_unseen(c: char) -> bool {
    const NON_JOINER: char = '\u{200c}';
    let mut after_a_letter = *b"a\0\0\0\0";
    c.encode_utf8(&mut after_a_letter[1..]);
    let text = std::str::from_utf8(&after_a_letter[..=c.len_utf8()]).unwrap_or_default();
    !c.is_ascii() && (c == NON_JOINER || text.escape_debug().nth(1) == Some('\\'))
}

/// A character in words, with its article.
pub(crate) fn named(c: char) -> String {
    let name = match c {
        '\u{a0}' => "a no-break space",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' => "a zero-width non-joiner",
        '\u{200d}' => "a zero-width joiner",
        '\u{202f}' => "a narrow no-break space",
        '\u{3000}' => "an ideographic space",
        '\u{feff}' => "a byte order mark",
        c => return format!("{c:?} (U+{:04X})", u32::from(c)),
    };
    format!("{name} (U+{:04X})", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::{named, shown, unseen};

    #[test]
    fn what_cannot_be_seen_is_escaped_and_nothing_else() {
        assert_eq!(shown("  retry"), "  retry");
        assert_eq!(shown("\u{a0}  retry"), "\\u{a0}  retry");
        assert_eq!(shown("price\u{200b}\t\n"), "price\\u{200b}\\t\\n");
        // The second é is two characters, and the Thai word has a vowel sign above a letter.
        let seen = "żółw 价格 \"a\" 'b' \\c é e\u{301} ที่ ❤\u{fe0f}";
        assert_eq!(shown(seen), seen);
    }

    #[test]
    fn what_cannot_be_seen_is_found_and_named() {
        assert_eq!(unseen("a b\tc żółw 价格 e\u{301} ที่"), None);
        for (text, name) in [
            ("a\u{a0}b", "a no-break space (U+00A0)"),
            ("price\u{200b}", "a zero-width space (U+200B)"),
            ("\u{2009}a", "'\\u{2009}' (U+2009)"),
        ] {
            assert_eq!(unseen(text).map(named).as_deref(), Some(name));
        }
        assert_eq!(named('\u{440}'), "'\u{440}' (U+0440)");
    }
}
