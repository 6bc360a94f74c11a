use super::*;

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_variables(owned)
}

#[test]
fn production_refuses_to_start_without_encryption_keys() {
    let error = config(&[]).unwrap_err();
    assert_eq!(error.0[0].variable, "SIDECAR_ENCRYPTION_KEYS");
    assert!(error.to_string().contains("keys generate"), "{error}");
    config(&[("SIDECAR_ENCRYPTION_KEYS", KEY)]).unwrap();
}

#[test]
fn keys_that_nobody_would_find_again_are_not_generated() {
    let development = |url| config(&[("SIDECAR_ENV", "development"), ("DATABASE_URL", url)]);
    development("sqlite://a.db").unwrap();
    let error = development("postgres://me@host/crm").unwrap_err();
    assert_eq!(error.0[0].variable, "SIDECAR_ENCRYPTION_KEYS");
    config(&[
        ("SIDECAR_ENV", "development"),
        ("DATABASE_URL", "postgres://me@host/crm"),
        ("SIDECAR_ENCRYPTION_KEYS", KEY),
    ])
    .unwrap();
}

#[test]
fn every_bad_variable_is_named_in_one_go() {
    let bad = [
        ("SIDECAR_ENV", "staging"),
        ("BIND_ADDR", "here"),
        ("METRICS_ADDR", "0.0.0.0"),
        ("APP_URL", "crm.example.com"),
        ("DATABASE_URL", "foo"),
        ("REDIS_URL", "rediss://cache"),
        ("SIDECAR_ENCRYPTION_KEYS", "k1:short"),
        ("SIDECAR_OPERATOR_TOKEN", "two words"),
        ("SYNC_INTERVAL_SECS", "0"),
        ("GHL_REDIRECT_URI", "ftp://x"),
        ("GHL_API_URL", "/ghl"),
        ("GHL_AUTHORIZE_URL", "x"),
        ("GHL_API_VERSION", "nonsense"),
        ("GHL_WEBHOOK_PUBLIC_KEY", "garbage"),
        ("GHL_WEBHOOK_ALLOW_LEGACY_RSA", "perhaps"),
        ("CALCOM_API_URL", "https://api.cal.com/v1"),
        ("CALCOM_API_KEY", "two words"),
        ("CALCOM_WEBHOOK_SECRET", ","),
        ("CALCOM_REDIRECT_URI", "x"),
        ("CALCOM_AUTHORIZE_URL", "ftp://x"),
    ];
    let error = config(&bad).unwrap_err();
    let mut named: Vec<_> = error.0.iter().map(|bad| bad.variable).collect();
    let mut expected: Vec<_> = bad.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected, "{error}");
}

#[test]
fn a_secret_shows_neither_in_debug_nor_in_the_report_nor_in_errors() {
    let secrets = [
        ("SIDECAR_OPERATOR_TOKEN", "sesame-op"),
        ("GHL_CLIENT_ID", "a1-b2"),
        ("GHL_CLIENT_SECRET", "sesame-ghl"),
        ("CALCOM_API_KEY", "sesame-key"),
        ("CALCOM_WEBHOOK_SECRET", "sesame-1,sesame-2"),
        ("CALCOM_CLIENT_ID", "c"),
        ("CALCOM_CLIENT_SECRET", "sesame-client"),
    ];
    let config = config(&[&secrets[..], &[("SIDECAR_ENCRYPTION_KEYS", KEY)]].concat()).unwrap();
    let shown = format!("{config:?}{}", config.report());
    assert!(!shown.contains("sesame") && !shown.contains("AAECAwQ"), "{shown}");
    let error = super::tests::config(&[("SIDECAR_ENCRYPTION_KEYS", "k1:sesame")]).unwrap_err();
    assert!(!error.to_string().contains("sesame"), "{error}");
}

#[test]
fn ghl_is_off_and_says_what_to_set_until_both_halves_are_there() {
    let half = config(&[("SIDECAR_ENV", "test"), ("GHL_CLIENT_ID", "a1-b2")]).unwrap();
    assert!(half.ghl.app.is_none());
    assert_eq!(half.ghl_off().unwrap(), "set GHL_CLIENT_SECRET");
}

