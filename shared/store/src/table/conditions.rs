//! Filters of queries: their parts, with the names and values that they refer to.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::table::{Item, Query};

/// Conditions that a row has to meet, all of them.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    all: Vec<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Conditions {
    /// One more condition, on an attribute or on a member of one (`permit.denied_by`).
    pub(crate) fn all(&mut self, name: &str, is: &str, value: AttributeValue) {
        let condition = self.compare(name, is, value);
        self.push(condition);
    }

    /// One more, of what the others here answer.
    pub(crate) fn push(&mut self, condition: String) {
        self.all.push(condition);
    }

    /// A condition, to be put together with others.
    pub(crate) fn compare(&mut self, name: &str, is: &str, value: AttributeValue) -> String {
        let value = self.value(value);
        format!("{} {is} {value}", self.name(name))
    }

    /// An attribute is one of these.
    pub(crate) fn one_of(
        &mut self,
        name: &str,
        values: impl Iterator<Item = AttributeValue>,
    ) -> String {
        let values: Vec<String> = values.map(|value| self.value(value)).collect();
        format!("{} IN ({})", self.name(name), values.join(", "))
    }

    /// Makes them a query's filter.
    pub(crate) fn of(self, ask: &mut Query<'_>) {
        ask.names.extend(self.names);
        ask.values.extend(self.values);
        ask.filter = (!self.all.is_empty()).then(|| self.all.join(" AND "));
    }

    fn name(&mut self, name: &str) -> String {
        let path = name.split('.').map(|part| {
            let placed = format!("#{part}");
            self.names.insert(placed.clone(), part.to_owned());
            placed
        });
        path.collect::<Vec<_>>().join(".")
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let placed = format!(":v{}", self.values.len());
        self.values.insert(placed.clone(), value);
        placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Range;

    #[test]
    fn conditions_are_one_filter_whose_names_and_values_are_placed() {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut conditions = Conditions::default();
        conditions.all("state", "=", text("done"));
        conditions.all("permit.denied_by", "=", text("holiday"));
        let one = conditions.one_of("state", ["a", "b"].map(text).into_iter());
        conditions.push(format!("({one})"));
        let mut ask = Query::new("p", Range::All, 1);
        conditions.of(&mut ask);
        assert_eq!(
            ask.filter.as_deref(),
            Some("#state = :v0 AND #permit.#denied_by = :v1 AND (#state IN (:v2, :v3))")
        );
        assert_eq!(ask.names.len(), 3);
        assert_eq!(ask.values.get(":v3"), Some(&text("b")));
        let mut ask = Query::new("p", Range::All, 1);
        Conditions::default().of(&mut ask);
        assert_eq!(ask.filter, None);
    }
}
