//! Where a desired state comes from: a repository, a reference in it, and a directory below its root.
//!
//! Guarantees: no password is ever part of an origin (law 9), so it can be shown; a [`SubPath`] stays inside the tree.
//! Deliberately absent: whether the place exists.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where the repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A repository on this machine, read in place: its work tree's root, its `.git`, or a bare one.
    Local(PathBuf),
    /// One that is fetched into the agent's state directory. `watch` is where it lies, if on this machine (`file://`).
    Remote {
        /// The URL, without a password.
        url: String,
        /// The directory to watch for changes.
        watch: Option<PathBuf>,
    },
}

/// A directory of a tree: `/`-separated, without `.` and `..`; empty for the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubPath(String);

/// Where a desired state comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The repository.
    pub location: Location,
    /// A branch, a tag, or a full name (`refs/…`). `None`: what its HEAD names.
    pub reference: Option<String>,
    /// The directory that is read; what lies beside it does not exist for us.
    pub path: SubPath,
}

/// The text names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    /// The scheme is one that we do not fetch over.
    #[error("cannot fetch over `{scheme}://`; use https, ssh, file, or a path")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
    },
    /// Whoever sits in between could rewrite what the fleet is to be.
    #[error("plain http to `{host}` is refused, since anybody in between could change the desired state; use https or ssh")]
    ClearText {
        /// The host.
        host: String,
    },
    /// Law 9.
    #[error("the URL of `{host}` holds a password; write it into the credentials file instead, under `source`")]
    SecretInUrl {
        /// The host.
        host: String,
    },
    /// Law 9: a token is what stands there, and an origin is shown.
    #[error("the URL of `{host}` has a `?` or `#`, which no git server needs; a token belongs in the credentials file, under `source`")]
    Query {
        /// The host.
        host: String,
    },
    /// It cannot be understood.
    #[error("the repository's address is malformed: {rule}")]
    Malformed {
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// It leads out of the tree.
    #[error("`{path}` is no path inside a repository")]
    SubPath {
        /// The path.
        path: String,
    },
    /// No reference can be named so.
    #[error("`{reference}` cannot be the name of a branch or tag")]
    Reference {
        /// The name.
        reference: String,
    },
}

impl Origin {
    /// Reads an address (`https://…`, `ssh://…`, `git@host:path`, `file:///…`, or a path), a reference, and a directory below the root.
    ///
    /// # Errors
    /// [`InvalidOrigin`] says which of them cannot be what it should be.
    pub fn new(address: &str, reference: Option<&str>, path: Option<&str>) -> Result<Self, InvalidOrigin> {
        if let Some(reference) = reference
            && !git2::Reference::is_valid_name(&full_name(reference))
        {
            return Err(InvalidOrigin::Reference { reference: reference.to_owned() });
        }
        Ok(Self {
            location: Location::new(address)?,
            reference: reference.map(str::to_owned),
            path: SubPath::new(path.unwrap_or_default())?,
        })
    }

    /// Every full name that the reference may stand for, the likeliest first; empty when HEAD decides.
    pub(crate) fn candidates(&self) -> Vec<String> {
        self.reference.as_deref().map(full_names).unwrap_or_default()
    }

    /// Everything that decides what is read, in one text, for the name of its place in the state directory.
    pub(crate) fn identity(&self) -> String {
        format!("{}\n{}\n{}", self.location, self.reference.as_deref().unwrap_or("HEAD"), self.path)
    }
}

/// Every full name that a name may stand for, the likeliest first; none for what can be no name.
pub(crate) fn full_names(name: &str) -> Vec<String> {
    let names =
        if name.starts_with("refs/") { vec![name.to_owned()] } else { vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")] };
    // A `*` or `:` would ask for something else than a reference.
    names.into_iter().filter(|name| git2::Reference::is_valid_name(name)).collect()
}

fn full_name(reference: &str) -> String {
    if reference.starts_with("refs/") { reference.to_owned() } else { format!("refs/heads/{reference}") }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote { url, .. } => f.write_str(url),
        }
    }
}

