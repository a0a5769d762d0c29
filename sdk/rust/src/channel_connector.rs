//! Channel connectors: between a provider's HTTP interface and messages. A connector has no network: the host receives,
//! verifies and sends.

use serde::de::DeserializeOwned;

use crate::host;
pub use crate::{
    Error,
    bindings::channel_connector::cx::channel_connector::types::{
        Attachment, Conclusion, Delivery, Field, Message, Method, Outgoing, Parameter, Receipt, Received,
        Rejection, Reply, Request, Response, Secret, Value, Webhook,
    },
    register_channel_connector as register,
};

/// A channel connector.
pub trait ChannelConnector {
    /// The binding's configuration, as JSON.
    type Config: DeserializeOwned + Default;

    /// Reads a request of the provider. The host has checked its signature before.
    ///
    /// # Errors
    /// The provider gets 503 and is expected to send it again.
    fn receive(config: &Self::Config, webhook: &Webhook) -> Result<Received, Error>;

    /// Describes the request that sends a message.
    ///
    /// # Errors
    /// Tried again later when the error is retryable; else the message counts as failed.
    fn render(config: &Self::Config, message: &Outgoing) -> Result<Request, Error>;

    /// Reads the response to that request.
    ///
    /// # Errors
    /// The status alone decides.
    fn conclude(config: &Self::Config, response: &Response) -> Result<Conclusion, Error>;
}

#[doc(hidden)]
pub fn receive<P: ChannelConnector>(webhook: Webhook) -> Result<Received, Error> {
    P::receive(&host::config()?, &webhook)
}

#[doc(hidden)]
pub fn render<P: ChannelConnector>(message: Outgoing) -> Result<Request, Error> {
    P::render(&host::config()?, &message)
}

#[doc(hidden)]
pub fn conclude<P: ChannelConnector>(response: Response) -> Result<Conclusion, Error> {
    P::conclude(&host::config()?, &response)
}

impl Default for Received {
    /// Nothing is said; the provider gets 200 without a body.
    fn default() -> Self {
        Self {
            messages: Vec::new(),
            receipts: Vec::new(),
            reply: None,
        }
    }
}

impl Parameter {
    /// A value as it is.
    pub fn text(name: &str, text: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: Value::Text(text.into()),
        }
    }

    /// A value that the host fills in: `prefix`, then the secret that the administrator gave this name.
    pub fn secret(name: &str, secret: &str, prefix: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: Value::Secret(Secret {
                name: secret.to_owned(),
                prefix: prefix.to_owned(),
            }),
        }
    }
}

/// Registers a type that implements [`ChannelConnector`] as the crate's plugin; once per crate.
#[macro_export]
macro_rules! register_channel_connector {
    ($plugin:ty) => {
        const _: () = {
            #[cfg(target_arch = "wasm32")]
            mod export {
                use super::*;
                use bindings::exports::cx::channel_connector::connector;
                use $crate::bindings::channel_connector as bindings;
                struct Plugin;
                impl connector::Guest for Plugin {
                    fn receive(webhook: connector::Webhook) -> Result<connector::Received, connector::Error> {
                        $crate::start();
                        $crate::channel_connector::receive::<$plugin>(webhook)
                    }
                    fn render(message: connector::Outgoing) -> Result<connector::Request, connector::Error> {
                        $crate::start();
                        $crate::channel_connector::render::<$plugin>(message)
                    }
                    fn conclude(
                        response: connector::Response,
                    ) -> Result<connector::Conclusion, connector::Error> {
                        $crate::start();
                        $crate::channel_connector::conclude::<$plugin>(response)
                    }
                }
        bindings::export!(Plugin with_types_in bindings);
            }
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                $crate::channel_connector::Webhook,
            ) -> Result<$crate::channel_connector::Received, $crate::Error> =
                $crate::channel_connector::receive::<$plugin>;
        };
    };
}
