//! `dir`: what is in a folder.

use super::super::call::Call;
use super::builtin::Verdict;
use super::files::{arguments, paths};
use crate::file_tree::{Found, parent};

pub(super) fn dir(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (switches, names) = arguments(tail);
    let has = |switch: &str| switches.iter().any(|s| s == switch);
    let wanted = |found: Found| match found {
        Found::File => !has("/ad") && !has("/a:d"),
        Found::Folder => !has("/a-d") && !has("/a:-d"),
        Found::Nothing => false,
    };
    let name = names.first().map_or(".", String::as_str);
    let path = call.path(name);
    let is_folder = call.files().is_some_and(|files| files.find(&path) == Found::Folder);
    let (folder, found) = if is_folder {
        (path.clone(), paths(&format!("{}\\*", path.trim_end_matches('\\')), call))
    } else {
        (parent(&path).to_owned(), paths(name, call))
    };
    let Some(files) = call.files() else { return Verdict::Ends(1) };
    let shown: Vec<(String, Found, u64)> = found
        .into_iter()
        .map(|path| (files.find(&path), files.file(&path).map_or(0, |file| file.bytes), path))
        .filter(|(found, ..)| wanted(*found))
        .map(|(found, bytes, path)| (path, found, bytes))
        .collect();
    if shown.is_empty() {
        call.complain("File Not Found");
        return Verdict::Ends(1);
    }
    if has("/b") {
        shown.iter().for_each(|(path, ..)| call.say(path.rsplit('\\').next().unwrap_or_default()));
        return Verdict::Ends(0);
    }
    let volume = folder.chars().next().unwrap_or('C');
    call.print(&format!(" Volume in drive {volume} has no label.\r\n\r\n Directory of {folder}\r\n\r\n"));
    let now = call.now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%m/%d/%Y  %I:%M %p").to_string();
    for (path, found, bytes) in &shown {
        let name = path.rsplit('\\').next().unwrap_or_default();
        let size = if *found == Found::Folder { "    <DIR>          ".to_owned() } else { format!("{bytes:>18} ") };
        call.say(&format!("{now}{size}{name}"));
    }
    let count = |kind: Found| shown.iter().filter(|(_, found, _)| *found == kind).count();
    call.say(&format!("{:>16} File(s)\r\n{:>16} Dir(s)", count(Found::File), count(Found::Folder)));
    Verdict::Ends(0)
}
