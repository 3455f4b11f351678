//! An error and everything that led to it, on one line.
//!
//! Guarantees: each link of the chain once (an error's own text never repeats its source). Deliberately absent: anything but text.

use std::error::Error;

/// The whole chain: `cannot define sea-1-ad: the host answers with fault 32773: invalid parameter`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no power")]
    struct Inner;

    #[test]
    fn a_chain_is_told_from_the_outside_in() {
        assert_eq!(chain(&Outer(Inner)), "cannot start: no power");
    }
}
