//! `Approval`: a consent in git.

use super::decode::Spanned;
use super::document::Document;
use super::record::{choice, record};
use super::scalar::{Moment, Sentence};
use crate::names::ApplianceName;

/// An `Approval` document.
pub type ApprovalManifest = Document<ApprovalSpec>;

record! {
    /// A consent to interrupt or destroy, bound to one plan.
    pub struct ApprovalSpec {
        /// The appliance.
        appliance "appliance": Spanned<ApplianceName>,
        /// What is consented to.
        allow "allow": Spanned<Approved>,
        /// The digest of the plan, as `plan` prints it.
        plan "plan": Spanned<PlanDigest>,
        /// Until when the consent holds, with offset.
        expires "expires": Spanned<Moment>,
        /// Why, for the record.
        reason "reason": Spanned<Sentence>,
    }
}

choice! {
    /// What is consented to.
    pub enum Approved {
        /// Serving may be interrupted beyond the promise.
        Interrupt = "interrupt",
        /// A disk that has served may be destroyed.
        Destroy = "destroy",
    }
}

/// The digest of a plan: 64 hexadecimal digits.
pub type PlanDigest = super::scalar::Fingerprint;
