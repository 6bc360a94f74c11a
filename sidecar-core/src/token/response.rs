use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use super::TokenSet;
use crate::{
    error::{Error, ErrorKind, Result, SendState},
    json,
    time::Timestamp,
};

/// The lifetimes that a provider can mean: longer ones are taken for a mistake, since an expired token would count as valid.
const MAX_LIFETIME_SECS: f64 = 10.0 * 366.0 * 86_400.0;

/// Parses the response of a token endpoint (RFC 6749 §5.1).
///
/// A refresh token that is valid once cannot be requested again, so everything that can be read is accepted: snake case and camel
/// case, also both at once; `expires_in` as a number or a text; `scope` as a text or a list; and an envelope of one object. Only an
/// access token is required. The lifetime is counted from `requested_at`, so that the expiry is never too late; it is
/// `default_lifetime` if the response has no valid one. Other fields are in `extra`.
///
/// # Errors
/// [`ErrorKind::Decode`] without an access token. The error contains nothing of the body.
pub fn parse_token_response(body: &[u8], requested_at: Timestamp, default_lifetime: Duration) -> Result<TokenSet> {
    let document: Option<Value> = json::from_slice(body).ok();
    let Some(mut fields) = document.and_then(token_fields) else {
        let why = "the response of the token endpoint has no access token";
        return Err(Error::new(ErrorKind::Decode, why).with_send_state(SendState::Responded));
    };
    let access = take(&mut fields, ["access_token", "accessToken"], token);
    let refresh = take(&mut fields, ["refresh_token", "refreshToken"], token);
    let lifetime = take(&mut fields, ["expires_in", "expiresIn"], lifetime);
    let lifetime = lifetime.unwrap_or(default_lifetime);
    let scope = take(&mut fields, ["scope", "scopes"], scopes);
    for name in ["token_type", "tokenType", "traceId"] {
        fields.remove(name);
    }
    Ok(TokenSet {
        refresh: refresh.map(SecretString::from),
        expires_at: Some(requested_at + lifetime),
        issued_at: Some(requested_at),
        scope,
        extra: fields,
        ..TokenSet::new(access.unwrap_or_default())
    })
}

/// Returns the object that has the access token: the document, or an object in it.
fn token_fields(document: Value) -> Option<Map<String, Value>> {
    let Value::Object(fields) = document else { return None };
    let has_token = |fields: &Map<String, Value>| {
        ["access_token", "accessToken"].iter().any(|name| fields.get(*name).is_some_and(|value| token(value).is_some()))
    };
    if has_token(&fields) {
        return Some(fields);
    }
    fields.into_iter().find_map(|(_, value)| match value {
        Value::Object(inner) if has_token(&inner) => Some(inner),
        _ => None,
    })
}

/// Removes a field with both of its names and returns the first value that can be read.
fn take<T>(fields: &mut Map<String, Value>, names: [&str; 2], read: impl Fn(&Value) -> Option<T>) -> Option<T> {
    let values = names.map(|name| fields.remove(name));
    values.iter().flatten().find_map(read)
}

fn token(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|token| !token.is_empty()).map(str::to_owned)
}

fn lifetime(value: &Value) -> Option<Duration> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    // A range does not contain NaN.
    (1.0..=MAX_LIFETIME_SECS).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// Returns the scopes, separated by spaces.
