//! Manual blocks, together with the blocks of appointments.

use http::Method;
use provider_sandbox::{
    Sandbox,
    ghl::{Fault, FaultRule},
};
use serde_json::{Value, json};

use crate::{
    blocks::{at, booked_at_ghl, is_free},
    harness::{SLOT_MS, TestServer},
    races::fault_once,
};

const SCHEDULES: &str = "/v2/schedules";

impl TestServer {
    /// Blocks ranges of slots; the end is exclusive.
    async fn block(&self, ranges: &[(usize, usize)]) -> (u16, Value) {
        let slot = |(from, to): &(usize, usize)| json!({"start": at(self.slot(*from)), "end": at(self.slot(to - 1) + SLOT_MS)});
        let slots: Vec<Value> = ranges.iter().map(slot).collect();
        let (status, body) = self.call(Method::POST, "blocked-slots", Some(&json!({"slots": slots}))).await;
        (status.as_u16(), body)
    }

    /// Blocks ranges of slots and returns the handles.
    async fn blocked(&self, ranges: &[(usize, usize)]) -> Vec<String> {
        let (status, body) = self.block(ranges).await;
        assert_eq!(status, 201, "{body}");
        handles(&body)
    }

    async fn unblock(&self, handle: &str) -> u16 {
        self.call(Method::DELETE, &format!("blocked-slots/{handle}"), None).await.0.as_u16()
    }
}

