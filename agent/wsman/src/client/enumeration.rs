//! Enumerations: what a query, a class, a selector filter or an association selects, page by page.
//!
//! Guarantees: all of it or an error; each page is asked for with the newest context; an abandoned enumeration is released, also when the
//! future that waits for it is dropped; a host that refuses the query's language is asked for the whole class, and the query is answered
//! here. Deliberately absent: a stream of pages: what is read of a host is small, and half of it is worth nothing.

use std::cell::LazyCell;

use super::Client;
use super::filter::Query;
use super::patience::Patience;
use crate::cim::element::typed;
use crate::cim::{CimInstance, CimPath, ClassName, Key, Name, Namespace};
use crate::envelope::{
    Associations, Enumerate, Enumeration, Envelope, Filter, FilterBody, Header, Item, Page, Pull, Request, Response, action, dialect,
};
use crate::error::Error;
use crate::fault::FaultKind;
use crate::resource::ResourceUri;

/// Pages without an item and without an end that are borne with before they are taken for a fault of the host.
const EMPTY_PAGES: usize = 16;
/// Pages that the host may fail to fill in its time, one after the other.
const LATE_PAGES: usize = 5;

/// Which instances are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// What a query in WQL finds.
    Query(String),
    /// Every instance of a class and of those that derive from it.
    Class(ClassName),
    /// The instances of a class whose properties have these values. No arrays, datetimes or references (MS-WSMV 3.1.4.1.13).
    Selectors(ClassName, Vec<(Name, Key)>),
    /// What is associated with an instance, or the associations themselves.
    Associated(Box<Associations>),
}

/// A context that the host keeps for us. Dropping it in the middle of a page gives it back.
struct Context<'c> {
    client: &'c Client,
    resource: ResourceUri,
    held: Option<String>,
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.held.take() {
            let resource = self.resource.clone();
            self.client.bid(|client| async move { client.release(resource, context).await });
        }
    }
}

impl Client {
    /// The instances that the query `wql` selects in `namespace`.
    ///
    /// # Errors
    /// See [`Error`]; nothing is given back when a page is missing.
    pub async fn query(&self, namespace: &Namespace, wql: &str) -> Result<Vec<CimInstance>, Error> {
        self.instances(namespace, &Selection::Query(wql.to_owned())).await
    }

