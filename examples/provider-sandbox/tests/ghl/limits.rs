use http::StatusCode;
use provider_sandbox::ghl::{LimitRules, WindowKind};

use crate::support::Fixture;

async fn accepted_calls(fixture: &Fixture, times: usize) -> usize {
    let mut accepted = 0;
    for _ in 0..times {
        accepted +=
            usize::from(fixture.get(&format!("/locations/{}", fixture.location)).await.status == StatusCode::OK);
    }
    accepted
}

#[tokio::test(start_paused = true)]
async fn the_hundred_and_first_call_in_ten_seconds_is_429() {
    let fixture = Fixture::new().await;
    assert_eq!(accepted_calls(&fixture, 101).await, 100);
    let response = fixture.get(&format!("/locations/{}", fixture.location)).await;
    assert_eq!(response.body, serde_json::json!({"message": "Too Many Requests", "statusCode": 429}));
    assert_eq!((response.number("x-ratelimit-remaining"), response.number("x-ratelimit-max")), (0, 100));
    assert_eq!(response.number("x-ratelimit-interval-milliseconds"), 10_000);
    let usage = fixture.ghl.counts().limits[&fixture.location].clone();
    assert_eq!((usage.accepted, usage.rejected), (100, 2));
}

#[tokio::test(start_paused = true)]
async fn every_response_counts_down_burst_and_daily_limits() {
    let fixture = Fixture::new().await;
    let first = fixture.get(&format!("/locations/{}", fixture.location)).await;
    let second = fixture.get("/contacts/nobody").await;
    assert_eq!(first.number("x-ratelimit-remaining"), 99);
    assert_eq!((second.status, second.number("x-ratelimit-remaining")), (StatusCode::BAD_REQUEST, 98));
    assert_eq!(second.number("x-ratelimit-daily-remaining"), 199_998);
    assert_eq!(second.number("x-ratelimit-limit-daily"), 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_fixed_window_resets_at_its_edge_and_a_sliding_one_does_not() {
    for (window, second_burst) in [(WindowKind::Fixed, 100), (WindowKind::Sliding, 0), (WindowKind::Both, 0)] {
        let fixture = Fixture::new().await;
        fixture.sandbox.control().set_limits(LimitRules { window, ..LimitRules::default() });
        fixture.sandbox.control().advance_clock(9_000);
        assert_eq!(accepted_calls(&fixture, 120).await, 100);
        fixture.sandbox.control().advance_clock(1_500);
        assert_eq!(accepted_calls(&fixture, 120).await, second_burst, "{window:?}");
        fixture.sandbox.control().advance_clock(20_000);
        assert_eq!(accepted_calls(&fixture, 120).await, 100);
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_daily_limit_is_429() {
    let fixture = Fixture::new().await;
    fixture.sandbox.control().set_daily_usage(&fixture.location, 199_999);
    assert_eq!(accepted_calls(&fixture, 2).await, 1);
    let response = fixture.get(&format!("/locations/{}", fixture.location)).await;
    assert_eq!((response.status, response.number("x-ratelimit-daily-remaining")), (StatusCode::TOO_MANY_REQUESTS, 0));
    assert!(response.number("x-ratelimit-remaining") > 0);
    fixture.sandbox.control().advance_clock(13 * 60 * 60 * 1000);
    assert_eq!(accepted_calls(&fixture, 1).await, 1);
}

#[tokio::test(start_paused = true)]
async fn each_location_has_its_limit_and_the_token_endpoint_has_none() {
    let fixture = Fixture::new().await;
    assert_eq!(accepted_calls(&fixture, 101).await, 100);
    let other = fixture.ghl.issue_location_token(&fixture.other_location).unwrap();
    let path = format!("/locations/{}", fixture.other_location);
    assert_eq!(fixture.call_as(&other.access, "GET", &path, None).await.status, StatusCode::OK);
    let mut refresh = other.refresh.unwrap();
    for _ in 0..120 {
        let response = fixture.refresh(&refresh).await;
        assert_eq!(response.status, StatusCode::OK);
        refresh = response.body["refresh_token"].as_str().unwrap().to_owned();
    }
}
