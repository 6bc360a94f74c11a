use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::{HeaderMap, request::Parts};
use ipnet::IpNet;

use crate::{app::App, http::Problem};

/// The address at the other end of the connection. The listener puts it into each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectInfo(pub(crate) IpAddr);

/// Who sent the request: the connection's other end, or whom a proxy that is trusted says it speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientIp(pub IpAddr);

impl FromRequestParts<App> for ClientIp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // Without a listener, as in a test, there is no connection.
        let connected = parts.extensions.get().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| *peer);
        Ok(Self(behind(connected, &parts.headers, &app.config.trusted_proxies)))
    }
}

/// The nearest address that is no trusted proxy. Whatever stands before it in the header is its own invention.
fn behind(connected: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address.to_canonical()));
    let mut peer = connected;
    // By bytes: one that is no text spoils its own place in the list and no other.
    let places =
        headers.get_all("x-forwarded-for").into_iter().flat_map(|list| list.as_bytes().split(|byte| *byte == b','));
    let mut named: Vec<&str> = places.map(|place| std::str::from_utf8(place).unwrap_or_default().trim()).collect();
    while is_trusted(peer) {
        match named.pop().and_then(address) {
            Some(address) => peer = address,
            None => break,
        }
    }
    peer
}

/// Some proxies add the port.
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
        behind(connected.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn a_header_of_somebody_who_is_not_trusted_is_not_believed() {
        assert_eq!(seen("8.8.8.8", &["1.1.1.1"], &[]), "8.8.8.8");
        assert_eq!(seen("8.8.8.8", &["1.1.1.1"], &["10.0.0.0/8"]), "8.8.8.8");
    }

    #[test]
    fn behind_trusted_proxies_the_nearest_stranger_counts() {
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
