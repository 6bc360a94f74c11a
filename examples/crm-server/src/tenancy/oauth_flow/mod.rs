//! Connecting by consent: what the flows of all providers have in common.
//!
//! What a code is exchanged for is each provider's matter. Invariant: whoever comes back is the browser that set out, for the same
//! provider and organization, once.

pub mod browser;
pub mod states;

/// The flow of one provider.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// What its states are for, so that one flow's state is none of another's.
    purpose: &'static str,
    /// The cookie that comes back with the state.
    cookie: &'static str,
    /// The routes that the cookie is for.
    path: &'static str,
}

/// GHL's.
pub const GHL: Flow = Flow { purpose: "state", cookie: "sidecar_ghl_connect", path: "/api/integrations/ghl" };

/// Cal.com's.
pub const CALCOM: Flow =
    Flow { purpose: "state of calcom", cookie: "sidecar_calcom_connect", path: "/api/integrations/calcom" };
