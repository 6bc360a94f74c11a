use http::StatusCode;
use provider_sandbox::ghl::{LimitRules, WindowKind};

use crate::support::World;

async fn hit(world: &World, times: usize) -> usize {
    let mut accepted = 0;
    for _ in 0..times {
        accepted += usize::from(world.get(&format!("/locations/{}", world.location)).await.status == StatusCode::OK);
    }
    accepted
}

#[tokio::test(start_paused = true)]
async fn the_hundred_and_first_call_in_ten_seconds_is_429() {
    let world = World::new().await;
    assert_eq!(hit(&world, 101).await, 100);
    let answer = world.get(&format!("/locations/{}", world.location)).await;
    assert_eq!(answer.body, serde_json::json!({"message": "Too Many Requests", "statusCode": 429}));
    assert_eq!((answer.number("x-ratelimit-remaining"), answer.number("x-ratelimit-max")), (0, 100));
    assert_eq!(answer.number("x-ratelimit-interval-milliseconds"), 10_000);
    let usage = world.ghl.counts().limits[&world.location].clone();
    assert_eq!((usage.accepted, usage.refused), (100, 2));
}

#[tokio::test(start_paused = true)]
async fn every_answer_counts_down_burst_and_day() {
    let world = World::new().await;
    let first = world.get(&format!("/locations/{}", world.location)).await;
    let second = world.get("/contacts/nobody").await;
    assert_eq!(first.number("x-ratelimit-remaining"), 99);
    assert_eq!((second.status, second.number("x-ratelimit-remaining")), (StatusCode::BAD_REQUEST, 98));
    assert_eq!(second.number("x-ratelimit-daily-remaining"), 199_998);
    assert_eq!(second.number("x-ratelimit-limit-daily"), 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_forgets_at_its_edge_and_a_sliding_one_does_not() {
    for (window, second_burst) in [(WindowKind::Fixed, 100), (WindowKind::Sliding, 0), (WindowKind::Both, 0)] {
        let world = World::new().await;
        world.sandbox.control().limits(LimitRules { window, ..LimitRules::default() });
        world.sandbox.control().jump(9_000);
        assert_eq!(hit(&world, 120).await, 100);
        world.sandbox.control().jump(1_500);
        assert_eq!(hit(&world, 120).await, second_burst, "{window:?}");
        world.sandbox.control().jump(20_000);
        assert_eq!(hit(&world, 120).await, 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_day_is_429_with_no_day_left() {
    let world = World::new().await;
    world.sandbox.control().spend_day(&world.location, 199_999);
    assert_eq!(hit(&world, 2).await, 1);
    let answer = world.get(&format!("/locations/{}", world.location)).await;
    assert_eq!((answer.status, answer.number("x-ratelimit-daily-remaining")), (StatusCode::TOO_MANY_REQUESTS, 0));
    assert!(answer.number("x-ratelimit-remaining") > 0);
    world.sandbox.control().jump(13 * 60 * 60 * 1000);
    assert_eq!(hit(&world, 1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn each_location_has_its_own_budget_and_the_token_endpoint_has_none() {
    let world = World::new().await;
    assert_eq!(hit(&world, 101).await, 100);
    let other = world.ghl.issue_location_token(&world.other_location).unwrap();
    let path = format!("/locations/{}", world.other_location);
    assert_eq!(world.call_as(&other.access, "GET", &path, None).await.status, StatusCode::OK);
    let mut refresh = other.refresh.unwrap();
    for _ in 0..120 {
        let answer = world.refresh(&refresh).await;
        assert_eq!(answer.status, StatusCode::OK);
        refresh = answer.body["refresh_token"].as_str().unwrap().to_owned();
    }
}
