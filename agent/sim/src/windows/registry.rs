//! The registry: `StdRegProv`, in both of its namespaces.
//!
//! Guarantees: keys that say something of what is simulated are computed from it, so they cannot disagree with the classes; the
//! others are kept as they are written. Deliberately absent: hives other than the local machine's, security descriptors, and
//! writing of computed keys, which only their own methods change.

pub(crate) mod hive;

use wsman::cim::{CimInstance, CimValue};

use crate::machine::{Output, WmiError};
use crate::windows::Windows;
use crate::windows::certificate_blob;
use crate::windows::certificate_store::{Certificate, StoreName};
use crate::windows::domain::Membership;
use crate::windows::software::RestartCause;
use hive::{Data, Hive, NotDeleted};

/// The predefined hives that StdRegProv knows.
const HIVES: [u64; 5] = [0x8000_0000, 0x8000_0001, LOCAL_MACHINE, 0x8000_0003, 0x8000_0005];
const LOCAL_MACHINE: u64 = 0x8000_0002;

// Win32 error codes.
const NOT_FOUND: u32 = 2;
const ACCESS_DENIED: u32 = 5;
const INVALID_HANDLE: u32 = 6;
const INVALID_PARAMETER: u32 = 87;
// WBEM_E_TYPE_MISMATCH, which StdRegProv returns rather than raises.
const TYPE_MISMATCH: u32 = 0x8004_1005;

/// `KEY_SET_VALUE`, `KEY_CREATE_SUB_KEY` and `DELETE`.
const WRITES: u64 = 0x0002 | 0x0004 | 0x1_0000;

const NAMES: &str = r"SYSTEM\CurrentControlSet\Control\ComputerName";
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
const NETLOGON: &str = r"SYSTEM\CurrentControlSet\Services\Netlogon";
const WINDOWS: &str = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const EXTERNAL: &str = r"SOFTWARE\Microsoft\Virtual Machine\External";
const GUEST: &str = r"SOFTWARE\Microsoft\Virtual Machine\Guest";
const SERVICING: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing";
const SESSION_MANAGER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager";
const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const CERTIFICATES: &str = r"SOFTWARE\Microsoft\SystemCertificates";
const AUTO_UPDATE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update";

/// The input of one call.
struct Call<'i> {
    input: &'i CimInstance,
    key: String,
    value: String,
}

impl Call<'_> {
    fn data(&self, method: &str) -> Option<Data> {
        let text = || self.input.text("sValue").ok().flatten().map(str::to_owned);
        let number = || self.input.unsigned("uValue").ok().flatten();
        let octets = || {
            let values = self.input.unsigneds("uValue").ok()?;
            values.into_iter().map(|octet| u8::try_from(octet).ok()).collect::<Option<Vec<_>>>()
        };
        let texts = || Some(self.input.texts("sValue").ok()?.into_iter().map(str::to_owned).collect());
        Some(match KINDS.iter().position(|kind| method[3..].eq_ignore_ascii_case(kind))? {
            0 => Data::Text(text()?),
            1 => Data::ExpandedText(text()?),
            2 => Data::Binary(octets()?),
            3 => Data::Number(u32::try_from(number()?).ok()?),
            4 => Data::Texts(texts()?),
            _ => Data::WideNumber(number()?),
        })
    }
}

/// What follows `Get` and `Set` in the methods' names.
const KINDS: [&str; 6] = ["StringValue", "ExpandedStringValue", "BinaryValue", "DWORDValue", "MultiStringValue", "QWORDValue"];

