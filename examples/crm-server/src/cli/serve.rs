use std::process::ExitCode;

use super::Outcome;
use crate::config::{Config, Role};

pub(super) async fn run(mut config: Config, role: Role) -> Outcome {
    config.role = role;
    for consequence in config.consequences() {
        tracing::warn!("{consequence}");
    }
    // Before anybody can see that the server is there: who asks it to stop from then on is heard.
    let asked_to_stop = asked_to_stop()?;
    let running = crate::serve(config).await?;
    println!("listening on http://{}", running.addr);
    if let Some(metrics) = running.metrics_addr {
        println!("metrics on http://{metrics}/metrics");
    }
    asked_to_stop.await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or SIGTERM as init systems send it: heard from the call on.
#[cfg(unix)]
pub(crate) fn asked_to_stop() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    })
}

#[cfg(not(unix))]
pub(crate) fn asked_to_stop() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}
