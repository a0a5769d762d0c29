use super::*;
use crate::Ha1;
use md5::{Digest, Md5};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

struct Everyone;

impl Directory for Everyone {
    fn tenant_of_number(&self, _: &str) -> Option<TenantId> {
        None
    }
    fn phone_secret(&self, tenant: &TenantId, agent: &AgentId) -> Option<Ha1> {
        (agent.as_str() != "nobody").then(|| Ha1::new(tenant, agent, "geheim"))
    }
    fn may_take_call(&self, _: &TenantId) -> bool {
        true
    }
}

fn registrar() -> Registrar {
    Registrar::new([7; 32], Duration::from_secs(60), Duration::from_secs(3_600))
}

struct Phone1 {
    user: &'static str,
    password: &'static str,
    nonce: String,
    nc: u32,
    cseq: u32,
    contacts: Vec<(String, Option<u32>)>,
    all: bool,
    expires: Option<u32>,
}

impl Phone1 {
    fn new(user: &'static str, password: &'static str) -> Self {
        let contacts = vec![(format!("sip:{user}@10.0.0.9:5062"), None)];
        Self {
            user,
            password,
            nonce: String::new(),
            nc: 0,
            cseq: 0,
            contacts,
            all: false,
            expires: Some(600),
        }
    }

    fn authorization(&self) -> String {
        let hex = |text: String| hex_of(&Md5::digest(text));
        let ha1 = hex(format!("{}:{REALM}:{}", self.user, self.password));
        let ha2 = hex("REGISTER:sip:jackfield".to_owned());
        let response = hex(format!("{ha1}:{}:{:08x}:c:auth:{ha2}", self.nonce, self.nc));
        format!(
            "Digest username=\"{}\", realm=\"{REALM}\", nonce=\"{}\", uri=\"sip:jackfield\", response=\"{response}\", \
             cnonce=\"c\", nc={:08x}, qop=auth, algorithm=MD5",
            self.user, self.nonce, self.nc
        )
    }

