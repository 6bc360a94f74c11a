//! Starts the sandbox, prints the environment variables that connect a server to it, and serves until Ctrl-C.

use clap::Parser;
use provider_sandbox::{Sandbox, SandboxError};

/// Stateful sandboxes of GHL and Cal.com on one port.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: String,
    /// Seed of all data, ids and probabilities.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of contacts per location.
    #[arg(long, default_value_t = 500)]
    contacts: u32,
    /// Number of locations of the company.
    #[arg(long, default_value_t = 2)]
    locations: u32,
    /// The only redirect URI that GHL accepts [default: any].
    #[arg(long)]
    redirect_uri: Option<String>,
    /// Print the environment variables as one JSON object.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("provider-sandbox: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), SandboxError> {
    let builder = Sandbox::builder()
        .seed(arguments.seed)
        .contacts(arguments.contacts)
        .locations(arguments.locations)
        .bind(arguments.bind);
    let builder = match arguments.redirect_uri {
        Some(uri) => builder.redirect_uri(uri),
        None => builder,
    };
    let sandbox = builder.start().await?;
    print(&sandbox, arguments.json);
    // An error means that no signal handler could be installed; the sandbox then stops at once.
    let _ = tokio::signal::ctrl_c().await;
    sandbox.stop().await;
    Ok(())
}

fn print(sandbox: &Sandbox, json: bool) {
    let env = sandbox.env();
    if json {
        let object: serde_json::Map<_, _> =
            env.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        println!("{}", serde_json::Value::Object(object));
    } else {
        env.iter().for_each(|(name, value)| println!("{name}={}", quoted(value)));
    }
}

/// Quotes a value for a `.env` file if it contains whitespace; line breaks become `\n`.
fn quoted(value: &str) -> String {
    match value.contains(char::is_whitespace) {
        true => format!("\"{}\"", value.trim_end().replace('\n', "\\n")),
        false => value.to_owned(),
    }
}
