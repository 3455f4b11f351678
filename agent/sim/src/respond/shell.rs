//! Shells, and other resources that are no CIM: not supported yet. Here is where they will stand.

use wsman::envelope::Header;
use wsman::resource::ResourceUri;
use wsman::xml::names::SHELL;

use super::Refusal;

/// What a client is told that asks for such a resource, or for something that no resource can do.
pub(super) fn refusal(header: &Header) -> Refusal {
    match &header.resource {
        Some(ResourceUri::Other(uri)) if uri.starts_with(SHELL) => Refusal::NOT_AT_SERVICE,
        Some(ResourceUri::Other(_)) | None => Refusal::INVALID_RESOURCE_URI,
        Some(_) => Refusal::ACTION_NOT_SUPPORTED,
    }
}
