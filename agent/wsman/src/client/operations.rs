//! The operations: each one request, or the pages of one enumeration.

use super::Client;
use crate::check::{self, CheckError};
use crate::cim::{CimInstance, CimPath, CimValue, Key, Name, Namespace};
use crate::envelope::{
    Enumerate, Enumeration, Envelope, Filter, Header, Identity, Invoke, Item, Page, Payload, Pull, Request, Response, action,
};
use crate::error::Error;
use crate::resource::ResourceUri;

/// What a method gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodOutput {
    /// Its return value; what it means is the method's own.
    pub return_value: u32,
    /// Its out parameters.
    pub out: CimInstance,
}

/// Pages without an item and without an end that are borne with before they are taken for a fault of the host.
const EMPTY_PAGES: usize = 16;

impl Client {
    /// Who the host says it is.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn identify(&self) -> Result<Identity, Error> {
        // Identify has no addressing headers at all.
        let request = Envelope { header: Header::default(), body: Request::Identify };
        match self.exchange(request).await? {
            Response::Identify(identity) => Ok(identity),
            _ => Err(self.unexpected("Identify", "an identity")),
        }
    }

    /// The instances that the query `wql` selects in `namespace`.
    ///
    /// # Errors
    /// See [`Error`]; nothing is given back when a page is missing.
    pub async fn query(&self, namespace: &Namespace, wql: &str) -> Result<Vec<CimInstance>, Error> {
        let items = self.enumerate(namespace, wql, Enumeration::Objects).await?;
        items.into_iter().map(|item| self.object(item)).collect()
    }

    /// The same, each with its path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn query_with_paths(&self, namespace: &Namespace, wql: &str) -> Result<Vec<(CimPath, CimInstance)>, Error> {
        let items = self.enumerate(namespace, wql, Enumeration::ObjectsAndReferences).await?;
        let pair = |item| match item {
            Item::ObjectAndPath(instance, path) => Ok((path, instance)),
            _ => Err(self.unexpected("Pull", "an object with its reference")),
        };
        items.into_iter().map(pair).collect()
    }

    /// The paths of the instances that the query `wql` selects in `namespace`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn enumerate_paths(&self, namespace: &Namespace, wql: &str) -> Result<Vec<CimPath>, Error> {
        let items = self.enumerate(namespace, wql, Enumeration::References).await?;
        let path = |item| match item {
            Item::Path(path) => Ok(path),
            _ => Err(self.unexpected("Pull", "a reference")),
        };
        items.into_iter().map(path).collect()
    }

    /// The instance at `path`.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_not_found`] when there is none.
    pub async fn get(&self, path: &CimPath) -> Result<CimInstance, Error> {
        match self.upon(path, action::GET, Request::Get).await? {
            Response::Object(instance) => Ok(instance),
            _ => Err(self.unexpected("Get", "an instance")),
        }
    }

    /// Changes the properties that `instance` has at `path`; gives the instance as it is then.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn put(&self, path: &CimPath, instance: &CimInstance) -> Result<CimInstance, Error> {
        self.checked("Put", check::instance(instance))?;
        let body = Request::Put(Payload::new(path.namespace(), instance));
        match self.upon(path, action::PUT, body).await? {
            Response::Object(instance) => Ok(instance),
            _ => Err(self.unexpected("Put", "an instance")),
        }
    }

    /// Makes `instance` in `namespace`; gives its path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create(&self, namespace: &Namespace, instance: &CimInstance) -> Result<CimPath, Error> {
        self.checked("Create", check::instance(instance))?;
        let class = CimPath::class_of(namespace.clone(), instance.class().clone());
        let body = Request::Create(Payload::new(namespace, instance));
        match self.upon(&class, action::CREATE, body).await? {
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
        match self.upon(path, action::DELETE, Request::Delete).await? {
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
        let action = format!("{}/{method}", ResourceUri::from(path));
        match self.upon(path, action, Request::Invoke(invoke)).await? {
            Response::Output(output) => {
                let returned = output.values.get("ReturnValue").as_u64().and_then(|n| u32::try_from(n).ok());
                let return_value = returned.ok_or_else(|| self.unexpected(method, "a return value"))?;
                Ok(MethodOutput { return_value, out: output.values })
            }
            _ => Err(self.unexpected(method, "the method's output")),
        }
    }

    async fn upon(&self, path: &CimPath, action: impl Into<String>, body: Request) -> Result<Response, Error> {
        let mut header = self.header(action, ResourceUri::from(path));
        header.selectors = path.keys().map(|(name, key): (&Name, &Key)| (name.clone(), key.clone())).collect();
        self.exchange(Envelope { header, body }).await
    }

    fn checked(&self, act: &str, check: Result<(), CheckError>) -> Result<(), Error> {
        check.map_err(|source| Error::Refused { endpoint: self.shared.address.clone(), act: act.to_owned(), source: Box::new(source) })
    }

    fn object(&self, item: Item) -> Result<CimInstance, Error> {
        match item {
            Item::Object(instance) | Item::ObjectAndPath(instance, _) | Item::Fragment(instance) => Ok(instance),
            Item::Path(_) | Item::Other(_) => Err(self.unexpected("Pull", "an object")),
        }
    }

    /// Every item of an enumeration. WQL belongs on the URI of all classes; on that of a class Windows refuses it.
    async fn enumerate(&self, namespace: &Namespace, wql: &str, mode: Enumeration) -> Result<Vec<Item>, Error> {
        let resource = ResourceUri::AllClasses(namespace.clone());
        let max_elements = Some(self.shared.settings.max_elements);
        let begin = Enumerate { filter: Some(Filter::wql(wql)), mode, optimize: true, max_elements };
        let header = self.header(action::ENUMERATE, resource.clone());
        let mut page = match self.exchange(Envelope { header, body: Request::Enumerate(begin) }).await? {
            Response::Enumerate(page) => page,
            _ => return Err(self.unexpected("Enumerate", "an enumeration")),
        };
        let mut items = vec![];
        let mut empty_pages = 0;
        loop {
            let Page { context, items: more, end } = page;
            empty_pages = if more.is_empty() { empty_pages + 1 } else { 0 };
            items.extend(more);
            // The end is said, or shown by a missing context: both occur.
            let Some(context) = context.filter(|_| !end) else { return Ok(items) };
            if items.len() > self.shared.settings.max_items || empty_pages > EMPTY_PAGES {
                self.release(resource, context).await;
                return Err(self.unexpected("Pull", "an end in reasonable length"));
            }
            let pull = Request::Pull(Pull { context: context.clone(), max_elements });
            let header = self.header(action::PULL, resource.clone());
            page = match self.exchange(Envelope { header, body: pull }).await {
                Ok(Response::Pull(page)) => page,
                Ok(_) => {
                    self.release(resource, context).await;
                    return Err(self.unexpected("Pull", "a page"));
                }
                Err(error) => {
                    // The context may be used up or not; the host forgets it in a minute where this does not reach it.
                    if error.fault().is_some() {
                        self.release(resource, context).await;
                    }
                    return Err(error);
                }
            };
        }
    }

    /// Gives an enumeration up. Whether that succeeds changes nothing for the caller: idle ones end by themselves.
    async fn release(&self, resource: ResourceUri, context: String) {
        let header = self.header(action::RELEASE, resource);
        if let Err(error) = self.exchange(Envelope { header, body: Request::Release { context } }).await {
            tracing::debug!(endpoint = %self.shared.address, error = %error, "an enumeration was not released");
        }
    }
}
