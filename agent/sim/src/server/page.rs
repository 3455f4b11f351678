//! Answers without an envelope: what http.sys and the service say before any message is looked at.
//!
//! Guarantees: http.sys's own refusals carry a page, the service's own are empty, as on Windows.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::{Response, StatusCode};

/// An answer with this status, and the page that http.sys writes for it if it does.
pub(super) fn of(status: StatusCode) -> Response<Full<Bytes>> {
    let text = match status {
        StatusCode::NOT_FOUND => "There is nothing here.",
        StatusCode::LENGTH_REQUIRED => "The length of the request is not known.",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large.",
        StatusCode::SERVICE_UNAVAILABLE => "The service is not available.",
        _ => "",
    };
    let body = if text.is_empty() {
        String::new()
    } else {
        let title = status.canonical_reason().unwrap_or_default();
        format!(
            "<html><head><title>{title}</title></head><body><h2>{title}</h2><p>HTTP Error {}. {text}</p></body></html>\r\n",
            status.as_u16()
        )
    };
    let html = !body.is_empty();
    let mut response = signed(status, body.into());
    if html {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=us-ascii"));
    }
    match status {
        StatusCode::METHOD_NOT_ALLOWED => {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        // What follows on the connection is the rest of a request that nobody reads.
        StatusCode::BAD_REQUEST | StatusCode::LENGTH_REQUIRED | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::SERVICE_UNAVAILABLE => {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    response
}

/// An answer with this body, signed as Windows's server signs.
pub(super) fn signed(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, HeaderValue::from_static("Microsoft-HTTPAPI/2.0"));
    response
}
