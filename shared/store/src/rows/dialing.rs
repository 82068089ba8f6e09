//! What bounds dialling: lines, pace, leases, our numbers' days, media workers.

pub(crate) mod lease;
pub(crate) mod our_number_days;
pub(crate) mod pace;
pub(crate) mod slots;
pub(crate) mod workers;
