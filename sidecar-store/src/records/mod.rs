//! Records: `commit` writes a batch, `read` returns and lists records.
//!
//! `merge` applies the changes of a batch to the stored records in memory, by the rule `sidecar_core::record::resolve`.
//! Invariant: a commit is one transaction, and its number of statements does not depend on the number of rows.

mod commit;
mod merge;
mod read;
mod row;
