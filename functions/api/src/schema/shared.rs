//! What operations share: problems, headers, parameters, the key.

use serde_json::{Map, Value, json};
use service::KEY_CHARS_MAX;

use crate::http::problem::Code;
use crate::schema::node::{reference, value};

/// A problem that follows from the form of a request, whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedProblem {
    pub(crate) name: &'static str,
    codes: &'static [Code],
    says: &'static str,
}

pub(crate) const UNREADABLE: SharedProblem = SharedProblem {
    name: "BadRequest",
    codes: &[
        Code::MalformedJson,
        Code::IdempotencyKeyInvalid,
        Code::IfMatchInvalid,
    ],
    says: "The request cannot be read",
};
pub(crate) const UNAUTHORIZED: SharedProblem = SharedProblem {
    name: "Unauthorized",
    codes: &[Code::Unauthorized],
    says: "There is no API key, or one that nobody knows",
};
pub(crate) const FORBIDDEN: SharedProblem = SharedProblem {
    name: "Forbidden",
    codes: &[Code::Forbidden, Code::WrongAddress],
    says: "The key's role may not do this, or the request came past the address that the API has",
};
pub(crate) const NOT_FOUND: SharedProblem = SharedProblem {
    name: "NotFound",
    codes: &[Code::NotFound],
    says: "There is no such thing, or it is another tenant's",
};
pub(crate) const REVISION_CHANGED: SharedProblem = SharedProblem {
    name: "PreconditionFailed",
    codes: &[Code::RevisionChanged],
    says: "It was changed meanwhile: read it again",
};
pub(crate) const IF_MATCH_REQUIRED: SharedProblem = SharedProblem {
    name: "PreconditionRequired",
    codes: &[Code::IfMatchRequired],
    says: "`If-Match` is missing",
};
pub(crate) const BODY_TOO_LARGE: SharedProblem = SharedProblem {
    name: "PayloadTooLarge",
    codes: &[Code::BodyTooLarge],
    says: "The body is too long, or did not arrive whole",
};
pub(crate) const UNSUPPORTED_MEDIA_TYPE: SharedProblem = SharedProblem {
    name: "UnsupportedMediaType",
    codes: &[Code::UnsupportedMediaType],
    says: "The body is of another media type",
};
pub(crate) const INVALID: SharedProblem = SharedProblem {
    name: "UnprocessableContent",
    codes: &[Code::Invalid, Code::IdempotencyKeyReused],
    says: "Some fields cannot be as they are, all of which `errors` names; or the `Idempotency-Key` was used for another request",
};
pub(crate) const UNAVAILABLE: SharedProblem = SharedProblem {
    name: "ServiceUnavailable",
    codes: &[Code::Unavailable, Code::NewerVersion],
    says: "Not possible just now, or not by this version",
};

/// Of a request that brings a list.
const UNUSABLE_LIST: SharedProblem = SharedProblem {
    name: "UnusableList",
    codes: &{
        let mut codes = [Code::Invalid; Code::OF_LISTS.len() + 2];
        let (_, [second, of_lists @ ..]) = codes.split_at_mut(1) else {
            unreachable!()
        };
        *second = Code::IdempotencyKeyReused;
        of_lists.copy_from_slice(&Code::OF_LISTS);
        codes
    },
    says: "The list cannot be used, and nothing of it is; `errors` names the row where it is about one. Or some fields cannot be as they are",
};

const ALL: [SharedProblem; 11] = [
    UNREADABLE,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    REVISION_CHANGED,
    IF_MATCH_REQUIRED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID,
    UNUSABLE_LIST,
    UNAVAILABLE,
];

impl SharedProblem {
    pub(crate) fn status(self) -> Option<String> {
        let code = self.codes.first()?;
        Some(code.status().as_u16().to_string())
    }

    pub(crate) fn reference(self) -> Value {
        json!({ "$ref": format!("#/components/responses/{}", self.name) })
    }

    fn response(self) -> Value {
        let codes: Vec<String> = self
            .codes
            .iter()
            .map(|code| format!("`{}`", code.word()))
            .collect();
        let description = format!("{}: {}", codes.join(", "), self.says);
        problem(self.status().as_deref().unwrap_or_default(), &description)
    }
}

/// The answer of a problem.
pub(crate) fn problem(status: &str, description: &str) -> Value {
    let mut headers = json!({ "traceparent": header("traceparent") });
    let more = match status {
        "401" => Some("WWW-Authenticate"),
        "429" | "502" | "503" => Some("Retry-After"),
        _neither => None,
    };
    if let Some(name) = more {
        headers[name] = header(name);
    }
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    })
}

pub(crate) fn responses() -> Value {
    let all = ALL.map(|problem| (problem.name.to_owned(), problem.response()));
    Value::Object(Map::from_iter(all))
}

/// A reference to a header.
pub(crate) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

pub(crate) fn headers() -> Value {
    let text = |description: &str, pattern: &str, example: &str| {
        json!({
            "description": description,
            "required": true,
            "schema": { "type": "string", "pattern": pattern, "examples": [example] },
        })
    };
    let mut replayed = text(
        "There where an earlier request with the same `Idempotency-Key` made it.",
        "^true$",
        "true",
    );
    replayed["required"] = false.into();
    json!({
        "ETag": text(
            "The revision: what `If-Match` of an edit names.",
            r#"^"[0-9]+"$"#,
            "\"3\"",
        ),
        "Location": {
            "description": "Where it is.",
            "required": true,
            "schema": { "type": "string", "format": "uri-reference" },
        },
        "Idempotent-Replayed": replayed,
        "Retry-After": text("Seconds after which to try again.", "^[0-9]+$", "2"),
        "WWW-Authenticate": text("How to say who asks.", "^Bearer$", "Bearer"),
        "traceparent": text(
            "The trace that the request belongs to (W3C Trace Context): what all log lines about it have.",
            "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
    })
}

/// Parameters that several operations take, by the name of their header.
pub(crate) fn parameters() -> Value {
    json!({
        "Idempotency-Key": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "The same key with the same request makes one thing, and the answer is the first one.",
            "required": false,
            "schema": {
                "type": "string",
                // Blanks around the value of a header are no part of it.
                "pattern": format!("^[\\x21-\\x7e]([\\x20-\\x7e]{{0,{}}}[\\x21-\\x7e])?$", KEY_CHARS_MAX - 2),
                "examples": ["order-4711"],
            },
        },
        "If-Match": {
            "name": "If-Match",
            "in": "header",
            "description": "The `ETag` of what the change was made from, several of which one must be current, or `*` for whichever is. Without it an edit is refused with 428.",
            "required": true,
            "schema": { "type": "string", "pattern": r#"^(\*|"[0-9]+"(, *"[0-9]+")*)$"#, "examples": ["\"3\"", "*"] },
        },
    })
}

/// A reference to one of them.
pub(crate) fn parameter(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

pub(crate) fn api_key() -> Value {
    json!({
        "type": "http",
        "scheme": "bearer",
        "description": "An API key. It belongs to a tenant and has a role; each operation says which roles may ask.",
    })
}

/// What a problem document is, with all that it refers to.
pub(crate) fn problem_schemas() -> Vec<(String, Value)> {
    use crate::http::problem::Problem;
    use utoipa::{PartialSchema as _, ToSchema as _};
    let mut named = Vec::new();
    Problem::schemas(&mut named);
    let mut all: Vec<_> = named
        .iter()
        .map(|(name, schema)| (name.clone(), value(schema)))
        .collect();
    all.push((Problem::name().into_owned(), value(&Problem::schema())));
    all
}
