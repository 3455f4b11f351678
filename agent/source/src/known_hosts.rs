//! What `known_hosts` says of a server, to tell a changed key from one that was never noted.
//!
//! Guarantees: decides nothing (libgit2 has refused the key already); names are compared as libgit2 does, hashed ones included.
//! Deliberately absent: patterns and markers, which libgit2 does not know either.

use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::hmac;

/// Larger files are not searched for an explanation.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// The first line of `file` that names the server; lines count from 1.
pub(crate) fn line_of(file: &Path, host: &str, port: u16) -> Option<usize> {
    if std::fs::metadata(file).ok()?.len() > MAX_FILE_BYTES {
        return None;
    }
    let text = std::fs::read_to_string(file).ok()?;
    // The usual port goes without saying; with another, both forms count.
    let names = [format!("[{host}]:{port}"), host.to_owned()];
    let found = |name: &String| text.lines().position(|line| line.split(' ').next().is_some_and(|hosts| names_it(hosts, name)));
    names.iter().find_map(found).map(|index| index + 1)
}

/// Whether the first field of a line names `name`.
fn names_it(hosts: &str, name: &str) -> bool {
    let Some(hashed) = hosts.strip_prefix("|1|") else { return hosts.split(',').any(|host| host.eq_ignore_ascii_case(name)) };
    let parts =
        hashed.split_once('|').and_then(|(salt, digest)| Some((BASE64_STANDARD.decode(salt).ok()?, BASE64_STANDARD.decode(digest).ok()?)));
    parts.is_some_and(|(salt, digest)| {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
        hmac::verify(&key, name.as_bytes(), &digest).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_hashed_names_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("known_hosts");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"salt");
        let digest = BASE64_STANDARD.encode(hmac::sign(&key, b"[git.example.com]:2222").as_ref());
        let hashed = format!("|1|{}|{digest}", BASE64_STANDARD.encode("salt"));
        std::fs::write(
            &file,
            format!("# hosts\nother,10.0.0.1 ssh-ed25519 AAAA\n{hashed} ssh-ed25519 AAAA\nGit.Example.org ssh-rsa AAAA\n"),
        )
        .unwrap();
        let found = [("10.0.0.1", 22), ("git.example.com", 2222), ("git.example.com", 22), ("git.example.org", 99), ("nobody", 22)];
        assert_eq!(found.map(|(host, port)| line_of(&file, host, port)), [Some(2), Some(3), None, Some(4), None]);
        assert_eq!(line_of(&directory.path().join("missing"), "other", 22), None);
    }
}
