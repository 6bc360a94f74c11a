//! The macros that declare requests and their setters.

/// Gives a request (a struct with an `async fn send(self)`) the setters of every request and `.await`. The options are its own
/// field, or those of its builder. The second form declares the struct too.
macro_rules! request {
    ($name:ident => $output:ty) => {
        ::sidecar_core::awaitable_request!({} $name => $output, options: $crate::ApiVersion = "Version");
    };
    ($(#[$meta:meta])* pub struct $name:ident $({ $($field:ident: $type:ty),* $(,)? })? => $output:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        #[must_use = "a request does nothing until it is awaited"]
        pub struct $name {
            builder: $crate::client::RequestBuilder,
            $($($field: $type,)*)?
        }

        ::sidecar_core::awaitable_request!({} $name => $output, builder.options: $crate::ApiVersion = "Version");
    };
}
pub(crate) use request;

/// Gives requests with a [`RequestBuilder`](super::RequestBuilder) a setter for each field, by its wire name: `body` sets JSON
/// fields, `query` sets parameters. The value is the type itself or, with `into`, anything that converts to it; `each` takes several
/// values; `=>` names the function that converts the value.
macro_rules! setters {
    ($target:ident of $($name:ident),+; $fields:tt) => {
        $($crate::client::setters!(@impl $target $name $fields);)+
    };
    (@impl $target:ident $name:ident { $($(#[$doc:meta])* $wire:literal $setter:ident: $($kind:ident)+ $(=> $convert:path)?,)* }) => {
        impl $name {
            $($crate::client::setters!(@one $target [$(#[$doc])*] $wire $setter [$($kind)+] [$($convert)?]);)*
        }
    };
    (@one $target:ident [$($doc:tt)*] $wire:literal $setter:ident [into $kind:ident] [$($convert:path)?]) => {
        $($doc)*
        pub fn $setter(mut self, value: impl Into<$kind>) -> Self {
            let value: $kind = value.into();
            $(let value = $convert(value);)?
            self.builder = $crate::client::setters!(@set $target self.builder, $wire, value);
            self
        }
    };
    (@one $target:ident [$($doc:tt)*] $wire:literal $setter:ident [each $kind:ident] []) => {
        $($doc)*
        pub fn $setter<T: Into<$kind>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
            let values: Vec<$kind> = values.into_iter().map(Into::into).collect();
            self.builder = $crate::client::setters!(@list $target self.builder, $wire, values);
            self
        }
    };
    (@one $target:ident [$($doc:tt)*] $wire:literal $setter:ident [$kind:ident] [$($convert:path)?]) => {
        $($doc)*
        pub fn $setter(mut self, value: $kind) -> Self {
            $(let value = $convert(value);)?
            self.builder = $crate::client::setters!(@set $target self.builder, $wire, value);
            self
        }
    };
    (@set body $builder:expr, $wire:literal, $value:ident) => { $builder.set($wire, ::serde_json::json!($value)) };
    (@set query $builder:expr, $wire:literal, $value:ident) => { $builder.query($wire, $value) };
    (@list body $builder:expr, $wire:literal, $values:ident) => { $builder.set($wire, ::serde_json::json!($values)) };
    // Several values of one query parameter are separated by commas.
    (@list query $builder:expr, $wire:literal, $values:ident) => {
        $builder.query($wire, $values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    };
}
pub(crate) use setters;

/// Gives requests with a [`RequestBuilder`](super::RequestBuilder) a setter for body fields without one of their own.
macro_rules! any_field {
    ($($name:ident),+) => {
        $(impl $name {
            /// Sets a body field that has no setter here, by its wire name. The provider rejects unknown names.
            pub fn set(mut self, wire_name: &str, value: impl Into<::serde_json::Value>) -> Self {
                self.builder = self.builder.set(wire_name, value);
                self
            }
        })+
    };
}
pub(crate) use any_field;
