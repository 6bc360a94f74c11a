//! The reference server: Sidecar's crates composed into a CRM backend.
//!
//! Modules, lowest first: `config`, `error` and the ports that `app` holds; `http`, `tenancy` and `tasks`; the integrations `ghl` and
//! `calcom`; `busy_blocks` and `booking_sync`; `records`, `sync` and `workers`; `ops`; `router` and `server`; `cli` and `demo`. A module imports only from
//! lower ones.

pub mod app;
pub mod booking_sync;
pub mod busy_blocks;
pub mod calcom;
pub mod cli;
mod compose;
pub mod config;
pub mod demo;
pub mod error;
mod failpoints;
pub mod ghl;
pub mod http;
pub mod openapi;
pub mod ops;
pub mod records;
pub mod router;
mod server;
pub mod sync;
pub mod tasks;
pub mod tenancy;
pub mod workers;

pub use server::{Running, serve};
