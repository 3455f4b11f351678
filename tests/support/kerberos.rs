//! A Kerberos realm of its own: MIT's KDC on the loopback, in a temporary directory, with one user and one service.
//!
//! Guarantees: nothing of the machine's own Kerberos settings is used or changed; it goes with its owner.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::binary::{Line, Running, wait_for};

/// The realm's name.
pub const REALM: &str = "CCE.TEST";

/// See the module.
#[derive(Debug)]
pub struct Realm {
    directory: tempfile::TempDir,
    /// Where the KDC listens: `127.0.0.1:<port>`.
    pub kdc: String,
    _running: Running,
}

impl Realm {
    /// A realm with `user` and the service `HTTP/localhost`.
    pub fn with_user(user: &str, password: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let here = directory.path().to_str().unwrap();
        // Free now; nobody else on the loopback takes a port that was just given.
        let kdc = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().to_string();
        let client = format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n rdns = false\n\
             [realms]\n {REALM} = {{\n  kdc = {kdc}\n }}\n[logging]\n kdc = FILE:{here}/kdc.log\n"
        );
        let server = format!(
            "[kdcdefaults]\n kdc_listen = \"\"\n kdc_tcp_listen = {kdc}\n[realms]\n {REALM} = {{\n  database_name = {here}/principal\n  \
             key_stash_file = {here}/stash\n  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal\n  \
             master_key_type = aes256-cts-hmac-sha1-96\n }}\n"
        );
        std::fs::write(directory.path().join("krb5.conf"), client).unwrap();
        std::fs::write(directory.path().join("kdc.conf"), server).unwrap();
        let tool = |program: &str, arguments: &[&str]| settings(Line::of(&found(program), directory.path(), arguments), directory.path());
        tool("kdb5_util", &["create", "-s", "-r", REALM, "-P", "not-a-secret"]).run().well();
        let keytab = format!("{here}/service.keytab");
        // Windows asks everybody for proof before it gives a ticket; MIT's does where that is said.
        for query in [
            format!("addprinc +requires_preauth -pw \"{password}\" {user}"),
            "addprinc -randkey HTTP/localhost".to_owned(),
            format!("ktadd -k {keytab} HTTP/localhost"),
        ] {
            tool("kadmin.local", &["-r", REALM, "-q", &query]).run().well();
        }
        let running = tool("krb5kdc", &["-n", "-r", REALM, "-P", &format!("{here}/pid")]).start();
        wait_for("the KDC to listen", || std::net::TcpStream::connect(&kdc).ok());
        Self { directory, kdc, _running: running }
    }

    /// `line` as the service of this realm.
    pub fn serve(&self, line: Line) -> Line {
        let keytab = self.directory.path().join("service.keytab");
        settings(line, self.directory.path()).with("KRB5_KTNAME", keytab.to_str().unwrap())
    }
}

fn settings(line: Line, directory: &Path) -> Line {
    let file = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    line.with("KRB5_CONFIG", &file("krb5.conf")).with("KRB5_KDC_PROFILE", &file("kdc.conf")).with("KRB5RCACHEDIR", &file(""))
}

fn found(program: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(program);
    assert!(path.exists(), "{} is missing; run `./tests/run setup`, which installs krb5-kdc and krb5-admin-server", path.display());
    path
}
