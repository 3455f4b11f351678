//! The file that says what is requested.

use std::collections::BTreeMap;

/// What stands in it, by section and key; a key may come more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inf(BTreeMap<(String, String), Vec<String>>);

impl Inf {
    pub(super) fn parse(text: &str) -> Self {
        let mut inf = Self::default();
        let mut section = String::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = uncommented(line).trim();
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.trim().to_ascii_lowercase();
            } else if let Some((key, value)) = line.split_once('=') {
                let value = value.trim().trim_matches('"').to_owned();
                inf.0.entry((section.clone(), key.trim().to_ascii_lowercase())).or_default().push(value);
            }
        }
        inf
    }

    pub(super) fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).first().map(String::as_str)
    }

    pub(super) fn all(&self, section: &str, key: &str) -> &[String] {
        self.0.get(&(section.to_ascii_lowercase(), key.to_ascii_lowercase())).map_or(&[], Vec::as_slice)
    }

    /// Whether the request's `key` is set.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.get("NewRequest", key).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "1"))
    }

    /// The DNS names of the subject: `dns=a&dns=b`, over as many lines as it takes.
    pub(super) fn names(&self) -> Vec<String> {
        let first = self.all("Extensions", "2.5.29.17").iter();
        let more = self.all("Extensions", "_continue_").iter();
        let text: String = first.chain(more).map(|part| part.trim_start_matches("{text}")).collect();
        text.split('&')
            .filter_map(|part| part.trim().split_once('='))
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("dns"))
            .map(|(_, name)| name.trim().to_owned())
            .collect()
    }
}

/// Without the comment, which a quoted `;` does not begin.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let end = line.find(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    &line[..end.unwrap_or(line.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_comments_and_continued_values_are_read() {
        let inf = Inf::parse(
            "[Version]\nSignature=\"$Windows NT$\" ; usual\n[NewRequest]\nSubject = \"CN=edge.example.org;x, O=Us\"\nMachineKeySet = TRUE\n\
             [Extensions]\n2.5.29.17 = \"{text}\"\n_continue_ = \"dns=a.example.org&\"\n_continue_ = \"dns=b.example.org\"\n",
        );
        assert_eq!(inf.get("newrequest", "subject"), Some("CN=edge.example.org;x, O=Us"));
        assert!(inf.is_set("machinekeyset") && !inf.is_set("Exportable"));
        assert_eq!(inf.names(), ["a.example.org", "b.example.org"]);
    }
}
