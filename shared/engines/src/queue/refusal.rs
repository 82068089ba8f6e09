//! How SQS says no: the shape in the body, the older code in a header, and the status.

use http::StatusCode;

/// A refusal or a failure, in the words of the SQS API reference.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueueRefusal {
    #[error("The specified queue does not exist.")]
    NoSuchQueue,
    #[error(
        "A queue already exists with the same name and a different value for attribute {attribute}"
    )]
    OtherAttributes { attribute: String },
    #[error("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.")]
    PurgedJustNow { queue: String },
    #[error("The input receipt handle \"{handle}\" is not a valid receipt handle.")]
    BadReceiptHandle { handle: String },
    #[error(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
    )]
    MessageGone { handle: String },
    #[error(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )]
    ReceiptExpired { handle: String },
    #[error("The specified message isn't in flight.")]
    NotInFlight,
    #[error("There should be at least one {entry} in the request.")]
    EmptyBatch { entry: &'static str },
    #[error("Maximum number of entries per request are {limit}. You have sent {sent}.")]
    TooManyEntries { limit: usize, sent: usize },
    #[error("Id {id} repeated.")]
    RepeatedId { id: String },
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )]
    BadEntryId,
    #[error("Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes.")]
    BatchTooLong { limit: usize, sent: usize },
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )]
    BadContents,
    #[error("Unknown Attribute {name}.")]
    UnknownAttribute { name: String },
    #[error("Invalid value for the parameter {name}.{reason}")]
    BadAttribute { name: String, reason: &'static str },
    #[error("The request must contain the parameter {name}.")]
    Missing { name: &'static str },
    #[error("Value {value} for parameter {name} is invalid. Reason: {reason}")]
    BadValue {
        value: String,
        name: &'static str,
        reason: String,
    },
    #[error("One or more parameters are invalid. Reason: {reason}")]
    BadParameters { reason: String },
    #[error(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
    )]
    NoDeduplicationId,
    #[error("The resource that you specified for the {parameter} parameter doesn't exist.")]
    NoSuchResource { parameter: &'static str },
    #[error("Source queue must be configured as a Dead Letter Queue.")]
    NotADeadLetterQueue,
    #[error(
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    )]
    MovingAlready,
    #[error("The operation is not one of those that this server offers.")]
    UnknownOperation,
    #[error("The request is not readable JSON of its kind.")]
    Unreadable(#[source] serde_json::Error),
    #[error("an answer could not be written")]
    Unwritable(#[source] serde_json::Error),
    #[error("the queues' file could not be read or written")]
    File(#[from] rusqlite::Error),
    #[error("the engine is stopping")]
    Stopping,
}

/// What kind of fault it is on the wire.
struct Wire {
    status: StatusCode,
    /// With its namespace, for the body's `__type`.
    shape: &'static str,
    /// The code of the older query protocol, which SDKs still show.
    code: &'static str,
}

impl QueueRefusal {
    /// Whether the engine failed, rather than the request being wrong.
    pub(super) fn is_ours(&self) -> bool {
        self.wire().status.is_server_error() && !matches!(self, Self::Stopping)
    }

    pub(super) fn status(&self) -> StatusCode {
        self.wire().status
    }

    pub(super) fn code(&self) -> &'static str {
        self.wire().code
    }

    /// The header `x-amzn-query-error`.
    pub(super) fn query_error(&self) -> String {
        let whose = if self.status().is_server_error() {
            "Receiver"
        } else {
            "Sender"
        };
        format!("{};{whose}", self.code())
    }

    pub(super) fn body(&self) -> String {
        serde_json::json!({ "__type": self.wire().shape, "message": self.to_string() }).to_string()
    }

    fn wire(&self) -> Wire {
        let sender = |shape, code| Wire {
            status: StatusCode::BAD_REQUEST,
            shape,
            code,
        };
        match self {
            Self::NoSuchQueue => sender(
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::OtherAttributes { .. } => {
                sender("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists")
            }
            Self::PurgedJustNow { .. } => sender(
                "com.amazonaws.sqs#PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
            ),
            Self::BadReceiptHandle { .. } => sender(
                "com.amazonaws.sqs#ReceiptHandleIsInvalid",
                "ReceiptHandleIsInvalid",
            ),
            Self::NotInFlight => sender(
                "com.amazonaws.sqs#MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Self::EmptyBatch { .. } => sender(
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::TooManyEntries { .. } => sender(
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::RepeatedId { .. } => sender(
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::BadEntryId => sender(
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::BatchTooLong { .. } => sender(
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::BadContents => sender(
                "com.amazonaws.sqs#InvalidMessageContents",
                "InvalidMessageContents",
            ),
            Self::UnknownAttribute { .. } => sender(
                "com.amazonaws.sqs#InvalidAttributeName",
                "InvalidAttributeName",
            ),
            Self::BadAttribute { .. } => sender(
                "com.amazonaws.sqs#InvalidAttributeValue",
                "InvalidAttributeValue",
            ),
            Self::Missing { .. } => sender(
                "com.amazon.coral.service#MissingRequiredParameterException",
                "MissingParameter",
            ),
            Self::MessageGone { .. }
            | Self::ReceiptExpired { .. }
            | Self::BadValue { .. }
            | Self::BadParameters { .. }
            | Self::NoDeduplicationId
            | Self::NotADeadLetterQueue => sender(
                "com.amazon.coral.service#InvalidParameterValueException",
                "InvalidParameterValue",
            ),
            Self::NoSuchResource { .. } => Wire {
                status: StatusCode::NOT_FOUND,
                shape: "com.amazonaws.sqs#ResourceNotFoundException",
                code: "ResourceNotFoundException",
            },
            Self::MovingAlready => sender(
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
            ),
            Self::UnknownOperation => sender(
                "com.amazon.coral.service#UnknownOperationException",
                "InvalidAction",
            ),
            Self::Unreadable(_) => sender(
                "com.amazon.coral.service#SerializationException",
                "MalformedInput",
            ),
            Self::Unwritable(_) | Self::File(_) => Wire {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                shape: "com.amazon.coral.service#InternalFailure",
                code: "InternalFailure",
            },
            Self::Stopping => Wire {
                status: StatusCode::SERVICE_UNAVAILABLE,
                shape: "com.amazon.coral.service#ServiceUnavailable",
                code: "ServiceUnavailable",
            },
        }
    }
}
