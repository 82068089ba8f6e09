//! Campaigns, their leads and lists, and the contacts that leads are.

pub(crate) mod campaigns;
pub(crate) mod contacts;
pub(crate) mod imports;
pub(crate) mod leads;
pub(crate) mod plans;
