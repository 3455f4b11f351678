//! `type`, `copy`, `move`, `ren`, `del`, `mkdir`, `rmdir`: the commands upon files.
//!
//! Guarantees: each says what the real one says, and where: results on the output, refusals among the errors.
//! Deliberately absent: questions. Where the real command asks for a letter, nothing is done.

use std::fmt::Display;

use super::super::call::Call;
use super::super::words::words;
use super::builtin::Verdict;
use crate::file_tree::{FileError, Found, parent};

/// The switches and the other words of a command.
pub(super) fn arguments(tail: &str) -> (Vec<String>, Vec<String>) {
    // `/s/q` are two, and a backslash before a quote is no escape for these commands.
    let apart = tail.replace('\\', "\\\\").replace('/', " /");
    let (switches, others): (Vec<_>, Vec<_>) = words(&apart).into_iter().partition(|word| word.starts_with('/'));
    let whole = |word: String| word.replace("\\\\", "\\");
    (switches.into_iter().map(|s| s.to_ascii_lowercase()).collect(), others.into_iter().map(whole).collect())
}

/// Whether `name` fits `pattern` with its `*` and `?`, in any case.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.to_lowercase().chars().collect(), name.to_lowercase().chars().collect());
    if pattern == ['*', '.', '*'] {
        return true;
    }
    // Where the last star stood, and what it has swallowed so far.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The paths that `text` means: itself, or what fits it in its folder.
pub(super) fn paths(text: &str, call: &mut Call<'_, '_>) -> Vec<String> {
    let path = call.path(text);
    if !text.contains(['*', '?']) {
        return vec![path];
    }
    let (folder, pattern) = path.rsplit_once('\\').unwrap_or(("C:", &path));
    let (folder, pattern) = (folder.to_owned(), pattern.to_owned());
    let Some(files) = call.files() else { return Vec::new() };
    files.names(&folder).into_iter().filter(|name| fits(&pattern, name)).map(|name| format!("{folder}\\{name}")).collect()
}

/// `if exist`.
pub(super) fn exists(text: &str, call: &mut Call<'_, '_>) -> bool {
    let text = text.replace('"', "");
    let wild = text.contains(['*', '?']);
    let found = paths(text.trim_end_matches('\\'), call);
    found.into_iter().any(|path| wild || call.files().is_some_and(|files| files.find(&path) != Found::Nothing))
}

/// The end of a command that does nothing more.
fn gives_up(call: &mut Call<'_, '_>, why: impl Display) -> Verdict {
    call.complain(&why.to_string());
    Verdict::Ends(1)
}

pub(super) fn type_out(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (_, names) = arguments(tail);
    if names.is_empty() {
        return gives_up(call, "The syntax of the command is incorrect.");
    }
    let mut code = 0;
    for name in &names {
        let found = paths(name, call);
        if found.is_empty() {
            call.complain(&FileError::NoFile.to_string());
            code = 1;
        }
        for path in found {
            match call.files().map(|files| files.read(&path)) {
                Some(Ok(bytes)) => call.put(&bytes),
                Some(Err(error)) => {
                    call.complain(&error.to_string());
                    code = 1;
                }
                None => code = 1,
            }
        }
    }
    Verdict::Ends(code)
}

pub(super) fn copy(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (_, names) = arguments(tail);
    let [from, to @ ..] = names.as_slice() else {
        return gives_up(call, "The syntax of the command is incorrect.");
    };
    let to = call.path(to.first().map_or(".", String::as_str));
    let sources = if from.eq_ignore_ascii_case("nul") { Vec::new() } else { paths(from, call) };
    let mut copied = 0;
    let mut refused = None;
    if from.eq_ignore_ascii_case("nul") {
        refused = call.files().and_then(|mut files| files.write_bytes(&to, Vec::new()).err());
        copied += u32::from(refused.is_none());
    }
    for source in sources {
        let Some(mut files) = call.files() else { break };
        let target = if files.find(&to) == Found::Folder { below(&to, &source) } else { to.clone() };
        match files.copy(&source, &target) {
            Ok(()) => copied += 1,
            Err(error) => refused = Some(error),
        }
    }
    if copied == 0 {
        call.complain(&refused.unwrap_or(FileError::NoFile).to_string());
    }
    call.say(&format!("{copied:>9} file(s) copied."));
    Verdict::Ends(u32::from(copied == 0))
}

