//! Reading what somebody sent: a field that nobody knows is a mistake of theirs.
//!
//! The types of the product pass over such fields, because rows are made of the same types, and a later
//! version may have written more into them.

use serde::{Deserialize, Deserializer};

/// A value, and the paths of fields that were passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    pub value: T,
    /// As in `turn_taking.endpointing_ms`.
    pub unknown: Vec<String>,
}

/// Reads a value.
///
/// # Errors
/// What is wrong with which field.
pub fn read<'de, T, D>(from: D) -> Result<Known<T>, serde_path_to_error::Error<D::Error>>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let mut unknown = Vec::new();
    let mut note = |path: serde_ignored::Path<'_>| unknown.push(shown(&path));
    let from = serde_ignored::Deserializer::new(from, &mut note);
    let value = serde_path_to_error::deserialize(from)?;
    Ok(Known { value, unknown })
}

/// Without the marks of what may be absent.
fn shown(path: &serde_ignored::Path<'_>) -> String {
    let path = path.to_string();
    let context = path.split('.').filter(|part| *part != "?");
    context.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use model::{CampaignFields, Lead};

    use super::*;

    #[test]
    fn a_field_that_nobody_knows_is_named_at_every_depth() {
        let text = r#"{"name":"Spring","colour":1,"retry":{"busy_seconds":3600,"occupied":7200},"windows":{"mno":[]}}"#;
        let mut json = serde_json::Deserializer::from_str(text);
        let read: Known<CampaignFields> = read(&mut json).unwrap();
        assert_eq!(read.value.name, "Spring");
        assert_eq!(read.unknown, ["colour", "retry.occupied", "windows.mno"]);
    }

    #[test]
    fn a_field_that_cannot_be_is_named() {
        let mut json = serde_json::Deserializer::from_str(r#"{"id":"lead_1"}"#);
        let problem = read::<Lead, _>(&mut json).unwrap_err();
        assert_eq!(problem.path().to_string(), "id");
    }
}
