//! `Release`: a product version.

use std::collections::BTreeMap;

use super::decode::Spanned;
use super::document::Document;
use super::layer::ImageSpec;
use super::record::record;
use super::scalar::Version;
use crate::names::{InstanceId, ProfileName, RoleName};

/// A `Release` document.
pub type ReleaseManifest = Document<ReleaseSpec>;

record! {
    /// A product version: the profile that it needs and its finished role images.
    pub struct ReleaseSpec {
        /// The catalogue of the product.
        profile "profile": Spanned<ProfileName>,
        /// The product's version, in quotes.
        version "version": Spanned<Version>,
        /// The name of the VM set; left out: the version. Two releases that differ only in images need two names.
        instance "instance": Option<Spanned<InstanceId>>,
        /// Where the finished image of each role lies on the host.
        images "images": BTreeMap<RoleName, Spanned<ImageSpec>>,
    }
}