impl Location {
    fn new(address: &str) -> Result<Self, InvalidOrigin> {
        if address.is_empty() || address.chars().any(char::is_control) {
            return Err(InvalidOrigin::Malformed { rule: "it is empty or holds a control character" });
        }
        if let Some((scheme, rest)) = address.split_once("://") {
            return Self::of_url(address, scheme, rest);
        }
        // `git@host:path` as ssh(1) writes it; `C:\…` is a drive.
        if let Some((host, _)) = address.split_once(':')
            && host.len() > 1
            && !host.contains(['/', '\\'])
        {
            return Ok(Self::Remote { url: address.to_owned(), watch: None });
        }
        Ok(Self::Local(PathBuf::from(address)))
    }

    fn of_url(address: &str, scheme: &str, rest: &str) -> Result<Self, InvalidOrigin> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
        if user.contains(':') {
            return Err(InvalidOrigin::SecretInUrl { host: host.to_owned() });
        }
        if !scheme.eq_ignore_ascii_case("file") && rest.contains(['?', '#']) {
            return Err(InvalidOrigin::Query { host: host.split(['?', '#']).next().unwrap_or(host).to_owned() });
        }
        let remote = Self::Remote { url: address.to_owned(), watch: None };
        match scheme.to_ascii_lowercase().as_str() {
            "file" if !matches!(host, "" | "localhost") => Err(InvalidOrigin::Malformed { rule: "a file URL names no other host" }),
            "file" => Ok(Self::Remote { url: address.to_owned(), watch: Some(Path::new("/").join(path)) }),
            "https" | "ssh" | "http" if host.is_empty() => Err(InvalidOrigin::Malformed { rule: "it names no host" }),
            "https" | "ssh" => Ok(remote),
            "http" if is_this_machine(host) => Ok(remote),
            "http" => Err(InvalidOrigin::ClearText { host: host.to_owned() }),
            _ => Err(InvalidOrigin::UnknownScheme { scheme: scheme.to_owned() }),
        }
    }
}

/// The host that a URL names, and the port if it does. Ours, so that it can be held against whom libgit2 ends up with.
pub(crate) fn host_and_port(url: &str) -> (&str, Option<u16>) {
    let Some((_, rest)) = url.split_once("://") else {
        // `git@host:path`, or `git@[host:port]:path`.
        let after = url.split_once('@').map_or(url, |(_, after)| after);
        return match after.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inside, _)) => split_port(inside),
            None => (after.split(':').next().unwrap_or(after), None),
        };
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, port)) => (v6, port.strip_prefix(':').and_then(|port| port.parse().ok())),
        None => split_port(authority),
    }
}

/// Whether nothing proves who answers at a URL.
pub(crate) fn is_clear_text(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("http"))
}

