//! The host of an appliance.

use std::net::IpAddr;

use super::address::{Fact, FactKey};
use super::closure::Resolver;
use crate::desired::{Authentication, DesiredHost, Place, Scheme};
use crate::diagnostic::Code;
use crate::manifest::{Fault, HostSpec, Layer, Spanned};

/// WS-Management over TLS and in clear text.
const PORT_HTTPS: u16 = 5986;
const PORT_HTTP: u16 = 5985;

impl<'a> Resolver<'a> {
    /// A value of `spec.host`.
    fn host_value<T>(&mut self, key: &str, get: impl Fn(&'a HostSpec) -> Option<&'a Spanned<T>>) -> Option<&'a Spanned<T>> {
        self.stack.pick(|| format!("spec.host.{key}"), |layer: &'a Layer| layer.host.as_ref().and_then(&get), None)
    }

    fn host_needs<T>(&mut self, key: &str, get: impl Fn(&'a HostSpec) -> Option<&'a Spanned<T>>) -> Option<&'a Spanned<T>> {
        let found = self.host_value(key, get);
        if found.is_none() {
            self.missing(Code::MissingKey, &format!("spec.host.{key}"), self.cx.appliance.origin);
        }
        found
    }

    pub(super) fn host(&mut self) -> Option<DesiredHost> {
        let address = self.host_needs("address", |host| host.address.as_ref());
        let credential = self.host_needs("credential", |host| host.credential.as_ref());
        let directory = self.host_needs("directory", |host| host.directory.as_ref());
        let scheme = self.host_value("scheme", |host| host.scheme.as_ref());
        let port = self.host_value("port", |host| host.port.as_ref());
        let place = self.host_value("place", |host| host.place.as_ref());
        let fingerprint = self.host_value("fingerprint", |host| host.fingerprint.as_ref());
        if let Some(name) = self.host_value("name", |host| host.name.as_ref()) {
            self.check_computer_name(name);
            self.facts.push(Fact::own(FactKey::Computer(name.value.clone()), name.origin));
        }
        if let Some(place) = place.filter(|place| place.value == Place::Remote) {
            let message = "the agent runs on another machine than this host";
            let hint = "it does everything but install and prepare a standby instance, which need the management switch on the host";
            self.faults.push(Fault::new(Code::RemotePlace, place.origin, message).hint(hint));
        }
        if let Some(directory) = directory.filter(|directory| directory.value.as_str().contains(' ')) {
            let fault = Fault::new(Code::DirectoryWithSpaces, directory.origin, "the appliance directory holds a space");
            self.faults.push(fault.hint("the product's tools cut paths at spaces; use a path without"));
        }
        let scheme = scheme.map_or(Scheme::Https, |scheme| scheme.value);
        let authentication = self.host_value("authentication", |host| host.authentication.as_ref());
        if let Some(authentication) = authentication {
            self.check_authentication(authentication, scheme, address.map(|address| address.value.as_str()));
        }
        let standard = if scheme == Scheme::Https { PORT_HTTPS } else { PORT_HTTP };
        let port = port.and_then(|port| u16::try_from(port.value.get()).ok()).unwrap_or(standard);
        if let Some(address) = address {
            let endpoint = format!("{}:{port}", address.value.as_str().to_ascii_lowercase());
            self.facts.push(Fact::own(FactKey::Endpoint(endpoint.into()), address.origin));
        }
        Some(DesiredHost {
            address: address?.value.as_str().to_owned(),
            port,
            scheme,
            fingerprint: fingerprint.map(|fingerprint| fingerprint.value.as_str().to_owned()),
            place: place.map_or(Place::OnHost, |place| place.value),
            credential: credential?.value.clone(),
            authentication: authentication.map_or(Authentication::Negotiate, |authentication| authentication.value),
            root: directory?.value.clone(),
        })
    }

    /// Whether `authentication` can be used over `scheme` to `address`.
    pub(super) fn check_authentication(&mut self, authentication: &Spanned<Authentication>, scheme: Scheme, address: Option<&str>) {
        let is_numbered = || address.is_some_and(|address| address.parse::<IpAddr>().is_ok());
        let (message, hint) = match (authentication.value, scheme) {
            (Authentication::BasicInClear, Scheme::Http) => {
                let fault = Fault::new(Code::ClearText, authentication.origin, "anybody on the way to this host can read the password");
                self.faults.push(fault.hint("write `authentication: negotiate`, which seals every message, or use https"));
                return;
            }
            (Authentication::Basic, Scheme::Http) => (
                "over http, Basic sends the password in clear",
                "write `negotiate`, use https, or write `basicInClear` if that is really meant",
            ),
            (Authentication::BasicInClear, Scheme::Https) => ("over https nothing is in clear", "write `basic`"),
            (Authentication::Certificate, Scheme::Http) => {
                ("a client certificate is shown only within TLS", "use https, or write `negotiate`")
            }
            (Authentication::Kerberos, _) if is_numbered() => {
                ("Kerberos knows hosts by name, and the address is a number", "write the host's DNS name as its `address`, or `negotiate`")
            }
            _ => return,
        };
        self.faults.push(Fault::new(Code::UnfitAuthentication, authentication.origin, message).hint(hint));
    }
}
