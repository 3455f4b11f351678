//! A command line taken apart into words, as the C runtime of a program does it.
//!
//! Guarantees: quotes keep spaces together and vanish; a backslash is one unless it stands before a quote.

/// The words of `line`.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut word, mut begun, mut quoted) = (String::new(), false, false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let mut slashes = 1;
                while chars.next_if_eq(&'\\').is_some() {
                    slashes += 1;
                }
                begun = true;
                if chars.peek() == Some(&'"') {
                    // Before a quote two are one, and an odd one makes the quote a character.
                    word.extend(std::iter::repeat_n('\\', slashes / 2));
                    if slashes % 2 == 1 {
                        chars.next();
                        word.push('"');
                    }
                } else {
                    word.extend(std::iter::repeat_n('\\', slashes));
                }
            }
            '"' => {
                quoted = !quoted;
                begun = true;
            }
            ' ' | '\t' if !quoted => {
                if std::mem::take(&mut begun) {
                    found.push(std::mem::take(&mut word));
                }
            }
            c => {
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        found.push(word);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_c_runtime() {
        for (line, expected) in [
            ("a b  c", vec!["a", "b", "c"]),
            (r#"-o "C:\a b\c" x"#, vec!["-o", r"C:\a b\c", "x"]),
            (r#"a"b c"d"#, vec!["ab cd"]),
            (r#""" x"#, vec!["", "x"]),
            (r#"\"x\" a\\b "c\\""#, vec!["\"x\"", r"a\\b", r"c\"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }
}