fn handles(body: &Value) -> Vec<String> {
    serde_json::from_value(body["handles"].clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_blocked_twice_is_free_after_both_blocks_are_removed() {
    let server = TestServer::new(30, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let before = server.sandbox.calcom().schedules();

    let id = booked_at_ghl(&server, &target, 8);
    server.wait_until_idle().await;
    let handle = server.blocked(&[(6, 10)]).await.remove(0);
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    server.wait_until_idle().await;
    assert!(!is_free(&server, &target, 8).await && !is_free(&server, &target, 6).await, "the manual block is left");
    assert_eq!(server.unblock(&handle).await, 204);
    assert_eq!(server.sandbox.calcom().schedules(), before);

    let handle = server.blocked(&[(6, 10)]).await.remove(0);
    let id = booked_at_ghl(&server, &target, 8);
    server.wait_until_idle().await;
    assert_eq!(server.unblock(&handle).await, 204);
    assert!(
        !is_free(&server, &target, 8).await && is_free(&server, &target, 6).await,
        "the appointment's block is left"
    );
    server.sandbox.ghl().delete_appointment(&id).unwrap();
    server.wait_until_idle().await;
    assert_eq!((server.blocks().await.len(), server.sandbox.calcom().schedules()), (0, before));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handle_unblocks_only_its_own_block_and_only_once() {
    let server = TestServer::new(31, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let before = server.sandbox.calcom().schedules();
    let [one, other] = <[String; 2]>::try_from(server.blocked(&[(8, 9), (8, 9)]).await).unwrap();
    assert_ne!(one, other);
    for _ in 0..2 {
        assert_eq!(server.unblock(&one).await, 204);
        assert!(!is_free(&server, &target, 8).await, "the other one is left");
    }
    assert_eq!(server.unblock(&other).await, 204);
    assert_eq!((server.blocks().await.len(), server.sandbox.calcom().schedules()), (0, before));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_blocks_and_unblocks_are_serialized() {
    let server = TestServer::new(32, 1).await;
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let before = server.sandbox.calcom().schedules();
    let ranges = [(4, 9), (5, 10), (6, 8), (6, 8), (8, 12)];
    let ids: Vec<String> = (5..9).map(|slot| booked_at_ghl(&server, &target, slot)).collect();
    let blocking = ranges.iter().map(|range| server.blocked(std::slice::from_ref(range)));
    let blocked: Vec<String> = futures_util::future::join_all(blocking).await.concat();
    server.wait_until_idle().await;
    let (mine, others) = blocked.split_at(2);
    // The remaining manual blocks cover the slots 6 to 11, the remaining appointments 7 and 8.
    for id in &ids[..2] {
        server.sandbox.ghl().delete_appointment(id).unwrap();
    }
    futures_util::future::join_all(mine.iter().map(|handle| server.unblock(handle))).await;
    server.wait_until_idle().await;
    for slot in 3..14 {
        assert_eq!(is_free(&server, &target, slot).await, !(6..12).contains(&slot), "slot {slot}");
    }
    for id in &ids[2..] {
        server.sandbox.ghl().delete_appointment(id).unwrap();
    }
    futures_util::future::join_all(others.iter().map(|handle| server.unblock(handle))).await;
    server.wait_until_idle().await;
    assert_eq!((server.blocks().await.len(), server.sandbox.calcom().schedules()), (0, before));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manual_block_outlives_the_connection_of_its_account() {
    let (server, other) = (TestServer::new(33, 1).await, Sandbox::builder().seed(34).start().await.unwrap());
    let target = server.targets[0].clone();
    server.wait_until_idle().await;
    let (first, second) = (server.sandbox.calcom(), other.calcom());
    let before = first.schedules();
    let handle = server.blocked(&[(6, 10)]).await.remove(0);
    let alone = first.schedules();
    booked_at_ghl(&server, &target, 8);
    booked_at_ghl(&server, &target, 20);
    server.wait_until_idle().await;
    assert_eq!(server.disconnect().await, 204);
    assert_eq!(first.schedules(), alone, "only the appointments' blocks are removed");
    let (status, body) = server.call(Method::DELETE, &format!("blocked-slots/{handle}"), None).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("reconnect_required")));

    assert_eq!(server.change(&json!({"baseUrl": second.base_url(), "apiKey": second.api_key()})).await, 200);
    let (status, body) = server.call(Method::DELETE, &format!("blocked-slots/{handle}"), None).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("other_account")));
    assert_eq!(first.schedules(), alone);

    assert_eq!(server.change(&json!({"baseUrl": null, "apiKey": first.api_key()})).await, 200);
    assert_eq!(server.unblock(&handle).await, 204);
    assert_eq!((server.blocks().await.len(), first.schedules()), (0, before));
    server.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_planned_by_a_crashed_process_is_removed() {
    let server = TestServer::new(35, 1).await;
    server.wait_until_idle().await;
    let calcom = server.sandbox.calcom();
    let before = calcom.schedules();
    server.blocked(&[(6, 10)]).await;
    let row = server.blocks().await.remove(0);
    let mut record = Value::Object((*row.doc).clone());
    record["placed"] = json!(false);
    server.write_block(&row.key.id, row.revision, row.position, record.clone()).await;
    server.write_block("slot-not-taken", 0, row.position, record).await;
    server.backfill().await;
    server.wait_until_idle().await;
    assert_eq!((server.blocks().await.len(), calcom.schedules()), (0, before));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_response_returns_handles_and_a_rejection_does_not() {
    let server = TestServer::new(36, 1).await;
    server.wait_until_idle().await;
    let (calcom, control) = (server.sandbox.calcom(), server.sandbox.control());
    let before = calcom.schedules();
    control.calcom().add_faults([fault_once(Fault::Status { status: 400 }, "PATCH", SCHEDULES)]);
    let (status, body) = server.block(&[(6, 10)]).await;
    assert_eq!((status, body.get("handles"), server.blocks().await.len()), (422, None, 0), "{body}");

    let always = FaultRule { times: None, ..fault_once(Fault::ResetAfter, "PATCH", SCHEDULES) };
    control.calcom().add_faults([always]);
    let (status, body) = server.block(&[(6, 10), (6, 10)]).await;
    control.calcom().clear_faults();
    assert!(status >= 500, "{status} {body}");
    assert_ne!(calcom.schedules(), before, "Cal.com changed the schedule");
    server.backfill().await;
    server.wait_until_idle().await;
    assert_ne!(calcom.schedules(), before, "the caller has the handles");
    for handle in handles(&body) {
        assert_eq!(server.unblock(&handle).await, 204);
    }
    assert_eq!((server.blocks().await.len(), calcom.schedules()), (0, before));
    server.stop().await;
}
