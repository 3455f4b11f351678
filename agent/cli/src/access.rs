//! By what the repository's remote and we know each other, from settings.
//!
//! Guarantees: nobody is believed whom the system, or the setting in its place, does not vouch for. Deliberately absent: hosts (their trust
//! is `wiring`'s), since whoever may speak for a host must not be able to say what the fleet is to be.

use std::sync::Arc;

use source::{Access, Authorities, HostKeys, Now, Trust};
use wsman::clock::{Clock as _, SystemClock};

use crate::credentials::Credentials;
use crate::error::{Context as _, Failure};
use crate::settings::Settings;

/// Access to the remote that the settings name, as whom the credentials say at that moment.
///
/// # Errors
/// When `sourceCa` or `sourceHostKey` cannot be used.
pub fn access(settings: &Settings, credentials: Arc<Credentials>) -> Result<Access, Failure> {
    let authorities = settings.get("sourceCa").map(authorities).transpose()?;
    let host_keys: Option<HostKeys> =
        settings.get("sourceHostKey").map(str::parse).transpose().context("cannot use the setting `sourceHostKey`")?;
    let known_hosts = std::env::home_dir().map(|home| home.join(".ssh").join("known_hosts"));
    Ok(Access { credentials, trust: Trust { authorities, host_keys, known_hosts } })
}

fn authorities(file: &str) -> Result<Authorities, Failure> {
    let what = || format!("cannot use the authorities in `{file}`");
    let now: Now = Arc::new(|| {
        let since_1970 = SystemClock.now().duration_since(jiff::Timestamp::UNIX_EPOCH);
        // Before 1970 no certificate is good either.
        since_1970.try_into().unwrap_or_default()
    });
    Authorities::from_pem(&std::fs::read(file).context(what())?, now).context(what())
}
