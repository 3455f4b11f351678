//! How our YAML files are read: world files, fault scripts, `endpoints.yaml`.
//!
//! Guarantees: an error tells line and column and never shows the lines there: whoever names a credentials file by mistake must not find
//! a password on a terminal or in a log. Deliberately absent: what stands in the files.

use serde::de::DeserializeOwned;

/// Reads `text`.
///
/// # Errors
/// It is no YAML, or not of the form of `T`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { with_snippet: false })
}
