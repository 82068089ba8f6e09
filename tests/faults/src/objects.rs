//! S3: whole objects under keys, one bucket.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;

/// The name of the bucket.
pub(super) const BUCKET: &str = "objects";

#[derive(Debug, Clone, Default)]
pub(super) struct Objects(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Objects {
    /// Answers a request for one object, as S3 does.
    pub(super) fn answer(&self, method: &str, key: &str, body: &[u8]) -> HttpResponse {
        let mut objects = self.0.lock().unwrap();
        match method {
            "PUT" => {
                objects.insert(key.to_owned(), body.to_vec());
                response(200, SdkBody::empty())
            }
            "DELETE" => {
                objects.remove(key);
                response(204, SdkBody::empty())
            }
            "HEAD" => match objects.get(key) {
                None => response(404, SdkBody::empty()),
                Some(object) => {
                    let mut response = response(200, SdkBody::empty());
                    let length = object.len().to_string();
                    response.headers_mut().insert("content-length", length);
                    response
                }
            },
            "GET" => match objects.get(key) {
                None => problem(404, "NoSuchKey"),
                Some(object) => {
                    let mut response = response(200, SdkBody::from(object.clone()));
                    let length = object.len().to_string();
                    response.headers_mut().insert("content-length", length);
                    response
                }
            },
            other => panic!("no function of ours asks a bucket for {other} of one object"),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    /// Whether these bytes are there, under whatever key.
    pub(super) fn hold(&self, bytes: &[u8]) -> bool {
        let objects = self.0.lock().unwrap();
        objects.values().any(|object| object == bytes)
    }
}

/// What S3 answers when something is wrong.
pub(super) fn problem(status: u16, code: &str) -> HttpResponse {
    let body = format!("<Error><Code>{code}</Code><Message>as told</Message></Error>");
    let mut response = response(status, SdkBody::from(body));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/xml");
    response
}

fn response(status: u16, body: SdkBody) -> HttpResponse {
    HttpResponse::new(status.try_into().unwrap(), body)
}

/// The key in the address of a request for an object of the bucket.
pub(super) fn key_in(address: &str) -> Option<&str> {
    let bare = address
        .split_once('?')
        .map_or(address, |(bare, _query)| bare);
    let (_host, key) = bare.split_once(&format!("/{BUCKET}/"))?;
    Some(key)
}
