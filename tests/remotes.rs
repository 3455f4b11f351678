//! Remotes as a person meets them: settings, credentials and errors, against git's own server over https and OpenSSH's over ssh. What the
//! source crate guarantees of them, its own tests hold.

use std::path::Path;

use crate::support::binary::{Done, Line};
use crate::support::example::Example;
use crate::support::git_host::{HttpsHost, PASSWORD, SshHost, USER};
use crate::support::room::Room;

/// `validate` of a remote, in the room's directory, which is its home too.
fn validate(room: &Room, url: &str, flags: &[&str]) -> Done {
    let arguments = ["validate", url, "--state-dir", "state", "--credentials", "credentials.yaml"];
    Line::new(room.path(), arguments.iter().chain(flags)).run()
}

/// What a command says that is refused.
fn refusal(done: Done, url: &str) -> String {
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{}", done.err);
    done.err.replace(url, "<url>")
}

fn credential(room: &Room, entry: &str) {
    room.write_private("credentials.yaml", &format!("source: {{ {entry} }}\n"));
}

#[test]
fn a_repository_behind_https_is_read_by_whoever_may() {
    let room = Room::without_hosts(Example::BranchBundle);
    let host = HttpsHost::serve(room.path());
    let url = host.url("fleet");
    room.write("ca.pem", &host.authority);
    room.write_private("token", &format!("{PASSWORD}\n"));
    credential(&room, &format!("user: {USER}, passwordFile: token"));
    let trusting = ["--source-ca", "ca.pem"];
    assert_eq!(validate(&room, &url, &trusting).well(), "valid: 3 appliances at 3 sites, no faults\n");
    let by_setting = Line::new(room.path(), ["validate", &url, "--state-dir", "state", "--credentials", "credentials.yaml"]);
    by_setting.with("TRUNKLINE_SOURCE_CA", "ca.pem").run().well();

    insta::assert_snapshot!(refusal(validate(&room, &url, &[]), &url), @"
    error: cannot read `<url>`
      cause: `<url>` does not prove who it is
      cause: the system's authorities do not vouch for its certificate; name the authority that does with the setting `sourceCa`
    ");
    credential(&room, &format!("user: {USER}, password: not-the-one"));
    let said = refusal(validate(&room, &url, &trusting), &url);
    assert!(!said.contains("not-the-one"));
    assert_eq!(host.refused(), 1, "each attempt counts where accounts are locked");
    insta::assert_snapshot!(said, @"
    error: cannot read `<url>`
      cause: `<url>` refuses the password of user `bot`; correct the credential `source`
    hint: the credentials file (--credentials) holds it under `source`; `user` with a password or token, or with `key`
    ");
    room.write_private("credentials.yaml", "other: { user: a, password: b }\n");
    insta::assert_snapshot!(refusal(validate(&room, &url, &trusting), &url), @"
    error: cannot read `<url>`
      cause: no credential for `<url>`
      cause: <url> asks who we are; there is no credential `source`: add `source:` with `user` and `password` to credentials.yaml, or set TRUNKLINE_USER_SOURCE and TRUNKLINE_PASSWORD_SOURCE
    ");
    credential(&room, &format!("user: {USER}, passwordFile: token"));
    insta::assert_snapshot!(refusal(validate(&room, &url, &["--source-ca", "token"]), &url), @"
    error: cannot use the authorities in `token`
      cause: there is no PEM certificate in it
    ");
    room.write("own.pem", &host.certificate);
    validate(&room, &url, &["--source-ca", "own.pem"]).well();
    host.redirect(host.url_by_address("").trim_end_matches('/'));
    let said = refusal(validate(&room, &url, &trusting), &url);
    assert!(said.contains("it redirects to `127.0.0.1`; if that is where the repository lives, name that address instead"), "{said}");
    drop(host);
    insta::assert_snapshot!(refusal(validate(&room, &url, &trusting), &url), @"
    error: cannot read `<url>`
      cause: cannot fetch `<url>`
      cause: failed to connect to localhost: Connection refused; class=Os (2)
    hint: is the server up, and the address right? A running agent goes on with the last good state
    ");
}

#[test]
fn a_repository_behind_ssh_is_read_where_known_hosts_vouches_for_it() {
    let room = Room::without_hosts(Example::BranchBundle);
    let mut host = SshHost::serve();
    let url = host.url(&room.file("fleet"));
    credential(&room, &format!("key: {}", host.key().display()));
    let here = |said: String| said.replace(&host.fingerprint(), "<key>").replace(room.path().to_str().unwrap(), "<home>");
    insta::assert_snapshot!(here(refusal(validate(&room, &url, &[]), &url)), @"
    error: cannot read `<url>`
      cause: `<url>` does not prove who it is
      cause: its ssh key is <key>, which is not known here; hold it against what its owner publishes, then add it to <home>/.ssh/known_hosts or name it with the setting `sourceHostKey`
    ");

    std::fs::create_dir(room.file(".ssh")).unwrap();
    room.write(".ssh/known_hosts", &format!("# noted by hand\n{}", host.known_host()));
    assert_eq!(validate(&room, &url, &[]).well(), "valid: 3 appliances at 3 sites, no faults\n");
    let hash = ["-H", "-f", ".ssh/known_hosts"];
    Line::of(Path::new("/usr/bin/ssh-keygen"), room.path(), hash).run().well();
    assert!(!std::fs::read_to_string(room.file(".ssh/known_hosts")).unwrap().contains("127.0.0.1"));
    validate(&room, &url, &[]).well();

    credential(&room, "user: git, password: a-word");
    insta::assert_snapshot!(here(refusal(validate(&room, &url, &[]), &url)), @"
    error: cannot read `<url>`
      cause: no credential for `<url>`
      cause: <url> lets in by key only; name the file of an ssh key as `key` under `source` in the credentials file
    ");
    credential(&room, &format!("key: {}", host.strange_key().display()));
    let said = refusal(validate(&room, &url, &[]), &url);
    assert!(said.contains(&format!("refuses the key of user `{}`; correct the credential `source`", host.user)), "{said}");
    credential(&room, &format!("key: {}.pub", host.key().display()));
    let said = refusal(validate(&room, &url, &[]), &url);
    assert!(said.contains("others may read"), "{said}");
    credential(&room, &format!("key: {}, password: {}", host.locked_key().display(), SshHost::PASSPHRASE));
    validate(&room, &url, &[]).well();

    let pin = host.fingerprint();
    host.change_host_key();
    let shown = |said: String| {
        let start = said.find("SHA256:").unwrap();
        let end = start + said[start..].find(',').unwrap();
        said.replace(&said[start..end], "<shown>").replace(room.path().to_str().unwrap(), "<home>")
    };
    insta::assert_snapshot!(shown(refusal(validate(&room, &url, &[]), &url)), @"
    error: cannot read `<url>`
      cause: `<url>` does not prove who it is
      cause: its ssh key is <shown>, not the one in <home>/.ssh/known_hosts:2; somebody may sit in between, so ask its owner; if the key was renewed, replace that line
    ");
    insta::assert_snapshot!(shown(refusal(validate(&room, &url, &["--source-host-key", &pin]), &url)), @"
    error: cannot read `<url>`
      cause: `<url>` does not prove who it is
      cause: its ssh key is <shown>, and the setting `sourceHostKey` insists on another; somebody may sit in between, so ask its owner
    ");
    insta::assert_snapshot!(refusal(validate(&room, &url, &["--source-host-key", "SHA256:short"]), &url), @"
    error: cannot use the setting `sourceHostKey`
      cause: `SHA256:short` is no fingerprint of an ssh key; `ssh-keygen -l -f KEY` writes it: `SHA256:` and 43 characters
    ");
}

#[test]
fn a_change_on_a_branch_that_nobody_follows_is_reviewed_by_the_name_of_the_branch() {
    let room = Room::without_hosts(Example::BranchBundle);
    let ulm = std::fs::read_to_string(room.file("fleet/sites/ulm.yaml")).unwrap();
    let main = room.commit(&[("README", "a fleet")], "as it is");
    let branch = room.commit(&[("sites/ulm.yaml", &ulm.replace("10.1.0.21", "10.1.0.22"))], "another address");
    room.write("fleet/.git/refs/heads/main", &format!("{main}\n"));
    room.write("fleet/.git/refs/heads/my-branch", &format!("{branch}\n"));
    let url = format!("file://{}", room.file("fleet").display());
    let compare = |base: &str, head: &str, flags: &[&str]| {
        let arguments = ["plan", "--base", base, "--head", head, "--source", &url, "--state-dir", "state"];
        Line::new(room.path(), arguments.iter().chain(flags)).run()
    };
    insta::assert_snapshot!(compare("main", "my-branch", &[]).well(), @"
    ulm-1
      roles.sbc.adapters.lan.addresses  10.1.0.21/24 -> 10.1.0.22/24: takes no calls meanwhile, a VM goes off
    ");
    assert_eq!(compare("main", "my-branch", &["--ref", "my-branch"]).well(), compare("my-branch~1", "my-branch", &[]).well());
    insta::assert_snapshot!(refusal(compare("main", "other", &[]), &url), @"
    error: cannot read revision `other`
      cause: `other` names no commit of `<url>`
      cause: revspec 'other' not found; class=Reference (4); code=NotFound (-3)
    hint: name a branch or a tag that `git ls-remote` lists there, or a commit on the branch that --ref names
    ");
    insta::assert_snapshot!(refusal(compare("main", "my-branch", &["--ref", "nosuch"]), &url), @"
    error: cannot read `<url>`
      cause: `<url>` has no branch or tag `nosuch`
    hint: name a branch or a tag of that repository with --ref: `git ls-remote` lists them
    ");
}
