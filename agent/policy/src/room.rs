//! Room for deep recursion, and bounds on how deep a text may make us go.
//!
//! The Rego parser tries each bracket as a comprehension first and as a list again, so its time doubles with every level. The Rego parser
//! and compiler call themselves once for each level of an expression, and a chain of operators is as deep as it is long. Threads of an
//! async runtime have 2 MiB; text of a bounded size needs at most what is given here.

use std::thread::Builder;

/// Address space, not memory: only what is touched is used.
const STACK_BYTES: usize = 256 << 20;

/// Largest policy file. The shipped ones have some 4 KiB.
pub(crate) const MAX_POLICY_BYTES: usize = 64 << 10;

/// Deepest nesting of `[` and `{`. The shipped policies need four.
pub(crate) const MAX_NESTING: usize = 10;

/// The line on which brackets are nested too deep. Strings and comments do not count.
pub(crate) fn nested_too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut line) = (0_usize, 1);
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            '#' => {
                rest.by_ref().find(|&c| c == '\n');
                line += 1;
            }
            '`' => line += rest.by_ref().take_while(|&c| c != '`').filter(|&c| c == '\n').count(),
            '"' => {
                // No string goes over a line, so an open one ends with it, as it does for the parser.
                while let Some(c) = rest.next() {
                    match c {
                        '\\' => drop(rest.next()),
                        '"' => break,
                        '\n' => {
                            line += 1;
                            break;
                        }
                        _ => {}
                    }
                }
            }
            '[' | '{' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some(line);
                }
            }
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Does the work on a thread of its own and waits for it.
///
/// # Errors
/// What the system says when it has no thread to give, and that the work ended in a panic: Rego is a foreign program's to read, and its
/// faults end nobody else's work.
pub(crate) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = Builder::new().name("policies".to_owned()).stack_size(STACK_BYTES).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| std::io::Error::other("reading them ended in a panic"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_among_policies_is_an_error_and_ends_nobody() {
        let ended = with_room(|| assert!(std::hint::black_box(false), "a fault of the reader")).unwrap_err();
        assert_eq!(ended.to_string(), "reading them ended in a panic");
    }

    #[test]
    fn nesting_is_counted_outside_strings_and_comments() {
        let deep = "[{".repeat(MAX_NESTING);
        assert_eq!(nested_too_deep(&deep), Some(1));
        assert_eq!(nested_too_deep(&format!("\n# {deep}\n`{deep}\n`\n\"\\\"{deep}\"\n")), None);
        assert_eq!(nested_too_deep(&format!("# x\n`\n`\n\"y\"\n{deep}")), Some(5));
        assert_eq!(nested_too_deep(&"[{}]".repeat(100)), None);
    }
}
