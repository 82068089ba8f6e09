PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE deduplication (
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        PRIMARY KEY (queue, scope, id)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
        message_id TEXT NOT NULL,
        body TEXT NOT NULL,
        attributes TEXT NOT NULL,
        trace_header TEXT,
        group_id TEXT,
        deduplication_id TEXT,
        sent_ms INTEGER NOT NULL,
        visible_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,
        -- in this queue, and across all
        receives INTEGER NOT NULL DEFAULT 0,
        receives_in_all INTEGER NOT NULL DEFAULT 0,
        first_received_ms INTEGER,
        -- of the last receive; none before the first
        receipt TEXT,
        -- the queue whose dead letter it is
        died_in TEXT
    ) STRICT;
INSERT INTO "messages" VALUES(6,2,'88f80925-a6bf-4b91-81bd-431a28ab3a99','{"tenant_id":"ten_01m7yvy57m707jr5g07pjwf77y","call_id":"call_01m7yvyjrxbczr8p78y9nmfs6g"}','{}',NULL,NULL,NULL,1795258534692,1795258594695,1795604134692,1,1,1795258534695,'8eabae07c83d30f66c0de5b9',NULL);
INSERT INTO "messages" VALUES(7,2,'eabda45b-6d33-4d3b-b00e-34ef10ea8895','{"tenant_id":"ten_01m7yvy57m707jr5g07pjwf77y","call_id":"call_01m7yvyjrz87e3bkh9eh61bwps"}','{}',NULL,NULL,NULL,1795258534696,1795258594703,1795604134696,1,1,1795258534703,'a3b6ac788f7b5546ee09d6be',NULL);
INSERT INTO "messages" VALUES(8,2,'7a0842db-1785-49c6-ae7c-135181c6bb64','{"tenant_id":"ten_01m7yvy57m707jr5g07pjwf77y","call_id":"call_01m7yvyjs0ks8876xq7m59236p"}','{}',NULL,NULL,NULL,1795258534699,1795258594703,1795604134699,1,1,1795258534703,'2f08b505eaf5245f40befa6c',NULL);
CREATE TABLE move_tasks (
        handle TEXT PRIMARY KEY,
        source TEXT NOT NULL,
        destination TEXT,
        status TEXT NOT NULL,
        moved INTEGER NOT NULL DEFAULT 0,
        to_move INTEGER NOT NULL,
        -- the last message looked at: one that cannot be moved is not looked at for ever
        cursor INTEGER NOT NULL DEFAULT 0,
        started_ms INTEGER NOT NULL
    ) STRICT;
CREATE TABLE queues (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL,
        purged_ms INTEGER NOT NULL DEFAULT 0
    ) STRICT;
INSERT INTO "queues" VALUES(1,'trunkline-dial-dead','{"delay_seconds":0,"visibility_seconds":30,"retention_seconds":1209600,"wait_seconds":0,"message_bytes_max":1048576,"redrive":null,"is_fifo":false,"deduplicates_by_content":false,"deduplicates_by_group":false,"kept":{}}',1795258520806,1795258520806,0);
INSERT INTO "queues" VALUES(2,'trunkline-dial','{"delay_seconds":0,"visibility_seconds":60,"retention_seconds":345600,"wait_seconds":0,"message_bytes_max":1048576,"redrive":{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:trunkline-dial-dead","maxReceiveCount":5},"is_fifo":false,"deduplicates_by_content":false,"deduplicates_by_group":false,"kept":{}}',1795258520808,1795258520808,0);
INSERT INTO "queues" VALUES(3,'trunkline-recordings-dead','{"delay_seconds":0,"visibility_seconds":30,"retention_seconds":1209600,"wait_seconds":0,"message_bytes_max":1048576,"redrive":null,"is_fifo":false,"deduplicates_by_content":false,"deduplicates_by_group":false,"kept":{}}',1795258520809,1795258520809,0);
INSERT INTO "queues" VALUES(4,'trunkline-recordings','{"delay_seconds":0,"visibility_seconds":60,"retention_seconds":345600,"wait_seconds":0,"message_bytes_max":1048576,"redrive":{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:trunkline-recordings-dead","maxReceiveCount":5},"is_fifo":false,"deduplicates_by_content":false,"deduplicates_by_group":false,"kept":{}}',1795258520810,1795258520810,0);
CREATE INDEX by_visibility ON messages (queue, visible_ms, id);
CREATE INDEX by_group ON messages (queue, group_id, visible_ms)
        WHERE group_id IS NOT NULL;
CREATE INDEX by_expiry ON messages (expires_ms);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('queues',4);
INSERT INTO "sqlite_sequence" VALUES('messages',8);
COMMIT;
