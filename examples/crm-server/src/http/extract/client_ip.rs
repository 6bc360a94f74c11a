use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use ipnet::IpNet;

use crate::{app::App, http::Problem};

/// The peer address of the connection. The listener adds it to each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectInfo(pub(crate) IpAddr);

/// The client's IP address: the connection's peer, or the client that a trusted proxy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl FromRequestParts<App> for ClientIp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // A test without a listener has no connection.
        let connected = parts.extensions.get().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| *peer);
        Ok(Self(client_ip(connected, &parts.headers, &app.config.trusted_proxies)))
    }
}

/// Returns the nearest address that is not a trusted proxy. Earlier addresses in the header are not trustworthy.
fn client_ip(connected: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut ip = connected;
    // Split as bytes, so that an entry that is not UTF-8 does not affect the others.
    let entries =
        headers.get_all("x-forwarded-for").into_iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    let mut named: Vec<&str> = entries.map(|entry| std::str::from_utf8(entry).unwrap_or_default().trim()).collect();
    while is_trusted(ip) {
        match named.pop().and_then(address) {
            Some(address) => ip = address,
            None => break,
        }
    }
    ip
}

/// Parses an address; some proxies append the port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse().map(|address: std::net::SocketAddr| address.ip());
    text.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn seen(connected: &str, forwarded: &[&'static str], trusted: &[&str]) -> String {
        let headers = forwarded
            .iter()
            .map(|list| ("x-forwarded-for".parse().unwrap(), HeaderValue::from_bytes(list.as_bytes()).unwrap()))
            .collect::<HeaderMap>();
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_ip(connected.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_header_of_an_untrusted_peer_is_ignored() {
        assert_eq!(seen("8.8.8.8", &["1.1.1.1"], &[]), "8.8.8.8");
        assert_eq!(seen("8.8.8.8", &["1.1.1.1"], &["10.0.0.0/8"]), "8.8.8.8");
    }

    #[test]
    fn behind_trusted_proxies_the_nearest_untrusted_address_counts() {
        let trusted = ["10.0.0.0/8", "::1/128"];
        assert_eq!(seen("10.0.0.1", &["1.1.1.1, 2.2.2.2"], &trusted), "2.2.2.2");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "2.2.2.2, 10.9.9.9"], &trusted), "2.2.2.2");
        assert_eq!(seen("::ffff:10.0.0.1", &["2.2.2.2:4711"], &trusted), "2.2.2.2");
        assert_eq!(seen("::1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(seen("10.0.0.1", &["nonsense"], &trusted), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["1.1.1.1", "\u{80}, 2.2.2.2"], &trusted), "2.2.2.2");
        assert_eq!(seen("10.0.0.1", &[], &trusted), "10.0.0.1");
    }
}
