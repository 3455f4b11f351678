//! The Python that has the foreign clients and servers.

use std::path::PathBuf;

use super::example::root;

/// The interpreter that has them, at the versions that `tests/run` pins.
pub fn python() -> PathBuf {
    let python = root().join("target/python/bin/python");
    assert!(python.exists(), "{} is missing; run `./tests/run setup`, which installs the Python clients", python.display());
    python
}
