//! Rate limits of incoming deliveries: invalid signatures of one IP address, and valid deliveries of one tenant.
//!
//! Invariant: a valid delivery is never rejected for what other addresses or other tenants send, and a rejected one is told when
//! to come again (429).

use std::{net::IpAddr, sync::Arc, time::Duration};

use http::StatusCode;
use sidecar_core::{
    Clock,
    rate_limit::{Decision, LocalLimiter, Priority, RateLimiter, Scope},
};

use super::problem::{ApiResult, Problem};

/// Invalid signatures allowed at once from one address, then a second. Checking one costs as much as storing a delivery.
const INVALID_SIGNATURE_BURST: u32 = 100;
const INVALID_SIGNATURES_PER_SECOND: f64 = 10.0;
/// How many seconds of its rate a tenant may use at once: a bulk import is not an attack.
const TENANT_BURST_SECONDS: u32 = 10;

/// The deliveries of the last seconds, in this process: each process guards the database on its own.
#[derive(Debug)]
pub struct WebhookLimits {
    limiter: LocalLimiter,
    /// Deliveries a second of one tenant; 0 for no limit.
    per_second: u32,
}

impl WebhookLimits {
    /// Allows `per_second` deliveries a second of one tenant; 0 for no limit.
    pub fn new(clock: Arc<dyn Clock>, per_second: u32) -> Self {
        Self { limiter: LocalLimiter::new(clock), per_second }
    }

    /// Rejects an address that sent too many invalid signatures. Called before the signature is verified.
    ///
    /// # Errors
    /// 429 `too_many_invalid_signatures`.
    pub fn check_signature_failures(&self, ip: IpAddr) -> ApiResult<()> {
        match self.limiter.peek(&[signature_failures(ip)], Priority::Interactive) {
            Ok(Duration::ZERO) | Err(_) => Ok(()),
            Ok(wait) => {
                let detail = "too many deliveries from this address had an invalid signature: try again later";
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_invalid_signatures", detail)
                    .retry_after(wait))
            }
        }
    }

    /// Counts an invalid signature.
    pub fn record_failure(&self, ip: IpAddr) {
        // Fails only for a scope of another kind.
        let _ = self.limiter.record(&[signature_failures(ip)], Priority::Interactive);
    }

    /// Counts a verified delivery of the tenant.
    ///
    /// # Errors
    /// 429 `too_many_deliveries`.
    pub async fn admit(&self, source: &str, tenant: &str) -> ApiResult<()> {
        if self.per_second == 0 {
            return Ok(());
        }
        let burst = self.per_second.saturating_mul(TENANT_BURST_SECONDS);
        let scope = Scope::token_bucket(format!("{source}:{tenant}"), f64::from(self.per_second), burst);
        match self.limiter.try_acquire(&[scope], Priority::Interactive).await {
            Ok(Decision::Go) | Err(_) => Ok(()),
            Ok(Decision::Wait(wait)) => {
                let detail = format!("more than {} deliveries a second for one account: retry", self.per_second);
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_deliveries", detail).retry_after(wait))
            }
        }
    }
}

/// The scope of an address. An IPv6 client usually owns its whole /64 network.
fn signature_failures(ip: IpAddr) -> Scope {
    let network = match ip.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    };
    Scope::token_bucket(format!("invalid signatures {network}"), INVALID_SIGNATURES_PER_SECOND, INVALID_SIGNATURE_BURST)
}
