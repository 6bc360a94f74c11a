//! For tests: a clock that moves when told, a transport that answers as scripted, and makers of signed deliveries.
//!
//! Nothing here is for production; the feature `test-util` keeps it out.

mod clock;
mod signed;
mod transport;

pub use clock::ManualClock;
pub use signed::{Ed25519Signer, hmac_sha256_hex, standard_webhook, stripe};
pub use transport::{RecordedRequest, ScriptedTransport};
