//! What can be wrong with a world: its file, its saved state, or a fault that does not fit it.

use std::path::PathBuf;

use super::store::VERSION;

/// A world that cannot be read, kept or harmed as asked.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The world file is not YAML, or not of the schema; the text tells line and column.
    #[error("the world file is not of the schema trunkline.dev/sim/v1alpha1: {0}")]
    Syntax(String),
    /// The world file's parts do not fit together.
    #[error("the world file contradicts itself: {}", problems.join("; "))]
    Contradiction {
        /// Each with its place in the file.
        problems: Vec<String>,
    },
    /// A machine's certificate cannot be made.
    #[error("the world cannot be built")]
    Identity(#[from] crate::ids::IdentityError),
    /// The saved world cannot be read.
    #[error("cannot read the saved world `{}`", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The saved world cannot be written.
    #[error("cannot write the saved world `{}`", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is no saved world.
    #[error("`{}` is no saved world", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where it breaks.
        #[source]
        source: serde_json::Error,
    },
    /// The file was saved by another version.
    #[error("`{}` has the version {found}, this simulator reads {VERSION}; start with an empty state directory", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// The version it says.
        found: u32,
    },
    /// A fault names something that the world does not have, or not in the state that it needs.
    #[error("the world has no {what} `{name}`")]
    NoSuch {
        /// What was looked for.
        what: &'static str,
        /// How it was called.
        name: String,
    },
}