/// Whether `method` is `verb` with one of the kinds.
fn is_of(method: &str, verb: &str) -> bool {
    let (head, kind) = (method.get(..3).unwrap_or_default(), method.get(3..).unwrap_or_default());
    head.eq_ignore_ascii_case(verb) && KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

impl Windows {
    /// Runs a method of `StdRegProv`.
    pub(crate) fn invoke_registry(&mut self, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let is = |name: &str| method.eq_ignore_ascii_case(name);
        let text = |name| input.text(name).ok().flatten().unwrap_or_default().to_owned();
        let call = Call { input, key: text("sSubKeyName").trim_matches('\\').to_owned(), value: text("sValueName") };
        let hive = input.unsigned("hDefKey").ok().flatten().unwrap_or(LOCAL_MACHINE);
        let output = match () {
            () if !HIVES.contains(&hive) => Output::code(INVALID_HANDLE),
            () if hive != LOCAL_MACHINE => Output::code(NOT_FOUND),
            () if is_of(method, "Get") => self.read_value(&call, method),
            () if is_of(method, "Set") => Output::code(self.write_value(&call, method)),
            () if is("EnumKey") => self.keys_below(&call.key),
            () if is("EnumValues") => self.values_of(&call.key),
            () if is("CreateKey") => Output::code(self.create_key(&call.key)),
            () if is("DeleteKey") => Output::code(self.delete_key(&call.key)),
            () if is("DeleteValue") => Output::code(self.delete_value(&call)),
            () if is("CheckAccess") => self.check_access(&call),
            () => return Err(WmiError::method("StdRegProv", method)),
        };
        Ok(output)
    }

    /// The keys that are computed, with those that are kept.
    fn hive(&self) -> Hive {
        let mut all = self.setup.registry.clone();
        self.computed(&mut all);
        all
    }

    fn computed(&self, all: &mut Hive) {
        let next = self.pending_name.as_ref().unwrap_or(&self.computer_name);
        let domain = match (&self.hosts_domain, &self.membership) {
            (Some(domain), _) => domain.name.as_str(),
            (None, Membership::Domain(name)) => name,
            (None, Membership::Workgroup(_)) => "",
        };
        let build = self.version.rsplit('.').next().unwrap_or_default();
        let mut text = |key: &str, name: &str, value: &str| all.put(key, name, Data::Text(value.to_owned()));
        text(&format!(r"{NAMES}\ActiveComputerName"), "ComputerName", &self.computer_name);
        text(&format!(r"{NAMES}\ComputerName"), "ComputerName", next);
        for (name, value) in [("Hostname", &*self.computer_name), ("NV Hostname", next), ("Domain", domain), ("NV Domain", domain)] {
            text(TCPIP, name, value);
        }
        text(WINDOWS, "ProductName", &self.caption);
        text(WINDOWS, "CurrentBuildNumber", build);
        self.received.iter().for_each(|(name, value)| text(EXTERNAL, name, value));
        self.published.iter().for_each(|(name, value)| text(GUEST, name, value));
        all.put(WINDOWS, "CurrentMajorVersionNumber", Data::Number(10));
        for key in [EXTERNAL, GUEST, &format!(r"{NETLOGON}\Parameters"), SERVICING, AUTO_UPDATE] {
            all.create(key);
        }
        // Windows keeps these two from a join until the restart after it.
        if matches!(self.pending_membership, Some(Membership::Domain(_))) {
            all.create(&format!(r"{NETLOGON}\AvoidSpnSet"));
            all.create(&format!(r"{NETLOGON}\JoinDomain"));
        }
        for cause in self.software.awaits_restart() {
            match cause {
                RestartCause::Servicing => all.create(&format!(r"{SERVICING}\RebootPending")),
                RestartCause::Update => all.create(&format!(r"{AUTO_UPDATE}\RebootRequired")),
                RestartCause::Installer => {
                    let files = vec![r"\??\C:\Windows\Installer\replaced.tmp".to_owned(), String::new()];
                    all.put(SESSION_MANAGER, "PendingFileRenameOperations", Data::Texts(files));
                }
            }
        }
        for (code, product) in &self.software.products {
            let key = format!(r"{UNINSTALL}\{code}");
            for (name, value) in [("DisplayName", &product.name), ("DisplayVersion", &product.version), ("Publisher", &product.publisher)] {
                all.put(&key, name, Data::Text(value.clone()));
            }
        }
        for store in StoreName::ALL {
            all.create(&format!(r"{CERTIFICATES}\{}\Certificates", store.as_str()));
            for (thumbprint, certificate) in self.certificates.of(store) {
                let key = format!(r"{CERTIFICATES}\{}\Certificates\{thumbprint}", store.as_str());
                all.put(&key, "Blob", Data::Binary(certificate_blob::write(certificate)));
            }
        }
    }

    /// The store and the thumbprint that a key stands for.
    fn certificate_of(key: &str) -> Option<(StoreName, &str)> {
        let rest = key.get(CERTIFICATES.len()..).filter(|_| key[..CERTIFICATES.len()].eq_ignore_ascii_case(CERTIFICATES))?;
        let [store, certificates, thumbprint] = *rest.strip_prefix('\\')?.split('\\').collect::<Vec<_>>().as_slice() else { return None };
        let store = StoreName::parse(store).filter(|_| certificates.eq_ignore_ascii_case("Certificates"))?;
        Some((store, thumbprint))
    }

    /// Writing a certificate's blob puts it into its store.
    fn put_certificate(&mut self, (store, thumbprint): (StoreName, &str), name: &str, data: &Data) -> u32 {
        let Data::Binary(blob) = data else { return ACCESS_DENIED };
        let known = self.certificates.get(store, thumbprint).and_then(|certificate| certificate.key.clone());
        match certificate_blob::read(blob) {
            Some(certificate) if name.eq_ignore_ascii_case("Blob") && certificate.thumbprint().eq_ignore_ascii_case(thumbprint) => {
                self.certificates.add(store, Certificate { key: known, ..certificate });
                0
            }
            _ => INVALID_PARAMETER,
        }
    }

    /// Whether a key says something of what is simulated.
    fn is_computed(&self, key: &str) -> bool {
        let mut own = Hive::default();
        self.computed(&mut own);
        own.has(key) && own.values(key).is_some_and(|mut values| values.next().is_some())
    }

    fn read_value(&self, call: &Call<'_>, method: &str) -> Output {
        let hive = self.hive();
        let parameter = if method.to_ascii_lowercase().ends_with("stringvalue") { "sValue" } else { "uValue" };
        let Some(data) = hive.value(&call.key, &call.value) else {
            return Output::code(NOT_FOUND).with(parameter, CimValue::Null);
        };
        let kind = method.get(3..).unwrap_or_default();
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        let or_null = |value: Vec<CimValue>| if value.is_empty() { CimValue::Null } else { CimValue::Array(value) };
        let value: CimValue = match data {
            Data::Text(text) if is("StringValue") => text.as_str().into(),
            Data::ExpandedText(text) if is("ExpandedStringValue") => expand(text).into(),
            Data::Binary(octets) if is("BinaryValue") => or_null(octets.iter().map(|octet| (*octet).into()).collect()),
            Data::Number(number) if is("DWORDValue") => (*number).into(),
            Data::Texts(texts) if is("MultiStringValue") => or_null(texts.iter().map(|text| text.as_str().into()).collect()),
            Data::WideNumber(number) if is("QWORDValue") => (*number).into(),
            _ => return Output::code(TYPE_MISMATCH).with(parameter, CimValue::Null),
        };
        Output::code(0).with(parameter, value)
    }

    fn keys_below(&self, key: &str) -> Output {
        let hive = self.hive();
        let names = hive.below(key);
        match (names.is_empty(), hive.has(key)) {
            (_, false) => Output::code(NOT_FOUND).with("sNames", CimValue::Null),
            (true, true) => Output::code(0).with("sNames", CimValue::Null),
            (false, true) => Output::code(0).with("sNames", names),
        }
    }

    fn values_of(&self, key: &str) -> Output {
        let hive = self.hive();
        let Some(values) = hive.values(key) else { return Output::code(NOT_FOUND) };
        let (names, kinds): (Vec<_>, Vec<_>) = values.map(|(name, data)| (name, CimValue::Signed(data.kind()))).unzip();
        if names.is_empty() {
            return Output::code(0).with("sNames", CimValue::Null).with("Types", CimValue::Null);
        }
        Output::code(0).with("sNames", names).with("Types", CimValue::Array(kinds))
    }

    fn write_value(&mut self, call: &Call<'_>, method: &str) -> u32 {
        let Some(data) = call.data(method) else { return INVALID_PARAMETER };
        if call.key.eq_ignore_ascii_case(GUEST) {
            let Data::Text(text) = data else { return ACCESS_DENIED };
            if call.value.is_empty() {
                return INVALID_PARAMETER;
            }
            self.published.insert(call.value.clone(), text);
            return 0;
        }
        if let Some(place) = Self::certificate_of(&call.key) {
            return self.put_certificate(place, &call.value, &data);
        }
        if self.is_computed(&call.key) {
            return ACCESS_DENIED;
        }
        if !self.hive().has(&call.key) {
            return NOT_FOUND;
        }
        self.setup.registry.put(&call.key, &call.value, data);
        0
    }

    fn delete_value(&mut self, call: &Call<'_>) -> u32 {
        if call.key.eq_ignore_ascii_case(GUEST) {
            return if self.published.remove(&call.value).is_some() { 0 } else { NOT_FOUND };
        }
        if self.is_computed(&call.key) {
            return ACCESS_DENIED;
        }
        if self.setup.registry.remove_value(&call.key, &call.value) { 0 } else { NOT_FOUND }
    }

    fn create_key(&mut self, key: &str) -> u32 {
        match () {
            () if key.is_empty() => INVALID_PARAMETER,
            () => {
                self.setup.registry.create(key);
                0
            }
        }
    }

    fn delete_key(&mut self, key: &str) -> u32 {
        let hive = self.hive();
        if let Some((store, thumbprint)) = Self::certificate_of(key) {
            return if self.certificates.remove(store, thumbprint).is_some() { 0 } else { NOT_FOUND };
        }
        match () {
            () if !hive.has(key) => NOT_FOUND,
            () if !hive.below(key).is_empty() => ACCESS_DENIED,
            () => match self.setup.registry.remove(key) {
                Ok(()) => 0,
                Err(NotDeleted::HasKeys | NotDeleted::Missing) => ACCESS_DENIED,
            },
        }
    }

    fn check_access(&self, call: &Call<'_>) -> Output {
        let wanted = call.input.unsigned("uRequired").ok().flatten().unwrap_or(0x3);
        match () {
            () if !self.hive().has(&call.key) => Output::code(NOT_FOUND).with("bGranted", false),
            () if wanted & WRITES != 0 && self.is_computed(&call.key) => Output::code(ACCESS_DENIED).with("bGranted", false),
            () => Output::code(0).with("bGranted", true),
        }
    }
}

/// The variables that every system has, in place of their names.
fn expand(text: &str) -> String {
    let known =
        [("%SystemRoot%", r"C:\Windows"), ("%windir%", r"C:\Windows"), ("%SystemDrive%", "C:"), ("%ProgramFiles%", r"C:\Program Files")];
    known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}
