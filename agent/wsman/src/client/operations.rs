//! The operations on one instance or class: each one request. A read whose connection died is asked once more; nothing else is.

use super::enumeration::Address;
use super::patience::Patience;
use super::{Client, Spelling};
use crate::check;
use crate::cim::{CimInstance, CimPath, CimValue, ClassName, Key, Name, Namespace};
use crate::envelope::{Envelope, Header, Identity, Invoke, Payload, Request, Response, action};
use crate::error::Error;
use crate::resource::{CIM_NAMESPACE, ResourceUri};

/// What a method gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodOutput {
    /// Its return value; what it means is the method's own.
    pub return_value: u32,
    /// Its out parameters.
    pub out: CimInstance,
}

impl Client {
    /// Who the host says it is.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn identify(&self) -> Result<Identity, Error> {
        // Identify has no addressing headers at all.
        let request = Envelope { header: Header::default(), body: Request::Identify };
        let mut patience = Patience::default();
        loop {
            match self.exchange(request.clone()).await {
                Ok(Response::Identify(identity)) => return Ok(identity),
                Ok(_) => return Err(self.unexpected("Identify", "an identity")),
                Err(error) if patience.bears(self, &error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The instance at `path`.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_not_found`] when there is none.
    pub async fn get(&self, path: &CimPath) -> Result<CimInstance, Error> {
        self.checked("Get", check::target(path))?;
        let mut patience = Patience::default();
        loop {
            let mut header = self.upon(path, action::GET);
            patience.grant(&mut header);
            match self.exchange(Envelope { header, body: Request::Get }).await {
                Ok(Response::Object(instance)) => return Ok(instance),
                Ok(_) => return Err(self.unexpected("Get", "an instance")),
                Err(error) if patience.bears(self, &error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Changes the properties that `instance` has at `path`; gives the instance as it is then.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put(&self, path: &CimPath, instance: &CimInstance) -> Result<CimInstance, Error> {
        self.checked("Put", check::target(path).and_then(|()| check::instance(path.namespace(), instance)))?;
        let body = Request::Put(Payload::new(path.namespace(), instance));
        match self.exchange(Envelope { header: self.upon(path, action::PUT), body }).await? {
            Response::Object(instance) => Ok(instance),
            _ => Err(self.unexpected("Put", "an instance")),
        }
    }

    /// Makes `instance` in `namespace`; gives its path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(&self, namespace: &Namespace, instance: &CimInstance) -> Result<CimPath, Error> {
        self.checked("Create", check::instance(namespace, instance))?;
        let class = CimPath::class_of(namespace.clone(), instance.class().clone());
        let body = Request::Create(Payload::new(namespace, instance));
        match self.exchange(Envelope { header: self.upon(&class, action::CREATE), body }).await? {
            Response::Created(reference) => {
                reference.path_in(namespace.as_str()).map_err(|_| self.unexpected("Create", "a reference to the instance"))
            }
            _ => Err(self.unexpected("Create", "a reference")),
        }
    }

    /// Removes the instance at `path`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete(&self, path: &CimPath) -> Result<(), Error> {
        self.checked("Delete", check::target(path))?;
        match self.exchange(Envelope { header: self.upon(path, action::DELETE), body: Request::Delete }).await? {
            Response::Empty => Ok(()),
            _ => Err(self.unexpected("Delete", "an empty body")),
        }
    }

    /// Calls `method` at `path`: of an instance when it has keys, of the class when it has none.
    ///
    /// # Errors
    /// See [`Error`]. A return value is no error here.
    pub async fn invoke(&self, path: &CimPath, method: &str, values: &[(&str, CimValue)]) -> Result<MethodOutput, Error> {
        self.checked(method, check::call(path, method, values))?;
        let invoke = Invoke::new(method, values, |name| check::declared(path, method, name));
        let mut header = self.upon(path, "");
        header.action = header.resource.as_ref().map(|resource| format!("{resource}/{method}"));
        match self.exchange(Envelope { header, body: Request::Invoke(invoke) }).await? {
            Response::Output(output) if output.method.eq_ignore_ascii_case(method) => {
                let returned = output.values.get("ReturnValue").as_u64().and_then(|n| u32::try_from(n).ok());
                let return_value = returned.ok_or_else(|| self.unexpected(method, "a return value"))?;
                Ok(MethodOutput { return_value, out: output.values })
            }
            _ => Err(self.unexpected(method, "the method's output")),
        }
    }

    /// The header of a request upon the instance or the class at `path`.
    fn upon(&self, path: &CimPath, action: &str) -> Header {
        let Address { resource, selectors } = self.address(path.namespace(), path.class());
        let mut header = self.header(action, resource);
        header.selectors = path.keys().map(|(name, key): (&Name, &Key)| (name.clone(), key.clone())).collect();
        header.selectors.extend(selectors);
        header
    }

    /// Where `class` of `namespace` is, as the settings spell it.
    pub(super) fn address(&self, namespace: &Namespace, class: &ClassName) -> Address {
        match self.shared.settings.spelling {
            Spelling::Microsoft => Address { resource: ResourceUri::Class(namespace.clone(), class.clone()), selectors: vec![] },
            Spelling::Dmtf => Address {
                resource: ResourceUri::DmtfClass(class.clone()),
                selectors: vec![(Name::from(CIM_NAMESPACE), Key::Text(namespace.to_string()))],
            },
        }
    }
}
