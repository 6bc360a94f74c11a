//! One token refresh across two processes: `cargo run -p two-processes-one-token`.
//!
//! Starts a sandbox with single-use refresh tokens and two child processes. Both call the API with an expired token at the same time.
//! A lease in the database lets one process refresh the token; the other process reads the stored result. The database is a SQLite
//! file, or the one at `DATABASE_URL` (`postgres://…`).

use std::{collections::HashMap, env, error::Error, process::Stdio, time::Duration};

use ghl_client::{GhlClient, GhlConnections, GhlOAuth, LocationId};
use provider_sandbox::{Sandbox, control::TokenCommand};
use secrecy::ExposeSecret;
use serde_json::{Map, json};
use sidecar_core::{
    Clock, SystemClock,
    token::TokenSet,
    vault::{KeyRing, Vault},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, stdin},
    process::{Child, ChildStdin, ChildStdout, Command},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CALLS: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some("call") { run_child().await } else { run_parent().await }
}

/// Opens the app's connections; every process uses the same database and keys.
async fn connections(setting: impl Fn(&str) -> Result<String>) -> Result<GhlConnections> {
    let vault = Vault::new(KeyRing::parse(&setting("KEYS")?.into())?);
    let store = sidecar_store::open(&setting("DATABASE_URL")?, vault).await?;
    let oauth = GhlOAuth::builder(setting("CLIENT_ID")?, setting("CLIENT_SECRET")?).base_url(setting("API_URL")?);
    Ok(GhlConnections::new(oauth.build()?, store.clone(), store, SystemClock::shared()))
}

/// Runs a child process: reports that it is ready, waits for a line on stdin, then makes its calls concurrently.
async fn run_child() -> Result<()> {
    let setting = |name: &str| Ok(env::var(name)?);
    let connections = connections(setting).await?;
    let tokens = connections.of(setting("ORGANIZATION")?);
    let client = GhlClient::builder().tokens(tokens).base_url(setting("API_URL")?).build()?;
    let location = LocationId::from(setting("LOCATION")?);
    println!("ready");
    BufReader::new(stdin()).lines().next_line().await?;
    let calls = (0..CALLS).map(|_| {
        let (client, location) = (client.clone(), location.clone());
        tokio::spawn(async move { client.locations().get(&location).await })
    });
    let mut succeeded = 0;
    for call in calls.collect::<Vec<_>>() {
        succeeded += usize::from(call.await?.inspect_err(|error| eprintln!("{error}")).is_ok());
    }
    println!("process {}: {succeeded} of {CALLS} calls succeeded", std::process::id());
    connections.drain_refreshes().await;
    Ok(())
}

async fn run_parent() -> Result<()> {
    let sandbox = Sandbox::builder().contacts(5).locations(1).start().await?;
    let ghl = sandbox.ghl();
    let location = ghl.location_ids().into_iter().next().ok_or("the sandbox has no location")?;
    let unique = uuid::Uuid::new_v4();
    let folder = env::temp_dir().join(format!("two-processes-{unique}"));
    std::fs::create_dir(&folder)?;
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| format!("sqlite://{}/tokens.db", folder.display()));
    let settings = HashMap::from([
        ("DATABASE_URL", database),
        ("KEYS", KeyRing::generate_entry("example")?.expose_secret().to_owned()),
        ("CLIENT_ID", ghl.client_id().to_owned()),
        ("CLIENT_SECRET", ghl.client_secret().to_owned()),
        ("API_URL", format!("{}/ghl", sandbox.url())),
        ("ORGANIZATION", format!("org_{unique}")),
        ("LOCATION", location.clone()),
    ]);
    let connections = connections(|name| Ok(settings[name].clone())).await?;
    let token = ghl.issue_location_token(&location)?;
    let tokens = TokenSet {
        access: token.access.into(),
        refresh: token.refresh.map(Into::into),
        expires_at: Some(SystemClock::new().now() + Duration::from_secs(86_400)),
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: None,
        extra: Map::from_iter([("userType".into(), json!("Location")), ("locationId".into(), json!(location))]),
    };
    let organization = connections.of(settings["ORGANIZATION"].as_str());
    organization.adopt(&tokens).await?;

    let mut children = [start(&settings).await?, start(&settings).await?];
    sandbox.control().update_tokens(&TokenCommand { expire_all: true, ..TokenCommand::default() })?;
    for (_, input, _) in &mut children {
        input.write_all(b"go\n").await?;
    }
    for (_, _, output) in &mut children {
        println!("{}", output.next_line().await?.ok_or("a child process exited")?);
    }
    let counts = ghl.counts().connections.remove(&location).unwrap_or_default();
    println!("refreshes: {}, reused refresh tokens: {}", counts.refreshes, counts.reuses);
    organization.disconnect_location(&location.into()).await?;
    sandbox.stop().await;
    std::fs::remove_dir_all(&folder)?;
    if (counts.refreshes, counts.reuses) == (1, 0) { Ok(()) } else { Err("expected one refresh and no reuse".into()) }
}

/// Starts a child process and waits until it is ready. It is killed when the handle is dropped.
async fn start(settings: &HashMap<&str, String>) -> Result<(Child, ChildStdin, Lines<BufReader<ChildStdout>>)> {
    let mut command = Command::new(env::current_exe()?);
    command.arg("call").envs(settings).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (input, output) = child.stdin.take().zip(child.stdout.take()).ok_or("the child process has no pipes")?;
    let mut output = BufReader::new(output).lines();
    output.next_line().await?.ok_or("a child process exited before it was ready")?;
    Ok((child, input, output))
}
