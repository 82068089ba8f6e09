//! Table, queues and bucket: there, and as the code expects them.

use std::time::Duration;

use futures_util::future::join_all;
use store::{Inspection, NotSeen, QueueRole, QueueSeen};

use crate::mend::{Mender, quoted};
use crate::{Check, CheckState, Finding, Group, Here, Place, check};

pub(crate) async fn examine(here: &Here<'_>) -> Vec<Check> {
    let Some(store) = here.store() else {
        let none = Finding::failed("nothing is installed here yet", here.mender().make());
        return vec![none.named(Group::Storage, "installation", Duration::ZERO)];
    };
    let seen = Storage {
        inspection: &store.inspection,
        mender: here.mender(),
        on_aws: here.place() == Place::Aws,
    };
    let (mut checks, queues, bucket) = tokio::join!(
        Box::pin(seen.table()),
        Box::pin(seen.queues()),
        Box::pin(seen.bucket()),
    );
    checks.extend(queues);
    checks.extend(bucket);
    checks
}

struct Storage<'a> {
    inspection: &'a Inspection,
    mender: Mender<'a>,
    on_aws: bool,
}

impl Storage<'_> {
    async fn table(&self) -> Vec<Check> {
        let name = quoted(self.inspection.table_name());
        let looking = format!("dynamodb describe-table --table-name {name}");
        let table = self
            .check("table", &looking, async {
                match self.inspection.table().await {
                    Ok(table) if !table.active => {
                        let found = format!("{name} is {}", table.status.to_lowercase());
                        let wait = format!("dynamodb wait table-exists --table-name {name}");
                        Finding::failed(found, self.mender.aws(&wait))
                    }
                    Ok(table) if !table.differences.is_empty() => {
                        let found =
                            format!("{name} is another table: {}", table.differences.join(", "));
                        Finding::failed(found, self.another_table(&table.differences))
                    }
                    Ok(_as_it_should_be) => Finding::ok(format!("{name} is active")),
                    Err(problem) => self.not_seen(&problem, &name, &looking),
                }
            })
            .await;
        let expiry = async {
            if let Some(skipped) = after(&table) {
                return skipped;
            }
            match self.inspection.rows_expire().await {
                Ok(true) => Finding::ok(format!("rows expire by {}", store::schema::TTL)),
                Ok(false) => {
                    let set = format!(
                        "dynamodb update-time-to-live --table-name {name} --time-to-live-specification Enabled=true,AttributeName={}",
                        store::schema::TTL
                    );
                    Finding::failed("rows do not expire", self.mender.aws(&set))
                }
                Err(problem) => self.not_seen(
                    &problem,
                    &name,
                    &format!("dynamodb describe-time-to-live --table-name {name}"),
                ),
            }
        };
        let recovery = async {
            if let Some(skipped) = after(&table) {
                return skipped;
            }
            if !self.on_aws {
                return Finding::skipped("only on AWS");
            }
            match self.inspection.can_be_recovered().await {
                Ok(true) => Finding::ok("to any moment of the last weeks"),
                Ok(false) => {
                    let set = format!(
                        "dynamodb update-continuous-backups --table-name {name} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
                    );
                    Finding::warning("point-in-time recovery is off", self.mender.aws(&set))
                }
                Err(problem) => self.not_seen(
                    &problem,
                    &name,
                    &format!("dynamodb describe-continuous-backups --table-name {name}"),
                ),
            }
        };
        let (expiry, recovery) = tokio::join!(
            self.check("table expiry", &looking, expiry),
            self.check("table recovery", &looking, recovery),
        );
        vec![table, expiry, recovery]
    }

    /// A table's own keys cannot be changed; an index can be made.
    fn another_table(&self, differences: &[String]) -> String {
        use store::schema::{GSI1, GSI1_PK, GSI1_SK};
        let only_index = differences
            .iter()
            .all(|difference| difference.ends_with("is missing"));
        if !only_index {
            return self.mender.set("TRUNKLINE_TABLE");
        }
        let name = quoted(self.inspection.table_name());
        let key =
            |name: &str, kind: &str| serde_json::json!({"AttributeName": name, "KeyType": kind});
        let index = serde_json::json!([{"Create": {
            "IndexName": GSI1,
            "KeySchema": [key(GSI1_PK, "HASH"), key(GSI1_SK, "RANGE")],
            "Projection": {"ProjectionType": "ALL"},
        }}]);
        self.mender.aws(&format!(
            "dynamodb update-table --table-name {name} --attribute-definitions \
             AttributeName={GSI1_PK},AttributeType=S AttributeName={GSI1_SK},AttributeType=S \
             --global-secondary-index-updates {}",
            quoted(&index.to_string())
        ))
    }

    async fn queues(&self) -> Vec<Check> {
        let pairs = QueueRole::ALL.map(|role| Box::pin(self.queue(role)));
        join_all(pairs).await.into_iter().flatten().collect()
    }

    /// A queue, and its dead letters.
    async fn queue(&self, role: QueueRole) -> [Check; 2] {
        let (name, dead_name) = match role {
            QueueRole::Dial => ("dial queue", "dial dead letters"),
            QueueRole::Recordings => ("recordings queue", "recordings dead letters"),
            QueueRole::Import => ("import queue", "import dead letters"),
        };
        let queue = quoted(self.inspection.name_of(role));
        let describe = "sqs get-queue-attributes --attribute-names All --queue-url";
        let looking = format!("{describe} {queue}");
        let mut seen = None;
        let look = Box::pin(async {
            match self.inspection.queue(role).await {
                Ok(queue) => {
                    let finding = self.judge(&queue);
                    seen = Some(queue);
                    finding
                }
                Err(problem) => self.not_seen(&problem, "the queue", &looking),
            }
        });
        let looked = self.check(name, &looking, look).await;
        let begun = tokio::time::Instant::now();
        let dead = match seen.and_then(|queue| queue.dead_letters) {
            None => Finding::skipped(format!("see {name}")),
            Some(dead) => match dead.waiting {
                Ok(0) => Finding::ok("none"),
                Ok(number) => {
                    let again = format!(
                        "sqs start-message-move-task --source-arn {}",
                        quoted(&dead.arn)
                    );
                    let found =
                        format!("{number} given up; the command puts them back into the queue");
                    Finding::warning(found, self.mender.aws(&again))
                }
                Err(problem) => {
                    let url = quoted(&dead.url);
                    self.not_seen(
                        &problem,
                        "the queue of dead letters",
                        &format!("{describe} {url}"),
                    )
                }
            },
        };
        [
            looked,
            dead.named(Group::Storage, dead_name, begun.elapsed()),
        ]
    }

    fn judge(&self, queue: &QueueSeen) -> Finding {
        let url = quoted(&queue.url);
        if queue.dead_letters.is_none() {
            return Finding::failed(
                "no dead letters: a message that nobody can work on comes again for ever",
                self.give_dead_letters(queue),
            );
        }
        if !queue.differences.is_empty() {
            let set = format!(
                "sqs set-queue-attributes --queue-url {url} --attributes VisibilityTimeout={}",
                store::schema::VISIBILITY_SECONDS
            );
            return Finding::warning(queue.differences.join(", "), self.mender.aws(&set));
        }
        match queue.waiting {
            0 => Finding::ok("empty"),
            1 => Finding::ok("about 1 message waits"),
            number => Finding::ok(format!("about {number} messages wait")),
        }
    }

    fn give_dead_letters(&self, queue: &QueueSeen) -> String {
        let suffix = store::schema::DEAD_LETTER_SUFFIX;
        let dead_arn = format!("{}{suffix}", queue.arn);
        let dead_name = dead_arn.rsplit(':').next().unwrap_or_default().to_owned();
        let policy = serde_json::json!({
            "deadLetterTargetArn": dead_arn,
            "maxReceiveCount": store::schema::RECEIVES_MAX.to_string(),
        });
        let attributes = serde_json::json!({ "RedrivePolicy": policy.to_string() });
        let make = format!("sqs create-queue --queue-name {}", quoted(&dead_name));
        let set = format!(
            "sqs set-queue-attributes --queue-url {} --attributes {}",
            quoted(&queue.url),
            quoted(&attributes.to_string())
        );
        format!("{} && {}", self.mender.aws(&make), self.mender.aws(&set))
    }

    async fn bucket(&self) -> Vec<Check> {
        let name = quoted(self.inspection.bucket_name());
        let looking = format!("s3api head-bucket --bucket {name}");
        let bucket = self
            .check("bucket", &looking, async {
                match self.inspection.bucket().await {
                    Ok(()) => Finding::ok(format!("{name} is there")),
                    Err(problem) => self.not_seen(&problem, &name, &looking),
                }
            })
            .await;
        let objects = async {
            if let Some(skipped) = after(&bucket) {
                return skipped;
            }
            let id = ulid::Ulid::generate().to_string();
            match self.inspection.try_object(&id).await {
                Ok(true) => Finding::ok("put, read back and deleted"),
                Ok(false) => {
                    let get = format!("s3 ls s3://{name}/{}", store::PROBE_PREFIX);
                    let found = "what is read back is not what was put";
                    Finding::failed(found, self.mender.aws(&get))
                }
                Err((step, problem)) => {
                    let found = format!("{step}: {problem}");
                    Finding::failed(found, self.mender.make())
                }
            }
        };
        let access = async {
            if let Some(skipped) = after(&bucket) {
                return skipped;
            }
            if !self.on_aws {
                return Finding::skipped("only on AWS");
            }
            match self.inspection.public_access_is_blocked().await {
                Ok(true) => Finding::ok("public access is blocked"),
                Ok(false) => {
                    let block = format!(
                        "s3api put-public-access-block --bucket {name} --public-access-block-configuration \
                         BlockPublicAcls=true,BlockPublicPolicy=true,IgnorePublicAcls=true,RestrictPublicBuckets=true"
                    );
                    let found =
                        "public access is not blocked: recordings could be opened to anybody";
                    Finding::failed(found, self.mender.aws(&block))
                }
                Err(problem) => {
                    let looking = format!("s3api get-public-access-block --bucket {name}");
                    self.not_seen(&problem, &name, &looking)
                }
            }
        };
        let (objects, access) = tokio::join!(
            self.check("bucket objects", &looking, objects),
            self.check("bucket access", &looking, access),
        );
        vec![bucket, objects, access]
    }

    /// `looking` is the command that shows what is looked at.
    async fn check(&self, name: &str, looking: &str, look: impl Future<Output = Finding>) -> Check {
        check(Group::Storage, name, self.mender.aws(looking), look).await
    }

    /// `looking` is the command that shows all of the answer.
    fn not_seen(&self, problem: &NotSeen, what: &str, looking: &str) -> Finding {
        match problem {
            NotSeen::Absent => {
                Finding::failed(format!("{what} does not exist"), self.mender.make())
            }
            NotSeen::Denied(code) => {
                let found = format!("not allowed to look at {what} ({code})");
                Finding::failed(found, self.mender.make())
            }
            NotSeen::Credentials(code) => {
                let found = format!("AWS does not take the credentials ({code})");
                let mend = if self.on_aws {
                    "aws configure".to_owned()
                } else {
                    self.mender.make()
                };
                Finding::failed(found, mend)
            }
            NotSeen::Failed(cause) => {
                let found = format!("{what} cannot be looked at: {cause}");
                Finding::failed(found, self.mender.aws(looking))
            }
        }
    }
}

/// What follows from a check that failed, for one that needs what it looked at.
pub(crate) fn after(check: &Check) -> Option<Finding> {
    let failed = check.state == CheckState::Failed;
    failed.then(|| Finding::skipped(format!("see {}", check.name)))
}
