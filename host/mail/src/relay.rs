//! Handing a mail to a relay.

use std::net::SocketAddr;
use std::time::Duration;

use jackfield_types::limits;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use crate::mail::line_of;

/// A relay connects within so long, or is not there.
const CONNECT: Duration = Duration::from_secs(20);

/// How a connection to a relay is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaySecurity {
    /// TLS from the first byte, mostly on port 465.
    Tls,
    /// TLS before anything is said that matters, mostly on port 587. A relay that does not offer it gets nothing.
    StartTls,
    /// None.
    Plain,
}

/// A server that carries mails on.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its name, for which its certificate must be.
    pub host: String,
    /// How the connection is secured.
    pub security: RelaySecurity,
    /// User and password.
    pub login: Option<(String, String)>,
    /// A certificate authority in PEM that is trusted beside the public ones.
    pub authority: Option<String>,
    /// What this side calls itself.
    pub hello: String,
}

/// What came of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relayed {
    /// The relay has it.
    Taken,
    /// Not now: why, a code and words on one line.
    Later(String, String),
    /// Never: likewise.
    Refused(String, String),
}

impl Relay {
    /// Hands a mail over. `at` is where the relay is; the addresses are tried in order.
    ///
    /// When the connection breaks between the last byte and the relay's answer, nobody knows whether the relay has it: then the
    /// answer is `Later`.
    pub async fn send(&self, at: &[SocketAddr], from: &str, to: &str, mail: &[u8]) -> Relayed {
        let patience = Duration::from_millis(limits::MAX_RELAY_MS);
        let sent = tokio::time::timeout(patience, self.try_send(at, from, to, mail));
        sent.await.unwrap_or_else(|_| {
            Relayed::Later(
                "no-response".into(),
                format!("nothing within {} ms", limits::MAX_RELAY_MS),
            )
        })
    }

    async fn try_send(&self, at: &[SocketAddr], from: &str, to: &str, mail: &[u8]) -> Relayed {
        let envelope = match (from.parse::<Address>(), to.parse::<Address>()) {
            (Ok(from), Ok(to)) => Envelope::new(Some(from), vec![to]).ok(),
            _ => None,
        };
        let Some(envelope) = envelope else {
            return Relayed::Refused("no-address".into(), String::new());
        };
        let mut connection = match self.connect(at).await {
            Ok(connection) => connection,
            Err(relayed) => return relayed,
        };
        let sent = connection.send(&envelope, mail).await;
        let relayed = match sent {
            Ok(_) => Relayed::Taken,
            // 530: it wants a login, or TLS. That can be set.
            Err(error) if error.is_permanent() && code(&error) != "smtp-530" => {
                Relayed::Refused(code(&error), words(&error))
            }
            Err(error) => Relayed::Later(code(&error), words(&error)),
        };
        if relayed == Relayed::Taken {
            // What it says to that changes nothing.
            let _ = tokio::time::timeout(Duration::from_secs(1), connection.quit()).await;
        }
        relayed
    }

    /// Whatever goes wrong before a mail is spoken of is not the mail's fault.
    async fn connect(&self, at: &[SocketAddr]) -> Result<AsyncSmtpConnection, Relayed> {
        let later = |error: Error| Relayed::Later(code(&error), words(&error));
        let hello = ClientId::Domain(self.hello.clone());
        let tls = match self.security {
            RelaySecurity::Plain => None,
            _ => Some(self.tls().map_err(later)?),
        };
        let implicit = tls.clone().filter(|_| self.security == RelaySecurity::Tls);
        let mut connection = AsyncSmtpConnection::connect_tokio1(at, Some(CONNECT), &hello, implicit, None)
            .await
            .map_err(later)?;
        if self.security == RelaySecurity::StartTls
            && let Some(tls) = tls
        {
            if !connection.can_starttls() {
                return Err(Relayed::Later(
                    "no-starttls".into(),
                    "the relay does not offer STARTTLS".into(),
                ));
            }
            connection.starttls(tls, &hello).await.map_err(later)?;
        }
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.clone());
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, &login).await.map_err(later)?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, Error> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(authority) = &self.authority {
            tls = tls.add_root_certificate(Certificate::from_pem(authority.as_bytes())?);
        }
        tls.build_rustls()
    }
}

fn code(error: &Error) -> String {
    match error.status() {
        Some(status) => format!("smtp-{status}"),
        None if error.is_tls() => "tls".into(),
        None if error.is_timeout() => "no-response".into(),
        None => "no-connection".into(),
    }
}

/// What the server said, or what went wrong.
fn words(error: &Error) -> String {
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    line_of(&said, 512)
}
