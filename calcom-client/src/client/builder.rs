use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use sidecar_core::{
    Error, ErrorKind, Result,
    lease::LeaseStore,
    token::{Credentials, StaticToken},
};

use super::{
    CalcomClient, Inner,
    plumbing::{Plumbing, plumbing},
};
use crate::{
    compat::ScheduleLocks,
    config::{ApiVersions, Profile, Region, without_version},
    error::Calcom,
    limits::{Limits, RateLimitPolicy},
    oauth::CalcomTokens,
};

/// Builds a [`CalcomClient`]. It takes one source of credentials at most; without one only the public operations work:
/// slots and reservations, and booking, reading, moving and cancelling by uid.
#[derive(Debug, Default)]
#[must_use = "call `build`"]
pub struct CalcomClientBuilder {
    access: Vec<Source>,
    region: Region,
    base_url: Option<String>,
    profile: Option<Profile>,
    versions: Option<ApiVersions>,
    account: Option<String>,
    rate_limit: RateLimitPolicy,
    plumbing: Plumbing,
    leases: Option<Arc<dyn LeaseStore>>,
    deadline: Option<Duration>,
    attempt_timeout: Option<Duration>,
}

#[derive(Debug)]
enum Source {
    Key(SecretString),
    Credentials(Arc<dyn Credentials>),
    Tokens(CalcomTokens),
}

plumbing!(CalcomClientBuilder);

impl CalcomClientBuilder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// An API key (`cal_live_…`), made in the user's settings; a host of one's own may use another prefix.
    pub fn api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.access.push(Source::Key(key.into()));
        self
    }

    /// Any other source of tokens. Name the [`account`](Self::account) when clients of several share a limiter.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.access.push(Source::Credentials(credentials));
        self
    }

    /// The connection of an organization, by OAuth or by API key.
    pub fn tokens(mut self, tokens: CalcomTokens) -> Self {
        self.access.push(Source::Tokens(tokens));
        self
    }

    /// Which cloud; [`Region::Global`] unless set.
    pub fn region(mut self, region: Region) -> Self {
        self.region = region;
        self
    }

    /// Another address of the API, with or without `/v2` at its end.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Which API answers. Unless set it is the cloud's for the clouds' own addresses and the self-hosted one for any other.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Other versions than the profile's.
    pub fn versions(mut self, versions: ApiVersions) -> Self {
        self.versions = Some(versions);
        self
    }

    /// Whose quota it is, in the keys of limits: clients of the same name and limiter share it. Unless set, a fingerprint of the
    /// API key, or the organization of `tokens`.
    pub fn account(mut self, name: impl Into<String>) -> Self {
        self.account = Some(name.into());
        self
    }

    /// Another pace; [`RateLimitPolicy::API_KEY`] unless set.
    pub fn rate_limit(mut self, policy: RateLimitPolicy) -> Self {
        self.rate_limit = policy;
        self
    }

    /// Where processes agree who changes a schedule. Without it, changes of blocked times are taken in turn within this client
    /// and its clones only.
    pub fn leases(mut self, leases: Arc<dyn LeaseStore>) -> Self {
        self.leases = Some(leases);
        self
    }

    /// How long a call may take in all; 30 s unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// How long one attempt may take; 10 s unless set.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// The finished client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when there is more than one source of credentials, an empty or unsendable key, an unusable base URL
    /// or one of API v1, or when the machine's TLS roots cannot be read.
    pub fn build(self) -> Result<CalcomClient> {
        let renews = !matches!(self.access.last(), Some(Source::Key(_)));
        let (credentials, known_as) = access(self.access)?;
        let base = without_version(self.base_url.as_deref().unwrap_or(self.region.base_url()))?;
        let profile = self.profile.unwrap_or_else(|| profile_of(base));
        let mut pipeline = self.plumbing.pipeline(Calcom { renews }, base)?;
        if let Some(deadline) = self.deadline {
            pipeline = pipeline.deadline(deadline);
        }
        if let Some(timeout) = self.attempt_timeout {
            pipeline = pipeline.attempt_timeout(timeout);
        }
        Ok(CalcomClient(Arc::new(Inner {
            pipeline: pipeline.build()?,
            credentials,
            limits: Limits::new(&self.account.unwrap_or(known_as), self.rate_limit),
            profile,
            versions: self.versions.unwrap_or(ApiVersions::of(profile)),
            leases: self.leases,
            schedule_locks: ScheduleLocks::default(),
        })))
    }
}

fn profile_of(base: &str) -> Profile {
    match Region::at(base) {
        Some(_) => Profile::Cloud,
        None => Profile::SelfHosted,
    }
}

/// The credentials, and the account's name in limits.
fn access(mut sources: Vec<Source>) -> Result<(Option<Arc<dyn Credentials>>, String)> {
    let source = sources.pop();
    if !sources.is_empty() {
        let why = "the client has several sources of credentials: give one of `api_key`, `credentials`, `tokens`";
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    Ok(match source {
        None => (None, "public".to_owned()),
        Some(Source::Credentials(credentials)) => (Some(credentials), "credentials".to_owned()),
        Some(Source::Tokens(tokens)) => {
            let name = format!("organization:{}", tokens.organization());
            (Some(Arc::new(tokens.credentials())), name)
        }
        Some(Source::Key(key)) => {
            check_key(&key)?;
            let name = format!("key:{}", crate::limits::fingerprint(&key));
            (Some(Arc::new(StaticToken::new(key))), name)
        }
    })
}

/// Refuses what cannot be a key, before it is sent or stored.
pub(crate) fn check_key(key: &SecretString) -> Result<()> {
    let why = match key.expose_secret() {
        "" => "the API key is empty: give the whole `cal_…` key",
        text if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            "the API key has blanks or other characters that no key has: give it without quotes and line ends"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::InvalidInput, why))
}
