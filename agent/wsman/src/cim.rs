//! The Common Information Model as WS-Management carries it: names, values, instances and object paths.
//!
//! Guarantees: names compare without case, as WMI does, and keep the case that was written.
//! Deliberately absent: what any class means.

mod instance;
mod name;
mod path;
mod value;

pub use instance::CimInstance;
pub use name::{ClassName, Name, Namespace};
pub use path::{CimPath, Key};
pub use value::{CimDatetime, CimType, CimValue, WrongType};
