//! The Common Information Model as WS-Management carries it: names, values, instances and object paths, and their written forms.
//!
//! Guarantees: names compare without case, as WMI does, and keep the case that was written.
//! Deliberately absent: what any class means.

mod datetime;
pub mod element;
pub mod embedded;
pub mod endpoint;
mod instance;
pub(crate) mod name;
mod path;
mod path_text;
mod scalar;
mod value;

pub use instance::CimInstance;
pub use name::{ClassName, Name, Namespace};
pub use path::{CimPath, Key};
pub use path_text::PathTextError;
pub use value::{CimDatetime, CimType, CimValue, WrongType};

pub use datetime::{xml_duration, xml_seconds};
pub(crate) use scalar::{signed_range, unsigned_max};
