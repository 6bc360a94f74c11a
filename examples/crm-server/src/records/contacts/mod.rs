//! The contacts of an organization: read from the store, written at GHL first.
//!
//! Invariant: a write returns what GHL returned; the store is updated in the same request.

mod fields;
mod read;
mod write;

pub use fields::{ContactFields, CustomField, NewContact};
pub use read::{__path_list, __path_read, list, read};
pub use write::{__path_change, __path_create, __path_delete, change, create, delete};

use serde::Deserialize;

/// The path of one contact.
#[derive(Debug, Deserialize)]
pub struct ContactPath {
    id: String,
}
