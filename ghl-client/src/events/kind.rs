//! The names of events. The provider's are `ContactCreate`, `INSTALL`, …; workflows and older integrations say
//! `contact.created`, which is understood and can be written too.

/// Calls a macro with every event: variant, name on the wire, payload, what it speaks of, and dotted name where there is one.
macro_rules! for_each_event {
    ($then:ident) => {
        $then! {
            Install "INSTALL" InstallPayload Installation [],
            Uninstall "UNINSTALL" InstallPayload Installation [],
            AppUpdate "UPDATE" InstallPayload Installation [],
            PlanChange "PLAN_CHANGE" PlanChangePayload Installation [],
            AppPaymentStatus "APP_PAYMENT_STATUS" AppPaymentStatusPayload Installation [],
            ExternalAuthConnected "EXTERNAL_AUTH_CONNECTED" ExternalAuthPayload Installation [],
            ContactCreate "ContactCreate" ContactPayload Contact ["contact.created"],
            ContactUpdate "ContactUpdate" ContactPayload Contact ["contact.updated"],
            ContactDelete "ContactDelete" ContactPayload Contact ["contact.deleted"],
            ContactDndUpdate "ContactDndUpdate" ContactPayload Contact [],
            ContactTagUpdate "ContactTagUpdate" ContactPayload Contact [],
            AppointmentCreate "AppointmentCreate" AppointmentPayload Appointment ["appointment.created"],
            AppointmentUpdate "AppointmentUpdate" AppointmentPayload Appointment ["appointment.updated"],
            AppointmentDelete "AppointmentDelete" AppointmentPayload Appointment ["appointment.deleted"],
            OpportunityCreate "OpportunityCreate" OpportunityPayload Opportunity ["opportunity.created"],
            OpportunityUpdate "OpportunityUpdate" OpportunityPayload Opportunity ["opportunity.updated"],
            OpportunityDelete "OpportunityDelete" OpportunityPayload Opportunity ["opportunity.deleted"],
            OpportunityAssignedToUpdate "OpportunityAssignedToUpdate" OpportunityPayload Opportunity [],
            OpportunityMonetaryValueUpdate "OpportunityMonetaryValueUpdate" OpportunityPayload Opportunity [],
            OpportunityStageUpdate "OpportunityStageUpdate" OpportunityPayload Opportunity [],
            OpportunityStatusUpdate "OpportunityStatusUpdate" OpportunityPayload Opportunity [],
            NoteCreate "NoteCreate" NotePayload Note ["note.created"],
            NoteUpdate "NoteUpdate" NotePayload Note ["note.updated"],
            NoteDelete "NoteDelete" NotePayload Note ["note.deleted"],
            TaskCreate "TaskCreate" TaskPayload Task ["task.created"],
            TaskComplete "TaskComplete" TaskPayload Task ["task.completed"],
            TaskDelete "TaskDelete" TaskPayload Task ["task.deleted"],
            LocationCreate "LocationCreate" LocationPayload Location ["location.created"],
            LocationUpdate "LocationUpdate" LocationPayload Location ["location.updated"],
            UserCreate "UserCreate" UserPayload User ["user.created"],
            UserUpdate "UserUpdate" UserPayload User ["user.updated"],
            UserDelete "UserDelete" UserPayload User ["user.deleted"],
            InboundMessage "InboundMessage" MessagePayload Message [],
            OutboundMessage "OutboundMessage" MessagePayload Message [],
            ProviderOutboundMessage "ProviderOutboundMessage" ProviderMessagePayload Message [],
            ConversationUnreadUpdate "ConversationUnreadUpdate" ConversationUnreadPayload Conversation [],
            ConversationUnreadWebhook "ConversationUnreadWebhook" ConversationUnreadPayload Conversation [],
            ConversationUpdate "ConversationUpdate" ConversationMergePayload Conversation [],
            CampaignStatusUpdate "CampaignStatusUpdate" CampaignStatusPayload Campaign [],
            LcEmailStats "LCEmailStats" EmailStatsPayload Email [],
            VoiceAiCallEnd "VoiceAiCallEnd" VoiceCallPayload Call [],
            OrderCreate "OrderCreate" OrderPayload Order [],
            OrderStatusUpdate "OrderStatusUpdate" OrderPayload Order [],
            InvoiceCreate "InvoiceCreate" InvoicePayload Invoice [],
            InvoiceUpdate "InvoiceUpdate" InvoicePayload Invoice [],
            InvoiceDelete "InvoiceDelete" InvoicePayload Invoice [],
            InvoiceSent "InvoiceSent" InvoicePayload Invoice [],
            InvoiceVoid "InvoiceVoid" InvoicePayload Invoice [],
            InvoicePaid "InvoicePaid" InvoicePayload Invoice [],
            InvoicePartiallyPaid "InvoicePartiallyPaid" InvoicePayload Invoice [],
            ProductCreate "ProductCreate" ProductPayload Product [],
            ProductUpdate "ProductUpdate" ProductPayload Product [],
            ProductDelete "ProductDelete" ProductPayload Product [],
            PriceCreate "PriceCreate" PricePayload Price [],
            PriceUpdate "PriceUpdate" PricePayload Price [],
            PriceDelete "PriceDelete" PricePayload Price [],
            ObjectSchemaCreate "ObjectSchemaCreate" ObjectSchemaPayload ObjectSchema [],
            ObjectSchemaUpdate "ObjectSchemaUpdate" ObjectSchemaPayload ObjectSchema [],
            RecordCreate "RecordCreate" RecordPayload Record [],
            RecordUpdate "RecordUpdate" RecordPayload Record [],
            RecordDelete "RecordDelete" RecordPayload Record [],
            AssociationCreate "AssociationCreate" AssociationPayload Association [],
            AssociationUpdate "AssociationUpdate" AssociationPayload Association [],
            AssociationDelete "AssociationDelete" AssociationPayload Association [],
            RelationCreate "RelationCreate" RelationPayload Relation [],
            RelationDelete "RelationDelete" RelationPayload Relation [],
            KnowledgeBaseCreate "KnowledgeBaseCreate" KnowledgeBasePayload KnowledgeBase [],
            KnowledgeBaseUpdate "KnowledgeBaseUpdate" KnowledgeBasePayload KnowledgeBase [],
            KnowledgeBaseDelete "KnowledgeBaseDelete" KnowledgeBasePayload KnowledgeBase [],
            KnowledgeBaseFaqChange "KnowledgeBaseFaqChange" KnowledgeBaseAssetPayload KnowledgeBaseAsset [],
            KnowledgeBaseFileChange "KnowledgeBaseFileChange" KnowledgeBaseAssetPayload KnowledgeBaseAsset [],
            KnowledgeBaseRichTextChange "KnowledgeBaseRichTextChange" KnowledgeBaseAssetPayload KnowledgeBaseAsset [],
            KnowledgeBaseTableFileChange "KnowledgeBaseTableFileChange" KnowledgeBaseAssetPayload KnowledgeBaseAsset [],
            KnowledgeBaseTrainedUrlChange "KnowledgeBaseTrainedUrlChange" KnowledgeBaseAssetPayload KnowledgeBaseAsset [],
            SaasPlanCreate "SaasPlanCreate" SaasPlanPayload SaasPlan [],
            SupportTicketCreate "SupportTicketCreate" SupportTicketPayload SupportTicket [],
            SupportTicketUpdate "SupportTicketUpdate" SupportTicketPayload SupportTicket [],
            SupportTicketDelete "SupportTicketDelete" SupportTicketPayload SupportTicket [],
        }
    };
}
pub(super) use for_each_event;

