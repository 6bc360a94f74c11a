use std::{collections::BTreeMap, sync::Arc};

use calcom_client::{EventTypeId, Profile, ScheduleId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sidecar_core::{OrganizationId, StoreError};
use sidecar_store::Store;
use url::Url;
use utoipa::ToSchema;

/// The name that an organization's document is kept under.
const NAME: &str = "calcom";
/// How often an update is attempted while other requests change the settings.
const MAX_UPDATE_ATTEMPTS: usize = 8;

/// What an organization has set for Cal.com. Its credentials are kept elsewhere, as those of every connection.
#[derive(Debug, Clone, Default)]
pub struct CalcomSettings {
    /// The API's address; none: the server's own setting.
    pub base_url: Option<Url>,
    /// Which API answers there; none: as the address tells.
    pub profile: Option<CalcomProfile>,
    /// The secrets of its webhooks; several while they are being replaced. None: deliveries are refused.
    pub webhook_secrets: Vec<SecretString>,
    /// Where bookings of an event type go.
    pub mapping: BTreeMap<i64, Mapping>,
    /// Where the others go; none: nowhere.
    pub default_mapping: Option<Mapping>,
    /// Where times are blocked; none: in the user's default schedule.
    pub block: Option<Block>,
    /// Calls a minute that the account may make; none: as many as an account of the cloud may.
    pub calls_per_minute: Option<u32>,
    /// What the calendar's address ends in; none: there is no calendar.
    pub feed_secret: Option<SecretString>,
}

/// Which of Cal.com's two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalcomProfile {
    /// Cal.com's own service.
    Cloud,
    /// The community edition on a host of one's own.
    SelfHosted,
}

impl From<CalcomProfile> for Profile {
    fn from(profile: CalcomProfile) -> Self {
        match profile {
            CalcomProfile::Cloud => Self::Cloud,
            CalcomProfile::SelfHosted => Self::SelfHosted,
        }
    }
}

/// Where bookings go at GHL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// The location.
    pub location_id: String,
    /// The location's calendar.
    pub calendar_id: String,
}

/// Where times are blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Block {
    /// The schedule that they are taken out of.
    #[schema(value_type = i64)]
    pub schedule_id: ScheduleId,
}

/// Settings as the store had them.
#[derive(Debug, Clone, Default)]
pub struct VersionedSettings {
    /// Grows with every change; 0 of an organization that has set nothing.
    pub revision: u64,
    /// The settings.
    pub settings: CalcomSettings,
}

impl CalcomSettings {
    /// Whether nothing is set, as after a disconnect.
    pub(super) fn is_blank(&self) -> bool {
        let Self { base_url, profile, webhook_secrets, mapping, default_mapping, block, calls_per_minute, feed_secret } =
            self;
        let (is_elsewhere, is_mapped) = (base_url.is_some() || profile.is_some(), !mapping.is_empty());
        let is_tuned = block.is_some() || calls_per_minute.is_some();
        let has_secrets = !webhook_secrets.is_empty() || feed_secret.is_some();
        !(is_elsewhere || is_mapped || default_mapping.is_some() || is_tuned || has_secrets)
    }

    /// Where bookings of this event type go; none: nowhere.
    pub fn mapping_of(&self, event_type: Option<EventTypeId>) -> Option<&Mapping> {
        let own = event_type.and_then(|id| self.mapping.get(&id.get()));
        own.or(self.default_mapping.as_ref())
    }
}

/// Reads what the organization has set, as it is now.
///
/// # Errors
/// [`StoreError`]; also when the document cannot be read.
pub async fn read(store: &dyn Store, organization: &OrganizationId) -> Result<VersionedSettings, StoreError> {
    let Some(setting) = store.setting(organization, NAME).await? else { return Ok(VersionedSettings::default()) };
    // Not with the parser's message: it may quote what it read.
    let unreadable = || StoreError::broken("Cal.com's settings are kept in a form that cannot be read");
    let document: Document = serde_json::from_str(setting.value.expose_secret()).map_err(|_| unreadable())?;
    Ok(VersionedSettings { revision: setting.revision, settings: document.settings().ok_or_else(unreadable)? })
}

/// Keeps settings in place of those of revision `expected`; `false` when others were kept meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    store: &dyn Store,
    organization: &OrganizationId,
    expected: u64,
    settings: &CalcomSettings,
) -> Result<bool, StoreError> {
    let text = serde_json::to_string(&Document::from(settings))
        .map_err(|error| StoreError::broken("Cal.com's settings cannot be written").with_source(error))?;
    store.put_setting(organization, NAME, expected, &text.into()).await
}

/// An update of the settings by compare-and-swap: read, change, write; again while other requests write in between.
#[derive(Debug)]
pub(crate) struct SettingsUpdate<'a> {
    store: &'a dyn Store,
    organization: &'a OrganizationId,
    attempts_left: usize,
}

