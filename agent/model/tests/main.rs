//! Tests of the whole way from files to wishes.

mod faulty;
mod schemas;
mod sound;
mod support;
