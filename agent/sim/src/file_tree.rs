//! The files of one system, as its programs see them: folders, contents, and the words with which Windows refuses.
//!
//! Guarantees: a path means the same file in any case and with either slash; nothing is written into a folder that does not exist.
//! Deliberately absent: access rights, links, other streams.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::disk::{self, File, FileKey};

/// What is in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Nothing that says anything here: a virtual disk, or a file of the world whose content nobody stated.
    #[default]
    Opaque,
    /// These bytes.
    Bytes(Vec<u8>),
    /// As much as there is of what is published at this address.
    Published(String),
}

/// The folders that were made, beside those that every system has and those that files lie in.
pub(crate) type Folders = BTreeMap<FileKey, String>;

const GIVEN: [&str; 6] = [r"C:\Windows", r"C:\Windows\System32", r"C:\Windows\Temp", r"C:\Users", r"C:\ProgramData", r"C:\Program Files"];

/// Why a file could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FileError {
    #[error("The system cannot find the file specified.")]
    NoFile,
    #[error("The system cannot find the path specified.")]
    NoPath,
    #[error("Access is denied.")]
    Denied,
    #[error("The process cannot access the file because it is being used by another process.")]
    InUse,
    #[error("The directory is not empty.")]
    NotEmpty,
    #[error("The filename, directory name, or volume label syntax is incorrect.")]
    BadName,
    #[error("There is not enough space on the disk.")]
    NoSpace,
}

impl FileError {
    /// The Win32 error.
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::NoFile => 2,
            Self::NoPath => 3,
            Self::Denied => 5,
            Self::InUse => 32,
            Self::NotEmpty => 145,
            Self::BadName => 123,
            Self::NoSpace => 112,
        }
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    File,
    Folder,
    Nothing,
}

/// See the module.
pub(crate) struct FileTree<'a> {
    pub(crate) files: &'a mut BTreeMap<FileKey, File>,
    pub(crate) folders: &'a mut Folders,
    /// The drives that there are, with the bytes that are free.
    pub(crate) volumes: Vec<(char, u64)>,
    /// Files that are open elsewhere.
    pub(crate) open: Vec<FileKey>,
    pub(crate) now: Timestamp,
}

