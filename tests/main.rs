//! End-to-end tests: one binary, so that it links once. Each module is one story.

mod architecture;
