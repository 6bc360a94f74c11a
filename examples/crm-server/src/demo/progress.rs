//! Progress on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::report::StepReport;

/// Shows the progress of the scenario.
#[derive(Debug, Clone, Copy)]
pub(super) struct Progress {
    terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal() }
    }

    /// Shows a spinner until it is dropped.
    pub(super) fn step(self, title: &str) -> Bar {
        if !self.terminal {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner().with_message(title.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(100));
        Bar(bar)
    }

    /// Shows a bar that counts contacts.
    pub(super) fn contacts(self, all: u64) -> Bar {
        if !self.terminal {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(all);
        if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos}/{len} contacts") {
            bar.set_style(style);
        }
        Bar(bar)
    }

    /// Prints a finished step.
    pub(super) fn ended(self, report: &StepReport) {
        let mark = if report.outcome.is_ok() { "ok    " } else { "FAILED" };
        let why = report.outcome.as_ref().err().map(|why| format!(": {why}")).unwrap_or_default();
        eprintln!("{mark}  {} ({} ms){why}", report.title, report.took.as_millis());
    }
}

/// A bar that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn at(&self, position: u64) {
        self.0.set_position(position);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
