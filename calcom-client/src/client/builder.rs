use std::sync::Arc;

use secrecy::SecretString;
use sidecar_core::{
    Error, ErrorKind, Result,
    client::{TransportOptions, check_token},
    lease::LeaseStore,
    token::{Credentials, StaticToken},
};

use super::{CalcomClient, Inner};
use crate::{
    config::{ApiVersions, Profile, Region, without_version},
    error::Calcom,
    limits::{Limits, RateLimitPolicy},
    oauth::CalcomTokens,
};

/// Builds a [`CalcomClient`] with at most one source of credentials; without one only the public operations work: slots and
/// reservations, and creating, reading, rescheduling and cancelling bookings by uid.
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct CalcomClientBuilder {
    sources: Vec<CredentialSource>,
    region: Region,
    base_url: Option<String>,
    profile: Option<Profile>,
    versions: Option<ApiVersions>,
    account: Option<String>,
    rate_limit: RateLimitPolicy,
    transport_options: TransportOptions,
    leases: Option<Arc<dyn LeaseStore>>,
}

#[derive(Debug)]
enum CredentialSource {
    Key(SecretString),
    Credentials(Arc<dyn Credentials>),
    Tokens(CalcomTokens),
}

sidecar_core::transport_setters!(CalcomClientBuilder, timeouts);

impl CalcomClientBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Uses an API key (`cal_live_…`), created in the user's settings; self-hosted instances may use another prefix.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.sources.push(CredentialSource::Key(key.into()));
        self
    }

    /// Uses another source of tokens. Set the [`account`](Self::account) when clients of several accounts share a limiter.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.sources.push(CredentialSource::Credentials(credentials));
        self
    }

    /// Uses the connection of an organization, by OAuth or by API key.
    pub fn tokens(mut self, tokens: CalcomTokens) -> Self {
        self.sources.push(CredentialSource::Tokens(tokens));
        self
    }

    /// Sets the cloud; [`Region::Global`] unless set.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Sets the base URL of the API, with or without `/v2` at its end.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets which API is called. By default the cloud's for the URLs of the clouds, and the self-hosted one for others.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Sets the API versions; those of the profile unless set.
    pub fn versions(mut self, versions: ApiVersions) -> Self {
        self.versions = Some(versions);
        self
    }

    /// Names the account in rate limit keys: clients with the same name and limiter share a quota. By default a fingerprint of the API
    /// key, or the organization of `tokens`.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// Sets the pace; [`RateLimitPolicy::API_KEY`] unless set.
    pub fn rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = policy;
        self
    }

    /// Serializes changes of a schedule across processes. Without it, changes of blocked times are serialized within this client
    /// and its clones only.
    pub fn leases(mut self, leases: Arc<dyn LeaseStore>) -> Self {
        self.leases = Some(leases);
        self
    }

    /// Builds the client. Sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] with more than one source of credentials, for an invalid key or base URL, for one of API v1, and
    /// when the machine's TLS roots cannot be read.
    pub fn build(self) -> Result<CalcomClient> {
        let refreshable = !matches!(self.sources.last(), Some(CredentialSource::Key(_)));
        let (credentials, default_account) = credentials(self.sources)?;
        let base = without_version(self.base_url.as_deref().unwrap_or(self.region.base_url()))?;
        let profile = self.profile.unwrap_or_else(|| profile_of(base));
        Ok(CalcomClient(Arc::new(Inner {
            pipeline: self.transport_options.or_local_limiter().pipeline(Calcom { refreshable }, base)?,
            credentials,
            limits: Limits::new(&self.account.unwrap_or(default_account), self.rate_limit),
            profile,
            versions: self.versions.unwrap_or(ApiVersions::of(profile)),
            leases: self.leases,
            schedule_locks: super::ScheduleLocks::default(),
        })))
    }
}

fn profile_of(base: &str) -> Profile {
    match Region::at(base) {
        Some(_) => Profile::Cloud,
        None => Profile::SelfHosted,
    }
}

/// Returns the credentials, and the default name of the account in rate limit keys.
fn credentials(mut sources: Vec<CredentialSource>) -> Result<(Option<Arc<dyn Credentials>>, String)> {
    let source = sources.pop();
    if !sources.is_empty() {
        let why = "the client has several sources of credentials: give one of `api_key`, `credentials`, `tokens`";
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(match source {
        None => (None, "public".to_owned()),
        Some(CredentialSource::Credentials(credentials)) => (Some(credentials), "credentials".to_owned()),
        Some(CredentialSource::Tokens(tokens)) => {
            let name = format!("organization:{}", tokens.organization());
            (Some(Arc::new(tokens.credentials())), name)
        }
        Some(CredentialSource::Key(key)) => {
            check_token(&key, "API key", "cal_…")?;
            let name = format!("key:{}", crate::limits::fingerprint(&key));
            (Some(Arc::new(StaticToken::new(key))), name)
        }
    })
}
