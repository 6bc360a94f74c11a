//! The names of events. The provider's are `ContactCreate`, `INSTALL`, …; workflows and older integrations say
//! `contact.created`, which is understood and can be written too.

/// Calls a macro with every event: variant, name on the wire, payload, and dotted name where there is one.
macro_rules! for_each_event {
    ($then:ident) => {
        $then! {
            Install "INSTALL" InstallPayload [],
            Uninstall "UNINSTALL" InstallPayload [],
            PlanChange "PLAN_CHANGE" InstallPayload [],
            ContactCreate "ContactCreate" ContactPayload ["contact.created"],
            ContactUpdate "ContactUpdate" ContactPayload ["contact.updated"],
            ContactDelete "ContactDelete" ContactPayload ["contact.deleted"],
            ContactDndUpdate "ContactDndUpdate" ContactPayload [],
            ContactTagUpdate "ContactTagUpdate" ContactPayload [],
            AppointmentCreate "AppointmentCreate" AppointmentPayload ["appointment.created"],
            AppointmentUpdate "AppointmentUpdate" AppointmentPayload ["appointment.updated"],
            AppointmentDelete "AppointmentDelete" AppointmentPayload ["appointment.deleted"],
            OpportunityCreate "OpportunityCreate" OpportunityPayload ["opportunity.created"],
            OpportunityUpdate "OpportunityUpdate" OpportunityPayload ["opportunity.updated"],
            OpportunityDelete "OpportunityDelete" OpportunityPayload ["opportunity.deleted"],
            OpportunityAssignedToUpdate "OpportunityAssignedToUpdate" OpportunityPayload [],
            OpportunityMonetaryValueUpdate "OpportunityMonetaryValueUpdate" OpportunityPayload [],
            OpportunityStageUpdate "OpportunityStageUpdate" OpportunityPayload [],
            OpportunityStatusUpdate "OpportunityStatusUpdate" OpportunityPayload [],
            NoteCreate "NoteCreate" NotePayload ["note.created"],
            NoteUpdate "NoteUpdate" NotePayload ["note.updated"],
            NoteDelete "NoteDelete" NotePayload ["note.deleted"],
            TaskCreate "TaskCreate" TaskPayload ["task.created"],
            TaskComplete "TaskComplete" TaskPayload ["task.completed"],
            TaskDelete "TaskDelete" TaskPayload ["task.deleted"],
            LocationCreate "LocationCreate" LocationPayload ["location.created"],
            LocationUpdate "LocationUpdate" LocationPayload ["location.updated"],
            InboundMessage "InboundMessage" MessagePayload [],
            OutboundMessage "OutboundMessage" MessagePayload [],
            UserCreate "UserCreate" OtherPayload [],
            UserUpdate "UserUpdate" OtherPayload [],
            UserDelete "UserDelete" OtherPayload [],
            ConversationUnreadUpdate "ConversationUnreadUpdate" OtherPayload [],
            ConversationUnreadWebhook "ConversationUnreadWebhook" OtherPayload [],
            CampaignStatusUpdate "CampaignStatusUpdate" OtherPayload [],
            LcEmailStats "LCEmailStats" OtherPayload [],
            OrderCreate "OrderCreate" OtherPayload [],
            OrderStatusUpdate "OrderStatusUpdate" OtherPayload [],
            InvoiceCreate "InvoiceCreate" OtherPayload [],
            InvoiceUpdate "InvoiceUpdate" OtherPayload [],
            InvoiceDelete "InvoiceDelete" OtherPayload [],
            InvoiceSent "InvoiceSent" OtherPayload [],
            InvoiceVoid "InvoiceVoid" OtherPayload [],
            InvoicePaid "InvoicePaid" OtherPayload [],
            InvoicePartiallyPaid "InvoicePartiallyPaid" OtherPayload [],
            ProductCreate "ProductCreate" OtherPayload [],
            ProductUpdate "ProductUpdate" OtherPayload [],
            ProductDelete "ProductDelete" OtherPayload [],
            PriceCreate "PriceCreate" OtherPayload [],
            PriceUpdate "PriceUpdate" OtherPayload [],
            PriceDelete "PriceDelete" OtherPayload [],
            ObjectSchemaCreate "ObjectSchemaCreate" OtherPayload [],
            ObjectSchemaUpdate "ObjectSchemaUpdate" OtherPayload [],
            RecordCreate "RecordCreate" OtherPayload [],
            RecordUpdate "RecordUpdate" OtherPayload [],
            RecordDelete "RecordDelete" OtherPayload [],
            AssociationCreate "AssociationCreate" OtherPayload [],
            AssociationUpdate "AssociationUpdate" OtherPayload [],
            AssociationDelete "AssociationDelete" OtherPayload [],
            RelationCreate "RelationCreate" OtherPayload [],
            RelationDelete "RelationDelete" OtherPayload [],
            ProviderOutboundMessage "ProviderOutboundMessage" OtherPayload [],
        }
    };
}
pub(super) use for_each_event;

macro_rules! kinds {
    ($($variant:ident $wire:literal $payload:ident [$($dotted:literal)?],)*) => {
        sidecar_core::open_enum! {
            /// The kind of an event, by the provider's name.
            pub enum EventKind {
                $(#[doc = concat!("`", $wire, "`.")] $variant = $wire,)*
            }
        }

        impl EventKind {
            /// Every kind that this version of the crate knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)*];

            /// The kind with this name, be it the provider's (`ContactCreate`) or dotted (`contact.created`).
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($($dotted => Self::$variant,)?)*
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
        }
    };
}
for_each_event!(kinds);

/// What an event speaks of, as far as ids and order go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The app's installation.
    Installation,
    /// A contact.
    Contact,
    /// An appointment.
    Appointment,
    /// A location.
    Location,
    /// A message.
    Message,
    /// Something else with an id.
    Other,
}

impl EventKind {
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Self::Install | Self::Uninstall | Self::PlanChange => Subject::Installation,
            Self::ContactCreate
            | Self::ContactUpdate
            | Self::ContactDelete
            | Self::ContactDndUpdate
            | Self::ContactTagUpdate => Subject::Contact,
            Self::AppointmentCreate | Self::AppointmentUpdate | Self::AppointmentDelete => Subject::Appointment,
            Self::LocationCreate | Self::LocationUpdate => Subject::Location,
            Self::InboundMessage | Self::OutboundMessage => Subject::Message,
            _ => Subject::Other,
        }
    }

    pub(crate) fn is_delete(&self) -> bool {
        matches!(self, Self::ContactDelete | Self::AppointmentDelete)
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
        assert!(names.len() >= 58, "{}", names.len());
    }
}
