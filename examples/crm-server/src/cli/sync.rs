use std::{
    collections::HashMap,
    io::{IsTerminal, stderr},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use sidecar_core::sync::{Progress, SyncError, SyncKey, SyncObserver};
use tokio_util::sync::CancellationToken;

use super::{Failed, Outcome, organization};
use crate::{
    app::App,
    config::Config,
    sync::{run, schedule},
    workers::heartbeat,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The organization's id or slug.
    #[arg(long, value_name = "ID")]
    organization: String,
    /// Fetch every row and remove the deleted ones, instead of only the changed rows.
    #[arg(long)]
    full: bool,
    /// Continue a full run that would remove more than 20 % of the stored rows; each removal is still confirmed by a read.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(config: Config, arguments: Arguments) -> Outcome {
    let (app, database) = App::open(config).await?;
    let organization = organization::find(&*app.store, &arguments.organization).await?;
    let options = schedule::SyncOptions { full: arguments.full, force: arguments.force };
    // The heartbeat makes running servers leave this process its share of the rate limits.
    let done = CancellationToken::new();
    let heartbeat = tokio::spawn(heartbeat::run(app.clone(), done.clone()));
    let ended = run::sync_now(&app, &organization.id, options, &Bars::default()).await;
    done.cancel();
    // After a panic the process counts as alive until its heartbeat expires.
    let _ = heartbeat.await;
    let ended = ended?;
    if ended.is_empty() {
        return Err(Failed(
            "nothing is connected: `crm-server connect-url` prints a link that connects GHL".to_owned(),
        ));
    }
    let mut code = ExitCode::SUCCESS;
    for (key, outcome) in ended {
        match outcome {
            Ok(report) => println!(
                "{}: {} rows in {} pages, {} new, {} changed, {} removed",
                name(&key),
                report.seen,
                report.pages,
                report.inserted,
                report.updated,
                report.deleted,
            ),
            Err(SyncError::Busy(_)) => {
                eprintln!("{}: skipped: a sync is already running in another process; see GET …/sync", name(&key));
                code = ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("{}: {error}", name(&key));
                code = ExitCode::FAILURE;
            }
        }
    }
    app.close(&database).await;
    Ok(code)
}

fn name(key: &SyncKey) -> String {
    format!("{} {}", key.source, key.location).trim_end().to_owned()
}

/// Progress of each source: a bar at a terminal, a line every [`PAGES_PER_LINE`] pages elsewhere.
#[derive(Default)]
struct Bars {
    together: MultiProgress,
    bars: Mutex<HashMap<SyncKey, ProgressBar>>,
}

/// Pages between two lines without a terminal.
const PAGES_PER_LINE: u64 = 20;

impl SyncObserver for Bars {
    fn page(&self, key: &SyncKey, progress: &Progress) {
        if !stderr().is_terminal() {
            if progress.pages.is_multiple_of(PAGES_PER_LINE) {
                eprintln!("{}: {} rows", name(key), progress.seen);
            }
            return;
        }
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(key.clone()).or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix}: {pos} rows, {per_sec}");
            let bar = ProgressBar::no_length().with_prefix(name(key));
            self.together.add(style.map_or_else(|_| bar.clone(), |style| bar.clone().with_style(style)))
        });
        bar.set_position(progress.seen);
    }
}
