//! Proxies between this machine and the Internet, by the variables that other programs know too.
//!
//! The one rule of the product for them: whoever opens a connection asks [`Proxies::to`]. This machine
//! itself is never reached by way of a proxy, whatever the variables say.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use url::{Host, Url};

use crate::Secret;

/// Hosts that are reached without a proxy, as in `NO_PROXY`: this machine.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Which proxy leads where. Cheap to clone; does not print what is in the variables.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<Rules>>);

struct Rules {
    /// `HTTPS_PROXY`, else `ALL_PROXY`: for what is encrypted.
    secure: Option<Url>,
    /// `HTTP_PROXY`, else `ALL_PROXY`: for what is not.
    clear: Option<Url>,
    /// `NO_PROXY`: hosts with their subdomains, addresses and networks, with commas between them.
    exceptions: String,
    matcher: Matcher,
    passed_over: Vec<&'static str>,
}

/// A proxy on the way to somebody.
#[derive(Clone)]
pub struct Proxy {
    /// With user and password, if it has any.
    url: Url,
    authorization: Option<HeaderValue>,
}

impl Proxies {
    /// `value` of a variable, in capitals or in small letters.
    pub(crate) fn read(value: impl Fn(&'static str) -> Option<String>) -> Self {
        let mut passed_over = Vec::new();
        let mut proxy = |variable| {
            let text = value(variable)?;
            let url = proxy_url(&text);
            if url.is_none() {
                passed_over.push(variable);
            }
            url
        };
        let all = proxy("ALL_PROXY");
        let secure = proxy("HTTPS_PROXY").or_else(|| all.clone());
        let clear = proxy("HTTP_PROXY").or(all);
        let exceptions = value("NO_PROXY").unwrap_or_default();
        if secure.is_none() && clear.is_none() && passed_over.is_empty() {
            return Self::default();
        }
        let text = |url: Option<&Url>| url.map(Url::to_string).unwrap_or_default();
        let matcher = Matcher::builder()
            .https(text(secure.as_ref()))
            .http(text(clear.as_ref()))
            .no(exceptions.clone());
        Self(Some(Arc::new(Rules {
            matcher: matcher.build(),
            secure,
            clear,
            exceptions,
            passed_over,
        })))
    }

    /// Whether every connection goes straight to where it leads.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.0.is_none()
    }

    /// The proxy on the way to this address (of the web or of a WebSocket); `None` where there is none.
    #[must_use]
    pub fn to(&self, url: &Url) -> Option<Proxy> {
        let rules = self.0.as_ref()?;
        if is_loopback(url) {
            return None;
        }
        let (scheme, proxy) = match url.scheme() {
            "https" | "wss" => ("https", &rules.secure),
            "http" | "ws" => ("http", &rules.clear),
            _other => return None,
        };
        let there = format!("{scheme}://{}/", url.host_str()?).parse::<Uri>();
        let found = rules.matcher.intercept(&there.ok()?)?;
        Some(Proxy {
            url: proxy.clone()?,
            authorization: found.basic_auth().cloned(),
        })
    }

    /// The proxy of all that is encrypted, with its password, and the hosts that are reached without it: for
    /// a library that goes its own way.
    #[must_use]
    pub fn of_https(&self) -> Option<(Secret, String)> {
        let rules = self.0.as_ref()?;
        let url = rules.secure.as_ref()?;
        let exceptions = format!("{LOOPBACK},{}", rules.exceptions);
        Some((Secret::new(url.to_string()), exceptions))
    }

    /// Variables that name a proxy which we cannot speak to: connections are made as if they were not set.
    #[must_use]
    pub fn passed_over(&self) -> &[&'static str] {
        self.0.as_ref().map_or(&[], |rules| &rules.passed_over)
    }
}

impl Proxy {
    /// With user and password: for the library that connects.
    #[must_use]
    pub fn with_password(&self) -> Url {
        self.url.clone()
    }

    /// The value of `Proxy-Authorization`, if the proxy asks for one. It does not print.
    #[must_use]
    pub fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// `http` or `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    #[must_use]
    pub fn host(&self) -> Option<Host<&str>> {
        self.url.host()
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(80)
    }
}

