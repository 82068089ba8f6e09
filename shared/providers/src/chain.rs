//! A list of vendors in the order in which they are tried; never empty.

use std::fmt;
use std::sync::Arc;

pub(crate) struct Chain<V: ?Sized> {
    first: Arc<V>,
    others: Arc<[Box<V>]>,
}

impl<V: ?Sized> Chain<V> {
    pub(crate) fn new(first: Arc<V>, others: Vec<Box<V>>) -> Self {
        Self {
            first,
            others: others.into(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.others.len()
    }

    pub(crate) fn first(&self) -> &V {
        &self.first
    }

    /// The one at this place, or the last one if the place is beyond the list.
    pub(crate) fn at(&self, place: usize) -> &V {
        let Some(other) = place.checked_sub(1) else {
            return &self.first;
        };
        match self.others.get(other).or_else(|| self.others.last()) {
            Some(vendor) => vendor,
            None => &self.first,
        }
    }
}

impl<V: ?Sized> Clone for Chain<V> {
    fn clone(&self) -> Self {
        Self {
            first: Arc::clone(&self.first),
            others: Arc::clone(&self.others),
        }
    }
}

impl<V: ?Sized> fmt::Debug for Chain<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("len", &self.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_list_is_its_end() {
        let one = Chain::<str>::new(Arc::from("a"), vec![]);
        assert_eq!([one.at(0), one.at(1), one.at(9)], ["a", "a", "a"]);
        let two = Chain::<str>::new(Arc::from("a"), vec![Box::from("b")]);
        assert_eq!([two.at(0), two.at(1), two.at(9)], ["a", "b", "b"]);
        assert_eq!((one.len(), two.len()), (1, 2));
    }
}
