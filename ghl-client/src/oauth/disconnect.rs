use sidecar_core::{
    Error, ErrorKind, Result, Timestamp,
    token::{CasResult, Connection, ConnectionState, TokenKey, TokenSet},
};

use super::{
    connections::{ATTEMPTS, GhlTokens, changing},
    grant::{company_of, disconnected, minted_from},
    keys::company_of_key,
};
use crate::{
    events::{Event, InstallPayload},
    model::{CompanyId, LocationId, WireTime},
};

impl GhlTokens {
    /// Erases the company's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn disconnect_company(&self, company: &CompanyId) -> Result<()> {
        self.delete(&self.company_key(company)).await
    }

    /// Erases the location's tokens. While a company is connected, no call mints others from it by itself:
    /// [`mint`](Self::mint) and [`adopt`](Self::adopt) connect the location again.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn disconnect_location(&self, location: &LocationId) -> Result<()> {
        let now = self.connections.clock.now();
        self.disconnect(location, now, "it was disconnected", |_| false).await.map(drop)
    }

    /// Erases the tokens that an `UNINSTALL` took the ground from: the location's, or the company's with those of every
    /// location that were minted from it. Tokens that were bought after the event stay, for deliveries overtake each other and
    /// the app may be installed again meanwhile. Answers with the keys that are gone. No call mints others for the location by
    /// itself until [`installed`](Self::installed), [`mint`](Self::mint) or [`adopt`](Self::adopt).
    ///
    /// Whether the event concerns this organization at all is the application's to know.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when the event names neither location nor company; [`ErrorKind::Store`]: repeat it later.
    pub async fn uninstalled(&self, event: &Event<InstallPayload>) -> Result<Vec<TokenKey>> {
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        let outlived = |tokens: &TokenSet| matches!((at, tokens.issued_at), (Some(at), Some(issued)) if issued >= at);
        match (&event.data.location_id, &event.data.company_id) {
            (Some(location), _) => {
                let since = at.unwrap_or_else(|| self.connections.clock.now());
                let erased = self.disconnect(location, since, "the app was uninstalled there", outlived).await?;
                Ok(erased.then(|| self.location_key(location)).into_iter().collect())
            }
            (None, Some(company)) => {
                let mut gone = Vec::new();
                for Connection { key, tokens, state } in self.connections.store.connections(&self.organization).await? {
                    let concerned = key == self.company_key(company) || minted_from(&tokens).as_ref() == Some(company);
                    if concerned && !outlived(&tokens) {
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

    /// After an `INSTALL`: a location that had been disconnected before gets tokens from its company's again at its next call.
    /// An event that a later disconnect has overtaken does nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Store`]: repeat it later.
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

    /// Lets go of the location's token in this process if another one has disconnected the location: it would be handed out
    /// for some seconds more. Call it before what must not happen after a disconnect; the next call then says what to do.
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

    /// Erases a location's tokens, unless they `stay`, and says whether there were any. Where its next call would mint others from
    /// a company that is connected, a mark is left that keeps it from doing so.
    async fn disconnect(
        &self,
        location: &LocationId,
        since: Timestamp,
        reason: &str,
        stay: impl Fn(&TokenSet) -> bool,
    ) -> Result<bool> {
        let (key, store) = (self.location_key(location), &self.connections.store);
        for _ in 0..ATTEMPTS {
            let connections = store.connections(&self.organization).await?;
            let own = connections.iter().find(|connection| connection.key == key);
            if own.is_some_and(|own| stay(&own.tokens)) {
                return Ok(false);
            }
            let erased = own.is_some_and(|own| !own.state.is_disconnected());
            let own = own.map(|own| &own.tokens);
            let any_company = connections.iter().find_map(|connection| company_of_key(&connection.key));
            let Some(company) = any_company.filter(|_| self.connections.mints_by_itself) else {
                self.delete(&key).await?;
                return Ok(erased);
            };
            let company = own.and_then(company_of).unwrap_or(company);
            let expected = own.map_or(0, |tokens| tokens.generation);
            let tokens = disconnected(location, &company, since);
            let state = ConnectionState::Disconnected { reason: reason.to_owned(), since, reissue: false };
            // After a conflict the new tokens have to be checked against `stay` too.
            if let CasResult::Stored(_) = store.swap(&key, expected, &tokens, &state).await? {
                self.connections.locations.invalidate(&key);
                return Ok(erased);
            }
        }
        Err(changing(&key))
    }

    async fn delete(&self, key: &TokenKey) -> Result<()> {
        self.connections.store.delete_tokens(key).await?;
        self.connections.companies.invalidate(key);
        self.connections.locations.invalidate(key);
        Ok(())
    }
}
