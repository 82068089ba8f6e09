//! The addresses under which the carrier reaches us, with the ids that they carry.

use carrier::instructions::Stream;
use carrier::{CarrierName, Instructions};
use model::{CallId, TenantId, TokenId};
use url::Url;

/// The public bases of webhooks and of media sockets.
#[derive(Debug, Clone)]
pub struct Links {
    public: Url,
    media: Url,
    carrier: CarrierName,
}

/// A base that addresses cannot be joined to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public address must be http, https, ws or wss with a host")]
pub struct LinkProblem;

impl Links {
    /// `public` is where webhooks arrive (http or https), `media` where media sockets do (http, https,
    /// ws or wss; the WebSocket scheme follows). Each address names `carrier`.
    ///
    /// # Errors
    /// When a base has another scheme or no host.
    pub fn new(public: Url, media: Url, carrier: CarrierName) -> Result<Self, LinkProblem> {
        if !["http", "https"].contains(&public.scheme()) || !public.has_host() {
            return Err(LinkProblem);
        }
        let scheme = match media.scheme() {
            "http" | "ws" => "ws",
            "https" | "wss" => "wss",
            _other => return Err(LinkProblem),
        };
        let mut media = media;
        media.set_scheme(scheme).map_err(|()| LinkProblem)?;
        if !media.has_host() {
            return Err(LinkProblem);
        }
        Ok(Self {
            public,
            media,
            carrier,
        })
    }

    #[must_use]
    pub fn public(&self) -> &Url {
        &self.public
    }

    /// Whom the carrier asks what to do when one of our numbers is called.
    #[must_use]
    pub fn voice(&self) -> Url {
        join(&self.public, ["carriers", self.carrier.as_str(), "voice"])
    }

    #[must_use]
    pub fn status(&self, tenant: TenantId, call: CallId) -> Url {
        self.callback("status", tenant, call)
    }

    #[must_use]
    pub fn amd(&self, tenant: TenantId, call: CallId) -> Url {
        self.callback("amd", tenant, call)
    }

    #[must_use]
    pub fn recording(&self, tenant: TenantId, call: CallId) -> Url {
        self.callback("recording", tenant, call)
    }

    #[must_use]
    pub fn stream(&self, tenant: TenantId, call: CallId) -> Url {
        self.callback("stream", tenant, call)
    }

    #[must_use]
    pub fn resume(&self, tenant: TenantId, call: CallId) -> Url {
        self.callback("resume", tenant, call)
    }

    /// Where the carrier asks again for a call that was held so often; `keys` were pressed and could not be looked at
    /// yet.
    #[must_use]
    pub fn resume_held(&self, tenant: TenantId, call: CallId, held: u32, keys: &str) -> Url {
        let mut url = self.resume(tenant, call);
        let mut query = url.query_pairs_mut();
        query.append_pair("held", &held.to_string());
        if !keys.is_empty() {
            query.append_pair("keys", keys);
        }
        drop(query);
        url
    }

    /// Where media sockets are opened.
    #[must_use]
    pub fn media(&self) -> Url {
        join(&self.media, ["media", self.carrier.as_str()])
    }

    /// Hands a call to a worker, and asks us again when the worker's socket is gone.
    #[must_use]
    pub fn connect(&self, tenant: TenantId, call: CallId, token: TokenId) -> Instructions {
        let stream = Stream {
            url: self.media(),
            status_callback: Some(self.stream(tenant, call)),
            parameters: vec![
                ("tenant_id".to_owned(), tenant.to_string()),
                ("call_id".to_owned(), call.to_string()),
                ("token".to_owned(), token.to_string()),
            ],
        };
        Instructions::connect(stream, self.resume(tenant, call))
    }

    fn callback(&self, kind: &str, tenant: TenantId, call: CallId) -> Url {
        let (tenant, call) = (tenant.to_string(), call.to_string());
        let carrier = self.carrier.as_str();
        let mut url = join(&self.public, ["carriers", carrier, kind, &tenant, &call]);
        url.set_fragment(self.carrier.row().webhook_fragment);
        url
    }
}

fn join<const N: usize>(base: &Url, segments: [&str; N]) -> Url {
    let mut url = base.clone();
    // A base with a host always has segments; `Links::new` lets no other in.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use carrier::instructions::Instruction;

    use super::*;

    const CARRIER: CarrierName = CarrierName::ALL[0];

    #[test]
    fn callbacks_carry_both_ids_and_media_sockets_follow_the_scheme() {
        let links = Links::new(
            "https://voice.example.com/base/".parse().unwrap(),
            "https://media.example.com".parse().unwrap(),
            CARRIER,
        )
        .unwrap();
        let (tenant, call) = (TenantId::from_parts(0, 1), CallId::from_parts(0, 2));
        assert_eq!(
            links.status(tenant, call).as_str(),
            format!(
                "https://voice.example.com/base/carriers/{CARRIER}/status/{tenant}/{call}#{}",
                CARRIER.row().webhook_fragment.unwrap()
            )
        );
        assert_eq!(
            links.media().as_str(),
            format!("wss://media.example.com/media/{CARRIER}")
        );
        let instructions = links.connect(tenant, call, TokenId::from_parts(0, 3));
        let [Instruction::Stream(stream), Instruction::Redirect(resume)] = instructions.steps()
        else {
            panic!("{instructions:?}");
        };
        assert!(resume.path().ends_with(&format!("/resume/{tenant}/{call}")));
        assert_eq!(resume.fragment(), CARRIER.row().webhook_fragment);
        let held = |keys| {
            links
                .resume_held(tenant, call, 2, keys)
                .query()
                .map(str::to_owned)
        };
        assert_eq!(held("").unwrap(), "held=2");
        assert_eq!(held("1#").unwrap(), "held=2&keys=1%23");
        let named: Vec<&str> = stream.parameters.iter().map(|(name, _)| &**name).collect();
        assert_eq!(named, ["tenant_id", "call_id", "token"]);
    }

    #[test]
    fn a_base_that_is_no_web_address_is_refused() {
        let good: Url = "http://127.0.0.1:8080".parse().unwrap();
        let file: Url = "file:///tmp".parse().unwrap();
        assert!(Links::new(file.clone(), good.clone(), CARRIER).is_err());
        assert!(Links::new(good.clone(), file, CARRIER).is_err());
        assert_eq!(
            Links::new(good.clone(), good, CARRIER)
                .unwrap()
                .media()
                .as_str(),
            format!("ws://127.0.0.1:8080/media/{CARRIER}")
        );
    }
}
