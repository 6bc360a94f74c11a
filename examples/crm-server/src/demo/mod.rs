//! The `demo` command: the whole story on embedded defaults, each step checked from outside.
//!
//! `environment` starts (or finds) the stand-in of the provider and the server, `scenario` plays, `report` tells. Invariant: nothing
//! is believed that the code under test says of itself; what counts is the HTTP answer and the provider's own state.

mod environment;
mod http;
mod probes;
mod progress;
mod report;
mod scenario;

use std::{process::ExitCode, sync::Arc, time::Duration};

use sidecar_core::{Clock, SystemClock};

use self::{
    environment::Stage,
    http::{Http, Wrong},
    probes::{Provider, Server},
    progress::Progress,
    report::Report,
    scenario::{Account, Step, Story},
};

/// What the demo is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Play the story and exit: 0 only if every step was checked and right. Without it, the server keeps serving.
    #[arg(long)]
    once: bool,
    /// Print one JSON object on standard output; everything else goes to standard error.
    #[arg(long)]
    json: bool,
    /// Contacts to be copied, over both locations together.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    contacts: u32,
    /// What the people, ids and chances of the stand-in are made from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Play against this running server instead of starting one. It must have been started with the addresses of a running
    /// provider-sandbox; GHL_API_URL and SIDECAR_OPERATOR_TOKEN tell the demo the same.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
}

/// Plays the story and says how it ended.
pub async fn run(arguments: Arguments) -> ExitCode {
    let progress = Progress::new();
    let stage = match Stage::set(&arguments).await {
        Ok(stage) => stage,
        Err(Wrong(why)) => {
            eprintln!("the demo cannot begin: {why}");
            return ExitCode::FAILURE;
        }
    };
    let report = play(&arguments, &stage, progress).await;
    tell(&report, arguments.json);
    if !arguments.once && report.is_ok() {
        stage.keep_serving().await;
    }
    stage.clear().await;
    if report.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The steps up to the first that goes wrong: the rest would only repeat it.
async fn play(arguments: &Arguments, stage: &Stage, progress: Progress) -> Report {
    let mut report = Report { seed: arguments.seed, contacts: arguments.contacts, steps: Vec::new() };
    let keeps_serving = !arguments.once && stage.is_own();
    let mut story = match begin(stage, progress).await {
        Ok(story) => story,
        Err(Wrong(why)) => {
            eprintln!("the stage does not answer: {why}");
            return report;
        }
    };
    report.contacts = story.contacts;
    for step in Step::all(keeps_serving) {
        let bar = progress.step(step.title());
        let ended = story.play(step).await;
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

/// Learns from the provider what there is.
async fn begin(stage: &Stage, progress: Progress) -> Result<Story, Wrong> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let http = Http::new(Arc::clone(&clock))?;
    let provider = Provider::new(http.clone(), &stage.sandbox_url);
    let state = provider.state(false).await?;
    let rows = state["locations"].as_array().cloned().unwrap_or_default();
    let locations: Vec<String> = rows.iter().map(|row| probes::text(row, "id").to_owned()).collect();
    http::ensure(locations.len() >= 2, || "the story needs a provider with two locations".to_owned())?;
    if !stage.is_own() {
        // What an earlier story changed has to reach the provider's search, or the first copy would miss it.
        clock.sleep(Duration::from_millis(probes::count(&state, "/indexLagMs"))).await;
    }
    let contacts: u64 = rows.iter().map(|row| probes::count(row, "/contactCount")).sum();
    let url = format!("{}/api/webhooks/ghl", stage.server_url);
    provider.order("webhooks", &serde_json::json!({ "url": url })).await?;
    let mut story = Story {
        server: Server::new(http, &stage.server_url, stage.operator_token.clone()),
        clock,
        progress,
        contacts: u32::try_from(contacts).unwrap_or(u32::MAX),
        slug: stage.slug()?,
        organization: String::new(),
        company: probes::text(&state, "companyId").to_owned(),
        locations,
        refused_before: 0,
        calcom: Account::default(),
        provider,
    };
    story.refused_before = story.refused().await?;
    Ok(story)
}

fn tell(report: &Report, json: bool) {
    match json {
        true => println!("{}", report.to_json()),
        false => print!("\n{}", report.table()),
    }
}
