use sidecar_core::http::{Body, HttpRequest, Transport};

/// Checks that a provider's API responds at `url`. Any response but a 5xx shows that it is reachable; no token is used.
///
/// # Errors
/// The status or the transport's error, in words.
pub(crate) async fn check_reachable(transport: &dyn Transport, provider: &str, url: &str) -> Result<(), String> {
    let (mut head, body) = HttpRequest::new(Body::EMPTY).into_parts();
    head.uri = url.parse().map_err(|error| format!("the API address of {provider} is not valid: {error}"))?;
    let response = transport.send(HttpRequest::from_parts(head, body)).await;
    match response.map(|response| response.status()) {
        Ok(status) if status.is_server_error() => Err(format!("{provider} responded with {status}")),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{provider} cannot be reached: {error}")),
    }
}
