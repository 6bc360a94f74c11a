use std::process::ExitCode;

use super::Outcome;
use crate::{
    config::{Config, Role},
    server::stop_signal,
};

pub(super) async fn run(mut config: Config, role: Role) -> Outcome {
    config.role = role;
    for consequence in config.consequences() {
        tracing::warn!("{consequence}");
    }
    // Installed before the server is visible, so that no signal is missed.
    let stop_signal = stop_signal()?;
    let running = crate::serve(config).await?;
    println!("listening on http://{}", running.addr);
    if let Some(metrics) = running.metrics_addr {
        println!("metrics on http://{metrics}/metrics");
    }
    stop_signal.await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}
