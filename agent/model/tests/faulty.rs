//! What a faulty repository is told.
