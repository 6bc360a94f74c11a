//! Real processes that race and die: what must hold whoever is killed when.
//!
//! `refresh`: one connection, many callers. `webhooks`: acknowledged means kept. `sync`: a pass goes on where it stopped.
//! `limits`: one quota, several processes. `backup`: a copy taken under load is whole.
//! Kills are `kill -9` or an abort at a named place; each test checks that its kills really hit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod limits;
mod refresh;
mod server;
mod sync;
mod webhooks;
