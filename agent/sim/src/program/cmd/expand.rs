//! Puts the values of variables into a line.
//!
//! Guarantees: what is not defined stays as it is typed, as on a command line; `%NAME:~1,2%` and `%NAME:a=b%` do what they do.
//! Deliberately absent: delayed expansion with `!`.

/// `line` with every `%NAME%` that `value` knows replaced.
pub(crate) fn expand(line: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let found = after.split_once('%').and_then(|(inside, behind)| Some((one(inside, &value)?, behind)));
        match found {
            Some((text, behind)) => {
                out.push_str(&text);
                rest = behind;
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn one(inside: &str, value: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let (name, modifier) = inside.split_once(':').map_or((inside, None), |(name, modifier)| (name, Some(modifier)));
    let text = value(name).filter(|_| !name.is_empty())?;
    match modifier {
        None => Some(text),
        Some(modifier) => match modifier.strip_prefix('~') {
            Some(range) => part(&text, range),
            None => modifier.split_once('=').map(|(from, to)| replace(&text, from, to)),
        },
    }
}

/// `from[,length]`, each counted from the end when it is negative.
fn part(text: &str, range: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let length = i64::try_from(chars.len()).ok()?;
    let (from, count) = range.split_once(',').map_or((range, None), |(from, count)| (from, Some(count)));
    let from: i64 = from.trim().parse().ok()?;
    let from = if from < 0 { (length + from).max(0) } else { from.min(length) };
    let to = match count.map(|count| count.trim().parse::<i64>()) {
        None => length,
        Some(Ok(count)) if count < 0 => (length + count).max(from),
        Some(Ok(count)) => (from + count).min(length),
        Some(Err(_)) => return None,
    };
    Some(chars[usize::try_from(from).ok()?..usize::try_from(to).ok()?].iter().collect())
}

/// Every `from`, in any case, becomes `to`.
fn replace(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    let (mut out, mut at) = (String::new(), 0);
    while let Some(rest) = text.get(at..) {
        match rest.get(..from.len()) {
            Some(head) if head.eq_ignore_ascii_case(from) => {
                out.push_str(to);
                at += from.len();
            }
            _ => match rest.chars().next() {
                Some(c) => {
                    out.push(c);
                    at += c.len_utf8();
                }
                None => break,
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_the_rest_stays() {
        let value = |name: &str| match name.to_ascii_uppercase().as_str() {
            "VAR" => Some("qwerty".to_owned()),
            "ERRORLEVEL" => Some("3".to_owned()),
            _ => None,
        };
        for (line, expected) in [
            ("echo %var% %nope% 100%", "echo qwerty %nope% 100%"),
            ("%VAR:~0,1%|%VAR:~-2,1%|%VAR:~2,-1%|%VAR:~9%", "q|t|ert|"),
            ("%VAR:WER=-%", "q-ty"),
            ("call echo %^errorlevel% %errorlevel%", "call echo %^errorlevel% 3"),
            ("%%VAR%%", "%qwerty%"),
        ] {
            assert_eq!(expand(line, value), expected, "{line}");
        }
    }
}
