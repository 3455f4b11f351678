//! What is told of a panic.
//!
//! Guarantees: one line, told like everything else, so that it cannot fail and nobody waits for it; a message that was made up of what the
//! program had in hand is left out, as that may be somebody's secret. Deliberately absent: what becomes of the work (that is its owner's).

use std::any::Any;
use std::panic::PanicHookInfo;

use crate::args::LogFormat;
use crate::logging::line;
use crate::teller::{Stream, Voice};

/// Has each panic from now on told by `voice`.
pub fn tell(voice: Voice, form: LogFormat) {
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        let at = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        voice.pass(Stream::Err, format!("{}\n", line(form, tracing::Level::ERROR, &says(&at, panic.payload()))).into_bytes());
    }));
}

fn says(at: &str, payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&'static str>() {
        Some(literal) => format!("a part of the program ended in a panic, a fault of its own, at {at}: {literal}"),
        None => format!("a part of the program ended in a panic, a fault of its own, at {at}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_may_quote_a_secret_is_left_out() {
        let told = |panics: fn()| says("here.rs:1:2", std::panic::catch_unwind(panics).unwrap_err().as_ref());
        assert_eq!(told(|| panic!("never")), "a part of the program ended in a panic, a fault of its own, at here.rs:1:2: never");
        let quoted = told(|| panic!("cannot read {:?}", std::hint::black_box("Secret1!")));
        assert_eq!(quoted, "a part of the program ended in a panic, a fault of its own, at here.rs:1:2");
    }
}
