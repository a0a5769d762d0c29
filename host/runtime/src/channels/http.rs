//! Requests to providers. `ureq` with rustls, which is in the tree; each request has a blocking thread of those that
//! semaphores give out.
//!
//! No redirect is followed, no proxy asked, no cookie kept. A name is resolved here, and an address that is not public is
//! not connected to, whatever name led there: so no tenant reaches the operator's own network.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jackfield_types::limits;
use tokio::sync::{Semaphore, mpsc, oneshot};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, http};

/// Bytes of a piece of what is fetched, and pieces that may wait to be written down.
const PIECE: u64 = 64 * 1024;
const PIECES: usize = 4;

/// Where requests of connectors may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProviderAccess {
    /// To public addresses.
    #[default]
    Public,
    /// To any address, the operator's own network included.
    Any,
    /// All to this address, in the clear, with the provider's name in the header `host`: a stand-in for providers, with
    /// which channels are tried out.
    StandIn(SocketAddr),
}

/// Makes requests.
pub(crate) struct Providers {
    agent: Agent,
    access: ProviderAccess,
    slots: Arc<Semaphore>,
    fetches: Arc<Semaphore>,
}

/// A request, as it is sent.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: &'static str,
    /// `https`, with its query.
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A response.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// At most [`limits::MAX_WEBHOOK_BODY_BYTES`]; the rest is cut off.
    pub(super) body: Vec<u8>,
}

/// What a response says before its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Without parameters, in lower case; empty when it is not said.
    pub(super) media_type: String,
    /// Where it redirects to.
    pub(super) location: Option<String>,
    /// Bytes, when it is said.
    pub(super) length: Option<u64>,
}

/// A body as it comes in. Dropped, the connection is.
pub(super) type Pieces = mpsc::Receiver<Result<Vec<u8>, String>>;

#[derive(Debug)]
struct Guard {
    inner: DefaultResolver,
    public_only: bool,
}

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if !self.public_only {
            return Ok(found);
        }
        // One that is not public among them is reason enough.
        match found.iter().all(|address| is_public(address.ip())) {
            true => Ok(found),
            false => Err(ureq::Error::Io(std::io::Error::other(NOT_PUBLIC))),
        }
    }
}

const NOT_PUBLIC: &str = "the provider's name leads to an address that is not public";

impl Providers {
    pub(crate) fn new(access: ProviderAccess) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .https_only(!matches!(access, ProviderAccess::StandIn(_)))
            .timeout_global(Some(Duration::from_millis(limits::MAX_PROVIDER_MS)))
            .max_response_header_size(32 * 1024)
            .user_agent("jackfield")
            .build();
        let resolver = Guard {
            inner: DefaultResolver::default(),
            public_only: access == ProviderAccess::Public,
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            access,
            slots: Arc::new(Semaphore::new(limits::MAX_PROVIDER_REQUESTS)),
            fetches: Arc::new(Semaphore::new(limits::MAX_FETCHES)),
        }
    }

    /// Sends a request whose answer comes in piece by piece, so that none of it need be in memory at once. All of it has
    /// [`limits::MAX_FETCH_MS`]; the pieces end early when nobody takes them.
    pub(super) async fn fetch(&self, request: Outgoing) -> Result<(Head, Pieces), String> {
        let slot = self.fetches.clone().acquire_owned().await;
        let (agent, access) = (self.agent.clone(), self.access);
        let (head, told) = oneshot::channel();
        let (piece, pieces) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let mut answer = match respond(&agent, access, request, Some(limits::MAX_FETCH_MS)) {
                Ok(answer) => answer,
                Err(problem) => return drop(head.send(Err(problem))),
            };
            if head.send(Ok(head_of(&answer))).is_err() {
                return;
            }
            let mut body = answer.body_mut().as_reader();
            loop {
                let mut bytes = Vec::with_capacity(PIECE as usize);
                let read = Read::take(&mut body, PIECE).read_to_end(&mut bytes);
                let read = read.map_err(|error| format!("the answer broke off: {error}"));
                let last = !matches!(&read, Ok(count) if *count > 0);
                let told = match read {
                    Ok(0) => return,
                    Ok(_) => Ok(bytes),
                    Err(problem) => Err(problem),
                };
                if piece.blocking_send(told).is_err() || last {
                    return;
                }
            }
        });
        let head = told.await.map_err(|_| "the request was not made".to_owned())??;
        Ok((head, pieces))
    }

    /// Where a mail server is, if it may be connected to; the error is for people.
    pub(super) async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let found = tokio::net::lookup_host((host, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|_| "the relay's name is not known")?.collect();
        let may = |address: &SocketAddr| match self.access {
            ProviderAccess::Public => is_public(address.ip()),
            ProviderAccess::Any => true,
            // Where channels are tried out, nothing goes to servers of others.
            ProviderAccess::StandIn(_) => address.ip().is_loopback(),
        };
        match found.iter().all(may) && !found.is_empty() {
            true => Ok(found),
            false => Err("the relay's name leads to an address that is not public".into()),
        }
    }

    /// Sends a request and reads the answer, whatever its status; the error is for people and holds no address.
    pub(super) async fn send(&self, request: Outgoing) -> Result<Incoming, String> {
        let slot = self.slots.clone().acquire_owned().await;
        let (agent, access) = (self.agent.clone(), self.access);
        let sent = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            call(&agent, access, request)
        });
        sent.await
            .map_err(|error| format!("the request was not made: {error}"))?
    }
}

