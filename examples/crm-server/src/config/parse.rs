//! Parses the values of variables. An error says what is valid and never repeats a value that may be secret.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ghl_client::{ApiVersion, GhlWebhookVerifier};
use ipnet::IpNet;
use secrecy::SecretString;
use sidecar_core::SystemClock;
use sidecar_store::redis::RedisLimiter;
use url::Url;

use super::Environment;

/// Line ends may be written as `\n`: many environments allow only one line.
pub(super) fn webhook_keys(text: &str) -> Result<Vec<String>, String> {
    let keys = text.replace("\\n", "\n");
    let keys: Vec<_> = keys.split(',').map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).collect();
    if keys.is_empty() {
        return Err("contains no key: give PEM, or unset it to use the provider's keys".to_owned());
    }
    match GhlWebhookVerifier::with_keys(&keys) {
        Ok(_) => Ok(keys),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}

/// A known version, or a date: the provider may publish others.
pub(super) fn api_version(text: &str) -> Result<ApiVersion, String> {
    let version = ApiVersion::from(text);
    let parts: Vec<_> =
        text.split('-').map(|part| (part.len(), part.bytes().all(|byte| byte.is_ascii_digit()))).collect();
    let is_date = parts == [(4, true), (2, true), (2, true)];
    match !matches!(version, ApiVersion::Other(_)) || is_date {
        true => Ok(version),
        false => Err(format!("is `{text}`: give a date such as {}, or {}", ApiVersion::V2021_07_28, ApiVersion::V3)),
    }
}

pub(super) fn environment_name(text: &str) -> Result<Environment, String> {
    match text {
        "production" => Ok(Environment::Production),
        "development" => Ok(Environment::Development),
        "test" => Ok(Environment::Test),
        other => Err(format!("is `{other}`: give production, development or test")),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("is `{text}`: give an IP address with a port, such as 0.0.0.0:3000"))
}

/// A base address, to which paths are appended.
pub(super) fn base_url(text: &str) -> Result<Url, String> {
    let url = page(text)?;
    match url.query() {
        None => Ok(url),
        Some(_) => Err("has a `?`: give only the address, to which paths are appended".to_owned()),
    }
}

/// An address that browsers are sent to and show: it must not contain secrets.
pub(super) fn page(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let url = url.ok_or("is not a valid address: give one that begins with https:// (or http://)")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains a user name or password: give only the address".to_owned());
    }
    if url.fragment().is_some() {
        return Err("has a `#`: give only the address".to_owned());
    }
    Ok(url)
}

/// Networks or single addresses.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let network = |text: &str| {
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse()
            .or_else(|_| one())
            .map_err(|_| format!("has `{text}`: give addresses or networks such as 10.0.0.0/8"))
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network).collect()
}

/// The proxies that are trusted by default: the local machine, in tests.
pub(super) fn near(environment: Environment) -> Vec<IpNet> {
    match environment {
        Environment::Test => [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(IpNet::from).into(),
        Environment::Production | Environment::Development => Vec::new(),
    }
}

pub(super) fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("is `{text}`: give a whole number, 0 for no limit"))
}

/// The address of a Redis. May contain a password.
pub(super) fn redis_url(text: &str) -> Result<SecretString, String> {
    match RedisLimiter::new(text, SystemClock::shared()) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("is `{text}`: give whole seconds from 1 to 86400")),
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(format!("is `{text}`: give true or false")),
    }
}

pub(super) fn operator_token(text: &str) -> Result<SecretString, String> {
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => Err("has characters that are not allowed in a header: give letters and digits, such as the output of `openssl rand -hex 32`".to_owned()),
    }
}
