use super::MessageSubtypeId;

sidecar_core::open_enum! {
    /// Over which channel a kind of messages goes.
    pub enum SubscriptionChannel {
        /// E-mail.
        Email = "email",
        /// Text messages.
        Sms = "sms",
    }
}

/// The subscription of a contact to a kind of e-mail of a location.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subscription {
    /// E-mails from one person to another (`One on One`): wanted, or not.
    OneOnOne(bool),
    /// Those of a kind of the location's own, by its id: wanted, or not.
    Custom(MessageSubtypeId, bool),
    /// All kinds, again. The provider wants a legal reason.
    All,
}
