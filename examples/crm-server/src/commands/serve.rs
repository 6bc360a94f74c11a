use std::process::ExitCode;

use super::Outcome;
use crate::config::{Config, Role};

pub(super) async fn run(mut config: Config, role: Role) -> Outcome {
    config.role = role;
    for consequence in config.consequences() {
        tracing::warn!("{consequence}");
    }
    let running = crate::serve(config).await?;
    println!("listening on http://{}", running.addr);
    if let Some(metrics) = running.metrics_addr {
        println!("metrics on http://{metrics}/metrics");
    }
    asked_to_stop().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or SIGTERM as init systems send it.
#[cfg(unix)]
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) async fn asked_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
