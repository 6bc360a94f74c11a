//! Receives and verifies GoHighLevel's webhooks: `cargo run -p verify-a-webhook`.
//!
//! With `BIND_ADDR` (such as `127.0.0.1:8080`) it serves `POST /webhooks/ghl` until it is stopped; `GHL_WEBHOOK_PUBLIC_KEY`
//! replaces the provider's key. Without `BIND_ADDR` it starts the provider sandbox, receives a genuine delivery, checks that a
//! forged one is rejected, and exits.

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use ghl_client::{GhlEvent, GhlWebhookVerifier};
use provider_sandbox::Sandbox;
use serde_json::json;
use sidecar_core::{
    SystemClock, Timestamp,
    signature::{Delivery, Verifier},
    time::Clock,
};
use tokio::{net::TcpListener, sync::mpsc};

#[derive(Clone)]
struct Receiver {
    verifier: Arc<dyn Verifier>,
    clock: Arc<dyn Clock>,
    statuses: mpsc::UnboundedSender<StatusCode>,
}

impl Receiver {
    /// Verifies and prints a delivery. A server would store the delivery before it responds.
    fn handle(&self, headers: &HeaderMap, body: &[u8], received_at: Timestamp) -> StatusCode {
        if let Err(error) = self.verifier.verify(Delivery { headers, body, received_at }) {
            println!("rejected: {error}");
            return StatusCode::UNAUTHORIZED;
        }
        match GhlEvent::parse(body) {
            Ok(GhlEvent::Unknown(event)) => println!("unknown event: {} {:?}", event.kind, event.why),
            Ok(event) => {
                println!("{}: {}", event.kind(), event.order_key())
            }
            Err(error) => println!("the signature is valid, but {error}"),
        }
        StatusCode::OK
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let status = receiver.handle(&headers, &body, receiver.clock.now());
    // Fails if the program only serves, because then nothing reads the statuses.
    let _ = receiver.statuses.send(status);
    status
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match env::var("BIND_ADDR") {
        Ok(address) => serve_until_stopped(&address).await,
        Err(_) => run_with_sandbox().await,
    }
}

async fn serve_until_stopped(address: &str) -> Result<(), Box<dyn Error>> {
    let verifier = match env::var("GHL_WEBHOOK_PUBLIC_KEY") {
        Ok(key) => GhlWebhookVerifier::with_keys([key])?,
        Err(_) => GhlWebhookVerifier::new()?,
    };
    let listener = TcpListener::bind(address).await?;
    println!("POST http://{}/webhooks/ghl", listener.local_addr()?);
    let (statuses, _) = mpsc::unbounded_channel();
    Ok(axum::serve(listener, routes(verifier, statuses)).await?)
}

async fn run_with_sandbox() -> Result<(), Box<dyn Error>> {
    println!("BIND_ADDR is not set: receiving a delivery from a sandbox");
    let sandbox = Sandbox::builder().contacts(5).locations(1).start().await?;
    let ghl = sandbox.ghl();
    let verifier = GhlWebhookVerifier::with_keys([ghl.public_key_pem()])?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (sender, mut statuses) = mpsc::unbounded_channel();
    ghl.set_webhook_url(format!("http://{}/webhooks/ghl", listener.local_addr()?));
    let server = tokio::spawn(axum::serve(listener, routes(verifier.clone(), sender.clone())).into_future());

    let location = ghl.location_ids().into_iter().next().ok_or("the sandbox has no location")?;
    ghl.issue_location_token(&location)?;
    ghl.create_contact(&location, &json!({"firstName": "Ann", "email": "ann.new@example.com"}))?;
    let genuine = statuses.recv().await;

    let (headers, _) = ghl.sign_delivery(&json!({"type": "ContactDelete"}));
    let receiver = Receiver { verifier: Arc::new(verifier), clock: SystemClock::shared(), statuses: sender };
    let forged = receiver.handle(&headers, br#"{"type":"UNINSTALL"}"#, receiver.clock.now());

    server.abort();
    sandbox.stop().await;
    if (genuine, forged) == (Some(StatusCode::OK), StatusCode::UNAUTHORIZED) {
        return Ok(());
    }
    Err(format!("expected 200 and 401; the genuine delivery got {genuine:?}, the forged one {forged}").into())
}

fn routes(verifier: GhlWebhookVerifier, statuses: mpsc::UnboundedSender<StatusCode>) -> Router {
    let receiver = Receiver { verifier: Arc::new(verifier), clock: SystemClock::shared(), statuses };
    Router::new().route("/webhooks/ghl", post(receive)).with_state(receiver)
}
