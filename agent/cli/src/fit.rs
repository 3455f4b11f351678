//! Text that keeps within the columns of a terminal.
//!
//! Guarantees: a row never takes more columns than it may: whatever is not ASCII counts as two, so that wide characters find their room.
//! Deliberately absent: asking the terminal (that is `console`), and colour.

/// The columns that a text takes at most.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn columns_of(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

/// A text in one row of so many columns: what has no room is left out in the middle, as both ends tell more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    const GAP: &str = "...";
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if columns(&text) <= most {
        return text;
    }
    let Some(room) = most.checked_sub(GAP.len()) else { return ".".repeat(most) };
    let head = taken(text.chars(), room.div_ceil(2));
    let tail: Vec<char> = taken(text.chars().rev(), room / 2).chars().collect();
    format!("{}{GAP}{}", head.trim_end(), tail.iter().rev().collect::<String>().trim_start())
}

fn taken(text: impl Iterator<Item = char>, most: usize) -> String {
    let mut used = 0;
    text.take_while(|c| {
        used += columns_of(*c);
        used <= most
    })
    .collect()
}

/// Breaks a sentence between words, so that a terminal does not break it inside one.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| columns(line));
        if line > 0 && line + 1 + columns(word) > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A text of one or more lines; those that are too long go on in further ones, a little to the right of where they began.
#[must_use]
pub fn hung(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| hung_line(line, width)).collect();
    lines.join("\n")
}

fn hung_line(line: &str, width: usize) -> String {
    if columns(line) <= width {
        return line.to_owned();
    }
    let words = line.trim_start();
    let indent = line.len() - words.len();
    let first = wrapped(words, width.saturating_sub(indent)).swap_remove(0);
    let rest = words[first.len()..].trim_start();
    let deeper = indent + 4;
    let rest = wrapped(rest, width.saturating_sub(deeper)).into_iter().filter(|line| !line.is_empty());
    let rest: String = rest.map(|line| format!("\n{:deeper$}{line}", "")).collect();
    format!("{:indent$}{first}{rest}", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_breaks_between_words_and_loses_none() {
        assert_eq!(wrapped("all must stay well before calls return", 16), ["all must stay", "well before", "calls return"]);
        assert_eq!(wrapped("unbreakable-and-long word", 5), ["unbreakable-and-long", "word"]);
        assert_eq!(wrapped("", 5), [""]);
    }

    #[test]
    fn what_has_no_room_is_left_out_in_the_middle() {
        assert_eq!(shortened("make the disk sea1-ad.vhdx", 26), "make the disk sea1-ad.vhdx");
        assert_eq!(shortened("make the disk sea1-ad.vhdx", 19), "make the...-ad.vhdx");
        assert_eq!(shortened("sea\n-1", 10), "sea -1", "one row");
        for most in 0..12 {
            let text = shortened("\u{96fb}\u{8a71}\u{4ea4}\u{63db}\u{6a5f} and more", most);
            assert!(columns(&text) <= most, "{text} in {most}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_goes_on_below_itself_and_the_others_stay() {
        let text = "  Stalled (InvalidManifest): the revision is refused\n  next look: soon";
        assert_eq!(hung(text, 30), "  Stalled (InvalidManifest):\n      the revision is refused\n  next look: soon");
        assert_eq!(hung(text, usize::MAX), text, "a pipe takes lines of any length");
        assert_eq!(hung("    /a/path/that/is/longer/than/that", 10), "    /a/path/that/is/longer/than/that");
    }
}
