//! The one TLS configuration of all vendors' connections.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::SetupProblem;

/// Trusts the roots of Mozilla's list, compiled in: a container without certificates works, and every
/// deployment trusts the same. Sessions resume across all connections made with one configuration.
pub(crate) fn configuration() -> Result<ClientConfig, SetupProblem> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    // Named here, since a process in which two providers are linked has no default one.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(SetupProblem::Tls)?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