impl FileTree<'_> {
    /// What is at the absolute `path`.
    pub(crate) fn find(&self, path: &str) -> Found {
        if self.files.contains_key(&FileKey::new(path)) {
            return Found::File;
        }
        if self.is_folder(path) { Found::Folder } else { Found::Nothing }
    }

    fn has_volume(&self, path: &str) -> bool {
        disk::volume_of(path).is_some_and(|letter| self.volumes.iter().any(|(v, _)| v.eq_ignore_ascii_case(&letter)))
    }

    fn is_folder(&self, path: &str) -> bool {
        let bare = path.trim_end_matches('\\');
        if bare.len() == 2 {
            return self.has_volume(&format!("{bare}\\"));
        }
        let key = FileKey::new(bare);
        let below = FileKey::new(&format!("{bare}\\"));
        self.folders.contains_key(&key)
            || GIVEN.iter().any(|given| FileKey::new(given) == key)
            || self.files.keys().chain(self.folders.keys()).any(|file| file.is_below(&below))
    }

    /// The bytes of a file. What has none to show is shown as nothing.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match self.files.get(&FileKey::new(path)).map(|file| &file.content) {
            Some(Content::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Content::Opaque | Content::Published(_)) => Ok(Vec::new()),
            None if self.is_folder(path) => Err(FileError::Denied),
            None if self.is_folder(parent(path)) => Err(FileError::NoFile),
            None => Err(FileError::NoPath),
        }
    }

    /// The file itself.
    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.get(&FileKey::new(path))
    }

    /// Replaces the content of a file, or makes one.
    pub(crate) fn write(&mut self, path: &str, content: Content, bytes: u64) -> Result<(), FileError> {
        self.check_writable(path, bytes)?;
        let created = self.files.get(&FileKey::new(path)).map_or(self.now, |old| old.created);
        let file = File { path: path.to_owned(), bytes, created, disk: None, content };
        self.files.insert(FileKey::new(path), file);
        Ok(())
    }

    /// Replaces the content of a file by these bytes.
    pub(crate) fn write_bytes(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), FileError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.write(path, Content::Bytes(bytes), length)
    }

    /// Adds to the end of a file, which begins empty.
    pub(crate) fn append(&mut self, path: &str, more: &[u8]) -> Result<(), FileError> {
        let mut bytes = if self.find(path) == Found::File { self.read(path)? } else { Vec::new() };
        bytes.extend_from_slice(more);
        self.write_bytes(path, bytes)
    }

    fn check_writable(&self, path: &str, bytes: u64) -> Result<(), FileError> {
        let key = FileKey::new(path);
        let name = path.rsplit('\\').next().unwrap_or_default();
        if name.is_empty() || name.contains(['<', '>', '|', '"', '*', '?', ':']) {
            return Err(FileError::BadName);
        }
        if self.open.contains(&key) {
            return Err(FileError::InUse);
        }
        match self.find(path) {
            Found::Folder => return Err(FileError::Denied),
            Found::Nothing if !self.is_folder(parent(path)) => return Err(FileError::NoPath),
            Found::File | Found::Nothing => {}
        }
        let held = self.files.get(&key).map_or(0, |file| file.bytes);
        let letter = disk::volume_of(path);
        let free = self.volumes.iter().find(|(v, _)| letter.is_some_and(|l| l.eq_ignore_ascii_case(v))).map_or(0, |(_, free)| *free);
        if bytes > held.saturating_add(free) { Err(FileError::NoSpace) } else { Ok(()) }
    }

    /// Deletes a file.
    pub(crate) fn remove(&mut self, path: &str) -> Result<File, FileError> {
        let key = FileKey::new(path);
        if self.open.contains(&key) {
            return Err(FileError::InUse);
        }
        self.files.remove(&key).ok_or(FileError::NoFile)
    }

    /// Gives a file another name, with all that it is.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), FileError> {
        if self.find(from) != Found::File {
            return Err(FileError::NoFile);
        }
        self.check_writable(to, 0)?;
        let mut file = self.remove(from)?;
        to.clone_into(&mut file.path);
        self.files.insert(FileKey::new(to), file);
        Ok(())
    }

    /// Makes a file that is the same as another.
    pub(crate) fn copy(&mut self, from: &str, to: &str) -> Result<(), FileError> {
        let file = self.file(from).cloned().ok_or(FileError::NoFile)?;
        self.check_writable(to, file.bytes)?;
        // A copied virtual disk is a disk of its own; what has booted from it goes along.
        self.files.insert(FileKey::new(to), File { path: to.to_owned(), created: self.now, ..file });
        Ok(())
    }

    /// Makes a folder and those above it.
    pub(crate) fn make_folder(&mut self, path: &str) -> Result<(), FileError> {
        if !self.has_volume(path) {
            return Err(FileError::NoPath);
        }
        let mut above = path.trim_end_matches('\\');
        let mut missing = Vec::new();
        while !self.is_folder(above) {
            if self.files.contains_key(&FileKey::new(above)) {
                return Err(FileError::NoPath);
            }
            missing.push(above.to_owned());
            above = parent(above);
        }
        self.folders.extend(missing.into_iter().map(|folder| (FileKey::new(&folder), folder)));
        Ok(())
    }

    /// Removes an empty folder.
    pub(crate) fn remove_folder(&mut self, path: &str) -> Result<(), FileError> {
        let bare = path.trim_end_matches('\\');
        match self.find(bare) {
            Found::Nothing => return Err(FileError::NoFile),
            Found::File => return Err(FileError::BadName),
            Found::Folder => {}
        }
        let below = FileKey::new(&format!("{bare}\\"));
        if self.files.keys().chain(self.folders.keys()).any(|key| key.is_below(&below)) {
            return Err(FileError::NotEmpty);
        }
        self.folders.remove(&FileKey::new(bare)).map(drop).ok_or(FileError::Denied)
    }

    /// Removes a folder with all that is in it; a file that is open keeps it.
    pub(crate) fn remove_tree(&mut self, path: &str) -> Result<(), FileError> {
        let bare = path.trim_end_matches('\\');
        if self.find(bare) != Found::Folder {
            return Err(FileError::NoFile);
        }
        let (own, below) = (FileKey::new(bare), FileKey::new(&format!("{bare}\\")));
        let held = self.open.iter().any(|key| key.is_below(&below));
        let open = &self.open;
        self.files.retain(|key, _| !key.is_below(&below) || open.contains(key));
        self.folders.retain(|key, _| *key != own && !key.is_below(&below));
        if held { Err(FileError::InUse) } else { Ok(()) }
    }

    /// The names in a folder, files and folders, in the order of their letters.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let bare = path.trim_end_matches('\\');
        let below = FileKey::new(&format!("{bare}\\"));
        let all = self.files.values().map(|f| f.path.as_str()).chain(self.folders.values().map(String::as_str)).chain(GIVEN);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for path in all.filter(|path| FileKey::new(path).is_below(&below)) {
            let name = path.get(bare.len() + 1..).and_then(|rest| rest.split('\\').next()).unwrap_or_default();
            if !name.is_empty() {
                names.entry(name.to_ascii_lowercase()).or_insert_with(|| name.to_owned());
            }
        }
        names.into_values().collect()
    }
}

