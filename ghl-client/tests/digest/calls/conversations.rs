use futures_util::TryStreamExt;
use ghl_client::{
    contacts::Direction,
    model::{
        Channel, ConversationSort, ConversationStatus, ExportChannel, File, MessageAction, MessageDirection, MessageId,
        MessageStatus, MessageType, PendingUpload, Subscription, SubscriptionChannel,
    },
};
use serde_json::json;

use crate::call::{Call, LATER, NOW, call};

pub(super) fn calls() -> Vec<Call> {
    [whole(), messages(), records(), uploads(), preferences()].into_iter().flatten().collect()
}

fn whole() -> Vec<Call> {
    vec![
        call!(
            "conversations.search",
            |ghl| ghl.conversations().search("l1"),
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
                .to(LATER)
                .page_size(1)
                .items()
                .try_collect::<Vec<_>>()
        )
        .answered(json!({"conversations": [{"id": "v1", "sort": [9]}], "total": 2})),
        call!(
            "conversations.export",
            |ghl| ghl.conversations().export("l1"),
            ghl.conversations()
                .export("l1")
                .conversation("v1")
                .contact("c1")
                .channel(ExportChannel::Sms)
                .sort_by("updatedAt")
                .sort(Direction::Asc)
                .from(NOW)
                .to(LATER)
                .page_size(20)
                .after("x=".to_owned())
        ),
        call!("conversations.create", |ghl| ghl.conversations().create("l1", "c1")),
        call!("conversations.get", |ghl| ghl.conversations().get("l1", "v1")),
        call!(
            "conversations.update",
            |ghl| ghl.conversations().update("l1", "v1"),
            ghl.conversations().update("l1", "v1").unread_count(0).starred(true)
        ),
        call!("conversations.delete", |ghl| ghl.conversations().delete("l1", "v1")),
    ]
}

fn messages() -> Vec<Call> {
    vec![
        call!(
            "conversations.messages",
            |ghl| ghl.conversations().messages("l1", "v1"),
            ghl.conversations()
                .messages("l1", "v1")
                .types([MessageType::Sms, MessageType::Call])
                .page_size(20)
                .after(MessageId::from("m1"))
        ),
        call!("conversations.message", |ghl| ghl.conversations().message("l1", "m1")),
        call!("conversations.email", |ghl| ghl.conversations().email("l1", "x1")),
        call!("conversations.recording", |ghl| ghl.conversations().recording("l1", "m1")),
        call!("conversations.transcription", |ghl| ghl.conversations().transcription("l1", "m1")),
        call!("conversations.transcript", |ghl| ghl.conversations().transcript("l1", "m1")),
        call!(
            "conversations.send",
            |ghl| ghl.conversations().send("l1", "c1", Channel::Sms).text("Hello"),
            ghl.conversations()
                .send("l1", "c1", Channel::Email)
                .text("Hello")
                .html("<p>Hello</p>")
                .subject("Hi")
                .attachments(["https://example.com/a.pdf"])
                .template("t1")
                .email_from("desk@example.com")
                .email_to("ann@example.com")
                .email_cc(["b@example.com"])
                .email_bcc(["c@example.com"])
                .email_reply_mode("reply_all")
                .reply_to("m0")
                .thread("m00")
                .scheduled(LATER)
                .appointment("e1")
                .provider("p1")
                .from_number("+14155550100")
                .to_number("+14155550101")
        ),
        call!("conversations.reply_to_review", |ghl| ghl.conversations().reply_to_review("l1", "v1", "Thanks")),
        call!("conversations.typing", |ghl| ghl.conversations().typing("l1", "v1", "x1", true)),
        call!("conversations.cancel_scheduled", |ghl| ghl.conversations().cancel_scheduled("l1", "m1")),
        call!("conversations.cancel_scheduled_email", |ghl| ghl.conversations().cancel_scheduled_email("l1", "x1")),
    ]
}

