//! The commands of the program, one file for each that is longer than a few lines.
//!
//! Invariant: results go to standard output, everything else to standard error; failure exits with 1.

mod connect_url;
mod dead_letters;
mod doctor;
mod keys;
mod log;
mod organization;
mod serve;
mod sync;

use std::{
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{self, Config, Role},
    demo,
    error::chain,
    router,
};

/// The reference server of Sidecar: GHL and Cal.com, connected and synced.
#[derive(Debug, Parser)]
#[command(name = "crm-server", version, after_long_help = config::help())]
struct Line {
    /// Print which variables are set (no secrets), which are missing and what that disables; exit 1 if a value is not valid.
    #[arg(long)]
    check_config: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until Ctrl-C or SIGTERM.
    Serve {
        /// Routes and workers, routes only, or workers only (with health and metrics).
        #[arg(long, value_enum, default_value_t = Role::All)]
        role: Role,
    },
    /// Migrate the database schema; `serve` does so too.
    Migrate,
    /// Sync all sources of an organization now: locations, contacts, events, pipelines, opportunities and bookings.
    Sync(sync::Arguments),
    /// Check the configuration and every dependency; exit 1 if one is down.
    Doctor,
    /// Generate and rotate encryption keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Print the OpenAPI document.
    Openapi,
    /// Inspect and redrive dead letters.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Create and list organizations (tenants).
    #[command(subcommand)]
    Organization(organization::Command),
    /// Print a one-use link, valid for fifteen minutes, to connect GHL or Cal.com for an organization.
    ConnectUrl(connect_url::Arguments),
    /// Run the demo scenario against the provider sandbox, each step checked from outside.
    Demo(demo::Arguments),
}

/// Why a command failed, for the operator.
#[derive(Debug)]
struct Failed(String);

impl<E: std::error::Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(chain(&error))
    }
}

type Outcome = Result<ExitCode, Failed>;

/// Runs the command line and returns the exit code.
pub fn main() -> ExitCode {
    let line = Line::parse();
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(line)) {
        Ok(code) => code,
        Err(Failed(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: Line) -> Outcome {
    if line.check_config {
        return check_config();
    }
    let Some(command) = line.command else {
        Line::command().print_long_help()?;
        return Ok(ExitCode::from(2));
    };
    match command {
        Command::Serve { role } => serve::run(configured()?, role).await,
        Command::Migrate => migrate(&configured()?).await,
        Command::Sync(arguments) => sync::run(configured()?, arguments).await,
        Command::Doctor => doctor::run().await,
        Command::Keys(command) => keys::run(command).await,
        Command::Openapi => {
            out(router::openapi())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::DeadLetters(command) => dead_letters::run(configured()?, command).await,
        Command::Organization(command) => organization::run(configured()?, command).await,
        Command::ConnectUrl(arguments) => connect_url::run(configured()?, arguments).await,
        Command::Demo(arguments) => {
            // The scenario causes failures on purpose; each would be logged as a warning.
            log::start(&std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned()));
            Ok(demo::run(arguments).await)
        }
    }
}

/// Reads the configuration and starts the log.
fn configured() -> Result<Config, Failed> {
    let config = Config::from_env()?;
    log::start(&config.log);
    Ok(config)
}

fn check_config() -> Outcome {
    let (config, result) = Config::inspect();
    out(config.report().trim_end())?;
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            for bad in error.0 {
                out(format!("x {bad}"))?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints a line on standard output. A closed pipe is not an error.
fn out(line: impl Display) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

async fn migrate(config: &Config) -> Outcome {
    let version = sidecar_store::migrate(&config.database_url).await?;
    println!("the database is at version {version}");
    Ok(ExitCode::SUCCESS)
}