    /// Sends a request with the nonce at hand.
    fn send(&mut self, registrar: &Registrar, now: Timestamp) -> Answer {
        self.nc += 1;
        self.cseq += 1;
        let authorization = (!self.nonce.is_empty()).then(|| self.authorization());
        let answer = registrar.register(
            &Request {
                uri: "sip:jackfield",
                user: self.user,
                authorization: authorization.as_deref(),
                contacts: &self.contacts,
                all: self.all,
                expires: self.expires,
                call_id: "call",
                cseq: self.cseq,
                source: "198.51.100.7:40000".parse().unwrap(),
                transport: Transport::Udp,
            },
            &Everyone,
            u64::from(self.cseq),
            now,
        );
        if answer.status == 401 {
            let value = &answer.headers[0].1;
            self.nonce = value
                .split("nonce=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .to_owned();
            self.nc = 0;
        }
        answer
    }

    /// Sends a request, and again when it is asked who it is.
    fn register(&mut self, registrar: &Registrar, now: Timestamp) -> Answer {
        let answer = self.send(registrar, now);
        if answer.status == 401 {
            self.send(registrar, now)
        } else {
            answer
        }
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn anna() -> (TenantId, AgentId) {
    (TenantId::new("demo").unwrap(), AgentId::new("anna").unwrap())
}

fn is_stale(answer: &Answer) -> bool {
    answer.status == 401 && answer.headers[0].1.contains("stale=true")
}

#[test]
fn a_phone_that_takes_a_new_nonce_each_time_shuts_nobody_out() {
    let registrar = registrar();
    let mut restless = Phone1::new("anna.demo", "geheim");
    for n in 0..10_000 {
        restless.nonce.clear();
        assert_eq!(restless.register(&registrar, NOW + n).status, 200, "{n}");
    }
    let later = NOW + 10_000;
    let mut other = Phone1::new("bob.demo", "geheim");
    assert_eq!(other.register(&registrar, later).status, 200);
    assert_eq!(registrar.state().uses.len(), 2);
    registrar.expire(later + 300_000);
    assert!(registrar.state().uses.is_empty(), "what is over is forgotten");
}

#[test]
fn a_phone_registers_where_it_sends_from_and_unregisters() {
    let registrar = registrar();
    let mut phone = Phone1::new("anna.demo", "geheim");
    let first = phone.send(&registrar, NOW);
    assert_eq!((first.status, is_stale(&first)), (401, false));
    let answer = phone.send(&registrar, NOW);
    let (tenant, agent) = anna();
    let expires_at = NOW + 600_000;
    assert_eq!(
        answer.change,
        Some(Change::Registered {
            tenant: tenant.clone(),
            agent: agent.clone(),
            expires_at
        })
    );
    assert_eq!(
        answer.headers,
        [("Contact", "<sip:anna.demo@10.0.0.9:5062>;expires=600".to_owned())]
    );
    let bound = registrar.phone(&tenant, &agent, NOW).unwrap();
    assert_eq!(bound.source, "198.51.100.7:40000".parse().unwrap());
    assert_eq!(registrar.phones(&tenant).len(), 1);
    assert!(registrar.phones(&TenantId::new("other").unwrap()).is_empty());

    phone.expires = Some(0);
    let answer = phone.register(&registrar, NOW);
    assert_eq!(
        (answer.status, answer.change),
        (200, Some(Change::Unregistered { tenant, agent }))
    );
    assert_eq!(registrar.len(), 0);
    assert_eq!(phone.register(&registrar, NOW).change, None);
}

#[test]
fn a_wrong_password_and_an_unknown_agent_are_answered_alike() {
    for (user, password) in [("anna.demo", "falsch"), ("nobody.demo", "geheim")] {
        let registrar = registrar();
        let answer = Phone1::new(user, password).register(&registrar, NOW);
        assert_eq!(
            (answer.status, is_stale(&answer), registrar.len()),
            (401, false, 0),
            "{user}"
        );
    }
}

#[test]
fn nobody_registers_for_somebody_else() {
    let registrar = registrar();
    let mut phone = Phone1::new("anna.demo", "geheim");
    phone.send(&registrar, NOW);
    phone.nc = 1;
    let authorization = phone.authorization();
    let request = Request {
        uri: "sip:jackfield",
        user: "ben.demo",
        authorization: Some(&authorization),
        contacts: &phone.contacts,
        all: false,
        expires: None,
        call_id: "x",
        cseq: 1,
        source: "198.51.100.7:40000".parse().unwrap(),
        transport: Transport::Udp,
    };
    assert_eq!(registrar.register(&request, &Everyone, 1, NOW).status, 403);
}

#[test]
fn an_old_nonce_is_stale_and_a_count_serves_once() {
    let registrar = registrar();
    let mut phone = Phone1::new("anna.demo", "geheim");
    assert_eq!(phone.register(&registrar, NOW).status, 200);
    assert_eq!(
        phone.send(&registrar, NOW).status,
        200,
        "the next count of the same nonce"
    );
    phone.nc -= 1;
    assert!(
        is_stale(&phone.send(&registrar, NOW)),
        "a request sent again by somebody else"
    );
    assert_eq!(phone.send(&registrar, NOW).status, 200);
    assert!(is_stale(&phone.send(&registrar, NOW + 301_000)));
    assert_eq!(phone.send(&registrar, NOW + 301_000).status, 200);
}

#[test]
fn the_time_of_a_registration_has_limits() {
    let registrar = registrar();
    let mut phone = Phone1::new("anna.demo", "geheim");
    phone.expires = Some(59);
    let answer = phone.register(&registrar, NOW);
    assert_eq!(
        (answer.status, answer.headers.as_slice()),
        (423, &[("Min-Expires", "60".to_owned())][..])
    );
    phone.expires = Some(u32::MAX);
    assert!(
        phone.register(&registrar, NOW).headers[0]
            .1
            .ends_with(";expires=3600")
    );
    phone.contacts[0].1 = Some(120);
    assert!(
        phone.register(&registrar, NOW).headers[0]
            .1
            .ends_with(";expires=120"),
        "the contact's own wish goes first"
    );
}

#[test]
fn registrations_expire() {
    let registrar = registrar();
    Phone1::new("anna.demo", "geheim").register(&registrar, NOW);
    let end = NOW + 600_000;
    assert_eq!(registrar.next_expiry(), Some(end));
    assert!(registrar.expire(NOW + 599_999).is_empty());
    let (tenant, agent) = anna();
    assert!(registrar.phone(&tenant, &agent, end).is_none());
    assert_eq!(registrar.expire(end), [(tenant, agent)]);
    assert_eq!((registrar.next_expiry(), registrar.len()), (None, 0));
}

#[test]
fn late_and_odd_requests_change_nothing() {
    let registrar = registrar();
    let mut phone = Phone1::new("anna.demo", "geheim");
    assert_eq!(phone.register(&registrar, NOW).status, 200);
    phone.cseq -= 1;
    assert_eq!(phone.send(&registrar, NOW).status, 500, "the same CSeq again");
    phone.all = true;
    assert_eq!(phone.send(&registrar, NOW).status, 400, "* with a time");
    phone.all = false;
    phone.contacts = vec![];
    assert_eq!(
        phone.send(&registrar, NOW).headers.len(),
        1,
        "a question is answered with what is registered"
    );
    phone.contacts = vec![("sip:x".to_owned() + &"x".repeat(600), None)];
    assert_eq!(phone.send(&registrar, NOW).status, 400);
    phone.contacts = vec![("sip:other@10.0.0.1".to_owned(), Some(0))];
    assert_eq!(
        phone.send(&registrar, NOW).change,
        None,
        "another phone's contact is not removed"
    );
    assert_eq!(registrar.len(), 1);
    phone.all = true;
    phone.expires = Some(0);
    assert!(phone.send(&registrar, NOW).change.is_some());
    assert_eq!(registrar.len(), 0);
}
