//! Tests of the whole way from files to wishes.

mod faulty;
mod sound;
mod support;
