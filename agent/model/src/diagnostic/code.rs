//! The closed list of diagnostic codes.
//!
//! Guarantees: a code never changes its meaning and is never used again; each has a sentence that says which rule it stands for and
//! a faulty repository under `tests/fixtures/manifests-invalid`.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Severity;

macro_rules! codes {
    ($( #[doc = $meaning:literal] $name:ident = $text:literal $severity:ident; )+) => {
        /// A stable diagnostic code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $( #[doc = $meaning] $name, )+ }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$( Self::$name, )+];

            /// The code as it is printed: `TL035`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// Which rule it stands for, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$name => $meaning.trim_ascii_start(), )+ }
            }

            /// Whether it refuses anything.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$name => Severity::$severity, )+ }
            }
        }
    };
}

codes! {
    /// A file is UTF-8 text (a byte order mark is accepted).
    NotUtf8 = "TL001" Error;
    /// A file has at most 1 MiB.
    FileTooLarge = "TL002" Error;
    /// A file is YAML 1.2.
    Syntax = "TL003" Error;
    /// A key is written once in a map.
    DuplicateKey = "TL004" Error;
    /// Aliases are not accepted: each value has one origin.
    Alias = "TL005" Error;
    /// Merge keys (`<<`) are not accepted.
    MergeKey = "TL006" Error;
    /// Collections are nested at most 32 deep.
    TooDeep = "TL007" Error;
    /// Indentation is made of spaces.
    Tab = "TL008" Error;
    /// Tags (`!x`) are not accepted.
    Tag = "TL009" Error;
    /// A key is text.
    KeyNotText = "TL010" Error;
    /// A file holds at least one document.
    EmptyFile = "TL011" Warning;
    /// A file shows at most 100 faults of its text.
    TooManyFaults = "TL012" Error;
    /// A symbolic link stays inside the repository's directory.
    LinkOutside = "TL013" Error;
    /// A repository has at most 20000 files that are read, and 512 MiB of them.
    TooManyFiles = "TL014" Error;
    /// Manifests lie in the repository itself: submodules are not followed.
    Submodule = "TL015" Error;
    /// A path is UTF-8 text without control characters.
    BadPathName = "TL016" Error;
    /// A policy is Rego that this agent can run.
    FaultyPolicy = "TL017" Error;

    /// `yes`, `no`, `on` and `off` are booleans to some YAML readers: quote them as text, write `true` or `false` as booleans.
    UnquotedBoolean = "TL020" Error;
    /// A version is quoted: `2.10` unquoted is the number 2.1.
    UnquotedVersion = "TL021" Error;
    /// A time of day is quoted: `01:00` unquoted is the number 60 to some YAML readers.
    UnquotedClock = "TL022" Error;
    /// Text that looks like a number is quoted.
    UnquotedNumber = "TL023" Error;

    /// A document is a map with `apiVersion`, `kind`, `metadata` and `spec`.
    NotAManifest = "TL030" Error;
    /// The `apiVersion` is one that this agent knows.
    UnknownApiVersion = "TL031" Error;
    /// The `kind` is one that this agent knows.
    UnknownKind = "TL032" Error;
    /// The `kind` is not reserved for a later release.
    ReservedKind = "TL033" Error;
    /// A value has the type that its place wants.
    WrongType = "TL034" Error;
    /// A key is one that its place knows.
    UnknownKey = "TL035" Error;
    /// A key that its place needs is there.
    MissingKey = "TL036" Error;
    /// A key that is written has a value.
    EmptyValue = "TL037" Error;
    /// A value is one of those that its place offers.
    UnknownChoice = "TL038" Error;
    /// A number or quantity lies in its range.
    OutOfRange = "TL039" Error;
    /// A name has the form of its kind.
    BadName = "TL040" Error;
    /// An address is an IPv4 or IPv6 address.
    BadAddress = "TL041" Error;
    /// A subnet is an address and a prefix length, and the address is the subnet's first.
    BadSubnet = "TL042" Error;
    /// A duration is a number with a unit.
    BadDuration = "TL043" Error;
    /// A size is a number with a unit.
    BadSize = "TL044" Error;
    /// A version is numbers with dots.
    BadVersion = "TL045" Error;
    /// A zone is an IANA name.
    BadZone = "TL046" Error;
    /// A time of day is `hh:mm`.
    BadClock = "TL047" Error;
    /// A path is absolute and Windows can hold it.
    BadPath = "TL048" Error;
    /// A DNS name is made of labels.
    BadDomainName = "TL049" Error;
    /// A pattern is a regular expression.
    BadPattern = "TL050" Error;
    /// A moment is RFC 3339 with an offset.
    BadMoment = "TL051" Error;
    /// A URL is `http` or `https`.
    BadUrl = "TL052" Error;
    /// A list holds an item once.
    DuplicateItem = "TL053" Error;
    /// A list has as many items as its place wants.
    ListLength = "TL054" Error;
    /// Secrets are referenced by name, never written.
    SecretInClear = "TL055" Error;
    /// A fingerprint is 40 (SHA-1) or 64 (SHA-256) hexadecimal digits.
    BadFingerprint = "TL056" Error;

    /// A repository has one `Repository` document.
    NoRepository = "TL101" Error;
    /// A repository has only one `Repository` document.
    SecondRepository = "TL102" Error;
    /// A kind and name are used by one document.
    DuplicateDocument = "TL103" Error;
    /// A site that is named exists.
    UnknownSite = "TL104" Error;
    /// A window that is named is defined in the `Repository`.
    UnknownWindow = "TL105" Error;
    /// A profile that is named exists in the repository or is shipped.
    UnknownProfile = "TL106" Error;
    /// A release that is named exists.
    UnknownRelease = "TL107" Error;
    /// A role that is named exists in the profile.
    UnknownRole = "TL108" Error;
    /// A size that is named exists in the profile.
    UnknownSize = "TL109" Error;
    /// A network that is named exists in the profile, and a role that is given an address on it has an adapter there.
    UnknownNetwork = "TL110" Error;
    /// A setting that is written exists in the profile.
    UnknownSetting = "TL111" Error;
    /// The leader is an appliance of the site.
    UnknownLeader = "TL112" Error;
    /// An appliance that an `Approval` or a budget names exists.
    UnknownAppliance = "TL113" Error;
    /// Two `Defaults` of equal precedence do not set the same value differently.
    DefaultsTie = "TL114" Error;
    /// A `Defaults` selects something.
    SelectsNothing = "TL115" Warning;
    /// An appliance has a release, its own or inherited.
    NoRelease = "TL116" Error;
    /// A window is used somewhere.
    UnusedWindow = "TL117" Warning;
    /// A site has an appliance.
    EmptySite = "TL118" Warning;
    /// The agent is at least as new as the repository asks.
    AgentTooOld = "TL119" Error;
    /// A shipped profile is not defined again.
    ShippedProfile = "TL120" Error;

    /// An address belongs to one thing of the repository.
    AddressTaken = "TL201" Error;
    /// A computer name belongs to one thing of the repository.
    NameTaken = "TL202" Error;
    /// A host carries one appliance.
    HostTaken = "TL203" Error;
    /// An address lies in its network's subnet.
    AddressOutside = "TL204" Error;
    /// The networks of an appliance do not overlap.
    NetworksOverlap = "TL205" Error;
    /// A gateway lies in its network's subnet.
    GatewayOutside = "TL206" Error;
    /// An address is none of a subnet's own (network, broadcast), nor the gateway's.
    AddressReserved = "TL207" Error;
    /// A computer name has at most 15 characters.
    NameTooLong = "TL208" Error;
    /// Behind address translation the public address is stated.
    PublicAddressMissing = "TL209" Error;
    /// Each role of the profile has what a VM needs: a name, an image, and an address on each of its networks.
    RoleIncomplete = "TL210" Error;
    /// Each network of the profile has a switch and a subnet.
    NetworkIncomplete = "TL211" Error;
    /// The appliance directory has no spaces.
    DirectoryWithSpaces = "TL212" Error;
    /// The site directory is a share when the site has more than one appliance.
    DirectoryNotShared = "TL213" Error;
    /// The site directory belongs to one site.
    DirectoryTaken = "TL214" Error;
    /// A site has at most as many appliances as the profile allows.
    TooManyAppliances = "TL215" Error;
    /// A repository has at most as many sites as the profile allows.
    TooManySites = "TL216" Error;
    /// A repository has at most 20 windows.
    TooManyWindows = "TL217" Error;
    /// A value that must be equal within a site is written in the site.
    SiteOnly = "TL218" Error;
    /// A value that must be equal across sites is equal.
    NotEqual = "TL219" Error;
    /// A value that must be unique is unique.
    NotUnique = "TL220" Error;
    /// A setting that the profile needs has a value.
    SettingMissing = "TL221" Error;
    /// A setting exists in the version of the release.
    SettingNotInVersion = "TL222" Error;
    /// A value is not one that the profile reserves.
    ReservedValue = "TL223" Error;
    /// A domain is not under one that the profile forbids.
    ForbiddenDomain = "TL224" Error;
    /// Two settings that must differ do.
    MustDiffer = "TL225" Error;
    /// A setting that another one needs has a value.
    Requires = "TL226" Error;
    /// A name inside a domain that the profile warns about.
    InsideDomain = "TL227" Warning;
    /// The others carry the promised calls while one appliance is out.
    CapacityBelowPromise = "TL228" Error;
    /// `minServing` leaves at least one appliance that may be disrupted.
    PromiseTooHigh = "TL229" Error;
    /// A single-appliance site says which outage it allows; without it, what disrupts never runs.
    OutageNotStated = "TL230" Warning;
    /// An agent on another machine cannot install; what it cannot do is said.
    RemotePlace = "TL231" Warning;
    /// A certificate is renewed before it expires and not at once.
    RenewalTooLong = "TL232" Error;
    /// A window closes before it opens again.
    WindowNeverCloses = "TL233" Error;
    /// A day of the month that some months lack.
    DayNotInEveryMonth = "TL234" Warning;
    /// A planned outage fits into a window in which it is allowed.
    OutageLongerThanWindow = "TL235" Error;
    /// An appliance without windows is disrupted at any time.
    NoWindow = "TL236" Warning;
    /// A host reaches what it carries over HTTPS unless clear text was asked for; clear text is said loudly.
    ClearText = "TL237" Warning;
    /// Sizes and waits of one watch fit together: what is confirmed is confirmed before the next probe.
    WatchTooSlow = "TL238" Error;
    /// A release has an image for each role of its profile.
    ImageMissing = "TL239" Error;
    /// A management network has a subnet large enough for the host and every VM, twice.
    ManagementTooSmall = "TL240" Error;
    /// A way to authenticate fits the way to the machine: passwords in clear only by name, certificates over https, Kerberos to a name.
    UnfitAuthentication = "TL241" Error;
    /// The integration services that the agent works by stay on: heartbeat, shutdown and data exchange.
    ServiceNeeded = "TL242" Error;

    /// A profile is consistent in itself.
    ProfileInconsistent = "TL301" Error;
}

impl Code {
    /// The code with that text: `TL035`.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
    }

    #[test]
    fn a_code_is_found_by_its_text() {
        assert_eq!(Code::find("TL035"), Some(Code::UnknownKey));
        assert_eq!(Code::find("TL999"), None);
    }
}
