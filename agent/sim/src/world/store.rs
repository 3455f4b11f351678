//! Keeps a world across restarts of the simulator: one JSON file in a state directory.
//!
//! Guarantees: the file is replaced whole or not at all; a file of another version is refused, never guessed at.

use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::world::{World, WorldError};

pub(super) const VERSION: u32 = 1;
const FILE: &str = "world.json";

#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize)]
struct Saved<'a> {
    version: u32,
    world: &'a World,
}

#[derive(Deserialize)]
struct Loaded {
    world: World,
}

impl World {
    /// The world that was saved in `directory`; `None` when there is none.
    ///
    /// # Errors
    /// The file is there but cannot be used.
    pub fn load(directory: &Path) -> Result<Option<Self>, WorldError> {
        let path = directory.join(FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(WorldError::Read { path, source }),
        };
        let broken = |source| WorldError::Broken { path: path.clone(), source };
        let Head { version } = serde_json::from_slice(&bytes).map_err(broken)?;
        if version != VERSION {
            return Err(WorldError::Version { path, found: version });
        }
        let Loaded { world } = serde_json::from_slice(&bytes).map_err(broken)?;
        Ok(Some(world))
    }

    /// Saves the world in `directory`.
    ///
    /// # Errors
    /// The directory cannot be written; what was saved before stays.
    pub fn save(&self, directory: &Path) -> Result<(), WorldError> {
        let path = directory.join(FILE);
        let failed = |source| WorldError::Write { path: path.clone(), source };
        let json = serde_json::to_vec(&Saved { version: VERSION, world: self }).map_err(|e| failed(e.into()))?;
        std::fs::create_dir_all(directory).map_err(failed)?;
        let beside = directory.join(format!("{FILE}.new"));
        let mut file = std::fs::File::create(&beside).map_err(failed)?;
        file.write_all(&json).and_then(|()| file.sync_all()).map_err(failed)?;
        std::fs::rename(&beside, &path).map_err(failed)
    }
}