fn split_port(text: &str) -> (&str, Option<u16>) {
    text.split_once(':').map_or((text, None), |(host, port)| (host, port.parse().ok()))
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl SubPath {
    /// Takes a path with `/` between its parts; leading and trailing ones do not count.
    ///
    /// # Errors
    /// `InvalidOrigin::SubPath` when a part is `.`, `..` or empty.
    pub fn new(path: &str) -> Result<Self, InvalidOrigin> {
        let trimmed = path.trim_matches('/');
        let trimmed = if trimmed == "." { "" } else { trimmed.strip_prefix("./").unwrap_or(trimmed) };
        let bad = |part: &str| part.is_empty() || part == "." || part == ".." || part.chars().any(char::is_control);
        if !trimmed.is_empty() && trimmed.split('/').any(bad) {
            return Err(InvalidOrigin::SubPath { path: path.to_owned() });
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The path; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the name of each file below it: `sites/`, or nothing.
    pub(crate) fn prefix(&self) -> String {
        if self.0.is_empty() { String::new() } else { format!("{}/", self.0) }
    }
}

impl fmt::Display for SubPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(address: &str) -> String {
        match Location::new(address) {
            Ok(Location::Local(path)) => format!("local {}", path.display()),
            Ok(Location::Remote { url, watch }) => format!("remote {url} {watch:?}"),
            Err(error) => format!("refused: {error}"),
        }
    }

    #[test]
    fn an_address_is_told_by_its_form() {
        let all: Vec<String> = [
            "/srv/fleet.git",
            "./fleet",
            r"C:\fleet",
            "file:///srv/fleet.git",
            "file://server/share",
            "https://git.example.com/fleet.git",
            "https://bot@git.example.com/fleet.git",
            "https://bot:hunter2@git.example.com/fleet.git",
            "https://git.example.com/fleet.git?access_token=hunter2",
            "https://git.example.com?access_token=hunter2",
            "file:///srv/what?.git",
            "http://git.example.com/fleet.git",
            "http://127.0.0.1:8080/fleet.git",
            "http://[::1]:8080/fleet.git",
            "ssh://git@git.example.com:2222/fleet.git",
            "git@git.example.com:fleet.git",
            "git://git.example.com/fleet.git",
            "https:///fleet.git",
            "",
        ]
        .into_iter()
        .map(location)
        .collect();
        insta::assert_snapshot!(all.join("\n"), @r#"
        local /srv/fleet.git
        local ./fleet
        local C:\fleet
        remote file:///srv/fleet.git Some("/srv/fleet.git")
        refused: the repository's address is malformed: a file URL names no other host
        remote https://git.example.com/fleet.git None
        remote https://bot@git.example.com/fleet.git None
        refused: the URL of `git.example.com` holds a password; write it into the credentials file instead, under `source`
        refused: the URL of `git.example.com` has a `?` or `#`, which no git server needs; a token belongs in the credentials file, under `source`
        refused: the URL of `git.example.com` has a `?` or `#`, which no git server needs; a token belongs in the credentials file, under `source`
        remote file:///srv/what?.git Some("/srv/what?.git")
        refused: plain http to `git.example.com` is refused, since anybody in between could change the desired state; use https or ssh
        remote http://127.0.0.1:8080/fleet.git None
        remote http://[::1]:8080/fleet.git None
        remote ssh://git@git.example.com:2222/fleet.git None
        remote git@git.example.com:fleet.git None
        refused: cannot fetch over `git://`; use https, ssh, file, or a path
        refused: the repository's address is malformed: it names no host
        refused: the repository's address is malformed: it is empty or holds a control character
        "#);
    }

    #[test]
    fn host_and_port_are_those_of_the_address() {
        let of = |url| host_and_port(url);
        assert_eq!(of("https://bot@git.example.com:8443/fleet.git"), ("git.example.com", Some(8443)));
        assert_eq!(of("ssh://git@[::1]:2222/fleet.git"), ("::1", Some(2222)));
        assert_eq!(of("git@git.example.com:fleet.git"), ("git.example.com", None));
        assert_eq!(of("git@[git.example.com:2222]:fleet.git"), ("git.example.com", Some(2222)));
        assert_eq!(of("https://git.example.com"), ("git.example.com", None));
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for address in
            ["https://bot:hunter2@git.example.com/fleet.git", "ssh://git.example.com/x#hunter2", "https://git.example.com?hunter2"]
        {
            let says = location(address);
            assert!(says.starts_with("refused: ") && !says.contains("hunter2"), "{says}");
        }
    }

    #[test]
    fn a_sub_path_cannot_leave_the_tree() {
        for bad in ["..", "a/../b", "a//b", "a/./b", "a\nb"] {
            assert!(SubPath::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(SubPath::new("/sites/emea/").map(|path| path.prefix()), Ok("sites/emea/".to_owned()));
        assert_eq!(SubPath::new(".").map(|path| path.prefix()), Ok(String::new()));
    }

    #[test]
    fn a_reference_that_git_cannot_have_is_refused() {
        for bad in ["", "a..b", "-", "a b", "refs/heads/"] {
            let valid = git2::Reference::is_valid_name(&full_name(bad));
            assert_eq!(Origin::new("/x", Some(bad), None).is_err(), !valid, "{bad:?}");
        }
        assert!(Origin::new("/x", Some("a..b"), None).is_err());
    }
}
