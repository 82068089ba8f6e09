//! What our front adds to dynoxide: its errors' kinds and the removal of expired rows.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

fn table() -> (TempDir, Table) {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::open(&folder.path().join("t.sqlite"), Arc::default()).unwrap();
    let create = json!({
        "TableName": "rows",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
    });
    ask(&table, "CreateTable", &create);
    (folder, table)
}

fn ask(table: &Table, operation: &str, request: &Value) -> Value {
    let body = request.to_string();
    let answer = perform(&table.database, operation, body.as_bytes()).unwrap();
    serde_json::from_str(&answer).unwrap()
}

/// The kind of error that the request is refused with.
fn refused(table: &Table, operation: &str, request: &str) -> String {
    let error = perform(&table.database, operation, request.as_bytes()).unwrap_err();
    let body: Value = serde_json::from_str(&error.to_json()).unwrap();
    let kind = body["__type"].as_str().unwrap();
    kind.rsplit('#').next().unwrap().to_owned()
}

#[test]
fn expired_rows_are_removed_and_others_stay() {
    let (_folder, table) = table();
    let expiry = json!({
        "TableName": "rows",
        "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "ttl" },
    });
    ask(&table, "UpdateTimeToLive", &expiry);
    for (pk, ttl) in [("old", "1700000000"), ("young", "4000000000")] {
        let put =
            json!({ "TableName": "rows", "Item": { "pk": { "S": pk }, "ttl": { "N": ttl } } });
        ask(&table, "PutItem", &put);
    }
    table.database.sweep_ttl().unwrap();
    let left = ask(&table, "Scan", &json!({ "TableName": "rows" }));
    assert_eq!(left["Count"], 1);
    assert_eq!(left["Items"][0]["pk"]["S"], "young");
}

#[test]
fn a_value_that_dynamodb_would_not_take_is_a_validation_error() {
    let (_folder, table) = table();
    for value in [
        json!({ "SS": [] }),
        json!({ "N": "many" }),
        json!({ "NULL": false }),
        json!({ "S": "a", "N": "1" }),
        json!({}),
    ] {
        let put = json!({ "TableName": "rows", "Item": { "pk": { "S": "a" }, "v": value } });
        let kind = refused(&table, "PutItem", &put.to_string());
        assert_eq!(kind, "ValidationException", "{value}");
    }
}

#[test]
fn a_request_of_the_wrong_shape_is_a_serialization_error() {
    let (_folder, table) = table();
    for request in [r#"{"TableName":7}"#, r#"{"TableName":"#, ""] {
        let kind = refused(&table, "GetItem", request);
        assert_eq!(kind, "SerializationException", "{request}");
    }
}

#[test]
fn an_operation_that_is_not_offered_is_refused_and_not_retried() {
    let (_folder, table) = table();
    let refused = perform(&table.database, "CreateBackup", b"{}").unwrap_err();
    // Clients repeat 500 and 503; this is neither.
    assert_eq!(refused.status_code(), 501);
}

#[test]
fn a_full_disk_is_known_by_whatever_the_engine_says_of_it() {
    let sqlite = |code| {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        unwritable(&DynoxideError::SqliteError(error))
    };
    assert_eq!(sqlite(rusqlite::ffi::SQLITE_FULL), Some(Why::Full));
    assert_eq!(
        sqlite(rusqlite::ffi::SQLITE_IOERR_WRITE),
        Some(Why::Unwritable)
    );
    assert_eq!(sqlite(rusqlite::ffi::SQLITE_BUSY), None);
    let said = |text: &str| unwritable(&DynoxideError::InternalServerError(text.to_owned()));
    let full = rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
        Some("database or disk is full".to_owned()),
    );
    assert_eq!(said(&format!("backend: {full}")), Some(Why::Full));
    assert_eq!(
        said("backend: I/O error: disk I/O error"),
        Some(Why::Unwritable)
    );
    assert_eq!(said("backend: database is locked or busy"), None);
}
