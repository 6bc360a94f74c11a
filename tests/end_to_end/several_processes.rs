//! The demo against several processes behind a load balancer, on one PostgreSQL and one Redis.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use sidecar_tests::{
    OPERATOR_TOKEN, PrivateRedis, Program, create_postgres_database, server_environment, start_server,
};
use sqlx::{Connection, PgConnection};

use crate::{
    PROGRAM_TIMEOUT,
    load_balancer::{BalancerListener, LoadBalancer},
};

const START_TIMEOUT: Duration = Duration::from_secs(60);

/// A server process and its URL.
struct Server {
    program: Program,
    url: String,
}

async fn serve(role: &str, environment: &[(&'static str, String)]) -> Server {
    let (program, url) = start_server(&["serve", "--role", role], environment.to_vec(), START_TIMEOUT).await;
    Server { program, url }
}

/// Starts the sandbox as a process and returns it with the environment that it prints.
async fn sandbox(app: &str) -> (Program, Vec<(&'static str, String)>) {
    let redirect = format!("{app}/api/integrations/ghl/auth");
    let mut program =
        Program::start("provider-sandbox", &["--json", "--contacts", "150", "--redirect-uri", &redirect], []);
    let printed: BTreeMap<String, String> =
        serde_json::from_str(&program.next_stdout_line(START_TIMEOUT).await).unwrap();
    let leaked = |(name, value): (String, String)| (&*Box::leak(name.into_boxed_str()), value);
    (program, printed.into_iter().map(leaked).collect())
}

async fn count(database: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let count = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

/// Returns the value of a metric, summed over its labels.
async fn metric(http: &reqwest::Client, server: &Server, name: &str) -> f64 {
    let response = http.get(format!("{}/metrics", server.url)).bearer_auth(OPERATOR_TOKEN).send().await.unwrap();
    let text = response.error_for_status().unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, |sum, value| sum + value)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_passes_with_two_webs_and_two_workers() {
    let (database, redis, listener) =
        (create_postgres_database().await, PrivateRedis::start().await, BalancerListener::bind().await);
    let app = listener.url();
    let (_sandbox, environment) = sandbox(&app).await;
    let mut environment = server_environment(environment, &database.url(), "127.0.0.1:0");
    environment.extend([
        ("APP_URL", app.clone()),
        ("REDIS_URL", redis.url()),
        ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
    ]);
    // Concurrently: the first one migrates, the others wait for it.
    let (one, two, three, four) = tokio::join!(
        serve("web", &environment),
        serve("web", &environment),
        serve("worker", &environment),
        serve("worker", &environment),
    );
    let balancer = LoadBalancer::start(listener, vec![one.url.clone(), two.url.clone()]);

    let needed = ["GHL_API_URL", "SIDECAR_OPERATOR_TOKEN"];
    let demo_environment = environment.iter().filter(|(name, _)| needed.contains(name)).cloned();
    let mut demo = Program::start("crm-server", &["demo", "--once", "--json", "--against", &app], demo_environment);
    let status = demo.wait_for_exit(PROGRAM_TIMEOUT).await;
    assert!(status.success(), "the demo ended with {status}:\n{}", demo.log());
    let report: Value = serde_json::from_str(&demo.stdout()).unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 7 && steps.iter().all(|step| step["ok"] == true), "{report:#}");

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let responses = balancer.responses();
    assert!(responses.iter().all(|count| *count > 50), "both webs served requests: {responses:?}");
    assert_eq!(count(&database.url(), "SELECT count(*) FROM processes").await, 4, "all four have registered");
    let mut syncs = Vec::new();
    for server in [&one, &two, &three, &four] {
        syncs.push(metric(&http, server, "sidecar_sync_runs_total").await);
    }
    assert_eq!(syncs[..2], [0.0, 0.0], "webs do not sync");
    assert!(syncs[2..].iter().sum::<f64>() >= 5.0, "the workers synced every source: {syncs:?}");
    for worker in [&three, &four] {
        let ready = http.get(format!("{}/health/ready", worker.url)).send().await.unwrap();
        assert!(ready.status().is_success(), "a worker is ready");
    }

    for Server { mut program, .. } in [one, two, three, four] {
        program.terminate().await;
        assert!(program.wait_for_exit(Duration::from_secs(15)).await.success(), "{}", program.log());
    }
    assert_eq!(count(&database.url(), "SELECT count(*) FROM processes").await, 0, "a process that stops deregisters");
    assert_eq!(count(&database.url(), "SELECT count(*) FROM inbox WHERE state <> 1").await, 0, "the inbox is empty");
    let took = |step: &Value| format!("{} {} ms", step["name"], step["ms"]);
    println!("requests per web: {responses:?}; sync runs per process: {syncs:?}");
    println!("{}", steps.iter().map(took).collect::<Vec<_>>().join(", "));
}