#[test]
fn consent_to_an_api_of_ones_own_needs_its_page() {
    let own = [("SIDECAR_ENV", "test"), ("CALCOM_CLIENT_ID", "c"), ("CALCOM_API_URL", "https://cal.example.com/api")];
    let error = config(&own).unwrap_err().to_string();
    assert!(error.contains("CALCOM_AUTHORIZE_URL is missing"), "{error}");
    let page = ("CALCOM_AUTHORIZE_URL", "https://cal.example.com/auth/oauth2/authorize");
    config(&[&own[..], &[page]].concat()).unwrap();
    config(&[own[0], own[1], ("CALCOM_API_URL", "https://api.cal.eu/v2")]).unwrap();
}

#[test]
fn a_key_of_calcom_without_its_organization_says_what_to_set() {
    for set in [("CALCOM_API_KEY", "cal_live_1"), ("CALCOM_WEBHOOK_SECRET", "s")] {
        let alone = config(&[("SIDECAR_ENV", "test"), set]).unwrap();
        assert!(alone.report().contains("set CALCOM_ORGANIZATION_ID"), "{}", alone.report());
        assert!(alone.calcom.key_of(&"org_1".into()).is_none());
    }
    let whole =
        [("CALCOM_API_KEY", "cal_live_1"), ("CALCOM_WEBHOOK_SECRET", "a, b"), ("CALCOM_ORGANIZATION_ID", "org_1")];
    let whole = config(&[&[("SIDECAR_ENV", "test")], &whole[..]].concat()).unwrap().calcom;
    assert!(whole.key_of(&"org_1".into()).is_some() && whole.key_of(&"org_2".into()).is_none());
    assert_eq!((whole.secrets_of(&"org_1".into()).len(), whole.secrets_of(&"org_2".into()).len()), (2, 0));
}

#[test]
fn an_address_of_calcoms_former_api_explains_itself() {
    let error = config(&[("SIDECAR_ENV", "test"), ("CALCOM_API_URL", "https://api.cal.com/v1")]).unwrap_err();
    assert!(error.to_string().contains("shut down") && error.to_string().contains("https://api.cal.com"), "{error}");
    for url in ["https://api.cal.com", "https://api.cal.com/v2", "https://api.cal.com/v2/"] {
        let config = config(&[("SIDECAR_ENV", "test"), ("CALCOM_API_URL", url)]).unwrap();
        assert_eq!(config.calcom.api_url, "https://api.cal.com");
    }
}

#[test]
fn the_redirect_uri_follows_from_the_servers_own_address() {
    let set = [
        ("SIDECAR_ENV", "test"),
        ("APP_URL", "https://crm.example.com/"),
        ("GHL_CLIENT_ID", "a"),
        ("GHL_CLIENT_SECRET", "b"),
    ];
    let app = config(&set).unwrap().ghl.app.unwrap();
    assert_eq!(app.redirect_uri.as_deref(), Some("https://crm.example.com/api/integrations/ghl/auth"));
}

/// The problems of one variable's values, none of which can be right.
fn problems(variable: &'static str, values: &[&str]) -> Vec<String> {
    let problem = |value: &&str| {
        let error = config(&[("SIDECAR_ENV", "test"), (variable, value)]).expect_err(value);
        assert_eq!(error.0.len(), 1, "{error}");
        assert_eq!(error.0[0].variable, variable);
        error.to_string()
    };
    values.iter().map(problem).collect()
}

#[test]
fn values_that_would_only_fail_later_are_refused_at_once() {
    problems(
        "DATABASE_URL",
        &["foo", "sqlite://", "sqlite:", "sqlite://?mode=ro", "mysql://x/y", "postgres://", "postgres:"],
    );
    problems("GHL_WEBHOOK_PUBLIC_KEY", &[",", " , ", "garbage", "-----BEGIN PUBLIC KEY-----"]);
    problems("GHL_API_VERSION", &["nonsense", "2021-7-28", "v9", "2021-07-28-x"]);
    for good in ["2021-07-28", "2027-01-31", "v3"] {
        config(&[("SIDECAR_ENV", "test"), ("GHL_API_VERSION", good)]).unwrap();
    }
    for good in
        ["sqlite::memory:", "sqlite://a.db", "sqlite:a.db?mode=ro", "sqlite:///tmp/a.db", "postgres://me@host/crm"]
    {
        config(&[("SIDECAR_ENV", "test"), ("DATABASE_URL", good)]).unwrap();
    }
}

