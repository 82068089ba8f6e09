//! JSON as it was sent, with what only the text can tell: members that are there twice.
//!
//! A parser of JSON keeps one of two members of the same name and forgets the other, so whoever sent both is
//! told. How deep a body may nest is the parser's own limit (128), how long it may be is the registry's.

use std::fmt;

use model::{element, member};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A text, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Json {
    pub(crate) value: Value,
    /// Pointers to members that are there more than once; the last one of each is in the value.
    pub(crate) repeated: Vec<String>,
}

/// Reads the whole of a text as JSON.
pub(crate) fn read(text: &[u8]) -> Result<Json, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(text);
    let mut repeated = Vec::new();
    let whole = Part {
        at: &At::Root,
        repeated: &mut repeated,
    };
    let value = whole.deserialize(&mut from)?;
    from.end()?;
    Ok(Json { value, repeated })
}

/// Where a value is: a pointer that is written out only when somebody is told of it.
enum At<'a> {
    Root,
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl At<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(of, name) => member(&of.pointer(), name),
            Self::Element(of, place) => element(&of.pointer(), *place),
        }
    }
}

/// A value somewhere in the text.
struct Part<'a> {
    at: &'a At<'a>,
    repeated: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = At::Member(self.at, &name);
            let part = Part {
                at: &at,
                repeated: self.repeated,
            };
            let value = members.next_value_seed(part)?;
            if map.contains_key(&name) {
                self.repeated.push(at.pointer());
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let at = At::Element(self.at, list.len());
            let part = Part {
                at: &at,
                repeated: self.repeated,
            };
            match elements.next_element_seed(part)? {
                Some(value) => list.push(value),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = whole(value).or_else(|| Number::from_f64(value));
        number
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number is too large"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
}

/// `1.0` and `1e3` are whole numbers too (JSON Schema, section 6.1.1 of its validation), and are read as such.
fn whole(value: f64) -> Option<Number> {
    // Written out without an exponent, and without a point where nothing follows it.
    let digits = value.to_string();
    let signed = digits.parse::<i64>().map(Number::from);
    let number = signed.or_else(|_beyond| digits.parse::<u64>().map(Number::from));
    number.ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_that_is_there_twice_is_told_at_every_depth() {
        let text = br#"{"a":1,"b":[{"c/d":1,"c/d":{"e":1,"e":2},"f":[]}],"a":2,"a":3}"#;
        let read = read(text).unwrap();
        assert_eq!(read.repeated, ["/b/0/c~1d/e", "/b/0/c~1d", "/a", "/a"]);
        assert_eq!(read.value["a"], 3);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{} x", "{\"a\":1,}", "[1 2]", "nul"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(&[b'"', 0xFF, b'"']).is_err());
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        assert!(read(&deep).is_err());
    }

    #[test]
    fn a_number_without_a_fraction_is_a_whole_one_however_it_is_written() {
        let read = |text: &str| read(text.as_bytes()).unwrap().value;
        assert_eq!(
            read("[1.0, 1e3, -0.0, -2.50e1, 1e19]"),
            serde_json::json!([1, 1_000, 0, -25, 10_000_000_000_000_000_000_u64])
        );
        assert_eq!(read("[0.5, 1e300]"), serde_json::json!([0.5, 1e300]));
    }

    fn values() -> impl Strategy<Value = Value> {
        // The parser may be off by the last bit: there must be fractions left then.
        let fraction = |number: &f64| number.abs() < 1e12 && number.fract() != 0.0;
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>()
                .prop_filter("a fraction", fraction)
                .prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        plain.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_parser_reads_it(value in values()) {
            let text = serde_json::to_vec(&value).unwrap();
            let expected: Value = serde_json::from_slice(&text).unwrap();
            let read = read(&text).unwrap();
            prop_assert_eq!(read.repeated, Vec::<String>::new());
            prop_assert_eq!(read.value, expected);
        }
    }
}
