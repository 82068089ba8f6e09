//! Storage: DynamoDB, SQS and S3 through the AWS SDK, and the secrets that settings are in.
//!
//! One path for AWS and laptop; only endpoints differ. Knows tables, queues and buckets, and no
//! carrier, vendor or web request. Repositories are split by what a function needs; which request
//! each method makes and what it costs is in `ARCHITECTURE.md`, "Data".

pub mod aws;
mod blobs;
mod error;
mod inspection;
mod queues;
mod rows;
pub mod secrets;
mod table;

use settings::Storage;

pub use blobs::{Bucket, Digest, ObjectHead, PART_BYTES, Piece, PresignedPut, Upload};
pub use error::StoreError;
pub use inspection::{
    DeadLetters, Inspection, NotSeen, PROBE_PREFIX, QueueRole, QueueSeen, TableSeen,
};
pub use queues::{
    DELAY_MAX, DialJob, ImportJob, Queue, RECEIVE_MAX, Received, RecordingJob, WAIT_MAX,
};
pub use rows::account::accounts::{Accounts, ApiKey, Owner, Tenant, User};
pub use rows::account::agents::Agents;
pub use rows::account::idempotency::{EarlierRequest, Idempotency, Requests};
pub use rows::account::numbers::{Number, Numbers};
pub use rows::account::prompts::{PromptHead, Prompts};
pub use rows::account::uses::{BindingRefused, USES_MAX, UnknownUse, Usable, UsedBy, Uses};
pub use rows::call::calls::{
    CallFilter, CallPage, CallRow, Calls, CreateRefused, LeadBefore, LeadChange, NewCall,
    Overriding, Progress, WriteRefused, WrittenWith,
};
pub use rows::call::follow_ups::{FollowUp, FollowUps};
pub use rows::call::inbound::{INBOUND_MAX, InboundCalls, InboundRow};
pub use rows::call::labels::{Label, Labels};
pub use rows::call::reconciliations::{
    LEFT_NAMED_MAX, LeftAtCarrier, LeftRecording, Reconciliation, ReconciliationCounts,
    ReconciliationRun, Reconciliations,
};
pub use rows::call::sessions::{HandedOver, NewToken, Opened, Sessions, TokenHash};
pub use rows::call::turns::{Spoken, StoredTurn, TURNS_MAX, TurnStored, Turns};
pub use rows::campaign::campaigns::{ActiveCampaign, Campaigns, Copy, Entry, NotLetIn, Reopening};
pub use rows::campaign::contacts::{CONTACTS_AT_ONCE_MAX, ContactRow, Contacts, SuppressedPage};
pub use rows::campaign::imports::{
    BatchWritten, Import, ImportCounts, ImportProblem, ImportProblemCode, ImportState,
    ImportedWorkbook, Imports, LeadBatch, NotTaken, RejectFile,
};
pub use rows::campaign::leads::{
    CallCount, DueSpan, HeldFilter, Inserted, LaneCounts, LeadFilter, LeadPage, LeadRow, Leads,
    LeadsRefused,
};
pub use rows::campaign::plans::{PlanNote, Plans, RecentCall};
pub use rows::dialing::lease::{LEASE_MAX, Lease, Leases};
pub use rows::dialing::our_number_days::OurNumberDays;
pub use rows::dialing::pace::{HEAL_AFTER, Pace, Reserved};
pub use rows::dialing::slots::{SLOTS_MAX, SlotRow, Slots, SlotsHeld, free_numbers};
pub use rows::dialing::workers::{WORKERS_MAX, WorkerRow, WorkerState, Workers};
pub use rows::shelf::Shelf;
pub use table::keys::{EVENT_ROWS, EVENT_SHARDS, Scope};
pub use table::meter::{Cost, Meter};
pub use table::shapes::RowKind;
pub use table::{Page, Table, schema};

use aws::{AwsConfig, Clients};
use table::schema::{QueueUrls, SchemaError};

/// Every repository over one set of clients. Entry points take from it what they need.
#[derive(Debug, Clone)]
pub struct Store {
    pub accounts: Accounts,
    pub agents: Agents,
    pub our_number_days: OurNumberDays,
    pub calls: Calls,
    pub campaigns: Campaigns,
    pub contacts: Contacts,
    pub imports: Imports,
    pub inbound: InboundCalls,
    pub follow_ups: FollowUps,
    pub labels: Labels,
    pub leads: Leads,
    pub leases: Leases,
    pub numbers: Numbers,
    pub pace: Pace,
    pub plans: Plans,
    pub prompts: Prompts,
    pub reconciliations: Reconciliations,
    pub requests: Requests,
    pub sessions: Sessions,
    pub slots: Slots,
    pub turns: Turns,
    pub uses: Uses,
    pub workers: Workers,
    pub dial: Queue<DialJob>,
    pub recordings: Queue<RecordingJob>,
    pub import: Queue<ImportJob>,
    pub bucket: Bucket,
    pub inspection: Inspection,
}

impl Store {
    #[must_use]
    pub fn new(clients: &Clients, names: &Storage, queues: &QueueUrls) -> Self {
        let table = Table::new(clients.dynamodb.clone(), &names.table);
        Self {
            accounts: Accounts::new(table.clone()),
            agents: Agents::new(table.clone()),
            our_number_days: OurNumberDays::new(table.clone()),
            calls: Calls::new(table.clone()),
            campaigns: Campaigns::new(table.clone()),
            contacts: Contacts::new(table.clone()),
            imports: Imports::new(table.clone()),
            inbound: InboundCalls::new(table.clone()),
            follow_ups: FollowUps::new(table.clone()),
            labels: Labels::new(table.clone()),
            leads: Leads::new(table.clone()),
            leases: Leases::new(table.clone()),
            numbers: Numbers::new(table.clone()),
            pace: Pace::new(table.clone()),
            plans: Plans::new(table.clone()),
            prompts: Prompts::new(table.clone()),
            reconciliations: Reconciliations::new(table.clone()),
            requests: Requests::new(table.clone()),
            sessions: Sessions::new(table.clone()),
            slots: Slots::new(table.clone()),
            turns: Turns::new(table.clone()),
            uses: Uses::new(table.clone()),
            workers: Workers::new(table),
            dial: Queue::new(clients.sqs.clone(), &queues.dial),
            recordings: Queue::new(clients.sqs.clone(), &queues.recordings),
            import: Queue::new(clients.sqs.clone(), &queues.imports),
            bucket: Bucket::new(clients.s3.clone(), &names.bucket),
            inspection: Inspection::new(clients, names, queues),
        }
    }

    /// Connects to what the SDK's own environment names, `AWS_ENDPOINT_URL` included, and finds the
    /// queues that are given by names.
    ///
    /// # Errors
    /// When a queue does not exist or SQS cannot be asked.
    pub async fn from_environment(names: &Storage) -> Result<Self, SchemaError> {
        let clients = Clients::connect(&AwsConfig::of_environment()).await;
        let queues = schema::find_queues(&clients.sqs, names).await?;
        Ok(Self::new(&clients, names, &queues))
    }
}
