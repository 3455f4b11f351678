//! The files of a git tree, read from objects.
//!
//! Guarantees: no checkout, no index, no link followed, no submodule entered; a tree that contains itself many times over ends at the
//! entry limit of [`crate::listing`].

use git2::{FileMode, ObjectType, Oid, TreeEntry};

use crate::error::SourceError;
use crate::listing::{Go, IsFile, Lister, Listing};
use crate::objects::Objects;

/// Lists what is read of the tree `root`, whose paths begin with `prefix`.
pub(crate) fn list(objects: &Objects, root: Oid, prefix: String) -> Result<Listing, SourceError> {
    let mut lister = Lister::new(prefix.clone());
    // Directories still to enter; the order does not matter, since the listing is sorted.
    let mut open = vec![(root, prefix, 0)];
    while let Some((id, directory, depth)) = open.pop() {
        let tree = objects.tree(id)?;
        for entry in &tree {
            if lister.count(&directory) == Go::Stop {
                return Ok(lister.finish());
            }
            let is_file = if is_file(&entry) { IsFile::Yes } else { IsFile::No };
            let Some(name) = lister.name(&directory, entry.name_bytes(), is_file) else { continue };
            let path = format!("{directory}{name}");
            match entry.kind() {
                Some(ObjectType::Tree) if lister.enter(&path, depth + 1) == Go::On => {
                    open.push((entry.id(), format!("{path}/"), depth + 1));
                }
                Some(ObjectType::Commit) => lister.submodule(&path),
                Some(ObjectType::Blob) if is_file == IsFile::No => lister.link(&path, objects.link_target(entry.id())?.as_deref()),
                Some(ObjectType::Blob) if lister.file(path, entry.id()) == Go::Stop => return Ok(lister.finish()),
                _ => {}
            }
        }
    }
    Ok(lister.finish())
}

fn is_file(entry: &TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Blob) && entry.filemode() != i32::from(FileMode::Link)
}