fn records() -> Vec<Call> {
    vec![
        call!(
            "conversations.record_inbound",
            |ghl| ghl.conversations().record_inbound("l1", "v1", "c1", "p1", Channel::Sms),
            ghl.conversations()
                .record_inbound("l1", "v1", "c1", "p1", Channel::Email)
                .text("t")
                .html("h")
                .subject("s")
                .email_from("desk@example.com")
                .email_to("ann@example.com")
                .email_cc(["b@example.com"])
                .email_bcc(["c@example.com"])
                .reply_to("x1")
                .direction(MessageDirection::Outbound)
                .attachments(["https://example.com/a.pdf"])
                .alt_id("a1")
                .date(NOW)
                .call("+14155550100", "+14155550101", "no-answer")
        ),
        call!(
            "conversations.record_outbound_call",
            |ghl| ghl.conversations().record_outbound_call("l1", "v1", "p1").call("+1", "+2", "completed"),
            ghl.conversations()
                .record_outbound_call("l1", "v1", "p1")
                .call("+1", "+2", "completed")
                .attachments(["https://example.com/a.mp3"])
                .alt_id("a1")
                .date(NOW)
        ),
        call!(
            "conversations.update_status",
            |ghl| ghl.conversations().update_status("l1", "m1", MessageStatus::Delivered),
            ghl.conversations()
                .update_status("l1", "m1", MessageStatus::Failed)
                .error("1", "saas", "no line")
                .email("x1")
                .recipients(["ann@example.com"])
        ),
        call!("conversations.set_attachments", |ghl| ghl.conversations().set_attachments(
            "l1",
            "m1",
            ["https://example.com/a.mp3"]
        )),
    ]
}

fn pending() -> PendingUpload {
    let pending = json!({"uploadUrl": "https://example.com/put", "uploadId": "x1", "filePath": "p"});
    serde_json::from_value(pending).unwrap()
}

fn uploads() -> Vec<Call> {
    vec![
        call!(
            "conversations.upload",
            |ghl| ghl.conversations().upload("l1", "v1", "c1").file(File::new("a.txt", "text/plain", "a")),
            ghl.conversations()
                .upload("l1", "v1", "c1")
                .urls(["https://example.com/a.pdf", "https://example.com/b.pdf"])
                .chat_service_sid("IS1")
                .is_group_sms(false)
        ),
        call!(
            "conversations.begin_upload",
            |ghl| ghl.conversations().begin_upload("l1", "v1", "a.mp4", "video/mp4", "WHATSAPP"),
            ghl.conversations().begin_upload("l1", "v1", "a.mp4", "video/mp4", "WHATSAPP").size(9)
        ),
        call!("conversations.end_upload", |ghl| ghl.conversations().end_upload("l1", "v1", "a.mp4", &pending())),
    ]
}

fn preferences() -> Vec<Call> {
    vec![
        call!("conversations.preferences.kinds", |ghl| ghl.conversations().preferences("l1").kinds()),
        call!(
            "conversations.preferences.create_kind",
            |ghl| ghl.conversations().preferences("l1").create_kind("News", SubscriptionChannel::Email, "en"),
            ghl.conversations().preferences("l1").create_kind("News", SubscriptionChannel::Sms, "en").description("d")
        ),
        call!(
            "conversations.preferences.update_kind",
            |ghl| ghl.conversations().preferences("l1").update_kind("k1"),
            ghl.conversations()
                .preferences("l1")
                .update_kind("k1")
                .name("News")
                .description("d")
                .archived(true)
                .resubscription_form("f1")
        ),
        call!(
            "conversations.preferences.status",
            |ghl| ghl.conversations().preferences("l1").status("c1"),
            ghl.conversations().preferences("l1").status("c1").email("ann@example.com")
        ),
        call!(
            "conversations.preferences.change",
            |ghl| ghl.conversations().preferences("l1").change("c1", "ann@example.com", Subscription::OneOnOne(false)),
            ghl.conversations()
                .preferences("l1")
                .change("c1", "ann@example.com", Subscription::Custom("k1".into(), true))
                .legal_reason("asked for it")
                .legal_description("by phone")
        ),
        call!("conversations.preferences.change", |ghl| ghl.conversations().preferences("l1").change(
            "c1",
            "ann@example.com",
            Subscription::All
        )),
    ]
}
