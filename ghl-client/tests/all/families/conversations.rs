use futures_util::TryStreamExt;
use ghl_client::{
    GhlClient,
    contacts::Direction,
    model::{
        Channel, ConversationSort, ConversationStatus, ExportChannel, File, MessageAction, MessageDirection,
        MessageStatus, MessageType, Subscription, SubscriptionChannel,
    },
};
use serde_json::{Value, json};
use sidecar_core::{ErrorKind, test_util::ScriptedTransport};

use super::{NOTHING, Room, paged, refuses, rows, wire};
use crate::support::{NOW, answering, client, fixture, line, only};

const ROOM: Room = Room("2021-04-15");

#[tokio::test]
async fn a_search_goes_behind_the_value_that_the_last_one_is_ordered_by() {
    let page = ROOM
        .sends(
            |ghl| ghl.conversations().search("l1"),
            "GET /conversations/search?locationId=l1&limit=100",
            NOTHING,
            fixture!("conversations_search"),
        )
        .await;
    assert_eq!((page.items[0].unread_count, page.total), (Some(1), Some(3)));
    assert_eq!(page.items[0].last_message_type, Some(MessageType::Sms));
    let next = page.next.unwrap();
    ROOM.sends(
        |ghl| {
            ghl.conversations()
                .search("l1")
                .contact("c1")
                .assigned_to(["u1", "unassigned"])
                .followers(["u2"])
                .mentions(["u3"])
                .query("ann")
                .id("v1")
                .last_message_type(MessageType::Sms)
                .last_message_action(MessageAction::Manual)
                .last_message_direction(MessageDirection::Inbound)
                .status(ConversationStatus::Unread)
                .sort_by(ConversationSort::LastMessageDate)
                .sort(Direction::Asc)
                .from(NOW)
                .to(NOW)
                .page_size(20)
                .after(next)
        },
        "GET /conversations/search?locationId=l1&contactId=c1&assignedTo=u1%2Cunassigned&followers=u2&mentions=u3&query=ann\
         &id=v1&lastMessageType=TYPE_SMS&lastMessageAction=manual&lastMessageDirection=inbound&status=unread\
         &sortBy=last_message_date&sort=asc&startDate=1772359200000&endDate=1772359200000&limit=20\
         &startAfterDate=1772355600000",
        NOTHING,
        json!({"conversations": [], "total": 0}),
    )
    .await;
}

