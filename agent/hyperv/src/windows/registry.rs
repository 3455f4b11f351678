//! The registry, read and written through `StdRegProv`.
//!
//! Guarantees: a key or value that does not exist is `None` or `false`, anything else that fails is an error; a value is read as the
//! type that it is asked for, never converted. Deliberately absent: every hive but the local machine's, and security descriptors.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use super::{Windows, WindowsError};
use crate::classes;
use crate::peer::{Input, Peer, TalkError};
use crate::return_code::{Family, NOT_FOUND, ReturnCode};

/// `HKEY_LOCAL_MACHINE`.
const LOCAL_MACHINE: u32 = 0x8000_0002;
/// `WBEM_E_TYPE_MISMATCH`: the value is there and of another type.
const TYPE_MISMATCH: u32 = 0x8004_1005;
const ACCESS_DENIED: u32 = 5;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `REG_SZ`.
    Text,
    /// `REG_EXPAND_SZ`.
    ExpandedText,
    /// `REG_BINARY`.
    Binary,
    /// `REG_DWORD`.
    Number,
    /// `REG_MULTI_SZ`.
    Texts,
    /// `REG_QWORD`.
    WideNumber,
    /// One that `StdRegProv` cannot read.
    Other(i64),
}

impl Kind {
    fn of(number: i64) -> Self {
        match number {
            1 => Self::Text,
            2 => Self::ExpandedText,
            3 => Self::Binary,
            4 => Self::Number,
            7 => Self::Texts,
            11 => Self::WideNumber,
            other => Self::Other(other),
        }
    }
}

/// The data of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// `REG_SZ`.
    Text(String),
    /// `REG_EXPAND_SZ`; read, its variables are replaced.
    ExpandedText(String),
    /// `REG_BINARY`.
    Binary(Vec<u8>),
    /// `REG_DWORD`.
    Number(u32),
    /// `REG_MULTI_SZ`.
    Texts(Vec<String>),
    /// `REG_QWORD`.
    WideNumber(u64),
}

impl Data {
    fn setter(&self) -> (&'static str, &'static str) {
        match self {
            Self::Text(_) => ("SetStringValue", "sValue"),
            Self::ExpandedText(_) => ("SetExpandedStringValue", "sValue"),
            Self::Binary(_) => ("SetBinaryValue", "uValue"),
            Self::Number(_) => ("SetDWORDValue", "uValue"),
            Self::Texts(_) => ("SetMultiStringValue", "sValue"),
            Self::WideNumber(_) => ("SetQWORDValue", "uValue"),
        }
    }
}

impl From<&Data> for CimValue {
    fn from(data: &Data) -> Self {
        match data {
            Data::Text(text) | Data::ExpandedText(text) => text.as_str().into(),
            Data::Binary(octets) => octets.clone().into(),
            Data::Number(number) => (*number).into(),
            Data::Texts(texts) => texts.clone().into(),
            Data::WideNumber(number) => (*number).into(),
        }
    }
}

/// What somebody may do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `KEY_READ`.
    Read,
    /// `KEY_WRITE`.
    Write,
}

/// The registry of one machine.
#[derive(Debug, Clone, Copy)]
pub struct Registry<'w> {
    peer: &'w Peer,
}

impl Windows {
    /// Its registry.
    #[must_use]
    pub fn registry(&self) -> Registry<'_> {
        Registry::of(self.peer())
    }
}

impl<'w> Registry<'w> {
    pub(crate) fn of(peer: &'w Peer) -> Self {
        Self { peer }
    }

    async fn call(&self, method: &'static str, input: &Input) -> Result<(u32, CimInstance), TalkError> {
        let target = CimPath::class_of(Namespace::CIMV2, classes::REGISTRY);
        let answer = self.peer.invoke(&target, method, input).await?;
        Ok((answer.value, answer.out))
    }

    /// What a method that only reads told; `None` when there is no such key or value.
    async fn read(&self, method: &'static str, input: &Input) -> Result<Option<CimInstance>, TalkError> {
        match self.call(method, input).await? {
            (0, out) => Ok(Some(out)),
            (NOT_FOUND, _) => Ok(None),
            (value, _) => Err(self.peer.refused(method, ReturnCode { family: Family::Windows, value })),
        }
    }

    async fn write(&self, method: &'static str, key: &str, input: &Input) -> Result<u32, WindowsError> {
        match self.call(method, input).await? {
            (value @ (0 | NOT_FOUND), _) => Ok(value),
            (value, _) => Err(WindowsError::refused(method, format!("key `{key}`"), (Family::Windows, value))),
        }
    }

