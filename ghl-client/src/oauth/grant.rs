//! Reading the token endpoint's answer. It mixes snake case and camel case; v3 writes everything in camel case.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Error, ErrorKind, Result, SecretString, Timestamp, error::SendState, token::TokenSet};

use super::keys::{company_of_resource, company_resource};
use crate::model::{CompanyId, LocationId};

/// The access token's life when an answer does not say: the documented 86,399 s.
const LIFE_SECS: i64 = 86_399;

sidecar_core::open_enum! {
    /// What a token is for.
    pub enum UserType {
        /// A company (agency).
        Company = "Company",
        /// A location (sub-account).
        Location = "Location",
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "accessToken")]
    access_token: String,
    #[serde(alias = "refreshToken", default)]
    refresh_token: Option<String>,
    #[serde(alias = "expiresIn", default)]
    expires_in: Option<f64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The set in an answer. `asked_at` is when the request left, so that the token is never thought to live longer than it does.
pub(super) fn tokens(body: &[u8], asked_at: Timestamp) -> Result<TokenSet> {
    // The body holds tokens: neither it nor the parser's words may stand in the error.
    let wire: Wire = serde_json::from_slice(body).map_err(|_| {
        Error::new(ErrorKind::Decode, "the token endpoint's answer has no access token in the expected shape")
            .with_send_state(SendState::Responded)
    })?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is meant")]
    let life = wire.expires_in.filter(|secs| *secs > 0.0).map_or(LIFE_SECS, |secs| secs as i64);
    let mut extra = wire.rest;
    for noise in ["token_type", "tokenType", "traceId"] {
        extra.remove(noise);
    }
    Ok(TokenSet {
        refresh: wire.refresh_token.filter(|token| !token.is_empty()).map(SecretString::from),
        expires_at: Some(Timestamp::from_micros(asked_at.as_micros().saturating_add(life.saturating_mul(1_000_000)))),
        issued_at: Some(asked_at),
        scope: wire.scope,
        extra,
        ..TokenSet::new(wire.access_token)
    })
}

/// Notes that a location's set was issued from its company's token.
pub(super) fn set_issued_from(tokens: &mut TokenSet, company: &CompanyId, location: &LocationId) {
    tokens.issued_from = Some(company_resource(company));
    for (name, value) in [("companyId", company.as_str()), ("locationId", location.as_str())] {
        tokens.extra.insert(name.to_owned(), json!(value));
    }
    tokens.extra.insert("userType".to_owned(), json!(UserType::Location));
}

/// Returns what is stored in place of a location's tokens after a disconnect, so that the next call issues none for it.
pub(super) fn disconnected(location: &LocationId, company: &CompanyId, at: Timestamp) -> TokenSet {
    let mut set = TokenSet { issued_at: Some(at), ..TokenSet::empty() };
    set_issued_from(&mut set, company, location);
    set
}

/// The company whose token a location's set was minted from; `None` for a connection of its own.
pub fn minted_from(tokens: &TokenSet) -> Option<CompanyId> {
    tokens.issued_from.as_deref().and_then(company_of_resource)
}

/// The company that a set belongs to.
pub fn company_of(tokens: &TokenSet) -> Option<CompanyId> {
    text(tokens, "companyId").map(CompanyId::from)
}

/// The location that a set is for; `None` for a company's.
pub fn location_of(tokens: &TokenSet) -> Option<LocationId> {
    text(tokens, "locationId").map(LocationId::from)
}

/// What a set is for. A set that does not say is a location's if it names one.
pub fn user_type_of(tokens: &TokenSet) -> UserType {
    match (text(tokens, "userType"), text(tokens, "locationId")) {
        (Some(user_type), _) => UserType::from(user_type),
        (None, Some(_)) => UserType::Location,
        (None, None) => UserType::Company,
    }
}

fn text<'a>(tokens: &'a TokenSet, name: &str) -> Option<&'a str> {
    tokens.extra.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ASKED: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn both_spellings_are_read() {
        for body in [
            r#"{"access_token":"a","refresh_token":"r","expires_in":86399,"scope":"s","userType":"Company","companyId":"c","token_type":"Bearer"}"#,
            r#"{"accessToken":"a","refreshToken":"r","expiresIn":86399,"scope":"s","userType":"Company","companyId":"c","tokenType":"Bearer"}"#,
        ] {
            let set = tokens(body.as_bytes(), ASKED).unwrap();
            assert_eq!((set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()), ("a", "r"));
            assert_eq!((set.issued_at, set.expires_at), (Some(ASKED), Some(Timestamp::from_secs(87_399))));
            assert_eq!((company_of(&set).unwrap().as_str(), user_type_of(&set)), ("c", UserType::Company));
            assert!(!set.extra.contains_key("token_type") && !set.extra.contains_key("tokenType"));
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_does_not_show_its_tokens() {
        let error = tokens(br#"{"access_token":["sesame"],"refresh_token":"sesame"}"#, ASKED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error} {error:?} {:?}", error.body()).contains("sesame"));
    }

    #[test]
    fn a_set_never_shows_its_tokens() {
        let set = tokens(br#"{"access_token":"sesame","refresh_token":"sesame"}"#, ASKED).unwrap();
        assert!(!format!("{set:?}").contains("sesame"));
    }
}
