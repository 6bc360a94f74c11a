use sidecar_core::{
    Error, ErrorKind, Result, Timestamp,
    token::{Connection, ConnectionState, TokenKey, TokenSet},
};

use super::{
    connections::GhlTokens,
    grant::{company_of, is_withdrawn, minted_from, withdrawn},
    keys::company_of_key,
};
use crate::{
    model::{CompanyId, LocationId, WireTime},
    webhook::{Event, InstallPayload},
};

impl GhlTokens {
    /// Erases the company's tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget_company(&self, company: &CompanyId) -> Result<()> {
        self.forget(&self.company_key(company)).await
    }

    /// Erases the location's tokens. No call mints others from its company's by itself: [`mint`](Self::mint) and
    /// [`adopt`](Self::adopt) connect it again.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn forget_location(&self, location: &LocationId) -> Result<()> {
        let connections = self.connections.store.connections(&self.organization).await?;
        self.withdraw(location, &connections, self.connections.clock.now(), "it was disconnected").await
    }

    /// Erases the tokens that an `UNINSTALL` took the ground from: the location's, or the company's with those of every
    /// location that were minted from it. Tokens that were bought after the event stay, for deliveries overtake each other and
    /// the app may be installed again meanwhile. Answers with the keys that are gone. No call mints others for the location by
    /// itself until [`installed`](Self::installed), [`mint`](Self::mint) or [`adopt`](Self::adopt).
    ///
    /// Whether the event concerns this organization at all is the application's to know.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the event names neither location nor company; [`ErrorKind::Store`]: repeat it later.
    pub async fn uninstalled(&self, event: &Event<InstallPayload>) -> Result<Vec<TokenKey>> {
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        let outlived = |tokens: &TokenSet| matches!((at, tokens.issued_at()), (Some(at), Some(issued)) if issued >= at);
        let connections = self.connections.store.connections(&self.organization).await?;
        match (&event.data.location_id, &event.data.company_id) {
            (Some(location), _) => {
                let key = self.location_key(location);
                let found = connections.iter().find(|connection| connection.key == key).map(|found| &found.tokens);
                if found.is_some_and(|tokens| is_withdrawn(tokens) || outlived(tokens)) {
                    return Ok(Vec::new());
                }
                let at = at.unwrap_or_else(|| self.connections.clock.now());
                self.withdraw(location, &connections, at, "the app was uninstalled there").await?;
                Ok(found.map(|_| key).into_iter().collect())
            }
            (None, Some(company)) => {
                let mut gone = Vec::new();
                for Connection { key, tokens, .. } in connections {
                    let concerned = key == self.company_key(company) || minted_from(&tokens).as_ref() == Some(company);
                    if concerned && (is_withdrawn(&tokens) || !outlived(&tokens)) {
                        self.forget(&key).await?;
                        gone.extend((!is_withdrawn(&tokens)).then_some(key));
                    }
                }
                Ok(gone)
            }
            (None, None) => Err(Error::new(ErrorKind::Invalid, "the UNINSTALL names neither a location nor a company")),
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
        let Some(connection) = self.connections.store.load(&key).await? else { return Ok(()) };
        let at = event.envelope.timestamp.as_ref().and_then(WireTime::timestamp);
        let later = matches!((at, connection.tokens.issued_at()), (Some(at), Some(since)) if at < since);
        if is_withdrawn(&connection.tokens) && !later { self.forget(&key).await } else { Ok(()) }
    }

    /// Lets go of the location's token in this process if another one has disconnected the location: it would be handed out
    /// for some seconds more. Call it before what must not happen after a disconnect; the next call then says what to do.
    ///
    /// # Errors
    /// [`ErrorKind::Store`].
    pub async fn notice_disconnect(&self, location: &LocationId) -> Result<()> {
        let key = self.location_key(location);
        if self.connections.store.load(&key).await?.is_none_or(|connection| is_withdrawn(&connection.tokens)) {
            self.connections.locations.invalidate(&key);
        }
        Ok(())
    }

    /// Erases a location's tokens. Where its first call would mint others from a company that is connected, a mark stays that
    /// keeps it from doing so.
    async fn withdraw(
        &self,
        location: &LocationId,
        connections: &[Connection],
        since: Timestamp,
        why: &str,
    ) -> Result<()> {
        let key = self.location_key(location);
        let its_own = connections.iter().find(|connection| connection.key == key);
        let company = its_own.and_then(|connection| company_of(&connection.tokens));
        let company = company.or_else(|| connections.iter().find_map(|connection| company_of_key(&connection.key)));
        let is_there = connections.iter().any(|connection| company_of_key(&connection.key).is_some());
        let (Some(company), true) = (company, is_there && self.connections.mints_by_itself) else {
            return self.forget(&key).await;
        };
        let generation = self.replace(&key, &withdrawn(location, &company, since)).await?;
        let state = ConnectionState::NeedsReauth { reason: why.to_owned(), since };
        self.connections.store.mark(&key, generation, &state).await?;
        self.connections.locations.invalidate(&key);
        Ok(())
    }

    async fn forget(&self, key: &TokenKey) -> Result<()> {
        self.connections.store.forget(key).await?;
        self.connections.companies.invalidate(key);
        self.connections.locations.invalidate(key);
        Ok(())
    }
}