#[test]
fn an_address_with_more_than_an_address_is_refused_and_not_repeated() {
    let more = ["https://user:sesame@crm.test", "https://sesame@crm.test", "https://crm.test/#sesame"];
    let with_query = [&more[..], &["https://crm.test/?a=sesame", "https://crm.test?"]].concat();
    for variable in ["APP_URL", "GHL_API_URL"] {
        assert!(problems(variable, &with_query).iter().all(|problem| !problem.contains("sesame")));
    }
    for variable in ["GHL_REDIRECT_URI", "GHL_AUTHORIZE_URL"] {
        assert!(problems(variable, &more).iter().all(|problem| !problem.contains("sesame")));
        config(&[("SIDECAR_ENV", "test"), (variable, "https://crm.test/x?a=b")]).unwrap();
    }
}

#[test]
fn a_password_of_the_database_does_not_show() {
    for url in ["sqlite://sesame.db", "postgres://me:sesame@host/crm", "foo:sesame", "sesame"] {
        let shown = match config(&[("SIDECAR_ENV", "test"), ("DATABASE_URL", url)]) {
            Ok(config) => format!("{config:?}{}", config.report()),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn a_password_of_redis_does_not_show() {
    for url in ["redis://:sesame@cache:6379/1", "rediss://:sesame@cache", "redis://:sesame@cache:port", "sesame"] {
        let shown = match config(&[("SIDECAR_ENV", "test"), ("REDIS_URL", url)]) {
            Ok(config) => format!("{config:?}{}", config.report()),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn what_cannot_be_used_is_still_reported_whole() {
    let variables = [("METRICS_ADDR", "x"), ("GHL_CLIENT_ID", "a1-b2")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let unreadable = BadVariable { variable: "APP_URL", problem: "has bytes".to_owned() };
    let (config, verdict) = Config::read(Reader::new(variables).with(vec![unreadable]));
    let bad: Vec<_> = verdict.unwrap_err().0.into_iter().map(|bad| bad.variable).collect();
    assert_eq!(bad, ["APP_URL", "METRICS_ADDR", "SIDECAR_ENCRYPTION_KEYS"], "the missing keys too");
    assert_eq!(config.report().lines().filter(|line| !line.starts_with('!')).count(), VARIABLES.len());
}

#[test]
fn cookies_are_for_https_alone_when_either_way_is() {
    let ghl = [("SIDECAR_ENV", "test"), ("GHL_CLIENT_ID", "a"), ("GHL_CLIENT_SECRET", "b")];
    let https = |more: &[(&str, &str)]| config(&[&ghl[..], more].concat()).unwrap().is_https();
    assert!(https(&[("APP_URL", "https://crm.test")]));
    assert!(https(&[("GHL_REDIRECT_URI", "https://crm.test/auth")]));
    assert!(https(&[("APP_URL", "http://crm.test"), ("GHL_REDIRECT_URI", "https://crm.test/auth")]));
    assert!(!https(&[("APP_URL", "http://crm.test")]));
    assert!(!https(&[]));
}

#[test]
fn several_webhook_keys_are_read_with_their_line_ends_written_out() {
    // Two Ed25519 keys: the one of RFC 8410's example, and the provider's.
    let first = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
    let second = ghl_client::events::ED25519_PUBLIC_KEY.trim();
    let given = [first, second].join(", ").replace('\n', "\\n");
    let keys = config(&[("SIDECAR_ENV", "test"), ("GHL_WEBHOOK_PUBLIC_KEY", &given)]).unwrap().ghl.webhook_keys;
    assert_eq!(keys, [first, second]);
}
