//! Situations and properties of how calls move.
