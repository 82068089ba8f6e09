//! Vendors in the order in which they are tried; never empty.

use std::fmt;
use std::sync::Arc;

/// A vendor under the name that settings and agents give it.
pub(crate) struct Link<V: ?Sized> {
    pub(crate) name: &'static str,
    pub(crate) vendor: Arc<V>,
}

pub(crate) struct Chain<V: ?Sized> {
    first: Link<V>,
    others: Arc<[Link<V>]>,
    /// All that agents can choose from, in no order that means anything.
    offered: Arc<[Link<V>]>,
}

impl<V: ?Sized> Chain<V> {
    pub(crate) fn new(first: Link<V>, others: Vec<Link<V>>, offered: Vec<Link<V>>) -> Self {
        Self {
            first,
            others: others.into(),
            offered: offered.into(),
        }
    }

    /// Those of these names that are offered, in this order. Where none is, or none is named, the chain stays
    /// as it is: a call is held by other vendors rather than not at all.
    pub(crate) fn in_order(&self, names: &[String]) -> Self {
        let mut wanted = names.iter().filter_map(|name| {
            let found = self.offered.iter().find(|link| link.name == name.as_str());
            if found.is_none() {
                tracing::warn!(
                    "a vendor that an agent wants is not set up here, calls go on without it"
                );
            }
            found.cloned()
        });
        let Some(first) = wanted.next() else {
            return self.clone();
        };
        Self {
            first,
            others: wanted.collect(),
            offered: Arc::clone(&self.offered),
        }
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    pub(crate) fn first(&self) -> &V {
        &self.first.vendor
    }

    /// The one at this place, or the last one if the place is beyond the list.
    pub(crate) fn at(&self, place: usize) -> &V {
        &self.link(place).vendor
    }

    /// The name of the one at this place, likewise.
    pub(crate) fn name(&self, place: usize) -> &'static str {
        self.link(place).name
    }

    fn link(&self, place: usize) -> &Link<V> {
        let Some(other) = place.checked_sub(1) else {
            return &self.first;
        };
        match self.others.get(other).or_else(|| self.others.last()) {
            Some(link) => link,
            None => &self.first,
        }
    }
}

impl<V: ?Sized> Clone for Link<V> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            vendor: Arc::clone(&self.vendor),
        }
    }
}

impl<V: ?Sized> Clone for Chain<V> {
    fn clone(&self) -> Self {
        Self {
            first: self.first.clone(),
            others: Arc::clone(&self.others),
            offered: Arc::clone(&self.offered),
        }
    }
}

impl<V: ?Sized> fmt::Debug for Chain<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.others.iter().map(|link| link.name);
        let names = [self.first.name].into_iter().chain(others);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &'static str) -> Link<str> {
        let vendor = Arc::from(name);
        Link { name, vendor }
    }

    #[test]
    fn beyond_the_list_is_its_end() {
        let one = Chain::new(link("a"), vec![], vec![]);
        assert_eq!([one.at(0), one.at(1), one.at(9)], ["a", "a", "a"]);
        let two = Chain::new(link("a"), vec![link("b")], vec![]);
        assert_eq!([two.at(0), two.at(1), two.at(9)], ["a", "b", "b"]);
        assert_eq!([two.name(0), two.name(9)], ["a", "b"]);
        assert_eq!((one.len(), two.len()), (1, 2));
    }

    #[test]
    fn an_order_takes_from_all_that_are_offered_and_passes_over_others() {
        let offered = ["a", "b", "c"].map(link).into();
        let chain = Chain::new(link("a"), vec![link("b")], offered);
        let ordered = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            format!("{:?}", chain.in_order(&names))
        };
        assert_eq!(ordered(&["c", "a"]), r#"["c", "a"]"#);
        assert_eq!(ordered(&["gone", "b"]), r#"["b"]"#);
        assert_eq!(ordered(&["gone"]), r#"["a", "b"]"#);
        assert_eq!(ordered(&[]), r#"["a", "b"]"#);
    }
}
