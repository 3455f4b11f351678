//! How far one exchange has come: whether its request went out, and what the heads of its messages were, for a trace.
//!
//! Guarantees: of several attempts the last one counts; nothing is copied where nobody keeps a trace.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::trace::head;

/// See the module.
#[derive(Debug)]
pub(crate) struct Course {
    sent: AtomicBool,
    heads: Option<Mutex<Heads>>,
}

/// Start line and header lines of both messages; empty as long as there is no such message.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub(crate) request: Vec<String>,
    pub(crate) answer: Vec<String>,
}

impl Course {
    /// Of an exchange that has not begun.
    pub(super) fn new(is_traced: bool) -> Self {
        Self { sent: AtomicBool::new(false), heads: is_traced.then(Mutex::default) }
    }

    /// The first octet may go out.
    pub(super) fn sending<B>(&self, request: &Request<B>) {
        self.sent.store(true, Ordering::Relaxed);
        if let Some(heads) = &self.heads {
            let noted = Heads { request: head::of_request(request), answer: vec![] };
            *heads.lock().unwrap_or_else(PoisonError::into_inner) = noted;
        }
    }

    /// An answer began.
    pub(crate) fn answered(&self, response: &Response<Incoming>) {
        if let Some(heads) = &self.heads {
            heads.lock().unwrap_or_else(PoisonError::into_inner).answer = head::of_response(response);
        }
    }

    /// Notes that what went out was not carried out; whether anything had gone out.
    pub(super) fn undo(&self) -> bool {
        self.sent.swap(false, Ordering::Relaxed)
    }

    /// Whether the request may have reached the host.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// What was noted.
    pub(super) fn take_heads(&self) -> Heads {
        let noted = self.heads.as_ref().map(|heads| std::mem::take(&mut *heads.lock().unwrap_or_else(PoisonError::into_inner)));
        noted.unwrap_or_default()
    }
}