#[tokio::test]
async fn conversations_are_listed_until_a_page_is_empty_and_never_in_circles() {
    let page = |id: &str, sort: Value| json!({"conversations": [{"id": id, "sort": sort}], "total": 2});
    let (ghl, sent) = paged([page("a", json!([9])), page("b", json!([8])), json!({"conversations": [], "total": 2})]);
    let all: Vec<_> = ghl.conversations().search("l1").page_size(1).items().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(line(&sent.requests()[2]).ends_with("startAfterDate=8"));
    let stuck = page("a", json!([9]));
    let (ghl, _) = paged([stuck.clone(), stuck]);
    let error = ghl.conversations().search("l1").page_size(1).items().try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn conversations_have_their_lines() {
    wire! { ROOM, ghl;
        ghl.conversations().create("l1", "c1") => "POST /conversations/", {"locationId": "l1", "contactId": "c1"},
            {"success": true, "conversation": {"id": "v1", "deleted": false}};
        ghl.conversations().get("l1", "v1") => "GET /conversations/v1", null,
            {"id": "v1", "type": 1, "unreadCount": 0, "starred": true};
        ghl.conversations().update("l1", "v1") => "PUT /conversations/v1", {"locationId": "l1"},
            {"success": true, "conversation": {"id": "v1"}};
        ghl.conversations().update("l1", "v1").unread_count(0).starred(true).set("feedback", json!({"a": 1}))
            => "PUT /conversations/v1", {"locationId": "l1", "unreadCount": 0, "starred": true, "feedback": {"a": 1}},
            {"success": true, "conversation": {"id": "v1"}};
        ghl.conversations().delete("l1", "v1") => "DELETE /conversations/v1", null, {"success": true};
        ghl.conversations().message("l1", "m1") => "GET /conversations/messages/m1", null,
            {"id": "m1", "type": 2, "messageType": "SMS", "direction": "inbound", "status": "read"};
        ghl.conversations().email("l1", "m1") => "GET /conversations/messages/email/m1", null,
            {"id": "m1", "subject": "Hello", "to": ["ann@example.com"], "from": "Desk <desk@example.com>"};
    }
}

#[tokio::test]
async fn messages_come_flat_or_nested() {
    let inner = fixture!("conversation_messages");
    for answer in [inner.clone(), json!({"messages": inner, "traceId": "t"})] {
        let page = ROOM
            .sends(
                |ghl| {
                    ghl.conversations().messages("l1", "v1").types([MessageType::Sms, MessageType::Call]).page_size(20)
                },
                "GET /conversations/v1/messages?type=TYPE_SMS%2CTYPE_CALL&limit=20",
                NOTHING,
                answer,
            )
            .await;
        assert_eq!(page.items[0].direction, Some(MessageDirection::Inbound));
        assert_eq!(page.next.unwrap().as_str(), "tDtDnQdgm2LXpyiqYvZ6");
    }
    let page = |id: &'static str, more: bool| json!({"messages": rows([id]), "lastMessageId": id, "nextPage": more});
    let (ghl, sent) = paged([page("a", true), page("b", false)]);
    let all: Vec<_> = ghl.conversations().messages("l1", "v1").items().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(line(&sent.requests()[1]), "GET /conversations/v1/messages?limit=100&lastMessageId=a");
    let (ghl, _) = paged([page("a", true), page("a", true)]);
    let stuck = ghl.conversations().messages("l1", "v1").items().try_collect::<Vec<_>>().await;
    assert_eq!(stuck.unwrap_err().kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn messages_of_a_changed_shape_are_an_error_that_names_the_field() {
    let (ghl, _) = answering(200, json!({"messages": {"lastMessageId": "a", "messages": [{"direction": "inbound"}]}}));
    let error = ghl.conversations().messages("l1", "v1").await.unwrap_err();
    assert!(error.to_string().contains("conversations.messages") && error.to_string().contains("`id`"), "{error}");
}

#[tokio::test]
async fn an_export_goes_by_its_cursor() {
    let (ghl, sent) = paged([
        json!({"messages": rows(["a"]), "nextCursor": "x=", "total": 2}),
        json!({"messages": rows(["b"]), "nextCursor": null, "total": 2}),
    ]);
    let export = ghl.conversations().export("l1").conversation("v1").contact("c1").channel(ExportChannel::Sms);
    let export = export.sort_by("updatedAt").sort(Direction::Asc).from(NOW).to(NOW).page_size(10);
    let all: Vec<_> = export.items().try_collect().await.unwrap();
    assert_eq!(all.len(), 2);
    let expected = "GET /conversations/messages/export?locationId=l1&conversationId=v1&contactId=c1&channel=SMS\
                    &sortBy=updatedAt&sortOrder=asc&startDate=2026-03-01T10%3A00%3A00Z&endDate=2026-03-01T10%3A00%3A00Z&limit=10";
    assert_eq!(line(&sent.requests()[0]), expected);
    assert_eq!(line(&sent.requests()[1]), format!("{expected}&cursor=x%3D"));
    refuses(|ghl| ghl.conversations().export("l1").page_size(9), "10 to 500").await;
    refuses(|ghl| ghl.conversations().export("l1").page_size(501), "1 to 500").await;
}

#[tokio::test]
async fn messages_are_sent_and_taken_back() {
    wire! { ROOM, ghl;
        ghl.conversations().send("l1", "c1", Channel::Sms).text("Hello") => "POST /conversations/messages",
            {"type": "SMS", "contactId": "c1", "message": "Hello"}, {"conversationId": "v1", "messageId": "m1"};
        ghl.conversations().send("l1", "c1", Channel::Email).html("<p>Hello</p>").text("Hello").subject("Hi")
            .attachments(["https://example.com/a.pdf"]).template("t1").email_from("desk@example.com")
            .email_to("ann@example.com").email_cc(["b@example.com"]).email_bcc(["c@example.com"])
            .email_reply_mode("reply_all").reply_to("m0").thread("m00").scheduled(NOW).appointment("e1").provider("p1")
            .from_number("+1").to_number("+2").set("status", "pending") => "POST /conversations/messages",
            {"type": "Email", "contactId": "c1", "html": "<p>Hello</p>", "message": "Hello", "subject": "Hi",
             "attachments": ["https://example.com/a.pdf"], "templateId": "t1", "emailFrom": "desk@example.com",
             "emailTo": "ann@example.com", "emailCc": ["b@example.com"], "emailBcc": ["c@example.com"],
             "emailReplyMode": "reply_all", "replyMessageId": "m0", "threadId": "m00", "scheduledTimestamp": 1772359200,
             "appointmentId": "e1", "conversationProviderId": "p1", "fromNumber": "+1", "toNumber": "+2",
             "status": "pending"},
            {"conversationId": "v1", "messageId": "m1", "emailMessageId": "x1", "msg": "queued"};
        ghl.conversations().cancel_scheduled("l1", "m1") => "DELETE /conversations/messages/m1/schedule", null,
            {"status": 200, "message": "done"};
    }
    let cancel = |ghl: GhlClient| ghl.conversations().cancel_scheduled_email("l1", "x1");
    let expected = "DELETE /conversations/messages/email/x1/schedule";
    let outcome = ROOM.sends(cancel, expected, NOTHING, json!({"status": 404, "message": "gone"})).await;
    assert!(!outcome.is_cancelled(), "a 200 that says 404");
    refuses(|ghl| ghl.conversations().send("l1", "c1", Channel::Sms), "text").await;
}

#[tokio::test]
async fn messages_that_others_carry_are_written_down() {
    wire! { ROOM, ghl;
        ghl.conversations().record_inbound("l1", "v1", "c1", "p1", Channel::Sms) => "POST /conversations/messages/inbound",
            {"type": "SMS", "conversationId": "v1", "contactId": "c1", "conversationProviderId": "p1"},
            {"success": true, "conversationId": "v1", "messageId": "m1", "message": "added"};
        ghl.conversations().record_inbound("l1", "v1", "c1", "p1", Channel::Email).text("t").html("h").subject("s")
            .email_from("f").email_to("t").email_cc(["c"]).email_bcc(["b"]).reply_to("x1")
            .direction(MessageDirection::Outbound).attachments(["a"]).alt_id("x").date(NOW)
            .call("+1", "+2", "no-answer") => "POST /conversations/messages/inbound",
            {"type": "Email", "conversationId": "v1", "contactId": "c1", "conversationProviderId": "p1", "message": "t",
             "html": "h", "subject": "s", "emailFrom": "f", "emailTo": "t", "emailCc": ["c"], "emailBcc": ["b"],
             "emailMessageId": "x1", "direction": "outbound", "attachments": ["a"], "altId": "x",
             "date": "2026-03-01T10:00:00Z", "call": {"from": "+1", "to": "+2", "status": "no-answer"}},
            {"success": true, "messageId": "m1"};
        ghl.conversations().record_outbound_call("l1", "v1", "p1").call("+1", "+2", "completed")
            => "POST /conversations/messages/outbound",
            {"type": "Call", "conversationId": "v1", "conversationProviderId": "p1",
             "call": {"from": "+1", "to": "+2", "status": "completed"}},
            {"success": true};
        ghl.conversations().update_status("l1", "m1", MessageStatus::Delivered) => "PUT /conversations/messages/m1/status",
            {"status": "delivered"}, {"conversationId": "v1", "messageId": "m1", "status": "delivered"};
        ghl.conversations().update_status("l1", "m1", "failed").error("1", "saas", "no line").email("x1").recipients(["a"])
            => "PUT /conversations/messages/m1/status",
            {"status": "failed", "error": {"code": "1", "type": "saas", "message": "no line"}, "emailMessageId": "x1",
             "recipients": ["a"]},
            {"messageId": "m1"};
        ghl.conversations().set_attachments("l1", "m1", ["https://example.com/a.mp3"])
            => "PUT /conversations/messages/m1/attachments", {"attachments": ["https://example.com/a.mp3"]}, {};
    }
    refuses(|ghl| ghl.conversations().set_attachments("l1", "m1", ["x"; 6]), "at most 5").await;
}

#[tokio::test]
async fn calls_are_heard_and_read() {
    let sentence = json!({"mediaChannel": 1, "sentenceIndex": 0, "startTime": 34, "endTime": 45, "transcript": "Hello",
                          "confidence": 0.5});
    for answer in [sentence.clone(), json!([sentence])] {
        let said = ROOM
            .sends(
                |ghl| ghl.conversations().transcription("l1", "m1"),
                "GET /conversations/locations/l1/messages/m1/transcription",
                NOTHING,
                answer,
            )
            .await;
        assert_eq!((said.len(), said[0].transcript.as_str(), said[0].confidence), (1, "Hello", Some(0.5)));
    }
    let sound = ScriptedTransport::new().respond_with(200, &[("content-type", "audio/x-wav")], vec![0_u8, 255]);
    let (ghl, sent) = client(sound);
    assert_eq!(ghl.conversations().recording("l1", "m1").await.unwrap(), [0, 255]);
    assert_eq!(line(&only(&sent)), "GET /conversations/messages/m1/locations/l1/recording");
    let (ghl, sent) = client(ScriptedTransport::new().respond_with(200, &[], "Hello."));
    assert_eq!(ghl.conversations().transcript("l1", "m1").await.unwrap(), "Hello.");
    assert_eq!(line(&only(&sent)), "GET /conversations/locations/l1/messages/m1/transcription/download");
}

#[tokio::test]
async fn reviews_are_answered_and_visitors_see_who_is_typing() {
    wire! { ROOM, ghl;
        ghl.conversations().reply_to_review("l1", "v1", "Thanks") => "POST /conversations/messages/review-reply",
            {"locationId": "l1", "conversationId": "v1", "message": "Thanks"}, {"conversationId": "v1", "messageId": "m1"};
        ghl.conversations().typing("l1", "v1", "x1", true) => "POST /conversations/providers/live-chat/typing",
            {"locationId": "l1", "conversationId": "v1", "visitorId": "x1", "isTyping": "true"}, {"success": true};
    }
}

#[tokio::test]
async fn small_files_are_uploaded_at_once() {
    let (ghl, sent) = answering(200, json!({"uploadedFiles": {"a.png": "https://example.com/a.png"}}));
    let upload =
        ghl.conversations().upload("l1", "v1", "c1").file(File::new("a.png", "image/png", vec![0, 255, 13, 10]));
    let uploaded = upload.urls(["https://example.com/b.pdf", "https://example.com/c.pdf"]).await.unwrap();
    assert_eq!(uploaded.files["a.png"], "https://example.com/a.png");
    let request = only(&sent);
    assert_eq!(line(&request), "POST /conversations/messages/upload");
    assert_eq!(request.header("version"), ROOM.0);
    let boundary = request.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap().to_owned();
    let part = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"fileAttachment\"; filename=\"a.png\"\r\n")
            .as_bytes(),
        b"Content-Type: image/png\r\n\r\n",
        &[0, 255, 13, 10],
        format!("\r\n--{boundary}--\r\n").as_bytes(),
    ]
    .concat();
    assert!(request.body.ends_with(&part), "{:?}", request.body);
    let body = String::from_utf8_lossy(&request.body);
    for address in ["https://example.com/b.pdf", "https://example.com/c.pdf"] {
        assert!(body.contains(&format!("name=\"attachmentUrls\"\r\n\r\n{address}\r\n")), "{body}");
    }

    refuses(|ghl| ghl.conversations().upload("l1", "v1", "c1"), "no file").await;
    let large = || File::new("a.mp4", "video/mp4", vec![0; 5 * 1024 * 1024 + 1]);
    refuses(|ghl| ghl.conversations().upload("l1", "v1", "c1").file(large()), "begin_upload").await;
    let six = |ghl: GhlClient| {
        let file = File::new("a", "text/plain", "a");
        (0..6).fold(ghl.conversations().upload("l1", "v1", "c1"), |upload, _| upload.file(file.clone()))
    };
    refuses(six, "at most 5").await;
}

#[tokio::test]
async fn a_large_file_goes_in_two_steps() {
    let answer = json!({"uploadUrl": "https://example.com/put", "uploadId": "x1", "filePath": "p/a.mp4",
        "expiresAt": 1_701_619_200_000_i64, "maxFileSize": 104_857_600});
    let pending = ROOM
        .sends(
            |ghl| ghl.conversations().begin_upload("l1", "v1", "a.mp4", "video/mp4", "WHATSAPP").size(9),
            "POST /conversations/messages/upload/initiate",
            json!({"locationId": "l1", "conversationId": "v1", "filename": "a.mp4", "contentType": "video/mp4",
                "channel": "WHATSAPP", "fileSize": 9}),
            answer,
        )
        .await;
    assert_eq!(pending.expires_at.as_ref().unwrap().timestamp().unwrap().as_secs(), 1_701_619_200);
    let done = ROOM
        .sends(
            |ghl| ghl.conversations().end_upload("l1", "v1", "a.mp4", &pending),
            "POST /conversations/messages/upload/complete",
            json!({"locationId": "l1", "conversationId": "v1", "filename": "a.mp4", "uploadId": "x1", "filePath": "p/a.mp4"}),
            json!({"uploadedFiles": {"a.mp4": "https://example.com/a.mp4"}, "metadata": {"size": 9}}),
        )
        .await;
    assert_eq!(done.files["a.mp4"], "https://example.com/a.mp4");
}

#[tokio::test]
async fn what_contacts_want_has_its_lines() {
    wire! { ROOM, ghl;
        ghl.conversations().preferences("l1").kinds() => "GET /conversations/preferences/custom-subtypes?locationId=l1", null,
            [{"id": "k1"}];
        ghl.conversations().preferences("l1").create_kind("News", SubscriptionChannel::Email, "en").description("d")
            => "POST /conversations/preferences/custom-subtypes?locationId=l1",
            {"name": "News", "channel": "email", "language": "en", "description": "d"}, {"id": "k1"};
        ghl.conversations().preferences("l1").update_kind("k1").archived(true)
            => "PUT /conversations/preferences/custom-subtypes/k1?locationId=l1", {"archived": true}, {};
        ghl.conversations().preferences("l1").status("c1").email("ann@example.com")
            => "GET /conversations/preferences/unsubscriptions/status?locationId=l1&contactId=c1&email=ann%40example.com", null, {};
        ghl.conversations().preferences("l1").change("c1", "ann@example.com", Subscription::OneOnOne(false))
            => "POST /conversations/preferences/unsubscriptions/user-change",
            {"locationId": "l1", "contactId": "c1", "email": "ann@example.com", "subscription_action":
                {"type": "default", "subtype_name": "One on One", "subtype_status": "unsubscribed"}}, {};
        ghl.conversations().preferences("l1").change("c1", "ann@example.com", Subscription::Custom("k1".into(), true))
            => "POST /conversations/preferences/unsubscriptions/user-change",
            {"locationId": "l1", "contactId": "c1", "email": "ann@example.com", "subscription_action":
                {"type": "custom", "subtype_id": "k1", "subtype_status": "subscribed"}}, {};
        ghl.conversations().preferences("l1").change("c1", "ann@example.com", Subscription::All).legal_reason("asked")
            => "POST /conversations/preferences/unsubscriptions/user-change",
            {"locationId": "l1", "contactId": "c1", "email": "ann@example.com", "legal_reason": "asked", "subscription_action":
                {"type": "resub_all", "subtype_status": "subscribed"}}, {};
    }
    refuses(|ghl| ghl.conversations().preferences("l1").update_kind("k1").name("x".repeat(101)), "100 characters")
        .await;
    let (ghl, sent) = client(ScriptedTransport::new());
    let error = ghl.v3().conversations().preferences("l1").kinds().await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.message().contains("v3 lacks"), "{error}");
    assert!(sent.requests().is_empty());
}
