//! One traced exchange as a file: two messages of HTTP, with what is known about them in the first lines.
//!
//! Guarantees: what is written is read again the same. Bodies are counted, so that any text may stand in them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it was asked.
    pub endpoint: String,
    /// What was asked, in a word.
    pub act: String,
    /// When the answer came.
    pub at: jiff::Timestamp,
    /// How long that took.
    pub took: Duration,
    /// The request's envelope.
    pub request: String,
    /// The answer's status and body, or why there is none.
    pub answer: Result<(u16, String), String>,
}

/// Text that is no traced exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no traced exchange: {0}")]
pub struct RecordError(&'static str);

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, authority) = split(&self.endpoint);
        writeln!(f, "# {} at {}", self.act, self.endpoint)?;
        writeln!(f, "# answered {} after {} ms", self.at, self.took.as_millis())?;
        writeln!(f, "POST {path} HTTP/1.1\nHost: {authority}\nAuthorization: ***")?;
        writeln!(f, "Content-Type: {}\nContent-Length: {}\n\n{}", crate::auth::SOAP_TYPE, self.request.len(), self.request)?;
        match &self.answer {
            Ok((status, body)) => {
                let kind = crate::auth::SOAP_TYPE;
                writeln!(f, "HTTP/1.1 {status}\nContent-Type: {kind}\nContent-Length: {}\n\n{body}", body.len())
            }
            Err(why) => writeln!(f, "# no answer: {}", why.replace('\n', " ")),
        }
    }
}

fn split(endpoint: &str) -> (&str, &str) {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    rest.find('/').map_or(("/", rest), |at| (&rest[at..], &rest[..at]))
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let (first, rest) = line(text, "it has no first line")?;
        let (act, endpoint) =
            first.strip_prefix("# ").and_then(|l| l.split_once(" at ")).ok_or(RecordError("the first line names no act"))?;
        let (second, rest) = line(rest, "it has no second line")?;
        let timing = second.strip_prefix("# answered ").and_then(|l| l.strip_suffix(" ms")).and_then(|l| l.split_once(" after "));
        let (at, took) = timing.ok_or(RecordError("the second line has no times"))?;
        let at = at.parse().map_err(|_| RecordError("the second line has no instant"))?;
        let took = Duration::from_millis(took.parse().map_err(|_| RecordError("the second line has no length of time"))?);
        let (_, request, rest) = message(rest)?;
        let answer = match rest.strip_prefix("# no answer: ") {
            Some(why) => Err(why.trim_end().to_owned()),
            None => {
                let (start, body, _) = message(rest)?;
                let status = start.strip_prefix("HTTP/1.1 ").and_then(|status| status.trim().parse().ok());
                Ok((status.ok_or(RecordError("the answer has no status"))?, body.to_owned()))
            }
        };
        Ok(Self { endpoint: endpoint.to_owned(), act: act.to_owned(), at, took, request: request.to_owned(), answer })
    }
}

fn line<'t>(text: &'t str, missing: &'static str) -> Result<(&'t str, &'t str), RecordError> {
    text.split_once('\n').ok_or(RecordError(missing))
}

/// The start line of a message, its body, and what follows.
fn message(text: &str) -> Result<(&str, &str, &str), RecordError> {
    let (head, rest) = text.split_once("\n\n").ok_or(RecordError("a message has no end of its head"))?;
    let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).and_then(|l| l.parse::<usize>().ok());
    let length = length.ok_or(RecordError("a message has no length"))?;
    let (body, after) = rest.split_at_checked(length).ok_or(RecordError("a message is shorter than it says"))?;
    let after = after.strip_prefix('\n').ok_or(RecordError("a message is longer than it says"))?;
    Ok((head.lines().next().unwrap_or_default(), body, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for answer in [Ok((200, "<a>\n\n# ü\n</a>".to_owned())), Ok((401, String::new())), Err("the host is gone".to_owned())] {
            let record = Record {
                endpoint: "https://hv01:5986/wsman".to_owned(),
                act: "Get".to_owned(),
                at: "2026-01-02T03:04:05Z".parse().expect("an instant"),
                took: Duration::from_millis(12),
                request: "<s:Envelope>\n\nHTTP/1.1 200</s:Envelope>".to_owned(),
                answer,
            };
            assert_eq!(record.to_string().parse(), Ok(record));
        }
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for text in
            ["", "x", "# Get at y\n", "# Get at y\n# answered 2026-01-02T03:04:05Z after 1 ms\nPOST / HTTP/1.1\nContent-Length: 9\n\nshort"]
        {
            assert!(text.parse::<Record>().is_err(), "{text}");
        }
    }
}