macro_rules! kinds {
    ($($variant:ident $wire:literal $payload:ident $subject:ident [$($dotted:literal)?],)*) => {
        sidecar_core::open_enum! {
            /// The kind of an event, by the provider's name
            /// (<https://marketplace.gohighlevel.com/docs/category/webhook>).
            pub enum EventKind {
                $(#[doc = concat!("`", $wire, "`.")] $variant = $wire,)*
            }
        }

        impl EventKind {
            /// Every kind that this version of the crate knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind with this name, be it the provider's on the wire (`ContactCreate`, `INSTALL`), that of its page
            /// where it has another (`AppInstall`), or dotted (`contact.created`).
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($($dotted => Self::$variant,)?)*
                    "AppInstall" => Self::Install,
                    "AppUninstall" => Self::Uninstall,
                    "AppUpdate" => Self::AppUpdate,
                    "PlanChange" => Self::PlanChange,
                    "AppPaymentStatus" => Self::AppPaymentStatus,
                    "ExternalAuthConnected" => Self::ExternalAuthConnected,
                    "SaaSPlanCreate" => Self::SaasPlanCreate,
                    name => Self::from(name),
                }
            }

            /// The dotted name (`contact.created`), where there is one.
            pub fn dotted(&self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => Some($dotted),)?)*
                    _ => None,
                }
            }

            /// The subject of events of this kind.
            pub fn subject(&self) -> Subject {
                match self {
                    $(Self::$variant => Subject::$subject,)*
                    Self::Other(_) => Subject::Other,
                }
            }
        }
    };
}
for_each_event!(kinds);

