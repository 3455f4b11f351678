//! Files that a person names, read up to a bound.
//!
//! Guarantees: whatever is named instead of a file (`/dev/zero`, an image, a disk) costs a bounded amount of memory and is then refused.
//! A pipe will do: no size is asked for first. Deliberately absent: what the bytes mean.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::Failure;

/// All bytes of `file`.
///
/// # Errors
/// When it cannot be read, or has more than `most` bytes.
pub fn read(file: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|found| found <= most) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes")))
}

/// What is said of a named file that could not be read. `names` tells what it is, and how it is named.
pub fn unread(what: String, error: io::Error, names: &str) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; ",
        io::ErrorKind::IsADirectory => "that is a directory; ",
        _ => "",
    };
    Failure::because(what, error).hint(format!("{why}{names}"))
}

/// The same as text.
///
/// # Errors
/// As above, or when it is no UTF-8.
pub fn read_text(file: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(file, most)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_refused_above_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "1234").unwrap();
        assert_eq!(read_text(&file, 4).unwrap(), "1234");
        assert_eq!(read(&file, 3).unwrap_err().to_string(), "it has more than 3 bytes");
        std::fs::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(&file, 4).unwrap_err().to_string(), "it is no text in UTF-8");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_refused() {
        assert_eq!(read(Path::new("/dev/zero"), 1024).unwrap_err().to_string(), "it has more than 1024 bytes");
    }
}
