//! What an operator types. One file for each command with more than a few lines.
//!
//! Invariant: what a command was asked for goes to standard output, everything else to standard error; failure exits with 1.

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

/// The reference server of Sidecar: GHL, connected and kept in step.
#[derive(Debug, Parser)]
#[command(name = "crm-server", version, after_long_help = config::help())]
struct Line {
    /// Print what is set (no secrets), what is missing and what that disables; exit 1 if a value cannot be right.
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
    /// Bring the database's schema up to date; `serve` does so too.
    Migrate,
    /// Copy an organization's locations, contacts and events now.
    Sync(sync::Arguments),
    /// Check the configuration and ask everything the server depends on; exit 1 if something is down.
    Doctor,
    /// Encryption keys.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Print the description of every route (OpenAPI).
    Openapi,
    /// What was given up.
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Tenants.
    #[command(subcommand)]
    Organization(organization::Command),
    /// Print a link, good once and for fifteen minutes, that lets somebody connect GHL for an organization.
    ConnectUrl(connect_url::Arguments),
    /// Play the whole story against stand-ins of the providers, each step checked from outside.
    Demo(demo::Arguments),
}

/// Why a command failed, for people.
#[derive(Debug)]
struct Failed(String);

impl<E: std::error::Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(chain(&error))
    }
}

type Outcome = Result<ExitCode, Failed>;

/// Reads the command line, runs the command and says how the process is to exit.
pub fn main() -> ExitCode {
    let line = Line::parse();
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime does not start: {error}");
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
            // The story orders failures; each of them would be logged as a warning.
            log::start(&std::env::var("RUST_LOG").unwrap_or_else(|_| "error".to_owned()));
            Ok(demo::run(arguments).await)
        }
    }
}

/// The configuration, with the log started as it says.
fn configured() -> Result<Config, Failed> {
    let config = Config::from_env()?;
    log::start(&config.log);
    Ok(config)
}

fn check_config() -> Outcome {
    let (config, verdict) = Config::look();
    out(config.report().trim_end())?;
    match verdict {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            for bad in error.0 {
                out(format!("x {bad}"))?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A line on standard output. A reader that has seen enough is no failure.
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
