//! A git reference becomes a [`model::snapshot::Snapshot`].
//!
//! The only crate that knows git. It reads trees from git objects, never from a checkout, and parses only what it has not parsed
//! before. Guarantees: while the origin is away, empty, or faulty the last good state stays in force, and its [`SourceStatus`] says so;
//! everything read is bounded, and nothing in a repository can make it panic. Deliberately absent: the meaning of a document (that is
//! `model`), wall time, and any write to a repository that is not ours.
//!
//! # How a remote is trusted
//! Over https the certificate is checked against the system's roots (they are looked for where distributions keep them), or against the
//! [`Authorities`] that the settings name and no others. Over ssh the host's key must stand in `~/.ssh/known_hosts`, or be one of the
//! [`HostKeys`] that the settings name. Neither check can be switched off. Plain http is accepted from this machine only, without
//! redirects; others never lead away from https or to another host.

mod compact;
mod credential;
mod directory;
mod error;
mod fetch;
mod keep;
mod known_hosts;
mod listing;
mod mirror;
mod objects;
mod origin;
mod pace;
mod reader;
mod reading;
mod scratch;
mod standing;
mod status;
mod tree;
mod trust;
mod watch;
mod watcher;

pub use credential::{Access, Ask, Credential, CredentialError, CredentialKind, Credentials, NoCredentials, Secret};
pub use directory::{read_directory, read_directory_with};
pub use error::SourceError;
pub use origin::{InvalidOrigin, Location, Origin, SubPath};
pub use pace::Pace;
pub use reader::{Reader, Reading};
pub use reading::assembler;
pub use scratch::Scratch;
pub use status::{Rewrite, SourceStatus, Trouble};
pub use trust::{Authorities, AuthoritiesError, Doubt, HostKeys, HostKeysError, Now, Trust};
pub use watcher::{Subscription, Waker, Watcher};
