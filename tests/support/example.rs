//! The examples of this repository, and their worlds with boots of a second.
//!
//! Guarantees: the manifests are those that people read; a hurried world differs in lengths of time only.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use sim::world::{Timing, WorldFile};

/// An example, by its directory below `examples/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Two roles on each of three single-appliance sites.
    BranchBundle,
    /// Four roles on each of two appliances of one site.
    Seattle,
}

/// The root of this repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The passwords of the examples' worlds.
pub const PASSWORDS: [&str; 3] = ["example-host", "example-guest", "example-domain"];

/// The entries that the examples' manifests name: name, user, password.
pub const CREDENTIALS: [(&str, &str, &str); 3] = [
    ("hyperv-host", "trunkline", PASSWORDS[0]),
    ("guest-admin", "Administrator", PASSWORDS[1]),
    ("domain-admin", r"VDOMAIN\Administrator", PASSWORDS[2]),
];

impl Example {
    /// Every example.
    pub const ALL: [Self; 2] = [Self::BranchBundle, Self::Seattle];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BranchBundle => "branch-bundle",
            Self::Seattle => "seattle",
        }
    }

    /// Where its manifests lie.
    pub fn directory(self) -> PathBuf {
        root().join("examples").join(self.name())
    }

    /// Its manifests: path from the example's directory, and text.
    pub fn files(self) -> Vec<(String, String)> {
        let directory = self.directory();
        let mut files = Vec::new();
        let mut open = vec![directory.clone()];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(&at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(&directory).unwrap().to_str().unwrap().to_owned();
                    files.push((name, std::fs::read_to_string(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    /// The text of its world file.
    pub fn world_text(self) -> String {
        std::fs::read_to_string(root().join("examples").join(format!("{}.world.yaml", self.name()))).unwrap()
    }

    /// Its world with boots of a second and short jobs.
    pub fn hurried_world(self) -> WorldFile {
        let mut world = WorldFile::parse(&self.world_text()).unwrap();
        let millis = SignedDuration::from_millis;
        for image in &mut world.images {
            (image.first_boot, image.boot, image.shutdown) = (millis(1000), millis(1000), millis(500));
            for service in &mut image.services {
                (service.start_takes, service.stop_takes) = (millis(200), millis(100));
            }
        }
        world.timing = Timing {
            start: millis(200),
            state_change: millis(200),
            create_disk: millis(200),
            switch: millis(200),
            guest_exchange: millis(200),
            destroy_system: millis(200),
            ..Timing::default()
        };
        world
    }
}
