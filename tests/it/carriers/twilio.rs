//! The simulated Twilio as a subject of the suite.

use std::sync::Arc;
use std::time::Duration;

use carrier::Signatures;
use carrier::twilio::client::{Client, ClientConfig};
use carrier::twilio::signature::{self, Tokens};
use carrier::{CarrierCallId, CarrierRecordingId, Connection};
use settings::Secret;
use sim::carriers::twilio::{Config, Directory, Faults, Server, SharedKey, Timing};

use super::{Fails, SOON, Subject};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";

/// An account that signs with its auth token.
pub(super) struct Simulated(Server);

/// An account that signs with a shared key.
pub(super) struct SigningBySha256(Simulated);

const KEY_ID: &str = "CR1";

impl Simulated {
    async fn with(person: &str, shared_key: Option<SharedKey>) -> Self {
        let directory = Directory::everybody(person.parse().unwrap());
        let mut config = Config::new(ACCOUNT, TOKEN, directory);
        config.shared_key = shared_key;
        config.calls_per_second = 1_000;
        config.timing = Timing {
            setup: Duration::from_millis(5),
            ring: Duration::from_millis(10),
            timeout_second: Duration::from_secs(1),
            processing: Duration::from_millis(20),
        };
        Self(Server::start(config).await.unwrap())
    }

    fn connect(&self, token: &str) -> Connection {
        let token = Secret::new(token.to_owned());
        let (base, account) = (self.0.url().parse(), ACCOUNT.parse());
        let config = ClientConfig::new(base.unwrap(), account.unwrap(), token.clone());
        Connection {
            client: Arc::new(Client::new(config).unwrap()),
            signatures: Signatures::Twilio(Tokens::new(token)),
        }
    }
}

impl Subject for Simulated {
    async fn start(person: &str) -> Self {
        Self::with(person, None).await
    }

    fn connection(&self) -> Connection {
        self.connect(TOKEN)
    }

    fn intruder(&self) -> Connection {
        self.connect("another")
    }

    fn next_request(&self, fails: Fails) {
        let mut faults = Faults::default();
        match fails {
            Fails::AnswerLost => faults.lost_create_answers = 1,
            Fails::TooMany => faults.too_many_requests = 1,
        }
        self.0.set_faults(faults);
    }

    fn records_elsewhere(&self) -> CarrierRecordingId {
        self.0.record_elsewhere(2).unwrap().parse().unwrap()
    }

    async fn heard(&self, call: &CarrierCallId) -> String {
        let view = self.0.call_over(call.as_str(), SOON).await.unwrap();
        view.log.heard_text()
    }

    async fn settled(&self) {
        assert!(self.0.settled(SOON).await);
    }

    fn complaints(&self) -> Vec<String> {
        let violations = self.0.violations().into_iter();
        let violations = violations.map(|found| format!("{found:?}"));
        let notices = self.0.notices().into_iter();
        violations
            .chain(notices.map(|found| format!("{found:?}")))
            .collect()
    }
}

impl SigningBySha256 {
    /// The tokens are of no use here: only what the key signed is believed.
    fn connect(&self, secret: &str) -> Connection {
        let shared = signature::SharedKey {
            id: KEY_ID.to_owned(),
            secret: Secret::new(secret.to_owned()),
        };
        let unused = Tokens::new(Secret::new("not the token".to_owned()));
        Connection {
            client: self.0.connection().client,
            signatures: Signatures::Twilio(unused.with_shared(shared)),
        }
    }
}

impl Subject for SigningBySha256 {
    async fn start(person: &str) -> Self {
        let key = SharedKey {
            id: KEY_ID.to_owned(),
            secret: TOKEN.to_owned(),
        };
        Self(Simulated::with(person, Some(key)).await)
    }

    fn connection(&self) -> Connection {
        self.connect(TOKEN)
    }

    fn intruder(&self) -> Connection {
        Connection {
            client: self.0.intruder().client,
            ..self.connect("another")
        }
    }

    fn next_request(&self, fails: Fails) {
        self.0.next_request(fails);
    }

    fn records_elsewhere(&self) -> CarrierRecordingId {
        self.0.records_elsewhere()
    }

    async fn heard(&self, call: &CarrierCallId) -> String {
        self.0.heard(call).await
    }

    async fn settled(&self) {
        self.0.settled().await;
    }

    fn complaints(&self) -> Vec<String> {
        self.0.complaints()
    }
}
