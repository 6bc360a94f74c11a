//! What the ways in of all providers have in common, most of all how many deliveries a sender may bring in: few that turn out not
//! to be genuine, from one address; and of the genuine ones as many as one tenant may have without being in the others' way.
//!
//! Invariant: a genuine delivery is never refused for what other addresses or other tenants send, and one that is refused is
//! told to come again (429).

use std::{net::IpAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sidecar_core::{
    Clock,
    rate_limit::{Decision, LocalLimiter, Priority, RateLimiter, Scope},
};
use utoipa::ToSchema;

use super::{Answer, Problem};

/// Deliveries that are not genuine: so many at once from one address, then so many a second. Checking one costs as much as
/// keeping it.
const FORGED_AT_ONCE: u32 = 100;
const FORGED_PER_SECOND: f64 = 10.0;
/// A tenant's deliveries at once, in seconds of its rate: a bulk import is no attack.
const BURST_SECONDS: u32 = 10;

/// Ids and kinds longer than this are cut: they are the sender's, but they are kept for long.
const LONGEST_NAME: usize = 200;

/// What a sender is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct Received {
    /// Always `true`: the delivery is kept.
    received: bool,
    /// Whether it was kept before.
    duplicate: bool,
}

impl Received {
    /// It is kept, now or before.
    pub fn new(duplicate: bool) -> Self {
        Self { received: true, duplicate }
    }
}

/// Two long names that begin alike stay two: what is cut off is hashed.
pub(crate) fn cut(name: &str) -> String {
    if name.len() <= LONGEST_NAME {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(32).collect();
    format!("{beginning}~{}", URL_SAFE_NO_PAD.encode(Sha256::digest(name)))
}

/// What came in lately. In this process alone: the database is guarded by each process guarding itself.
#[derive(Debug)]
pub struct Ingress {
    seen: LocalLimiter,
    /// Deliveries a second of one tenant; 0 for no limit.
    per_second: u32,
}

impl Ingress {
    /// Nothing came in yet.
    pub fn new(clock: Arc<dyn Clock>, per_second: u32) -> Self {
        Self { seen: LocalLimiter::new(clock), per_second }
    }

    /// Before the signature is checked: refuses an address that sent too much that was not genuine.
    ///
    /// # Errors
    /// 429 `too_many_forged`.
    pub fn check_peer(&self, peer: IpAddr) -> Answer<()> {
        match self.seen.peek(&[forged(peer)], Priority::Interactive) {
            Ok(Duration::ZERO) | Err(_) => Ok(()),
            Ok(wait) => {
                let detail = "too many deliveries from this address were not genuine: come again later";
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_forged", detail).retry_after(wait))
            }
        }
    }

    /// Counts one that was not genuine.
    pub fn was_forged(&self, peer: IpAddr) {
        // Only a scope of another kind could be refused.
        let _ = self.seen.record(&[forged(peer)], Priority::Interactive);
    }

    /// After the signature was found genuine: takes the delivery off the tenant's allowance.
    ///
    /// # Errors
    /// 429 `too_many_deliveries`.
    pub async fn admit(&self, source: &str, tenant: &str) -> Answer<()> {
        if self.per_second == 0 {
            return Ok(());
        }
        let burst = self.per_second.saturating_mul(BURST_SECONDS);
        let scope = Scope::token_bucket(format!("{source}:{tenant}"), f64::from(self.per_second), burst);
        match self.seen.try_acquire(&[scope], Priority::Interactive).await {
            Ok(Decision::Go) | Err(_) => Ok(()),
            Ok(Decision::Wait(wait)) => {
                let detail =
                    format!("more than {} deliveries a second for one account: send it again", self.per_second);
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_deliveries", detail).retry_after(wait))
            }
        }
    }
}

/// Whoever has one address of an IPv6 network has all of the 2^64.
fn forged(peer: IpAddr) -> Scope {
    let network = match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    };
    Scope::token_bucket(format!("forged {network}"), FORGED_PER_SECOND, FORGED_AT_ONCE)
}
