//! Storage: DynamoDB, SQS and S3 through the AWS SDK.
//!
//! One path for AWS and laptop; only endpoints differ. Knows tables, queues and buckets, and no
//! carrier, vendor or web request.

pub mod aws;
pub mod schema;
