//! What a fault means to somebody who must decide what to do next.

use super::Fault;

/// The meaning of a fault, whichever of its numbers says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No such instance.
    NotFound,
    /// The account may not.
    AccessDenied,
    /// No such action or method on this resource.
    ActionNotSupported,
    /// No such resource URI.
    InvalidResource,
    /// No such namespace.
    InvalidNamespace,
    /// No such class.
    InvalidClass,
    /// The query is wrong, or stands where none may.
    InvalidQuery,
    /// An enumeration that ended, expired or never was.
    InvalidEnumerationContext,
    /// Selectors are missing, too many or wrong.
    InvalidSelectors,
    /// A parameter, its type or its form is wrong.
    InvalidParameter,
    /// A header is missing, wrong or not understood.
    InvalidHeader,
    /// The service has not this feature.
    UnsupportedFeature,
    /// Too many requests, shells or enumerations of this account.
    QuotaLimit,
    /// Another request is in the way of this one.
    Concurrency,
    /// A bookmark that means nothing to the log, or no longer.
    InvalidBookmark,
    /// A subscription that cannot be made, goes on no longer, or is not renewed.
    Subscription,
    /// The answer or the request is larger than allowed.
    TooLarge,
    /// The service did not finish in the time that it was given; what it began may go on.
    TimedOut,
    /// It exists already.
    AlreadyExists,
    /// The service is shutting down or not ready.
    Unavailable,
    /// The provider failed, and says no more than that.
    Failed,
    /// Something else; the number and the words say what.
    Other,
}

pub(super) fn kind(fault: &Fault) -> FaultKind {
    let by_table = || by_subcode_text(super::known(fault.code?)?.subcode);
    let by_number = fault.wmi.and_then(by_wmi).or_else(|| fault.code.and_then(by_code)).or_else(by_table);
    by_number.or_else(|| by_subcode(fault)).unwrap_or(FaultKind::Other)
}

fn by_wmi(hresult: u32) -> Option<FaultKind> {
    Some(match hresult {
        0x8004_1002 => FaultKind::NotFound,
        0x8004_1003 | 0x8007_0005 => FaultKind::AccessDenied,
        0x8004_100E => FaultKind::InvalidNamespace,
        0x8004_1010 => FaultKind::InvalidClass,
        0x8004_1017 => FaultKind::InvalidQuery,
        0x8004_1005 | 0x8004_1008 | 0x8004_102F => FaultKind::InvalidParameter,
        0x8004_100C | 0x8004_102E => FaultKind::ActionNotSupported,
        0x8004_1019 => FaultKind::AlreadyExists,
        0x8004_1001 | 0x8004_1004 | 0x8004_1006 => FaultKind::Failed,
        _ => return None,
    })
}

fn by_code(code: u32) -> Option<FaultKind> {
    Some(match code {
        5 => FaultKind::AccessDenied,
        87 => FaultKind::InvalidParameter,
        2_150_858_752 => FaultKind::NotFound,
        2_150_858_753 | 2_150_858_771 | 2_150_858_801 => FaultKind::ActionNotSupported,
        2_150_858_754 | 2_150_858_770 | 2_150_858_811 => FaultKind::InvalidResource,
        2_150_858_765..=2_150_858_769 | 2_150_858_881 => FaultKind::InvalidHeader,
        2_150_858_772 => FaultKind::Unavailable,
        2_150_858_776..=2_150_858_778 | 2_150_859_003 | 2_150_859_042 => FaultKind::InvalidQuery,
        2_150_858_779 => FaultKind::InvalidEnumerationContext,
        2_150_858_780 | 2_150_858_793 => FaultKind::TimedOut,
        2_150_858_803 => FaultKind::AlreadyExists,
        2_150_858_797 | 2_150_858_805 | 2_150_858_823..=2_150_858_830 | 2_150_858_878 => FaultKind::TooLarge,
        2_150_858_809 | 2_150_858_810 | 2_150_858_817 | 2_150_858_833..=2_150_858_841 => FaultKind::InvalidParameter,
        2_150_858_813 | 2_150_858_842..=2_150_858_847 | 2_150_859_002 => FaultKind::InvalidSelectors,
        2_150_858_815 | 2_150_859_173..=2_150_859_176 | 2_150_859_179 | 2_150_859_236..=2_150_859_242 => FaultKind::QuotaLimit,
        2_150_858_818 => FaultKind::UnsupportedFeature,
        _ => return None,
    })
}

fn by_subcode(fault: &Fault) -> Option<FaultKind> {
    if fault.soap == super::SoapCode::MustUnderstand {
        return Some(FaultKind::InvalidHeader);
    }
    by_subcode_text(fault.subcode.as_deref()?)
}

fn by_subcode_text(subcode: &str) -> Option<FaultKind> {
    Some(match subcode.rsplit(':').next()? {
        "AccessDenied" => FaultKind::AccessDenied,
        "ActionNotSupported" => FaultKind::ActionNotSupported,
        "DestinationUnreachable" => FaultKind::InvalidResource,
        "CannotProcessFilter" | "FilteringNotSupported" | "FilteringRequestedUnavailable" | "FilterDialectRequestedUnavailable" => {
            FaultKind::InvalidQuery
        }
        "Concurrency" => FaultKind::Concurrency,
        "InvalidBookmark" => FaultKind::InvalidBookmark,
        "DeliveryFailure"
        | "DeliveryModeRequestedUnavailable"
        | "DeliveryRefused"
        | "EventDeliverToUnusable"
        | "EventSourceUnableToProcess"
        | "InvalidExpirationTime"
        | "InvalidMessage"
        | "NoAck"
        | "SourceCancelling"
        | "SourceShuttingDown"
        | "UnableToRenew"
        | "UnsupportedExpirationType" => FaultKind::Subscription,
        "InvalidEnumerationContext" => FaultKind::InvalidEnumerationContext,
        "InvalidSelectors" => FaultKind::InvalidSelectors,
        "InvalidParameter" | "InvalidOptions" | "SchemaValidationError" | "InvalidRepresentation" => FaultKind::InvalidParameter,
        "InvalidMessageInformationHeader" | "MessageInformationHeaderRequired" => FaultKind::InvalidHeader,
        "UnsupportedFeature" | "FragmentDialectNotSupported" | "PolymorphismModeNotSupported" => FaultKind::UnsupportedFeature,
        "QuotaLimit" => FaultKind::QuotaLimit,
        "EncodingLimit" => FaultKind::TooLarge,
        "TimedOut" => FaultKind::TimedOut,
        "AlreadyExists" => FaultKind::AlreadyExists,
        // Windows itself writes the second.
        "EndpointUnavailable" | "EndpointUnavilable" => FaultKind::Unavailable,
        "InternalError" => FaultKind::Failed,
        _ => return None,
    })
}
