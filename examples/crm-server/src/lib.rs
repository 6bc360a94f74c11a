//! The reference server: Sidecar's crates composed into a CRM backend.
//!
//! Rooms: what every request meets (`extract`, `middleware`, `error`, `listing`), what people ask for (`organizations`,
//! `contacts`, `locations`, `appointments`, `opportunities`, `syncs`, `dead_letters`, `health`, `metrics`, `docs`), the providers (`consent`,
//! `ghl`, `calcom`), what runs beside the routes (`work`), and what an operator types (`commands`, `demo`). `router` lists the routes, `app` what they
//! share.

pub mod app;
pub mod appointments;
pub mod calcom;
pub mod commands;
pub mod config;
pub mod consent;
pub mod contacts;
pub mod dead_letters;
pub mod demo;
pub mod docs;
pub mod error;
pub mod extract;
pub mod ghl;
pub mod health;
pub mod ingress;
pub mod limits;
mod listener;
pub mod listing;
pub mod locations;
pub mod metrics;
pub mod middleware;
pub mod mirror;
pub mod opportunities;
pub mod organizations;
pub mod router;
mod server;
pub mod syncs;
pub mod work;

pub use server::{Running, serve};