/// `source`'s own name below `folder`.
fn below(folder: &str, source: &str) -> String {
    format!("{}\\{}", folder.trim_end_matches('\\'), source.rsplit('\\').next().unwrap_or_default())
}

pub(super) fn move_to(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (_, names) = arguments(tail);
    let [from, to] = names.as_slice() else {
        return gives_up(call, "The syntax of the command is incorrect.");
    };
    let to = call.path(to);
    let mut moved = 0;
    for source in paths(from, call) {
        let Some(mut files) = call.files() else { break };
        let target = if files.find(&to) == Found::Folder { below(&to, &source) } else { to.clone() };
        match files.rename(&source, &target) {
            Ok(()) => moved += 1,
            Err(error) => return gives_up(call, error),
        }
    }
    if moved == 0 {
        return gives_up(call, FileError::NoFile);
    }
    call.say(&format!("{moved:>9} file(s) moved."));
    Verdict::Ends(0)
}

pub(super) fn ren(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (_, names) = arguments(tail);
    let [from, to] = names.as_slice() else {
        return gives_up(call, "The syntax of the command is incorrect.");
    };
    let from = call.path(from);
    let to = format!("{}\\{to}", parent(&from));
    match call.files().map(|mut files| files.rename(&from, &to)) {
        Some(Ok(())) => Verdict::Ends(0),
        Some(Err(error)) => gives_up(call, error),
        None => Verdict::Ends(1),
    }
}

pub(super) fn del(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (switches, names) = arguments(tail);
    if names.is_empty() {
        return gives_up(call, "The syntax of the command is incorrect.");
    }
    let mut code = 0;
    for name in &names {
        let mut found = paths(name, call);
        // A folder means all files in it, after a question.
        if let [only] = found.as_slice()
            && call.files().is_some_and(|files| files.find(only) == Found::Folder)
        {
            let all = format!("{name}\\*");
            found = if switches.iter().any(|s| s == "/q") { paths(&all, call) } else { Vec::new() };
        }
        let mut any = false;
        for path in found {
            let Some(mut files) = call.files() else { break };
            if files.find(&path) != Found::File {
                continue;
            }
            any = true;
            if let Err(error) = files.remove(&path) {
                call.complain(&path);
                call.complain(&error.to_string());
                code = 1;
            }
        }
        if !any {
            let path = call.path(name);
            call.complain(&format!("Could Not Find {path}"));
        }
    }
    if code == 0 { Verdict::Well } else { Verdict::Ends(code) }
}

pub(super) fn mkdir(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (_, names) = arguments(tail);
    if names.is_empty() {
        return gives_up(call, "The syntax of the command is incorrect.");
    }
    let mut code = 0;
    for name in names {
        let path = call.path(&name);
        let Some(mut files) = call.files() else { return Verdict::Ends(1) };
        let words = if files.find(&path) == Found::Nothing {
            files.make_folder(&path).err().map(|error| error.to_string())
        } else {
            Some(format!("A subdirectory or file {name} already exists."))
        };
        if let Some(words) = words {
            call.complain(&words);
            code = 1;
        }
    }
    Verdict::Ends(code)
}

pub(super) fn rmdir(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let (switches, names) = arguments(tail);
    let has = |switch: &str| switches.iter().any(|s| s == switch);
    if names.is_empty() {
        return gives_up(call, "The syntax of the command is incorrect.");
    }
    let mut refused: Option<FileError> = None;
    for name in names {
        let path = call.path(&name);
        if has("/s") && !has("/q") {
            call.print(&format!("{name}, Are you sure (Y/N)? "));
            continue;
        }
        let Some(mut files) = call.files() else { return Verdict::Ends(1) };
        let done = if has("/s") { files.remove_tree(&path) } else { files.remove_folder(&path) };
        if let Err(error) = done {
            call.complain(&error.to_string());
            refused = Some(error);
        }
    }
    refused.map_or(Verdict::Well, |error| Verdict::Ends(error.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, name, expected) in
            [("*", "a.txt", true), ("*.*", "noext", true), ("*.TXT", "a.txt", true), ("a?c", "abc", true), ("a*d", "abc", false)]
        {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn switches_are_told_from_names() {
        let (switches, names) = arguments(r#" /S/q "C:\a b\c\" d"#);
        assert_eq!(switches, ["/s", "/q"]);
        assert_eq!(names, [r"C:\a b\c\", "d"]);
    }
}
