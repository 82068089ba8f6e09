//! What is worth counting about vendors. Labels are names of ours, never anything a vendor sent.

/// A message that means nothing to a call was left aside: an unknown type, or audio of an utterance
/// that is no longer wanted.
pub(crate) fn ignored(vendor: &'static str, what: &'static str) {
    metrics::counter!("trunkline_vendor_messages_ignored_total", "vendor" => vendor, "what" => what)
        .increment(1);
}

/// A message was not of the vendor's protocol.
pub(crate) fn garbage(vendor: &'static str) {
    metrics::counter!("trunkline_vendor_garbage_total", "vendor" => vendor).increment(1);
}