/// Where it is, without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}:{}", self.url.scheme(), self.port())
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.are_none() {
            "Proxies(none)"
        } else {
            "Proxies(some)"
        })
    }
}

/// Whether an address is this machine's own.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        // Nobody else answers at the unspecified address either.
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped();
            address.is_loopback()
                || address.is_unspecified()
                || mapped.is_some_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// `http://user:password@host:port`; the scheme may be left out. Nothing of other kinds (SOCKS).
fn proxy_url(text: &str) -> Option<Url> {
    let text = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let url = Url::parse(&text).ok()?;
    let spoken = ["http", "https"].contains(&url.scheme());
    (spoken && url.has_host()).then_some(url)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Variables;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::from(variables.collect::<BTreeMap<_, _>>()).proxies()
    }

    /// By way of whom somebody is reached.
    fn way(proxies: &Proxies, url: &str) -> String {
        let way = proxies.to(&url.parse().unwrap());
        way.map_or_else(|| "straight".to_owned(), |proxy| proxy.to_string())
    }

    #[test]
    fn this_machine_is_never_reached_by_way_of_a_proxy() {
        let all = "http://127.0.0.1:9";
        let everything = proxies(&[
            ("HTTP_PROXY", all),
            ("HTTPS_PROXY", all),
            ("ALL_PROXY", all),
            ("NO_PROXY", "example.com"),
        ]);
        for url in [
            "http://127.0.0.1:8080/v1",
            "https://127.9.9.9/",
            "ws://localhost:1/listen",
            "wss://engines.localhost/",
            "http://[::1]:80/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:8081/",
        ] {
            assert_eq!(way(&everything, url), "straight", "{url}");
        }
        for url in ["http://10.0.0.1/", "http://localhost.example.org/"] {
            assert_eq!(way(&everything, url), all, "{url}");
        }
    }

    #[test]
    fn what_is_encrypted_has_a_proxy_of_its_own_and_exceptions_count() {
        let set = proxies(&[
            ("https_proxy", "secure.example:3128"),
            ("ALL_PROXY", "http://all.example"),
            ("no_proxy", "deepgram.com, 10.0.0.0/8"),
        ]);
        for (url, expected) in [
            ("wss://api.elevenlabs.io/v1", "http://secure.example:3128"),
            ("https://api.openai.com/v1", "http://secure.example:3128"),
            ("ws://vendor.example/v1", "http://all.example:80"),
            ("http://vendor.example/v1", "http://all.example:80"),
            ("wss://api.deepgram.com/v1/listen", "straight"),
            ("https://10.1.2.3/", "straight"),
            ("https://notdeepgram.com/", "http://secure.example:3128"),
        ] {
            assert_eq!(way(&set, url), expected, "{url}");
        }
        let (https, exceptions) = set.of_https().unwrap();
        assert_eq!(https.expose(), "http://secure.example:3128/");
        assert!(exceptions.contains("::1") && exceptions.contains("deepgram.com"));
    }

    #[test]
    fn a_proxy_tells_its_password_to_nobody_but_itself() {
        let set = proxies(&[("HTTPS_PROXY", "http://me:s%40crt@proxy.example:3128")]);
        let proxy = set.to(&"wss://a.example".parse().unwrap()).unwrap();
        // `me:s@crt`.
        let authorization = proxy.authorization().unwrap();
        assert_eq!(authorization.to_str().unwrap(), "Basic bWU6c0BjcnQ=");
        let shown = format!("{proxy} {proxy:?} {set:?} {authorization:?}");
        assert!(!shown.contains("crt") && !shown.contains("bWU6"), "{shown}");
        assert_eq!(proxy.to_string(), "http://proxy.example:3128");
    }

    #[test]
    fn what_is_no_proxy_for_us_is_passed_over_and_known() {
        let none = proxies(&[("ALL_PROXY", " ")]);
        assert!(none.are_none() && none.passed_over().is_empty());
        let socks = proxies(&[
            ("ALL_PROXY", "socks5h://127.0.0.1:1080"),
            ("HTTP_PROXY", "http://"),
        ]);
        assert_eq!(socks.passed_over(), ["ALL_PROXY", "HTTP_PROXY"]);
        assert_eq!(way(&socks, "https://a.example/"), "straight");
        assert!(socks.of_https().is_none());
    }
}
