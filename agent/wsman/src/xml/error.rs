//! Why a document is not read, and how much of one is.

/// How much of a document is read before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes: usize,
    /// Elements inside each other.
    pub depth: u16,
    /// Attributes of one element; twice as many namespaces may be declared at once.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, depth: 64, attributes: 64 }
    }
}

/// A document that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Longer than the limit.
    #[error("the document has {found} bytes, more than the {limit} that are read")]
    TooLong {
        /// Bytes that came.
        found: usize,
        /// Bytes that are read.
        limit: usize,
    },
    /// Deeper than the limit.
    #[error("elements are nested deeper than {0}")]
    TooDeep(u16),
    /// An element with more attributes than the limit.
    #[error("element `{element}` has more than {limit} attributes")]
    TooManyAttributes {
        /// Its name as written.
        element: String,
        /// Attributes that are read.
        limit: usize,
    },
    /// A document type declaration.
    #[error("the document declares a document type")]
    DocumentType,
    /// An entity that is not one of XML's five, or a character that there is not.
    #[error("the document refers to the entity `{0}`")]
    Entity(String),
    /// Not well-formed.
    #[error("the document is not well-formed near byte {at}: {what}")]
    Malformed {
        /// Where the reader stood.
        at: usize,
        /// What it found.
        what: String,
    },
    /// A prefix without a namespace.
    #[error("prefix `{0}` is bound to no namespace")]
    UnboundPrefix(String),
    /// Text where only elements may stand.
    #[error("text stands in `{0}`, where only elements may")]
    StrayText(String),
    /// An element where only text may stand.
    #[error("element `{0}` stands where only text may")]
    StrayElement(String),
    /// The document lacks something.
    #[error("the document lacks {0}")]
    Missing(&'static str),
    /// Something stands in the document that has no meaning there.
    #[error("{what} is `{found}`, which means nothing")]
    Meaningless {
        /// Which part of the document.
        what: &'static str,
        /// What stands there, shortened.
        found: String,
    },
}

impl XmlError {
    /// `found`, shortened, makes no sense as `what`.
    pub(crate) fn meaningless(what: &'static str, found: &str) -> Self {
        Self::Meaningless { what, found: shortened(found, 80) }
    }

    /// `text` stands where only elements may.
    pub(super) fn stray_text(text: &str) -> Self {
        Self::StrayText(shortened(text, 40))
    }

    /// `name` is no entity.
    pub(super) fn entity(name: &str) -> Self {
        Self::Entity(shortened(name, 40))
    }
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
