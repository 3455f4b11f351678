//! One traced exchange as a file: two messages of HTTP, with what is known about them in lines that begin with `#`.
//!
//! Guarantees: what is written is read again the same. Bodies are counted, so that any text may stand in them: a head tells the length of
//! what went over the wire, which may have been sealed.

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
    /// How long that took; milliseconds are kept.
    pub took: Duration,
    /// What was sent. It has no head when nothing was.
    pub request: Message,
    /// What was answered.
    pub answer: Result<Message, NoAnswer>,
}

/// A message of HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// Its start line and headers, each a line, as they went over the wire; what authenticates is masked.
    pub head: Vec<String>,
    /// Its body, unsealed.
    pub body: String,
}

/// What came of a request that has no answer that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// Why there is none, in one line.
    pub why: String,
    /// The head of what came nevertheless: of a refusal, for one.
    pub head: Vec<String>,
}

impl Message {
    /// The value of the header `name`, whatever its case; of several the first.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.iter().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The status, when this is an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let mut words = self.head.first()?.split(' ');
        words.next().filter(|version| version.starts_with("HTTP/"))?;
        words.next()?.parse().ok()
    }
}

/// Text that is no traced exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no traced exchange: {0}")]
pub struct RecordError(&'static str);

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} at {}", self.act, self.endpoint)?;
        writeln!(f, "# answered {} after {} ms", self.at, self.took.as_millis())?;
        writeln!(f, "# sent, with a body of {} octets:", self.request.body.len())?;
        write_message(f, &self.request.head, &self.request.body)?;
        match &self.answer {
            Ok(answer) => {
                writeln!(f, "# answered, with a body of {} octets:", answer.body.len())?;
                write_message(f, &answer.head, &answer.body)
            }
            Err(NoAnswer { why, head }) => {
                writeln!(f, "# no answer: {why}")?;
                write_message(f, head, "")
            }
        }
    }
}

fn write_message(f: &mut fmt::Formatter<'_>, head: &[String], body: &str) -> fmt::Result {
    head.iter().try_for_each(|line| writeln!(f, "{line}"))?;
    writeln!(f, "\n{body}")
}

impl FromStr for Record {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        let (first, rest) = line(text)?;
        let (act, endpoint) =
            first.strip_prefix("# ").and_then(|l| l.split_once(" at ")).ok_or(RecordError("the first line names no act"))?;
        let (second, rest) = line(rest)?;
        let timing = second.strip_prefix("# answered ").and_then(|l| l.strip_suffix(" ms")).and_then(|l| l.split_once(" after "));
        let (at, took) = timing.ok_or(RecordError("the second line has no times"))?;
        let at = at.parse().map_err(|_| RecordError("the second line has no instant"))?;
        let took = Duration::from_millis(took.parse().map_err(|_| RecordError("the second line has no length of time"))?);
        let (third, rest) = line(rest)?;
        let (request, rest) = message(rest, octets(third, "# sent")?)?;
        let (fourth, rest) = line(rest)?;
        let (answer, rest) = match fourth.strip_prefix("# no answer: ") {
            Some(why) => {
                let (Message { head, .. }, rest) = message(rest, 0)?;
                (Err(NoAnswer { why: why.to_owned(), head }), rest)
            }
            None => {
                let (answer, rest) = message(rest, octets(fourth, "# answered")?)?;
                (Ok(answer), rest)
            }
        };
        if !rest.is_empty() {
            return Err(RecordError("something follows the answer"));
        }
        Ok(Self { endpoint: endpoint.to_owned(), act: act.to_owned(), at, took, request, answer })
    }
}

fn line(text: &str) -> Result<(&str, &str), RecordError> {
    text.split_once('\n').ok_or(RecordError("a line is missing"))
}

/// How long the body is that `line` announces.
fn octets(line: &str, what: &str) -> Result<usize, RecordError> {
    let number = line.strip_prefix(what).and_then(|l| l.strip_prefix(", with a body of ")).and_then(|l| l.strip_suffix(" octets:"));
    number.and_then(|number| number.parse().ok()).ok_or(RecordError("a message has no length"))
}

/// A message whose body has `length` octets, and what follows it.
fn message(mut text: &str, length: usize) -> Result<(Message, &str), RecordError> {
    let mut head = vec![];
    loop {
        let (next, rest) = line(text)?;
        text = rest;
        match next {
            "" => break,
            next => head.push(next.to_owned()),
        }
    }
    let (body, after) = text.split_at_checked(length).ok_or(RecordError("a message is shorter than it says"))?;
    let after = after.strip_prefix('\n').ok_or(RecordError("a message is longer than it says"))?;
    Ok((Message { head, body: body.to_owned() }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn record() -> Record {
        let head = lines(&["POST /wsman HTTP/1.1", "host: hv01:5986", "authorization: Negotiate ***", "content-length: 310"]);
        Record {
            endpoint: "https://hv01:5986/wsman".to_owned(),
            act: "Get".to_owned(),
            at: "2026-01-02T03:04:05Z".parse().expect("an instant"),
            took: Duration::from_millis(12),
            request: Message { head, body: "<s:Envelope>\n\nHTTP/1.1 200</s:Envelope>".to_owned() },
            answer: Ok(Message {
                head: lines(&["HTTP/1.1 200 OK", "Server: Microsoft-HTTPAPI/2.0"]), body: "<a>\n\n# ü\n</a>".to_owned()
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let silence = |head: &[&str]| Err(NoAnswer { why: "the host is gone".to_owned(), head: lines(head) });
        for answer in [
            record().answer,
            Ok(Message { head: lines(&["HTTP/1.1 500"]), body: String::new() }),
            silence(&[]),
            silence(&["HTTP/1.1 401 Unauthorized", "www-authenticate: Negotiate"]),
        ] {
            let written = Record { answer, ..record() };
            assert_eq!(written.to_string().parse(), Ok(written));
        }
        let unsent = Record { request: Message { head: vec![], ..record().request }, answer: silence(&[]), ..record() };
        assert_eq!(unsent.to_string().parse(), Ok(unsent));
    }

    #[test]
    fn it_reads_as_two_messages() {
        insta::assert_snapshot!(record().to_string(), @r"
        # Get at https://hv01:5986/wsman
        # answered 2026-01-02T03:04:05Z after 12 ms
        # sent, with a body of 39 octets:
        POST /wsman HTTP/1.1
        host: hv01:5986
        authorization: Negotiate ***
        content-length: 310

        <s:Envelope>

        HTTP/1.1 200</s:Envelope>
        # answered, with a body of 14 octets:
        HTTP/1.1 200 OK
        Server: Microsoft-HTTPAPI/2.0

        <a>

        # ü
        </a>
        ");
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let answer = record().answer.expect("an answer");
        assert_eq!((answer.status(), answer.header("server"), answer.header("date")), (Some(200), Some("Microsoft-HTTPAPI/2.0"), None));
        assert_eq!((record().request.status(), record().request.header("Host")), (None, Some("hv01:5986")));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let whole = record().to_string();
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            assert!(whole[..at].parse::<Record>().is_err(), "cut at {at}");
        }
        for text in ["x", "# Get at y\n", &format!("{whole}x"), &whole.replace("39 octets", "38 octets")] {
            assert!(text.parse::<Record>().is_err(), "{text}");
        }
    }
}
