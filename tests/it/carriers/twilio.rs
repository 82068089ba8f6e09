//! The simulated Twilio as a subject of the suite.

use std::sync::Arc;
use std::time::Duration;

use carrier::carriers::Signatures;
use carrier::twilio::client::{Client, ClientConfig};
use carrier::twilio::signature::Tokens;
use carrier::{CarrierCallId, Connection};
use settings::Secret;
use sim::twilio::{Config, Directory, Faults, Server, Timing};

use super::{Fails, SOON, Subject};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";

pub(super) struct Simulated(Server);

impl Simulated {
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
        let directory = Directory::everybody(person.parse().unwrap());
        let mut config = Config::new(ACCOUNT, TOKEN, directory);
        config.calls_per_second = 1_000;
        config.timing = Timing {
            setup: Duration::from_millis(5),
            ring: Duration::from_millis(10),
            timeout_second: Duration::from_secs(1),
            processing: Duration::from_millis(20),
        };
        Self(Server::start(config).await.unwrap())
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