fn head_of(answer: &http::Response<Body>) -> Head {
    let text = |name: &str| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
    let media_type = text("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    Head {
        status: answer.status().as_u16(),
        media_type: media_type.to_ascii_lowercase(),
        location: text("location"),
        length: text("content-length").and_then(|length| length.parse().ok()),
    }
}

/// Makes a request, with as long for all of it as is said, else the usual time.
fn respond(
    agent: &Agent,
    access: ProviderAccess,
    request: Outgoing,
    within_ms: Option<u64>,
) -> Result<http::Response<Body>, String> {
    let host = host_of(&request.url).ok_or("no https address")?;
    let mut wanted = http::Request::builder().method(request.method);
    match access {
        ProviderAccess::StandIn(address) => {
            let path = request
                .url
                .get("https://".len() + host.len()..)
                .unwrap_or_default();
            wanted = wanted.uri(format!("http://{address}{path}")).header("host", host);
        }
        _ => wanted = wanted.uri(&request.url),
    }
    for (name, value) in &request.headers {
        wanted = wanted.header(name, value);
    }
    let readable = |error: http::Error| format!("no request can be made of it: {error}");
    // What can't be sent with a body is sent without one.
    let answer = match (request.method, within_ms) {
        ("GET", Some(ms)) => {
            let begins = Some(Duration::from_millis(limits::MAX_PROVIDER_MS));
            let wanted = agent
                .configure_request(wanted.body(()).map_err(readable)?)
                .timeout_global(Some(Duration::from_millis(ms)))
                .timeout_connect(begins)
                .timeout_recv_response(begins)
                .build();
            agent.run(wanted)
        }
        ("GET", None) => agent.run(wanted.body(()).map_err(readable)?),
        _ => agent.run(wanted.body(request.body).map_err(readable)?),
    };
    answer.map_err(|error| match error {
        ureq::Error::Timeout(_) => format!("no answer within {} ms", limits::MAX_PROVIDER_MS),
        ureq::Error::HostNotFound => "the provider's name is not known".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        other => format!("the request failed: {other}"),
    })
}

fn call(agent: &Agent, access: ProviderAccess, request: Outgoing) -> Result<Incoming, String> {
    let mut answer = respond(agent, access, request, None)?;
    let headers = answer.headers().iter().filter(|(name, _)| *name != "set-cookie");
    let headers = headers
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .take(limits::MAX_WEBHOOK_FIELDS)
        .collect();
    let mut body = Vec::new();
    let most = limits::MAX_WEBHOOK_BODY_BYTES as u64;
    let read = answer.body_mut().as_reader().take(most).read_to_end(&mut body);
    read.map_err(|error| format!("the answer broke off: {error}"))?;
    Ok(Incoming {
        status: answer.status().as_u16(),
        headers,
        body,
    })
}

/// Host, and port if there is one, of an `https` address; in lower case.
pub(super) fn host_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let fits = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':'));
    fits.then(|| host.trim_end_matches(":443").to_ascii_lowercase())
}

/// Fields as a form, or as a query.
pub(super) fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// Whether an address is one of the public network.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        // Shared by carriers, benchmarks, protocol assignments.
        || a == 100 && (64..128).contains(&b)
        || a == 198 && (18..20).contains(&b)
        || a == 192 && b == 0 && c == 0)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4 lead to an address of IPv4.
        [0x64, 0xff9b, .., high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Global unicast, without documentation and Teredo.
        [first, second, ..] => {
            (0x2000..0x4000).contains(&first) && !(first == 0x2001 && (second == 0xdb8 || second == 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_network_are_not_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "101.226.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_host_is_read_as_it_is_compared() {
        for (url, host) in [
            ("https://API.example.com/x?y", Some("api.example.com")),
            ("https://api.example.com:443", Some("api.example.com")),
            ("https://api.example.com:8443/", Some("api.example.com:8443")),
            ("https://a@b/", None),
            ("http://api.example.com/", None),
            ("https:///x", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
    }

    #[tokio::test]
    async fn what_is_not_public_is_not_called() {
        let providers = Providers::new(ProviderAccess::Public);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost"] {
            let request = Outgoing {
                method: "GET",
                url: format!("https://{host}:{port}/"),
                headers: Vec::new(),
                body: Vec::new(),
            };
            let fetched = providers.fetch(request.clone()).await;
            assert_eq!(fetched.unwrap_err(), NOT_PUBLIC, "{host}");
            assert_eq!(providers.send(request).await.unwrap_err(), NOT_PUBLIC, "{host}");
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "nobody connected");
    }
}
