//! What one side said, and what is made of it to see whether anybody notices.

use std::fmt::Debug;

use roxmltree::Document;

use super::Answer;

/// Something that was said: an answer, a request, or several of them.
pub trait Said: Debug {
    /// Panics where it is no longer XML, or still the same as `whole`: what is to be noticed is a rule that is broken, not a torn document.
    fn is_bent_not_torn(&self, whole: &Self);
}

impl Said for Answer {
    fn is_bent_not_torn(&self, whole: &Self) {
        if let Err(error) = Document::parse(&self.text) {
            panic!("{error}:\n{}", self.text);
        }
        assert!((self.status, &self.head, &self.text) != (whole.status, &whole.head, &whole.text), "nothing was spoilt in {}", self.text);
    }
}

impl Said for String {
    fn is_bent_not_torn(&self, whole: &Self) {
        if let Err(error) = Document::parse(self) {
            panic!("{error}:\n{self}");
        }
        assert_ne!(self, whole, "nothing was spoilt");
    }
}

impl<T: Said> Said for Vec<T> {
    fn is_bent_not_torn(&self, whole: &Self) {
        let same = |(own, other): (&T, &T)| format!("{own:?}") == format!("{other:?}");
        assert!(self.len() != whole.len() || !self.iter().zip(whole).all(same), "nothing was spoilt");
        self.iter().zip(whole).filter(|pair| !same(*pair)).for_each(|(own, other)| own.is_bent_not_torn(other));
    }
}