fn scopes(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(scopes) => Some(scopes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    const REQUESTED_AT: Timestamp = Timestamp::from_secs(1_000);
    const DEFAULT_LIFETIME: Duration = Duration::from_secs(500);

    fn parse(body: &Value) -> Result<TokenSet> {
        parse_token_response(body.to_string().as_bytes(), REQUESTED_AT, DEFAULT_LIFETIME)
    }

    fn lifetime_secs(set: &TokenSet) -> i64 {
        set.expires_at.unwrap().as_secs() - 1_000
    }

    #[test]
    fn every_spelling_of_a_token_response_is_accepted() {
        let fields =
            json!({"access_token": "a", "refresh_token": "r", "expires_in": 60, "scope": "s t", "userType": "Company"});
        let with = |changes: Value| {
            let mut body = fields.clone();
            body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            body
        };
        for body in [
            fields.clone(),
            json!({"accessToken": "a", "refreshToken": "r", "expiresIn": 60, "scope": "s t", "userType": "Company"}),
            with(json!({"accessToken": "a", "refreshToken": "r", "expiresIn": 60})),
            with(json!({"expires_in": "60"})),
            with(json!({"expires_in": " 60 "})),
            with(json!({"expires_in": 60.0})),
            with(json!({"expires_in": "60.0"})),
            with(json!({"expires_in": null, "expiresIn": 60})),
            with(json!({"scope": ["s", "t"]})),
            with(json!({"scope": null, "scopes": ["s", "t"]})),
            with(json!({"access_token": null, "accessToken": "a"})),
            with(json!({"token_type": "Bearer", "tokenType": 1, "traceId": null})),
            json!({"data": fields}),
            json!({"success": true, "data": fields, "traceId": "t"}),
            json!({"result": {"accessToken": "a", "refreshToken": "r", "expiresIn": 60, "scope": ["s", "t"], "userType": "Company"}}),
        ] {
            let set = parse(&body).unwrap();
            assert_eq!(
                (set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()),
                ("a", "r"),
                "{body}"
            );
            assert_eq!(
                (lifetime_secs(&set), set.scope.as_deref(), set.issued_at),
                (60, Some("s t"), Some(REQUESTED_AT)),
                "{body}"
            );
            assert_eq!(Value::from(set.extra), json!({"userType": "Company"}), "{body}");
        }
    }

    #[test]
    fn an_invalid_lifetime_is_replaced_by_the_default() {
        for expires_in in
            [json!("soon"), json!(0), json!(-5), json!(1e300), json!("1e999"), json!([60]), json!({}), json!(null)]
        {
            let set = parse(&json!({"access_token": "a", "expires_in": expires_in})).unwrap();
            assert_eq!((lifetime_secs(&set), set.refresh.is_none(), set.scope), (500, true, None), "{expires_in}");
        }
    }

    #[test]
    fn a_response_without_an_access_token_is_rejected_and_hidden() {
        for body in [
            json!({"access_token": ["sesame"], "refresh_token": "sesame"}),
            json!({"access_token": "", "refresh_token": "sesame"}),
            json!({"data": {"refresh_token": "sesame"}}),
            json!(["sesame"]),
            json!("sesame"),
        ] {
            let error = parse(&body).unwrap_err();
            assert_eq!((error.kind(), error.send_state()), (ErrorKind::Decode, SendState::Responded));
            assert!(!format!("{error} {error:?} {:?}", error.body()).contains("sesame"));
        }
        assert!(parse_token_response(b"<html>", REQUESTED_AT, DEFAULT_LIFETIME).is_err());
    }

    #[test]
    fn a_byte_order_mark_costs_no_token() {
        let set =
            parse_token_response(b"\xEF\xBB\xBF{\"access_token\":\"a\"}", REQUESTED_AT, DEFAULT_LIFETIME).unwrap();
        assert_eq!(set.access.expose_secret(), "a");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
            prop::collection::vec(".{0,3}".prop_map(Value::from), 0..3).prop_map(Value::from),
            Just(json!({"a": 1})),
        ]
    }

    proptest! {
        #[test]
        fn both_tokens_survive_whatever_the_other_fields_are(
            others in prop::collection::btree_map("expires_in|expiresIn|scope|scopes|token_type|traceId|userType|[a-z]{1,4}", any_json(), 0..6),
        ) {
            let mut body = Value::from_iter(others);
            body["access_token"] = json!("a");
            body["refresh_token"] = json!("r");
            let set = parse(&body).unwrap();
            prop_assert_eq!((set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()), ("a", "r"));
            prop_assert!(lifetime_secs(&set) >= 1);
        }
    }
}