    /// The same, each with its path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn query_with_paths(&self, namespace: &Namespace, wql: &str) -> Result<Vec<(CimPath, CimInstance)>, Error> {
        self.instances_with_paths(namespace, &Selection::Query(wql.to_owned())).await
    }

    /// The paths of the instances that the query `wql` selects in `namespace`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn enumerate_paths(&self, namespace: &Namespace, wql: &str) -> Result<Vec<CimPath>, Error> {
        self.paths(namespace, &Selection::Query(wql.to_owned())).await
    }

    /// The selected instances of `namespace`. Of a query that names columns, the instances have these only.
    ///
    /// # Errors
    /// See [`Error`]; nothing is given back when a page is missing.
    pub async fn instances(&self, namespace: &Namespace, selection: &Selection) -> Result<Vec<CimInstance>, Error> {
        let items = self.enumerate(namespace, selection, Enumeration::Objects).await?;
        let class = LazyCell::new(|| match selection {
            Selection::Query(wql) => Query::parse(wql).map(|query| query.class),
            _ => None,
        });
        let object = |item| match item {
            Item::Object(instance) | Item::ObjectAndPath(instance, _) => Ok(instance),
            // A fragment does not say what it is one of, and so not what its texts mean; the query does.
            Item::Fragment(fragment) => Ok(match &*class {
                Some(class) => typed(fragment, class, namespace.as_str()),
                None => fragment,
            }),
            Item::Path(_) | Item::Other(_) => Err(self.unexpected("Pull", "an object")),
        };
        items.into_iter().map(object).collect()
    }

    /// The same, each with its path.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn instances_with_paths(&self, namespace: &Namespace, selection: &Selection) -> Result<Vec<(CimPath, CimInstance)>, Error> {
        let items = self.enumerate(namespace, selection, Enumeration::ObjectsAndReferences).await?;
        let pair = |item| match item {
            Item::ObjectAndPath(instance, path) => Ok((path, instance)),
            _ => Err(self.unexpected("Pull", "an object with its reference")),
        };
        items.into_iter().map(pair).collect()
    }

    /// The paths of the selected instances.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn paths(&self, namespace: &Namespace, selection: &Selection) -> Result<Vec<CimPath>, Error> {
        let items = self.enumerate(namespace, selection, Enumeration::References).await?;
        let path = |item| match item {
            Item::Path(path) | Item::ObjectAndPath(_, path) => Ok(path),
            _ => Err(self.unexpected("Pull", "a reference")),
        };
        items.into_iter().map(path).collect()
    }

    async fn enumerate(&self, namespace: &Namespace, selection: &Selection, mode: Enumeration) -> Result<Vec<Item>, Error> {
        let refused = match self.patiently(namespace, selection, mode).await {
            Err(error) if error.fault().is_some_and(|fault| fault.kind() == FaultKind::InvalidQuery) => error,
            done => return done,
        };
        // Whoever refuses a query may still give the class. What this cannot answer either stays refused, in the host's own words.
        let Selection::Query(wql) = selection else { return Err(refused) };
        let Some(query) = Query::parse(wql) else { return Err(refused) };
        tracing::debug!(endpoint = %self.shared.address, class = %query.class, "the query is refused; the whole class is read");
        let mode = if mode == Enumeration::Objects { mode } else { Enumeration::ObjectsAndReferences };
        let mut items = self.patiently(namespace, &Selection::Class(query.class.clone()), mode).await?;
        items.retain(|item| match item {
            Item::Object(instance) | Item::ObjectAndPath(instance, _) => query.accepts(instance),
            Item::Path(_) | Item::Fragment(_) | Item::Other(_) => true,
        });
        Ok(items)
    }

    async fn patiently(&self, namespace: &Namespace, selection: &Selection, mode: Enumeration) -> Result<Vec<Item>, Error> {
        let mut patience = Patience::default();
        loop {
            match self.pages(namespace, selection, (mode, &patience)).await {
                Err(error) if patience.bears(self, &error) => {}
                done => return done,
            }
        }
    }

    /// Every item of one enumeration. WQL belongs on the URI of all classes; on that of a class Windows refuses it.
    async fn pages(
        &self,
        namespace: &Namespace,
        selection: &Selection,
        (mode, patience): (Enumeration, &Patience),
    ) -> Result<Vec<Item>, Error> {
        let max_elements = Some(self.shared.settings.max_elements);
        let (address, filter) = self.addressed(namespace, selection);
        let header = |action| {
            let mut header = Header { selectors: address.selectors.clone(), ..self.header(action, address.resource.clone()) };
            patience.grant(&mut header);
            header
        };
        let begin = Enumerate { filter, mode, optimize: true, max_elements };
        let mut page = match self.exchange(Envelope { header: header(action::ENUMERATE), body: Request::Enumerate(begin) }).await? {
            Response::Enumerate(page) => page,
            _ => return Err(self.unexpected("Enumerate", "an enumeration")),
        };
        let (mut items, mut empty_pages, mut late_pages) = (vec![], 0, 0);
        let mut kept = Context { client: self, resource: address.resource.clone(), held: None };
        loop {
            let Page { context, items: more, end } = page;
            empty_pages = if more.is_empty() { empty_pages + 1 } else { 0 };
            items.extend(more);
            // The end is said, or shown by a missing context: both occur.
            let Some(context) = context.filter(|_| !end) else { return Ok(items) };
            if items.len() > self.shared.settings.max_items || empty_pages > EMPTY_PAGES {
                self.release(address.resource, context).await;
                return Err(self.unexpected("Pull", "an end in reasonable length"));
            }
            page = loop {
                kept.held = Some(context.clone());
                let pull = Request::Pull(Pull { context: context.clone(), max_elements, ..Pull::default() });
                let pulled = self.exchange(Envelope { header: header(action::PULL), body: pull }).await;
                kept.held = None;
                match pulled {
                    Ok(Response::Pull(page)) => break page,
                    Ok(_) => {
                        self.release(address.resource, context).await;
                        return Err(self.unexpected("Pull", "a page"));
                    }
                    // The host did not finish the page in its time; the context is as good as before.
                    Err(error) if is_late(&error) && late_pages < LATE_PAGES => late_pages += 1,
                    Err(error) => {
                        // The context may be used up or not; the host forgets it in a minute where this does not reach it.
                        if error.fault().is_some_and(|fault| fault.kind() != FaultKind::InvalidEnumerationContext) {
                            self.release(address.resource, context).await;
                        }
                        return Err(error);
                    }
                }
            };
            late_pages = 0;
        }
    }

    /// The resource that is enumerated, and the filter.
    fn addressed(&self, namespace: &Namespace, selection: &Selection) -> (Address, Option<Filter>) {
        let all = || Address { resource: ResourceUri::AllClasses(namespace.clone()), selectors: vec![] };
        let filter = |dialect: &str, body| Some(Filter { dialect: Some(dialect.to_owned()), body });
        match selection {
            Selection::Query(wql) => (all(), Some(Filter::wql(wql))),
            Selection::Class(class) => (self.address(namespace, class), None),
            Selection::Selectors(class, wanted) => {
                (self.address(namespace, class), filter(dialect::SELECTOR, FilterBody::Selectors(wanted.clone())))
            }
            Selection::Associated(wanted) => (all(), filter(dialect::ASSOCIATION, FilterBody::Associations(wanted.clone()))),
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

/// Where a class is, in the spelling that the settings say.
pub(super) struct Address {
    pub(super) resource: ResourceUri,
    pub(super) selectors: Vec<(Name, Key)>,
}

fn is_late(error: &Error) -> bool {
    error.fault().is_some_and(|fault| fault.kind() == FaultKind::TimedOut)
}