/// The folder that `path` is in.
pub(crate) fn parent(path: &str) -> &str {
    path.trim_end_matches('\\').rsplit_once('\\').map_or("", |(above, _)| above)
}

/// The absolute path that `text` means in the folder `current`.
pub(crate) fn resolve(current: &str, text: &str) -> String {
    let text = text.replace('"', "").replace('/', "\\");
    let drive = current.get(..2).unwrap_or("C:");
    let (root, rest) = match text.as_bytes() {
        [letter, b':', rest @ ..] if letter.is_ascii_alphabetic() => {
            let given = &text[..2];
            match rest.first() {
                Some(b'\\') => (given.to_owned(), &text[2..]),
                _ if given.eq_ignore_ascii_case(drive) => (current.to_owned(), &text[2..]),
                _ => (given.to_owned(), &text[2..]),
            }
        }
        [b'\\', ..] => (drive.to_owned(), text.as_str()),
        _ => (current.to_owned(), text.as_str()),
    };
    let mut parts: Vec<&str> = root.split('\\').filter(|part| !part.is_empty()).collect();
    for part in rest.split('\\') {
        match part.trim_end_matches([' ']) {
            "" | "." => {}
            ".." => {
                if parts.len() > 1 {
                    parts.pop();
                }
            }
            part => parts.push(part),
        }
    }
    if parts.len() == 1 { format!("{}\\", parts[0]) } else { parts.join("\\") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree<T>(act: impl FnOnce(&mut FileTree<'_>) -> T) -> T {
        let (mut files, mut folders) = (BTreeMap::new(), Folders::new());
        act(&mut FileTree {
            files: &mut files,
            folders: &mut folders,
            volumes: vec![('C', 1000)],
            open: vec![FileKey::new(r"C:\vm\disk.vhdx")],
            now: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn paths_are_resolved_as_windows_does() {
        for (current, text, expected) in [
            (r"C:\Users\me", "x.txt", r"C:\Users\me\x.txt"),
            (r"C:\Users\me", r"..\you\.\x", r"C:\Users\you\x"),
            (r"C:\Users\me", r"\temp/x", r"C:\temp\x"),
            (r"C:\Users\me", r"D:\x", r"D:\x"),
            (r"C:\Users\me", r"c:x", r"C:\Users\me\x"),
            (r"C:\", r"..\..", r"C:\"),
            (r"C:\", "\"a b\"", r"C:\a b"),
        ] {
            assert_eq!(resolve(current, text), expected, "{text} in {current}");
        }
    }

    #[test]
    fn a_file_needs_its_folder_and_its_room() {
        tree(|tree| {
            assert_eq!(tree.write_bytes(r"C:\new\x", vec![1]), Err(FileError::NoPath));
            tree.make_folder(r"C:\new\deep").unwrap();
            tree.write_bytes(r"C:\new\x", vec![1]).unwrap();
            assert_eq!(tree.write_bytes(r"C:\new\y", vec![0; 2000]), Err(FileError::NoSpace));
            assert_eq!(tree.names(r"C:\NEW"), ["deep", "x"]);
            assert_eq!(tree.remove_folder(r"C:\new"), Err(FileError::NotEmpty));
            tree.remove_tree(r"C:\new").unwrap();
            assert_eq!(tree.find(r"C:\new"), Found::Nothing);
        });
    }

    #[test]
    fn what_a_machine_has_open_stays() {
        tree(|tree| {
            tree.make_folder(r"C:\vm").unwrap();
            assert_eq!(tree.remove(r"c:\VM\disk.vhdx").map(drop), Err(FileError::InUse));
            assert_eq!(tree.remove_tree(r"C:\vm"), Err(FileError::InUse));
        });
    }
}
