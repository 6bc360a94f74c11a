//! The whole story with several processes behind a load balancer, on one PostgreSQL and one Redis.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use sidecar_tests::{KEYS, PrivateRedis, Program, fresh_database};
use sqlx::{Connection, PgConnection};

use crate::{
    PATIENCE,
    balancer::{Address, Balancer},
};

/// How long a process may take to start.
const START: Duration = Duration::from_secs(60);
const OPERATOR: &str = "operator-of-the-journey";

/// A process of the server and where it listens.
struct Server {
    program: Program,
    url: String,
}

async fn serve(role: &str, environment: &BTreeMap<&'static str, String>) -> Server {
    let own = environment.iter().map(|(name, value)| (*name, value.clone()));
    let mut program = Program::start("crm-server", &["serve", "--role", role], own);
    let line = program.line(START, |line| line.starts_with("listening on ")).await;
    Server { program, url: line["listening on ".len()..].to_owned() }
}

/// The sandbox as a process, and what it says a server needs to know.
async fn sandbox(app: &str) -> (Program, BTreeMap<&'static str, String>) {
    let redirect = format!("{app}/api/integrations/ghl/auth");
    let mut program =
        Program::start("provider-sandbox", &["--json", "--contacts", "150", "--redirect-uri", &redirect], []);
    let printed: BTreeMap<String, String> = serde_json::from_str(&program.output(START).await).unwrap();
    let leaked = |(name, value): (String, String)| (&*Box::leak(name.into_boxed_str()), value);
    (program, printed.into_iter().map(leaked).collect())
}

async fn count(database: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let count = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

/// One number out of a process's metrics, all labels together.
async fn metric(http: &reqwest::Client, server: &Server, name: &str) -> f64 {
    let answer = http.get(format!("{}/metrics", server.url)).bearer_auth(OPERATOR).send().await.unwrap();
    let text = answer.error_for_status().unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).fold(0.0, |sum, value| sum + value)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_webs_and_two_workers_on_one_postgresql_and_one_redis_play_the_story() {
    let (database, redis, address) = (fresh_database().await, PrivateRedis::start().await, Address::pick().await);
    let app = address.url();
    let (_sandbox, mut environment) = sandbox(&app).await;
    environment.extend([
        ("SIDECAR_ENV", "test".to_owned()),
        ("BIND_ADDR", "127.0.0.1:0".to_owned()),
        ("APP_URL", app.clone()),
        ("DATABASE_URL", database.url()),
        ("REDIS_URL", redis.url()),
        ("SIDECAR_ENCRYPTION_KEYS", KEYS.to_owned()),
        ("SIDECAR_OPERATOR_TOKEN", OPERATOR.to_owned()),
        ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ]);
    // All at once: the first migrates, the others wait for it.
    let (one, two, three, four) = tokio::join!(
        serve("web", &environment),
        serve("web", &environment),
        serve("worker", &environment),
        serve("worker", &environment),
    );
    let balancer = Balancer::before(address, vec![one.url.clone(), two.url.clone()]);

    let told = ["GHL_API_URL", "SIDECAR_OPERATOR_TOKEN"].map(|name| (name, environment[name].clone()));
    let mut demo = Program::start("crm-server", &["demo", "--once", "--json", "--against", &app], told);
    let status = demo.ended(PATIENCE).await;
    assert!(status.success(), "the story ended with {status}:\n{}", demo.log());
    let report: Value = serde_json::from_str(&demo.whole_output()).unwrap();
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() >= 7 && steps.iter().all(|step| step["ok"] == true), "{report:#}");

    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answered = balancer.answered();
    assert!(answered.iter().all(|count| *count > 50), "both webs were asked: {answered:?}");
    assert_eq!(count(&database.url(), "SELECT count(*) FROM processes").await, 4, "all four say that they are alive");
    let mut syncs = Vec::new();
    for server in [&one, &two, &three, &four] {
        syncs.push(metric(&http, server, "sidecar_sync_runs_total").await);
    }
    assert_eq!(syncs[..2], [0.0, 0.0], "webs do not sync");
    assert!(syncs[2..].iter().sum::<f64>() >= 5.0, "the workers synced every source: {syncs:?}");
    for worker in [&three, &four] {
        let ready = http.get(format!("{}/health/ready", worker.url)).send().await.unwrap();
        assert!(ready.status().is_success(), "a worker says that it is ready");
    }

    for Server { mut program, .. } in [one, two, three, four] {
        program.terminate().await;
        assert!(program.ended(Duration::from_secs(15)).await.success(), "{}", program.log());
    }
    assert_eq!(count(&database.url(), "SELECT count(*) FROM processes").await, 0, "whoever stops says goodbye");
    assert_eq!(count(&database.url(), "SELECT count(*) FROM inbox WHERE state <> 1").await, 0, "nothing is left over");
    let took = |step: &Value| format!("{} {} ms", step["name"], step["ms"]);
    println!("requests per web: {answered:?}; sync passes per process: {syncs:?}");
    println!("{}", steps.iter().map(took).collect::<Vec<_>>().join(", "));
}
