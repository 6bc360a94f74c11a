//! What an organization wants its connection to be, and whether that can be right.

use std::collections::BTreeMap;

use calcom_client::CalcomVerifier;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};
use url::Url;
use utoipa::ToSchema;

use super::settings::{Block, CalcomProfile, CalcomSettings, Mapping};
use crate::http::{ApiResult, Problem};

/// The most event types that are mapped, and the most webhook secrets.
const MOST_MAPPED: usize = 500;
const MOST_SECRETS: usize = 10;
/// The most calls a minute: a thousand in a second.
const MOST_CALLS: u32 = 60_000;
/// The longest id, key or secret, in bytes.
const LONGEST: usize = 512;

/// A change of the connection. What is left out stays as it is; `null` clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateConnectionRequest {
    /// The API key. It is tried before it is kept.
    #[serde(default, deserialize_with = "key")]
    #[schema(value_type = Option<String>, write_only, example = "cal_live_…")]
    pub(super) api_key: Option<SecretText>,
    /// The API's address, of a host of one's own or of the European cloud; with it the key has to be given anew. `null`: the server's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "https://api.cal.eu")]
    base_url: Option<Option<String>>,
    /// Which API answers there; `null`: as the address tells.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<CalcomProfile>)]
    profile: Option<Option<CalcomProfile>>,
    /// The secrets of the webhooks, all of them; two while one is being replaced. `null`: none, and every delivery is refused.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, write_only)]
    webhook_secrets: Option<Option<Vec<SecretText>>>,
    /// Where bookings go at GHL, by the event type's id; all of them. `null`: none has a calendar of its own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<BTreeMap<String, Mapping>>)]
    mapping: Option<Option<BTreeMap<String, Mapping>>>,
    /// Where bookings of every other event type go; `null`: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Mapping>)]
    default_mapping: Option<Option<Mapping>>,
    /// Where times are blocked; `null`: in the user's default schedule.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Block>)]
    block: Option<Option<Block>>,
    /// Calls a minute that the account may make, where it may make others than one of the cloud: 1 to 60,000; `null`: as there.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 60_000)]
    calls_per_minute: Option<Option<u32>>,
}

/// A secret that is read straight into its wrapping.
#[derive(Debug)]
pub(super) struct SecretText(pub(super) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Tells `null` from what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A key cannot be cleared alone: what it connects would go on without it.
fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretText>, D::Error> {
    let refuse = || de::Error::custom("`apiKey` cannot be `null`: DELETE the connection");
    Option::deserialize(deserializer)?.ok_or_else(refuse).map(Some)
}

impl UpdateConnectionRequest {
    /// The settings with what is wanted. Not the key: that is no setting.
    ///
    /// # Errors
    /// 422 says what cannot be right.
    pub(super) fn applied_to(&self, before: &CalcomSettings) -> ApiResult<CalcomSettings> {
        let mut next = before.clone();
        if let Some(url) = &self.base_url {
            next.base_url = url.as_deref().map(address).transpose()?;
        }
        if let Some(secrets) = &self.webhook_secrets {
            next.webhook_secrets = secrets.as_deref().map(webhook_secrets).transpose()?.unwrap_or_default();
        }
        if let Some(mapping) = &self.mapping {
            next.mapping = mapping.iter().flatten().map(by_number).collect::<ApiResult<_>>()?;
        }
        next.profile = self.profile.unwrap_or(next.profile);
        next.block = self.block.unwrap_or(next.block);
        if let Some(mapping) = &self.default_mapping {
            next.default_mapping.clone_from(mapping);
        }
        next.calls_per_minute = self.calls_per_minute.unwrap_or(next.calls_per_minute);
        if next.calls_per_minute.is_some_and(|calls| !(1..=MOST_CALLS).contains(&calls)) {
            return Err(Problem::invalid(format!("`callsPerMinute` must be 1 to {MOST_CALLS}")));
        }
        check_mappings(&next)?;
        Ok(next)
    }
}

fn address(text: &str) -> ApiResult<Url> {
    let refuse = |why: &str| Problem::invalid(format!("`baseUrl` {why}"));
    let url = Url::parse(text).map_err(|_| refuse("is no address: give one that begins with https://"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("is no address: give one that begins with https://"));
    }
    let more =
        !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
    if more || text.len() > LONGEST {
        return Err(refuse("must be the API's address alone, without a user name, `?` or `#`"));
    }
    Ok(url)
}

fn by_number((id, mapping): (&String, &Mapping)) -> ApiResult<(i64, Mapping)> {
    let id = id.parse().map_err(|_| {
        Problem::invalid(format!("`mapping` has `{id}`: its names are ids of event types, which are numbers"))
    })?;
    Ok((id, mapping.clone()))
}

fn webhook_secrets(secrets: &[SecretText]) -> ApiResult<Vec<SecretString>> {
    let refuse = |why: String| Problem::invalid(format!("`webhookSecrets` {why}"));
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| secret.0.clone()).collect();
    if secrets.len() > MOST_SECRETS {
        return Err(refuse(format!("has more than {MOST_SECRETS} secrets: give those that are in use")));
    }
    if secrets.iter().any(|secret| secret.expose_secret().len() > LONGEST) {
        return Err(refuse(format!("has one of more than {LONGEST} bytes")));
    }
    CalcomVerifier::new(secrets.iter().cloned()).map_err(|error| refuse(format!("cannot be used: {error}")))?;
    Ok(secrets)
}

fn check_mappings(settings: &CalcomSettings) -> ApiResult<()> {
    if settings.mapping.len() > MOST_MAPPED {
        return Err(Problem::invalid(format!(
            "`mapping` has more than {MOST_MAPPED} event types: use `defaultMapping`"
        )));
    }
    for mapping in settings.mapping.values().chain(&settings.default_mapping) {
        let is_id = |id: &str| !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id(&mapping.location_id) || !is_id(&mapping.calendar_id) {
            return Err(Problem::invalid("a mapping needs the ids of a location and of its calendar, as GHL has them"));
        }
    }
    Ok(())
}
