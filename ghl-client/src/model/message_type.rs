//! The types of messages: three lists, because reads, sends and exports use different names.

sidecar_core::open_enum! {
    /// The type of a message, as in reads and filters.
    pub enum MessageType {
        /// A call.
        Call = "TYPE_CALL",
        /// A text message.
        Sms = "TYPE_SMS",
        /// A rich text message.
        Rcs = "TYPE_RCS",
        /// An e-mail.
        Email = "TYPE_EMAIL",
        /// A text message that asks for a review.
        SmsReviewRequest = "TYPE_SMS_REVIEW_REQUEST",
        /// A message of the web chat.
        WebChat = "TYPE_WEBCHAT",
        /// A text message after a missed appointment.
        SmsNoShowRequest = "TYPE_SMS_NO_SHOW_REQUEST",
        /// A campaign's text message.
        CampaignSms = "TYPE_CAMPAIGN_SMS",
        /// A campaign's call.
        CampaignCall = "TYPE_CAMPAIGN_CALL",
        /// A campaign's e-mail.
        CampaignEmail = "TYPE_CAMPAIGN_EMAIL",
        /// A campaign's voice mail.
        CampaignVoicemail = "TYPE_CAMPAIGN_VOICEMAIL",
        /// A message by Facebook.
        Facebook = "TYPE_FACEBOOK",
        /// A campaign's message by Facebook.
        CampaignFacebook = "TYPE_CAMPAIGN_FACEBOOK",
        /// A manual call task of a campaign.
        CampaignManualCall = "TYPE_CAMPAIGN_MANUAL_CALL",
        /// A manual text message task of a campaign.
        CampaignManualSms = "TYPE_CAMPAIGN_MANUAL_SMS",
        /// A message by Google Business.
        Gmb = "TYPE_GMB",
        /// A campaign's message by Google Business.
        CampaignGmb = "TYPE_CAMPAIGN_GMB",
        /// A review.
        Review = "TYPE_REVIEW",
        /// A message by Instagram.
        Instagram = "TYPE_INSTAGRAM",
        /// A message by WhatsApp.
        WhatsApp = "TYPE_WHATSAPP",
        /// A text message by a custom provider.
        CustomSms = "TYPE_CUSTOM_SMS",
        /// An e-mail by a custom provider.
        CustomEmail = "TYPE_CUSTOM_EMAIL",
        /// A text message by a conversation provider.
        CustomProviderSms = "TYPE_CUSTOM_PROVIDER_SMS",
        /// An e-mail by a conversation provider.
        CustomProviderEmail = "TYPE_CUSTOM_PROVIDER_EMAIL",
        /// A call that a voice menu took.
        IvrCall = "TYPE_IVR_CALL",
        /// Something happened to the contact.
        ActivityContact = "TYPE_ACTIVITY_CONTACT",
        /// Something happened to an invoice.
        ActivityInvoice = "TYPE_ACTIVITY_INVOICE",
        /// Something happened to a payment.
        ActivityPayment = "TYPE_ACTIVITY_PAYMENT",
        /// Something happened to an opportunity.
        ActivityOpportunity = "TYPE_ACTIVITY_OPPORTUNITY",
        /// A message of the live chat.
        LiveChat = "TYPE_LIVE_CHAT",
        /// A remark of the live chat itself.
        LiveChatInfoMessage = "TYPE_LIVE_CHAT_INFO_MESSAGE",
        /// Something happened to an appointment.
        ActivityAppointment = "TYPE_ACTIVITY_APPOINTMENT",
        /// A comment on Facebook.
        FacebookComment = "TYPE_FACEBOOK_COMMENT",
        /// A comment on Instagram.
        InstagramComment = "TYPE_INSTAGRAM_COMMENT",
        /// A call by a custom provider.
        CustomCall = "TYPE_CUSTOM_CALL",
        /// A comment that only the team sees.
        InternalComment = "TYPE_INTERNAL_COMMENT",
        /// The same, as lists of messages are asked for it.
        InternalComments = "TYPE_INTERNAL_COMMENTS",
        /// Something that a member of the team did.
        ActivityEmployeeActionLog = "TYPE_ACTIVITY_EMPLOYEE_ACTION_LOG",
        /// A message by TikTok.
        TikTok = "TYPE_TIKTOK",
        /// A comment on TikTok.
        TikTokComment = "TYPE_TIKTOK_COMMENT",
        /// Something happened on WhatsApp.
        ActivityWhatsApp = "TYPE_ACTIVITY_WHATSAPP",
        /// A form that was sent in.
        FormSubmission = "TYPE_FORM_SUBMISSION",
        /// A reaction to a text message.
        SmsReaction = "TYPE_SMS_REACTION",
    }
}

sidecar_core::open_enum! {
    /// The channel of a message, as in sends.
    pub enum Channel {
        /// Text message.
        Sms = "SMS",
        /// Rich text message.
        Rcs = "RCS",
        /// E-mail.
        Email = "Email",
        /// WhatsApp.
        WhatsApp = "WhatsApp",
        /// Instagram.
        Instagram = "IG",
        /// Facebook.
        Facebook = "FB",
        /// A conversation provider of the app's own.
        Custom = "Custom",
        /// The live chat.
        LiveChat = "Live_Chat",
        /// TikTok.
        TikTok = "TIKTOK",
        /// Google Business; inbound only.
        Gmb = "GMB",
        /// The web chat; inbound only.
        WebChat = "WebChat",
        /// A call; inbound only, and outbound ones that were made elsewhere.
        Call = "Call",
        /// A call that a voice menu took; inbound only.
        IvrCall = "IVR_Call",
        /// A campaign's call; inbound only.
        CampaignCall = "Campaign_Call",
        /// A campaign's voice mail; inbound only.
        CampaignVoiceMail = "Campaign_VoiceMail",
        /// The chat of all channels in one; inbound only.
        AllInOneChat = "ALL_IN_ONE_CHAT",
        /// A form that was sent in; inbound only.
        FormSubmission = "FORM_SUBMISSION",
    }
}

sidecar_core::open_enum! {
    /// The channel of a message, as in exports.
    pub enum ExportChannel {
        /// Calls.
        Call = "Call",
        /// Text messages.
        Sms = "SMS",
        /// E-mail.
        Email = "Email",
        /// WhatsApp.
        WhatsApp = "WhatsApp",
        /// Instagram.
        Instagram = "Instagram",
        /// Facebook.
        Facebook = "Facebook",
    }
}
