//! Situations: a lane, rules and an instant, and whether it is open.
