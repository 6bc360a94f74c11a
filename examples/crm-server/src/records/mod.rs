//! The read and write API over stored records.
//!
//! Invariant: reads come from the store; a write goes to GHL first, then to the store.

pub mod appointments;
pub mod contacts;
pub mod list;
pub mod locations;
pub mod opportunities;
