//! Real processes that race and die: what must hold whoever is killed when.
//!
//! `refresh` and `refresh_trouble`: one connection, many callers. `webhooks`: acknowledged means kept. `duplicates`: delivered
//! often, done once. `restarts`: the database is lost. `trouble`: it takes nothing. `sync`: a pass goes on where it stopped.
//! `limits`: one quota, several processes. `mirror`: what happens at one provider happens at the other, once. `backup`: a copy taken under load is whole. `redrive`: what was given up is tried
//! again. What they share: `database` (which one, and a look into it), `server` (a crm-server), `sender` and `story` (what is
//! sent, and what must come of it).
//! Kills are `kill -9` or an abort at a named place; each test checks that its kills really hit.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backup;
mod database;
mod dead_letters;
mod duplicates;
mod limits;
mod mirror;
mod refresh;
mod refresh_trouble;
mod restarts;
mod sender;
mod server;
mod story;
mod sync;
mod trouble;
mod webhooks;
