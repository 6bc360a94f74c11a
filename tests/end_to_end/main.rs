//! The demo and the examples, run as their programs, and the demo against several processes.
//!
//! Invariant: each program runs in its default configuration.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod load_balancer;
mod several_processes;

use std::time::Duration;

use serde_json::Value;
use sidecar_tests::Program;

const PROGRAM_TIMEOUT: Duration = Duration::from_secs(240);

async fn run(name: &str, arguments: &[&str]) -> Program {
    let mut program = Program::start(name, arguments, []);
    let status = program.wait_for_exit(PROGRAM_TIMEOUT).await;
    assert!(status.success(), "{name} {arguments:?} ended with {status}:\n{}", program.log());
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_demo_passes() {
    let program = run("crm-server", &["demo", "--once", "--json", "--contacts", "500"]).await;
    let output = program.stdout();
    let report: Value =
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("not one JSON object ({error}):\n{output}"));
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 7, "{report:#}");
    for step in steps {
        assert_eq!(step["ok"], true, "{step:#}");
        assert!(step["name"].as_str().is_some_and(|name| !name.is_empty()), "{step:#}");
    }
    println!(
        "{} steps: {}",
        steps.len(),
        steps.iter().filter_map(|step| step["name"].as_str()).collect::<Vec<_>>().join(", ")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_reproduces_the_steps_of_the_demo() {
    let step_names = async || {
        let program = run("crm-server", &["demo", "--once", "--json", "--contacts", "50", "--seed", "7"]).await;
        let report: Value = serde_json::from_str(&program.stdout()).unwrap();
        let steps = report["steps"].as_array().unwrap().iter().map(|step| step["name"].clone());
        steps.collect::<Vec<_>>()
    };
    assert_eq!(step_names().await, step_names().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn list_contacts_runs_unchanged() {
    let program = run("list-contacts", &[]).await;
    assert!(program.stdout().lines().count() >= 3, "it lists contacts:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_a_webhook_runs_unchanged() {
    let program = run("verify-a-webhook", &[]).await;
    assert!(!program.stdout().trim().is_empty(), "it prints the result:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn bring_your_own_store_runs_unchanged() {
    let program = run("bring-your-own-store", &[]).await;
    assert!(program.stdout().contains(": 1 refresh"), "one refresh, stored in the file:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_one_token_runs_unchanged() {
    let program = run("two-processes-one-token", &[]).await;
    let output = program.stdout();
    assert_eq!(output.matches("20 of 20 calls succeeded").count(), 2, "both processes were served:\n{output}");
    assert!(output.contains("refreshes: 1,"), "{output}");
}
