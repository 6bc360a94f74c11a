//! The `demo` command: runs the scenario on embedded defaults, each step checked from outside.
//!
//! `environment` starts or finds the sandbox and the server, `scenario` runs the steps, `report` prints the result. Invariant: a
//! check uses only HTTP responses and the sandbox's state, never what the code under test reports of itself.

mod environment;
mod http;
mod probes;
mod progress;
mod report;
mod scenario;

use std::{process::ExitCode, sync::Arc, time::Duration};

use sidecar_core::{Clock, SystemClock};

use self::{
    environment::DemoEnvironment,
    http::{CheckFailed, Http},
    probes::{Provider, Server},
    progress::Progress,
    report::Report,
    scenario::{Account, Scenario, Step},
};

/// The arguments of the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Run the scenario and exit: 0 only if every check passed. Otherwise the server keeps serving.
    #[arg(long)]
    once: bool,
    /// Print one JSON object on standard output; everything else goes to standard error.
    #[arg(long)]
    json: bool,
    /// The contacts to sync, in both locations together.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    contacts: u32,
    /// The seed of the sandbox's data and random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run against this server instead of starting one. It must have been started with the addresses of a running
    /// provider-sandbox; set GHL_API_URL and SIDECAR_OPERATOR_TOKEN to the values that it was started with.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
}

/// Runs the scenario and prints the report.
pub async fn run(arguments: Arguments) -> ExitCode {
    let progress = Progress::new();
    let environment = match DemoEnvironment::prepare(&arguments).await {
        Ok(environment) => environment,
        Err(CheckFailed(why)) => {
            eprintln!("the demo cannot start: {why}");
            return ExitCode::FAILURE;
        }
    };
    let report = run_steps(&arguments, &environment, progress).await;
    print_report(&report, arguments.json);
    if !arguments.once && report.is_ok() {
        environment.keep_serving().await;
    }
    environment.shut_down().await;
    if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the steps up to the first that fails.
async fn run_steps(arguments: &Arguments, environment: &DemoEnvironment, progress: Progress) -> Report {
    let mut report = Report { seed: arguments.seed, contacts: arguments.contacts, steps: Vec::new() };
    let keeps_serving = !arguments.once && environment.is_own();
    let mut scenario = match prepare(environment, progress).await {
        Ok(scenario) => scenario,
        Err(CheckFailed(why)) => {
            eprintln!("the environment does not respond: {why}");
            return report;
        }
    };
    report.contacts = scenario.contacts;
    for step in Step::all(keeps_serving) {
        let bar = progress.step(step.title());
        let ended = scenario.run(step).await;
        drop(bar);
        progress.ended(&ended);
        let failed = ended.outcome.is_err();
        report.steps.push(ended);
        if failed {
            break;
        }
    }
    report
}

/// Reads the provider's data and builds the scenario.
async fn prepare(environment: &DemoEnvironment, progress: Progress) -> Result<Scenario, CheckFailed> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let http = Http::new(Arc::clone(&clock))?;
    let provider = Provider::new(http.clone(), &environment.sandbox_url);
    let state = provider.state(false).await?;
    let rows = state["locations"].as_array().cloned().unwrap_or_default();
    let locations: Vec<String> = rows.iter().map(|row| probes::text(row, "id").to_owned()).collect();
    http::ensure(locations.len() >= 2, || "the scenario needs a provider with two locations".to_owned())?;
    if !environment.is_own() {
        // Changes of an earlier run must reach the provider's search index before the first sync.
        clock.sleep(Duration::from_millis(probes::count(&state, "/indexLagMs"))).await;
    }
    let contacts: u64 = rows.iter().map(|row| probes::count(row, "/contactCount")).sum();
    let url = format!("{}/api/webhooks/ghl", environment.server_url);
    provider.command("webhooks", &serde_json::json!({ "url": url })).await?;
    let mut scenario = Scenario {
        server: Server::new(http, &environment.server_url, environment.operator_token.clone()),
        clock,
        progress,
        contacts: u32::try_from(contacts).unwrap_or(u32::MAX),
        slug: environment.slug()?,
        organization: String::new(),
        company: probes::text(&state, "companyId").to_owned(),
        locations,
        rejected_before: 0,
        calcom: Account::default(),
        provider,
    };
    scenario.rejected_before = scenario.rejected_by_limits().await?;
    Ok(scenario)
}

fn print_report(report: &Report, json: bool) {
    match json {
        true => println!("{}", report.to_json()),
        false => print!("\n{}", report.table()),
    }
}
