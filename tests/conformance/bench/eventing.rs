//! Requests for events.

use super::Ask;

/// The URI of event logs.
pub const EVENT_LOG: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog";

const EVENTING: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing";
const PULL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";
const EVENT_QUERY: &str = "http://schemas.microsoft.com/win/2004/08/events/eventquery";
const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";

impl Ask {
    /// Subscribe; `inner` follows the delivery in `e:Subscribe`, `delivery` stands in it.
    pub fn subscribe_with(resource: &str, delivery: &str, inner: &str) -> Self {
        let body = format!("<e:Subscribe><e:Delivery Mode=\"{PULL}\">{delivery}</e:Delivery>{inner}</e:Subscribe>");
        Self::new(&format!("{EVENTING}/Subscribe"), resource, &body)
    }

    /// Subscribe to the events of an event query in the namespace of `base`; `inner` follows the filter.
    pub fn watch(base: &str, query: &str, inner: &str) -> Self {
        let filter = format!("<w:Filter Dialect=\"{WQL}\">{}</w:Filter>", super::ask::escaped(query));
        Self::subscribe_with(&format!("{base}/*"), "", &format!("{filter}{inner}"))
    }

    /// Subscribe to event logs by a `QueryList`; `inner` follows the filter.
    pub fn follow(query: &str, inner: &str) -> Self {
        Self::subscribe_with(EVENT_LOG, "", &format!("<w:Filter Dialect=\"{EVENT_QUERY}\">{query}</w:Filter>{inner}"))
    }

    /// End the subscription `id`.
    pub fn unsubscribe(resource: &str, id: &str) -> Self {
        Self::new(&format!("{EVENTING}/Unsubscribe"), resource, "<e:Unsubscribe/>").with("e:Identifier", id)
    }

    /// Ask for more time.
    pub fn renew(resource: &str, id: &str) -> Self {
        let body = "<e:Renew><e:Expires>PT1H</e:Expires></e:Renew>";
        Self::new(&format!("{EVENTING}/Renew"), resource, body).with("e:Identifier", id)
    }
}
