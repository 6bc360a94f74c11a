use std::time::Duration;

use sidecar_core::{http::Call, rate_limit::Priority};

use crate::config::ApiVersion;

/// What any request may ask for beside its own parameters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) lane: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) version: Option<ApiVersion>,
}

impl Settings {
    pub(crate) fn apply(&self, call: Call) -> Call {
        let call = call.priority(self.lane);
        match self.deadline {
            Some(deadline) => call.deadline(deadline),
            None => call,
        }
    }
}

/// A request that can take over another one's settings, to be a step of it.
pub(crate) trait WithSettings {
    /// The same with these.
    fn with(self, settings: Settings) -> Self;
}

/// Gives a request (a struct with an `async fn send(self)`) the setters of every request and `.await`. The settings are its
/// own field, or those of a draft. The third form declares the struct too.
macro_rules! request {
    ($name:ident => $output:ty) => {
        $crate::client::request!(impl<> for $name => $output, settings);
    };
    ($(#[$meta:meta])* pub struct $name:ident $({ $($field:ident: $type:ty),* $(,)? })? => $output:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        #[must_use = "a request does nothing until it is awaited"]
        pub struct $name {
            draft: $crate::client::RequestBuilder,
            $($($field: $type,)*)?
        }

        $crate::client::request!(impl<> for $name => $output, draft.settings);
    };
    (impl<$($parameter:ident)?> for $name:ty => $output:ty, $($settings:ident).+) => {
        impl<$($parameter)?> $name {
            /// Lets people's calls go first when a limit is near: for syncs and jobs.
            pub fn background(mut self) -> Self {
                self.$($settings).+.lane = ::sidecar_core::rate_limit::Priority::Background;
                self
            }

            /// How long it may take in all, waits for limits and repetitions included; 30 s unless set.
            pub fn deadline(mut self, deadline: ::std::time::Duration) -> Self {
                self.$($settings).+.deadline = Some(deadline);
                self
            }

            /// Sends another `Version` header than the family's own.
            pub fn version(mut self, version: $crate::ApiVersion) -> Self {
                self.$($settings).+.version = Some(version);
                self
            }
        }

        impl<$($parameter)?> $crate::client::WithSettings for $name {
            fn with(mut self, settings: $crate::client::Settings) -> Self {
                self.$($settings).+ = settings;
                self
            }
        }

        impl<$($parameter: 'static)?> IntoFuture for $name {
            type Output = ::sidecar_core::Result<$output>;
            type IntoFuture = ::futures_util::future::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}
pub(crate) use request;

/// Gives requests over a [`Draft`](super::Draft) a setter for each field, by its wire name: `body` ones as JSON, `query` ones
/// as text. A field takes the type itself or, with `into`, all that becomes it; `each` takes several; `=>` names what writes the value.
macro_rules! setters {
    ($place:ident of $($name:ident),+; $fields:tt) => {
        $($crate::client::setters!(@impl $place $name $fields);)+
    };
    (@impl $place:ident $name:ident { $($(#[$doc:meta])* $wire:literal $setter:ident: $($kind:ident)+ $(=> $write:path)?,)* }) => {
        impl $name {
            $($crate::client::setters!(@one $place [$(#[$doc])*] $wire $setter [$($kind)+] [$($write)?]);)*
        }
    };
    (@one $place:ident [$($doc:tt)*] $wire:literal $setter:ident [into $kind:ident] [$($write:path)?]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<$kind>) -> Self {
            let value: $kind = value.into();
            $(let value = $write(value);)?
            self.draft = $crate::client::setters!(@put $place self.draft, $wire, value);
            self
        }
    };
    (@one $place:ident [$($doc:tt)*] $wire:literal $setter:ident [each $kind:ident] []) => {
        $($doc)*
        pub fn $setter<T: Into<$kind>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
            let values: Vec<$kind> = values.into_iter().map(Into::into).collect();
            self.draft = $crate::client::setters!(@list $place self.draft, $wire, values);
            self
        }
    };
    (@one $place:ident [$($doc:tt)*] $wire:literal $setter:ident [$kind:ident] [$($write:path)?]) => {
        $($doc)*
        pub fn $setter(mut self, value: $kind) -> Self {
            $(let value = $write(value);)?
            self.draft = $crate::client::setters!(@put $place self.draft, $wire, value);
            self
        }
    };
    (@put body $draft:expr, $wire:literal, $value:ident) => { $draft.set($wire, ::serde_json::json!($value)) };
    (@put query $draft:expr, $wire:literal, $value:ident) => { $draft.query($wire, $value) };
    (@list body $draft:expr, $wire:literal, $values:ident) => { $draft.set($wire, ::serde_json::json!($values)) };
    // Several values of one query parameter are separated by commas.
    (@list query $draft:expr, $wire:literal, $values:ident) => {
        $draft.query($wire, $values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    };
}
pub(crate) use setters;

/// Gives requests over a [`Draft`](super::Draft) the way to fields that have no setter.
macro_rules! any_field {
    ($($name:ident),+) => {
        $(impl $name {
            /// Sets a field of the body that has no setter here, by its wire name. The provider refuses names it does not know.
            pub fn set(mut self, wire_name: &str, value: impl Into<::serde_json::Value>) -> Self {
                self.draft = self.draft.set(wire_name, value);
                self
            }
        })+
    };
}
pub(crate) use any_field;
