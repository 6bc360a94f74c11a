//! Which organizations have both sides.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sidecar_core::{Clock, OrganizationId, StoreError};
use sidecar_store::Store;

use crate::{config::CalcomConfig, tenancy::connections::OrganizationConnections};

/// How long it is good that an organization has both. One that has them no longer is found out by every step itself.
const REMEMBERED: Duration = Duration::from_secs(5);
/// How long a connection may go unnoticed: what is written meanwhile is not followed. The whole copy that a connection begins with
/// looks at everything after this time.
pub const UNNOTICED: Duration = Duration::from_millis(200);
/// The most organizations that are remembered.
const MOST: usize = 10_000;

/// The organizations that were asked for lately, each with the monotonic time of the answer.
#[derive(Debug, Default)]
pub struct Mirrored(Mutex<HashMap<OrganizationId, (Duration, bool)>>);

impl Mirrored {
    /// Whether the organization has connected both Cal.com and GHL, perhaps as of some seconds ago.
    pub(super) async fn is(
        &self,
        store: &dyn Store,
        clock: &dyn Clock,
        calcom: &CalcomConfig,
        organization: &OrganizationId,
    ) -> Result<bool, StoreError> {
        let now = clock.monotonic();
        let known = self.known().get(organization).copied();
        if let Some((at, is)) = known
            && now.saturating_sub(at) < if is { REMEMBERED } else { UNNOTICED }
        {
            return Ok(is);
        }
        let connected = OrganizationConnections::load(store, calcom, organization).await?;
        let is = connected.has_calcom() && connected.has_ghl();
        let mut all = self.known();
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(organization.clone(), (now, is));
        Ok(is)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<OrganizationId, (Duration, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
