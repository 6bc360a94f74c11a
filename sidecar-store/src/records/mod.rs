//! Records: the one verb that writes, and the reads.
//!
//! `fold` meets a batch's changes with what is stored, in memory; `commit` runs the statements; `read` lists. The rule by
//! which a change wins is `sidecar_core::record::decide`. Invariant: a commit is one transaction of at most as many
//! statements as there are kinds of rows in it.

mod commit;
mod fold;
mod read;
mod row;
