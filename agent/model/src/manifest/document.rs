//! What every document has: `apiVersion`, `kind`, `metadata`, `spec`.
//!
//! Guarantees: the kind and name of a document are known even when the rest is faulty, so a reference to it is not called dangling.

use std::collections::BTreeMap;

use super::decode::{Decode, Decoder, Fault, Origin, Spanned, one_of, suggest};
use super::record::record;
use super::scalar::Label;
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node};

/// The one version of the manifests so far.
pub const API_VERSION: &str = "trunkline.dev/v1alpha1";

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// The root document of a fleet.
    Repository,
    /// Values for what a selector picks.
    Defaults,
    /// Appliances at one place.
    Site,
    /// One Hyper-V host and its VMs.
    Appliance,
    /// The catalogue of a product.
    Profile,
    /// A version of a product.
    Release,
    /// A consent.
    Approval,
}

impl DocumentKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Repository, Self::Defaults, Self::Site, Self::Appliance, Self::Profile, Self::Release, Self::Approval];

    /// As a document writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "Repository",
            Self::Defaults => "Defaults",
            Self::Site => "Site",
            Self::Appliance => "Appliance",
            Self::Profile => "Profile",
            Self::Release => "Release",
            Self::Approval => "Approval",
        }
    }

    /// The kind of that name.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl std::fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

record! {
    /// What a document is called and how it can be selected.
    pub struct Metadata {
        /// The name, unique among documents of the kind.
        name "name": Spanned<Label>,
        /// Labels by which `Defaults` select Sites and Appliances.
        labels "labels": BTreeMap<Label, Spanned<Label>>,
        /// Free text for people; never read.
        annotations "annotations": BTreeMap<Label, Spanned<super::scalar::Sentence>>,
    }
}

/// A kind and its name, as far as they can be read.
#[derive(Debug, Clone)]
pub struct Header {
    /// The kind.
    pub kind: DocumentKind,
    /// `metadata.name`; empty when it cannot be read.
    pub name: String,
    /// Where the name stands, or the document when there is none.
    pub origin: Origin,
}

/// A document of a kind.
#[derive(Debug, Clone)]
pub struct Document<T> {
    /// Name and labels.
    pub metadata: Metadata,
    /// What it says.
    pub spec: T,
    /// Where its `spec` stands.
    pub origin: Origin,
}

impl Header {
    /// Reads the head of a document and checks it.
    pub fn read(document: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        const KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
        if !matches!(document.kind(), Kind::Map) {
            let fault = Fault::new(Code::NotAManifest, cx.origin(document), "this is not a manifest");
            cx.fault(fault.expected("a map with `apiVersion`, `kind`, `metadata` and `spec`"));
            return None;
        }
        let kind = document.get("kind");
        if document.get("apiVersion").is_none() && kind.is_none() {
            let fault = Fault::new(Code::NotAManifest, cx.origin(document), "the document has neither `apiVersion` nor `kind`");
            cx.fault(fault.hint("files that are no manifests do not belong below the manifests' directory"));
            return None;
        }
        for (key, _) in document.entries() {
            if !KEYS.contains(&key.text().unwrap_or_default()) {
                cx.unknown_key(key, &KEYS);
            }
        }
        let known_version = api_version(document, cx);
        let kind = read_kind(document, cx);
        let name = document.at(&["metadata", "name"]);
        let origin = cx.origin(name.unwrap_or(document));
        if !known_version {
            return None;
        }
        Some(Self { kind: kind?, name: name.and_then(Node::text).unwrap_or_default().to_owned(), origin })
    }
}

fn api_version(document: Node<'_>, cx: &mut Decoder) -> bool {
    let Some(version) = document.get("apiVersion") else {
        let fault = Fault::new(Code::MissingKey, cx.origin(document), "the key `apiVersion` is missing");
        cx.fault(fault.expected(format!("`apiVersion: {API_VERSION}`")));
        return false;
    };
    match version.text() {
        Some(API_VERSION) => true,
        Some("") | None => {
            cx.wrong_type(version, format!("`{API_VERSION}`"));
            false
        }
        Some(text) => {
            let fault = Fault::new(Code::UnknownApiVersion, cx.origin(version), format!("`{text}` is not known"));
            cx.fault(fault.expected(format!("`{API_VERSION}`")));
            false
        }
    }
}

fn read_kind(document: Node<'_>, cx: &mut Decoder) -> Option<DocumentKind> {
    let Some(node) = document.get("kind") else {
        let fault = Fault::new(Code::MissingKey, cx.origin(document), "the key `kind` is missing");
        cx.fault(fault.expected(one_of(DocumentKind::ALL.iter().map(|kind| kind.as_str()))));
        return None;
    };
    let expected = || one_of(DocumentKind::ALL.iter().map(|kind| kind.as_str()));
    match node.text().filter(|_| !node.is_null()) {
        None => {
            cx.wrong_type(node, expected());
            None
        }
        Some("Rollout") => {
            let fault = Fault::new(Code::ReservedKind, cx.origin(node), "`Rollout` is reserved for a later release");
            cx.fault(fault.hint("use `rollout` of the Site"));
            None
        }
        Some(text) => {
            let found = DocumentKind::find(text);
            if found.is_none() {
                let fault = Fault::new(Code::UnknownKind, cx.origin(node), format!("`{text}` is not a kind"));
                let hint = suggest(text, DocumentKind::ALL.iter().map(|kind| kind.as_str()));
                cx.fault(Fault { hint, ..fault.expected(expected()) });
            }
            found
        }
    }
}

impl<T: Decode> Document<T> {
    /// Reads the document below its head.
    pub fn decode(document: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let metadata = match document.get("metadata") {
            Some(node) => Metadata::decode(node, cx),
            None => Metadata::absent(document, "metadata", cx),
        };
        let (spec, origin) = match document.get("spec") {
            Some(node) => (T::decode(node, cx), cx.origin(node)),
            None => (T::absent(document, "spec", cx), cx.origin(document)),
        };
        Some(Self { metadata: metadata?, spec: spec?, origin })
    }
}
