//! Parses the response of the token endpoint: that of RFC 6749, without the provider's envelope.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, SendState, Timestamp, token::TokenSet};

use crate::config::ACCESS_TOKEN_TTL;

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Returns the tokens in a response. `asked_at` is when the request was sent: counted from there, the expiry is never too late.
pub(super) fn token_set(body: &[u8], asked_at: Timestamp) -> Result<TokenSet> {
    // The body has tokens: neither it nor the parser's message may appear in the error.
    let response: TokenResponse = serde_json::from_slice(body).map_err(|_| {
        Error::new(ErrorKind::Decode, "the token endpoint's response has no valid access token")
            .with_send_state(SendState::Responded)
    })?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, as intended")]
    let lifetime =
        response.expires_in.filter(|seconds| *seconds > 0.0).map(|seconds| (seconds as i64).saturating_mul(1_000_000));
    let default = i64::try_from(ACCESS_TOKEN_TTL.as_micros()).unwrap_or(i64::MAX);
    let mut extra = response.rest;
    extra.remove("token_type");
    Ok(TokenSet {
        refresh: response.refresh_token.filter(|token| !token.is_empty()).map(SecretString::from),
        expires_at: Some(Timestamp::from_micros(asked_at.as_micros().saturating_add(lifetime.unwrap_or(default)))),
        issued_at: Some(asked_at),
        scope: response.scope,
        extra,
        ..TokenSet::new(response.access_token)
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ASKED_AT: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn a_token_response_is_parsed_without_an_envelope() {
        let body = br#"{"access_token":"a","token_type":"bearer","refresh_token":"r","expires_in":1800,"scope":"BOOKING_READ"}"#;
        let set = token_set(body, ASKED_AT).unwrap();
        assert_eq!((set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()), ("a", "r"));
        assert_eq!((set.issued_at, set.expires_at), (Some(ASKED_AT), Some(Timestamp::from_secs(2_800))));
        assert_eq!(set.scope.as_deref(), Some("BOOKING_READ"));
        let minimal = token_set(br#"{"access_token":"a"}"#, ASKED_AT).unwrap();
        assert_eq!((minimal.expires_at, minimal.refresh.is_none()), (Some(Timestamp::from_secs(2_800)), true));
    }

    #[test]
    fn the_error_of_an_invalid_token_response_hides_its_tokens() {
        let error = token_set(br#"{"access_token":["sesame"],"refresh_token":"sesame"}"#, ASKED_AT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error} {error:?} {:?}", error.body()).contains("sesame"));
    }
}
