use sidecar_core::{
    Error, ErrorKind, Result, Timestamp,
    token::{CasResult, Connection, ConnectionState, TokenKey, TokenSet},
};

use super::{
    connections::{GhlTokens, MAX_SWAP_ATTEMPTS, swap_contended},
    grant::{company_of, disconnected, minted_from},
    keys::company_of_key,
};
use crate::{
    events::{Event, InstallPayload},
    model::{CompanyId, LocationId, WireTime},
};

impl GhlTokens {
    /// Deletes the company's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn disconnect_company(&self, company: &CompanyId) -> Result<()> {
        self.delete(&self.company_key(company)).await
    }

    /// Deletes the location's tokens. No call mints new ones until [`mint`](Self::mint) or [`adopt`](Self::adopt) connects the
    /// location again.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn disconnect_location(&self, location: &LocationId) -> Result<()> {
        let now = self.connections.clock.now();
        self.disconnect(location, now, "it was disconnected", |_| false).await.map(drop)
    }

    /// Deletes the tokens that an `UNINSTALL` invalidates: the location's, or the company's and those of all locations that were
    /// minted with it. Tokens that were issued after the event stay, because deliveries can arrive out of order and the app may have
    /// been installed again. Returns the deleted keys. No call mints new tokens for the location until
    /// [`installed`](Self::installed), [`mint`](Self::mint) or [`adopt`](Self::adopt).
    ///
    /// The caller has to check that the event belongs to this organization.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] if the event names neither a location nor a company; [`ErrorKind::Store`]: retry later.
    pub async fn uninstalled(&self, event: &Event<InstallPayload>) -> Result<Vec<TokenKey>> {
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        let is_newer = |tokens: &TokenSet| matches!((at, tokens.issued_at), (Some(at), Some(issued)) if issued >= at);
        match (&event.data.location_id, &event.data.company_id) {
            (Some(location), _) => {
                let since = at.unwrap_or_else(|| self.connections.clock.now());
                let erased = self.disconnect(location, since, "the app was uninstalled there", is_newer).await?;
                Ok(erased.then(|| self.location_key(location)).into_iter().collect())
            }
            (None, Some(company)) => {
                let mut gone = Vec::new();
                for Connection { key, tokens, state } in self.connections.store.connections(&self.organization).await? {
                    let is_affected =
                        key == self.company_key(company) || minted_from(&tokens).as_ref() == Some(company);
                    if is_affected && !is_newer(&tokens) {
                        self.delete(&key).await?;
                        gone.extend((!state.is_disconnected()).then_some(key));
                    }
                }
                Ok(gone)
            }
            (None, None) => {
                Err(Error::new(ErrorKind::Rejected, "the UNINSTALL names neither a location nor a company"))
            }
        }
    }

    /// Handles an `INSTALL`: the next call of a disconnected location mints tokens again. An event that is older than the disconnect
    /// has no effect.
    ///
    /// # Errors
    /// [`ErrorKind::Store`]: retry later.
    pub async fn installed(&self, event: &Event<InstallPayload>) -> Result<()> {
        let Some(location) = &event.data.location_id else { return Ok(()) };
        let key = self.location_key(location);
        let Some(Connection { tokens, state, .. }) = self.connections.store.load(&key).await? else { return Ok(()) };
        let ConnectionState::Disconnected { reason, since, .. } = state else { return Ok(()) };
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        if at.is_none_or(|at| at >= since) {
            let state = ConnectionState::Disconnected { reason, since, reissue: true };
            // On a conflict the location was connected or disconnected since, which is newer than the event.
            let _ = self.connections.store.swap(&key, tokens.generation, &tokens, &state).await?;
            self.connections.locations.invalidate(&key);
        }
        Ok(())
    }

    /// Drops the cached token of a location that another process has disconnected; it would be used for some seconds more. Call it
    /// before an operation that must not happen after a disconnect.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn notice_disconnect(&self, location: &LocationId) -> Result<()> {
        let key = self.location_key(location);
        if self.connections.store.load(&key).await?.is_none_or(|connection| connection.state.is_disconnected()) {
            self.connections.locations.invalidate(&key);
        }
        Ok(())
    }

    /// Deletes a location's tokens, unless `stay` accepts them, and returns whether there were any. If its next call would mint new
    /// ones with a connected company, the state [`ConnectionState::Disconnected`] is stored, which prevents that.
    async fn disconnect(
        &self,
        location: &LocationId,
        since: Timestamp,
        reason: &str,
        stay: impl Fn(&TokenSet) -> bool,
    ) -> Result<bool> {
        let (key, store) = (self.location_key(location), &self.connections.store);
        for _ in 0..MAX_SWAP_ATTEMPTS {
            let connections = store.connections(&self.organization).await?;
            let own = connections.iter().find(|connection| connection.key == key);
            if own.is_some_and(|own| stay(&own.tokens)) {
                return Ok(false);
            }
            let had_tokens = own.is_some_and(|own| !own.state.is_disconnected());
            let own = own.map(|own| &own.tokens);
            let any_company = connections.iter().find_map(|connection| company_of_key(&connection.key));
            let Some(company) = any_company.filter(|_| self.connections.auto_mint) else {
                self.delete(&key).await?;
                return Ok(had_tokens);
            };
            let company = own.and_then(company_of).unwrap_or(company);
            let expected = own.map_or(0, |tokens| tokens.generation);
            let tokens = disconnected(location, &company, since);
            let state = ConnectionState::Disconnected { reason: reason.to_owned(), since, reissue: false };
            // After a conflict the new tokens have to be checked against `stay` too.
            if let CasResult::Stored(_) = store.swap(&key, expected, &tokens, &state).await? {
                self.connections.locations.invalidate(&key);
                return Ok(had_tokens);
            }
        }
        Err(swap_contended(&key))
    }

    async fn delete(&self, key: &TokenKey) -> Result<()> {
        self.connections.store.delete_tokens(key).await?;
        self.connections.companies.invalidate(key);
        self.connections.locations.invalidate(key);
        Ok(())
    }
}
