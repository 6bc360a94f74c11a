//! What somebody does first: the demo, and the examples as they stand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod balancer;
mod many;

use std::time::Duration;

use serde_json::Value;
use sidecar_tests::Program;

const PATIENCE: Duration = Duration::from_secs(240);

async fn run(name: &str, arguments: &[&str]) -> Program {
    let mut program = Program::start(name, arguments, []);
    let status = program.ended(PATIENCE).await;
    assert!(status.success(), "{name} {arguments:?} ended with {status}:\n{}", program.log());
    program
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_the_whole_story_and_every_step_is_right() {
    let program = run("crm-server", &["demo", "--once", "--json", "--contacts", "500"]).await;
    let output = program.whole_output();
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
async fn a_seed_tells_the_same_story_twice() {
    let story = async || {
        let program = run("crm-server", &["demo", "--once", "--json", "--contacts", "50", "--seed", "7"]).await;
        let report: Value = serde_json::from_str(&program.whole_output()).unwrap();
        let steps = report["steps"].as_array().unwrap().iter().map(|step| step["name"].clone());
        steps.collect::<Vec<_>>()
    };
    assert_eq!(story().await, story().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn list_contacts_runs_as_it_stands() {
    let program = run("list-contacts", &[]).await;
    assert!(program.whole_output().lines().count() >= 3, "it lists contacts:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_a_webhook_runs_as_it_stands() {
    let program = run("verify-a-webhook", &[]).await;
    assert!(!program.whole_output().trim().is_empty(), "it says what it found:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn bring_your_own_store_runs_as_it_stands() {
    let program = run("bring-your-own-store", &[]).await;
    assert!(program.whole_output().contains(": 1 refresh"), "one refresh, kept in the file:\n{}", program.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_one_token_runs_as_it_stands() {
    let program = run("two-processes-one-token", &[]).await;
    let output = program.whole_output();
    assert_eq!(output.matches("20 of 20 calls succeeded").count(), 2, "both processes were served:\n{output}");
    assert!(output.contains("refreshes: 1,"), "{output}");
}
