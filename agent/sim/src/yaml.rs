//! How our YAML files are read: world files, fault scripts, `endpoints.yaml`.
//!
//! Guarantees: an error tells line and column and never shows the lines there: whoever names a credentials file by mistake must not find
//! a password on a terminal or in a log. Deliberately absent: what stands in the files.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_saphyr::{MessageFormatter, UserMessageFormatter};

/// What is wrong with a text, with its line and column.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Reads `text`.
///
/// # Errors
/// It is no YAML, or not of the form of `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { with_snippet: false })
        .map_err(|error| Unreadable(error.render_with_formatter(&Plain)))
}

/// Words for who wrote the file, and none about how it is read.
struct Plain;

impl MessageFormatter for Plain {
    fn format_message<'a>(&self, error: &'a serde_saphyr::Error) -> Cow<'a, str> {
        match error {
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => Cow::Owned(format!("the key `{key}` stands there twice")),
            _ => UserMessageFormatter.format_message(error),
        }
    }
}