/// The subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The app's installation in a location or company, its plan and its payment.
    Installation,
    /// A contact.
    Contact,
    /// An appointment.
    Appointment,
    /// An opportunity.
    Opportunity,
    /// A note.
    Note,
    /// A task.
    Task,
    /// A location.
    Location,
    /// A user.
    User,
    /// A message.
    Message,
    /// A conversation.
    Conversation,
    /// A campaign.
    Campaign,
    /// An e-mail's delivery.
    Email,
    /// A call of a voice agent.
    Call,
    /// An order.
    Order,
    /// An invoice.
    Invoice,
    /// A product.
    Product,
    /// A product's price.
    Price,
    /// A custom object's schema.
    ObjectSchema,
    /// A record of a custom object, or a business.
    Record,
    /// An association of objects.
    Association,
    /// A relation of records.
    Relation,
    /// A knowledge base.
    KnowledgeBase,
    /// Something in a knowledge base.
    KnowledgeBaseAsset,
    /// A plan that the agency sells.
    SaasPlan,
    /// A support ticket about the app.
    SupportTicket,
    /// Something that this version of the crate does not know.
    Other,
}

impl Subject {
    /// Its name, as it begins order keys: `contact`, `knowledge_base`, ….
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Contact => "contact",
            Self::Appointment => "appointment",
            Self::Opportunity => "opportunity",
            Self::Note => "note",
            Self::Task => "task",
            Self::Location => "location",
            Self::User => "user",
            Self::Message => "message",
            Self::Conversation => "conversation",
            Self::Campaign => "campaign",
            Self::Email => "email",
            Self::Call => "call",
            Self::Order => "order",
            Self::Invoice => "invoice",
            Self::Product => "product",
            Self::Price => "price",
            Self::ObjectSchema => "object_schema",
            Self::Record => "record",
            Self::Association => "association",
            Self::Relation => "relation",
            Self::KnowledgeBase => "knowledge_base",
            Self::KnowledgeBaseAsset => "knowledge_base_asset",
            Self::SaasPlan => "saas_plan",
            Self::SupportTicket => "support_ticket",
            Self::Other => "other",
        }
    }
}

impl EventKind {
    pub(crate) fn is_delete(&self) -> bool {
        matches!(self, Self::ContactDelete | Self::AppointmentDelete | Self::OpportunityDelete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_of_a_kind_name_it() {
        for kind in EventKind::KNOWN {
            assert_eq!(EventKind::from_name(kind.as_str()), *kind);
            if let Some(dotted) = kind.dotted() {
                assert_eq!(EventKind::from_name(dotted), *kind, "{dotted}");
            }
        }
    }

    #[test]
    fn every_documented_name_is_known_once() {
        let names: std::collections::BTreeSet<_> = EventKind::KNOWN.iter().map(EventKind::as_str).collect();
        assert_eq!(names.len(), EventKind::KNOWN.len());
        assert!(names.len() >= 70, "{}", names.len());
    }
}