impl<'a> SettingsUpdate<'a> {
    pub(crate) fn new(store: &'a dyn Store, organization: &'a OrganizationId) -> Self {
        Self { store, organization, attempts_left: MAX_UPDATE_ATTEMPTS }
    }

    /// Reads the settings for the next attempt; `None` after [`MAX_UPDATE_ATTEMPTS`] conflicts.
    pub(crate) async fn read(&mut self) -> Result<Option<VersionedSettings>, StoreError> {
        let Some(left) = self.attempts_left.checked_sub(1) else { return Ok(None) };
        self.attempts_left = left;
        read(self.store, self.organization).await.map(Some)
    }

    /// Replaces the settings that [`read`](Self::read) returned; `false` when others changed them since.
    pub(crate) async fn write(&self, read: &VersionedSettings, next: &CalcomSettings) -> Result<bool, StoreError> {
        write(self.store, self.organization, read.revision, next).await
    }
}

/// The settings as they are sealed. The only form of them that has the secrets in the clear.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<CalcomProfile>,
    webhook_secrets: Vec<Arc<str>>,
    mapping: BTreeMap<i64, Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_mapping: Option<Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<Block>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_secret: Option<Arc<str>>,
}

impl From<&CalcomSettings> for Document {
    fn from(settings: &CalcomSettings) -> Self {
        let clear = |secret: &SecretString| Arc::from(secret.expose_secret());
        Self {
            base_url: settings.base_url.clone().map(String::from),
            profile: settings.profile,
            webhook_secrets: settings.webhook_secrets.iter().map(clear).collect(),
            mapping: settings.mapping.clone(),
            default_mapping: settings.default_mapping.clone(),
            block: settings.block,
            calls_per_minute: settings.calls_per_minute,
            feed_secret: settings.feed_secret.as_ref().map(clear),
        }
    }
}

impl Document {
    /// None when the address is none.
    fn settings(self) -> Option<CalcomSettings> {
        let wrap = |clear: Arc<str>| SecretString::from(&*clear);
        Some(CalcomSettings {
            base_url: self.base_url.map(|url| Url::parse(&url)).transpose().ok()?,
            profile: self.profile,
            webhook_secrets: self.webhook_secrets.into_iter().map(wrap).collect(),
            mapping: self.mapping,
            default_mapping: self.default_mapping,
            block: self.block,
            calls_per_minute: self.calls_per_minute,
            feed_secret: self.feed_secret.map(wrap),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mapping(location: &str) -> Mapping {
        Mapping { location_id: location.to_owned(), calendar_id: "c".to_owned() }
    }

    fn settings() -> CalcomSettings {
        CalcomSettings {
            base_url: Some(Url::parse("https://calcom.example.com/").unwrap()),
            profile: Some(CalcomProfile::SelfHosted),
            webhook_secrets: vec!["sesame-1".into(), "sesame-2".into()],
            mapping: BTreeMap::from([(7, mapping("l_7"))]),
            default_mapping: Some(mapping("l_0")),
            block: Some(Block { schedule_id: 3.into() }),
            calls_per_minute: Some(600),
            feed_secret: Some("sesame-3".into()),
        }
    }

    #[tokio::test]
    async fn settings_come_back_whole_and_late_changes_are_lost() {
        let config = Config::from_variables([("SIDECAR_ENV".to_owned(), "test".to_owned())]).unwrap();
        let store = sidecar_store::open("sqlite::memory:", config.vault().unwrap()).await.unwrap();
        let org = "org_1".into();
        assert_eq!(read(&*store, &org).await.unwrap().revision, 0);
        assert!(write(&*store, &org, 0, &settings()).await.unwrap());
        let found = read(&*store, &org).await.unwrap();
        let text = |settings: &CalcomSettings| serde_json::to_value(Document::from(settings)).unwrap();
        assert_eq!((found.revision, text(&found.settings)), (1, text(&settings())));
        assert!(!write(&*store, &org, 0, &settings()).await.unwrap());
        assert!(write(&*store, &org, 1, &CalcomSettings::default()).await.unwrap());
        let blank = read(&*store, &org).await.unwrap();
        assert!(blank.revision == 2 && blank.settings.is_blank() && !found.settings.is_blank());
    }

    #[test]
    fn an_event_type_of_its_own_goes_before_the_default() {
        let settings = settings();
        let of = |id: Option<i64>| settings.mapping_of(id.map(EventTypeId::from)).unwrap().location_id.clone();
        assert_eq!((of(Some(7)), of(Some(8)), of(None)), ("l_7".to_owned(), "l_0".to_owned(), "l_0".to_owned()));
        assert_eq!(CalcomSettings::default().mapping_of(Some(7.into())), None);
    }

    #[test]
    fn secrets_do_not_show() {
        assert!(!format!("{:?}", settings()).contains("sesame"));
    }
}
