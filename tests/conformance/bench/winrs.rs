//! Requests to remote shells, and what their answers hold.

use super::{Answer, Ask, Host};

/// The URI of all shells.
pub const SHELL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell";
/// The URI of shells that run commands.
pub const CMD: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";

/// What a shell says of its streams when it is made.
pub const STREAMS: &str = "<rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>";

const CREATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";

impl Ask {
    /// Make a shell; `inner` stands in `rsp:Shell`.
    pub fn open_shell(inner: &str) -> Self {
        Self::new(CREATE, CMD, &format!("<rsp:Shell>{inner}</rsp:Shell>"))
    }

    /// `verb` upon the shell `id`.
    pub fn of_shell(verb: &str, id: &str, body: &str) -> Self {
        Self::new(&format!("{SHELL}/{verb}"), CMD, body).select(&[("ShellId", id)])
    }

    /// Start a command.
    pub fn command(shell: &str, line: &str) -> Self {
        let line = super::ask::escaped(line);
        Self::of_shell("Command", shell, &format!("<rsp:CommandLine><rsp:Command>{line}</rsp:Command></rsp:CommandLine>"))
    }

    /// Wait for output in `streams`.
    pub fn receive_from(shell: &str, command: &str, streams: &str) -> Self {
        let wanted = format!("<rsp:DesiredStream CommandId=\"{command}\">{streams}</rsp:DesiredStream>");
        Self::of_shell("Receive", shell, &format!("<rsp:Receive>{wanted}</rsp:Receive>"))
    }

    /// Wait for output.
    pub fn receive(shell: &str, command: &str) -> Self {
        Self::receive_from(shell, command, "stdout stderr")
    }

    /// Give a command input; `stream` are the attributes and the content of the stream.
    pub fn send(shell: &str, stream: &str) -> Self {
        Self::of_shell("Send", shell, &format!("<rsp:Send><rsp:Stream {stream}</rsp:Stream></rsp:Send>"))
    }

    /// Interrupt a command by the signal that ends in `code`.
    pub fn signal(shell: &str, command: &str, code: &str) -> Self {
        let body = format!("<rsp:Signal CommandId=\"{command}\"><rsp:Code>{SHELL}/signal/{code}</rsp:Code></rsp:Signal>");
        Self::of_shell("Signal", shell, &body)
    }

    /// Delete a shell.
    pub fn close_shell(id: &str) -> Self {
        Self::delete(CMD).select(&[("ShellId", id)])
    }
}

impl Answer {
    /// What came in the stream `name`.
    pub fn stream(&self, name: &str) -> String {
        let pieces = self.attributes("rsp:Stream", "Name").into_iter().zip(self.all("rsp:Stream"));
        let octets: Vec<u8> = pieces.filter(|(own, _)| own == name).flat_map(|(_, text)| base64(&text)).collect();
        String::from_utf8(octets).unwrap()
    }

    /// The first piece of the stream `name`, as it was written.
    pub fn of_stream(&self, name: &str) -> String {
        let mut pieces = self.attributes("rsp:Stream", "Name").into_iter().zip(self.all("rsp:Stream"));
        pieces.find(|(own, text)| own == name && !text.is_empty()).unwrap().1
    }

    /// Which streams say that they have ended.
    pub fn ended(&self) -> Vec<String> {
        let names = self.attributes("rsp:Stream", "Name");
        let ends = self.attributes("rsp:Stream", "End");
        names.into_iter().zip(ends).filter(|(_, end)| end == "true").map(|(name, _)| name).collect()
    }

    /// The last part of a command's state.
    pub fn state(&self) -> String {
        let uri = self.attribute("rsp:CommandState", "State").unwrap();
        uri.strip_prefix(&format!("{SHELL}/CommandState/")).unwrap().to_owned()
    }
}

impl Host {
    /// Makes a shell in which text is UTF-8; gives its name.
    pub fn opens(&mut self) -> String {
        self.opens_with("")
    }

    /// The same; `inner` follows the streams.
    pub fn opens_with(&mut self, inner: &str) -> String {
        let ask = Ask::open_shell(&format!("{STREAMS}{inner}")).options(&[("WINRS_NOPROFILE", "TRUE"), ("WINRS_CODEPAGE", "65001")]);
        self.accepts(&ask).selector("ShellId").unwrap()
    }

    /// Starts a command in a shell; gives its name.
    pub fn starts(&mut self, shell: &str, line: &str) -> String {
        self.accepts(&Ask::command(shell, line)).of("rsp:CommandId")
    }

    /// Starts a command in a shell of its own; gives the names of both.
    pub fn starts_anew(&mut self, line: &str) -> (String, String) {
        let shell = self.opens();
        let command = self.starts(&shell, line);
        (shell, command)
    }

    /// The first answer with output of a command in a shell of its own.
    pub fn first_output(&mut self, line: &str) -> Answer {
        let (shell, command) = self.starts_anew(line);
        self.accepts(&Ask::receive(&shell, &command))
    }

    /// What a command in `shell` writes until it ends.
    pub fn runs(&mut self, shell: &str, line: &str) -> String {
        let command = self.starts(shell, line);
        let mut text = String::new();
        loop {
            let answer = self.accepts(&Ask::receive(shell, &command));
            text.push_str(&answer.stream("stdout"));
            if answer.state() == "Done" {
                return text;
            }
        }
    }
}

/// The octets of a text in base64; white space in it means nothing.
fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace() && *octet != b'=')
        .map(|octet| u32::try_from(LETTERS.iter().position(|letter| *letter == octet).expect("base64")).unwrap())
        .collect();
    let quads = digits.chunks(4).flat_map(|quad| {
        let value = quad.iter().fold(0, |value, digit| value << 6 | digit) << (6 * (4 - quad.len()));
        value.to_be_bytes()[1..quad.len()].to_vec()
    });
    quads.collect()
}