    async fn value(&self, method: &'static str, (key, name): (&str, &str)) -> Result<Option<CimInstance>, TalkError> {
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into()), ("sValueName", name.into())];
        match self.call(method, &input).await? {
            (0, out) => Ok(Some(out)),
            // There, but of another type than it is to have: as good as missing for who wants that type.
            (NOT_FOUND | TYPE_MISMATCH, _) => Ok(None),
            (value, _) => Err(self.peer.refused(method, ReturnCode { family: Family::Windows, value })),
        }
    }

    /// The names of the keys right below `key`; `None` when there is no such key.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn keys(&self, key: &str) -> Result<Option<Vec<String>>, TalkError> {
        const METHOD: &str = "EnumKey";
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into())];
        let Some(out) = self.read(METHOD, &input).await? else { return Ok(None) };
        let names = self.peer.read(METHOD, out.texts("sNames").map_err(Into::into))?;
        Ok(Some(names.into_iter().map(str::to_owned).collect()))
    }

    /// The names and types of the values of `key`; `None` when there is no such key.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn values(&self, key: &str) -> Result<Option<Vec<(String, Kind)>>, TalkError> {
        const METHOD: &str = "EnumValues";
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into())];
        let Some(out) = self.read(METHOD, &input).await? else { return Ok(None) };
        let names = self.peer.read(METHOD, out.texts("sNames").map_err(Into::into))?;
        let kinds = self.peer.read(METHOD, out.unsigneds("Types").map_err(Into::into))?;
        let kinds = kinds.into_iter().map(|kind| Kind::of(i64::try_from(kind).unwrap_or(i64::MAX)));
        Ok(Some(names.into_iter().map(str::to_owned).zip(kinds).collect()))
    }

    /// A text; `None` when it is not there or is none.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn text(&self, key: &str, name: &str) -> Result<Option<String>, TalkError> {
        const METHOD: &str = "GetStringValue";
        let Some(out) = self.value(METHOD, (key, name)).await? else { return Ok(None) };
        let text = self.peer.read(METHOD, out.text("sValue").map_err(Into::into))?;
        Ok(text.map(str::to_owned))
    }

    /// A text whose variables are replaced.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn expanded_text(&self, key: &str, name: &str) -> Result<Option<String>, TalkError> {
        const METHOD: &str = "GetExpandedStringValue";
        let Some(out) = self.value(METHOD, (key, name)).await? else { return Ok(None) };
        let text = self.peer.read(METHOD, out.text("sValue").map_err(Into::into))?;
        Ok(text.map(str::to_owned))
    }

    /// Several texts.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn texts(&self, key: &str, name: &str) -> Result<Option<Vec<String>>, TalkError> {
        const METHOD: &str = "GetMultiStringValue";
        let Some(out) = self.value(METHOD, (key, name)).await? else { return Ok(None) };
        let texts = self.peer.read(METHOD, out.texts("sValue").map_err(Into::into))?;
        Ok(Some(texts.into_iter().map(str::to_owned).collect()))
    }

    /// A number of 32 bits.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn number(&self, key: &str, name: &str) -> Result<Option<u32>, TalkError> {
        let found = self.wide("GetDWORDValue", (key, name)).await?;
        Ok(found.and_then(|number| u32::try_from(number).ok()))
    }

    /// A number of 64 bits.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn wide_number(&self, key: &str, name: &str) -> Result<Option<u64>, TalkError> {
        self.wide("GetQWORDValue", (key, name)).await
    }

    async fn wide(&self, method: &'static str, place: (&str, &str)) -> Result<Option<u64>, TalkError> {
        let Some(out) = self.value(method, place).await? else { return Ok(None) };
        self.peer.read(method, out.unsigned("uValue").map_err(Into::into))
    }

    /// Octets.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn binary(&self, key: &str, name: &str) -> Result<Option<Vec<u8>>, TalkError> {
        const METHOD: &str = "GetBinaryValue";
        let Some(out) = self.value(METHOD, (key, name)).await? else { return Ok(None) };
        let octets = self.peer.read(METHOD, out.unsigneds("uValue").map_err(Into::into))?;
        Ok(Some(octets.into_iter().map(|octet| u8::try_from(octet).unwrap_or(u8::MAX)).collect()))
    }

    /// Sets a value of a key that is there.
    ///
    /// # Errors
    /// `Missing` when there is no such key; `Refused` by its return value.
    pub async fn set(&self, key: &str, name: &str, data: &Data) -> Result<(), WindowsError> {
        let (method, parameter) = data.setter();
        let place = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into()), ("sValueName", name.into())];
        let input: Vec<_> = place.into_iter().chain([(parameter, data.into())]).collect();
        match self.write(method, key, &input).await? {
            0 => Ok(()),
            _ => Err(WindowsError::Missing(format!("key `{key}`"))),
        }
    }

    /// Makes a key, and those above it; one that is there stays as it is.
    ///
    /// # Errors
    /// `Refused` by its return value.
    pub async fn create_key(&self, key: &str) -> Result<(), WindowsError> {
        match self.write("CreateKey", key, &[("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into())]).await? {
            0 => Ok(()),
            value => Err(WindowsError::refused("CreateKey", format!("key `{key}`"), (Family::Windows, value))),
        }
    }

    /// Removes a key without keys below it, with its values; `false` when there was none.
    ///
    /// # Errors
    /// `Refused` by its return value.
    pub async fn delete_key(&self, key: &str) -> Result<bool, WindowsError> {
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into())];
        Ok(self.write("DeleteKey", key, &input).await? == 0)
    }

    /// Removes a value; `false` when there was none.
    ///
    /// # Errors
    /// `Refused` by its return value.
    pub async fn delete_value(&self, key: &str, name: &str) -> Result<bool, WindowsError> {
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into()), ("sValueName", name.into())];
        Ok(self.write("DeleteValue", key, &input).await? == 0)
    }

    /// Whether our account may do so with a key; `None` when there is no such key.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn may(&self, key: &str, access: Access) -> Result<Option<bool>, TalkError> {
        const METHOD: &str = "CheckAccess";
        let required: u32 = match access {
            Access::Read => 0x2_0019,
            Access::Write => 0x2_0006,
        };
        let input = [("hDefKey", LOCAL_MACHINE.into()), ("sSubKeyName", key.into()), ("uRequired", required.into())];
        match self.call(METHOD, &input).await? {
            (0, out) => self.peer.read(METHOD, out.boolean("bGranted").map_err(Into::into)),
            (ACCESS_DENIED, _) => Ok(Some(false)),
            (NOT_FOUND, _) => Ok(None),
            (value, _) => Err(self.peer.refused(METHOD, ReturnCode { family: Family::Windows, value })),
        }
    }
}
