-- What schema 0001 left behind.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'calls','2025-06-15 15:06:40',1,X'3BE06EF4034845E7194FB02760C53F85927D626AE76C9B7193706131F32D0052D23DB13609C944E967030D59BFB49149',1000000);
CREATE TABLE business_numbers (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    number     TEXT    NOT NULL,
    imported   INTEGER NOT NULL CHECK (imported IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "business_numbers" VALUES(X'01970000000070008000000000000001','+97231000001',0,1750000000000);
INSERT INTO "business_numbers" VALUES(X'01970000000070008000000000000002','+97231000001',1,1750000001000);
INSERT INTO "business_numbers" VALUES(X'01970000000070008000000000000002','+97231000002',0,1750000001000);
CREATE TABLE businesses (
    tenant_id      BLOB    NOT NULL PRIMARY KEY CHECK (length(tenant_id) = 16),
    name           TEXT    NOT NULL CHECK (name <> ''),
    language       TEXT    NOT NULL CHECK (language IN ('he', 'en')),
    instructions   TEXT    NOT NULL,
    greeting       TEXT    NOT NULL,
    voice          TEXT    NOT NULL,
    max_call_s     INTEGER NOT NULL CHECK (max_call_s > 0),
    idle_s         INTEGER NOT NULL CHECK (idle_s > 0),
    max_live_calls INTEGER NOT NULL CHECK (max_live_calls > 0),
    record_calls   INTEGER NOT NULL CHECK (record_calls IN (0, 1)),
    created_at     INTEGER NOT NULL
) STRICT;
INSERT INTO "businesses" VALUES(X'01970000000070008000000000000001','Garage','he','Answer the phone.','Shalom','alloy',600,20,3,1,1750000000000);
INSERT INTO "businesses" VALUES(X'01970000000070008000000000000002','Clinic','en','Answer politely.','Hello','verse',300,15,2,0,1750000001000);
CREATE TABLE calls (
    tenant_id        BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id               BLOB    NOT NULL CHECK (length(id) = 16),
    call_sid         TEXT    NOT NULL UNIQUE,
    direction        TEXT    NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    caller_number    TEXT,
    business_number  TEXT    NOT NULL,
    started_at       INTEGER NOT NULL,
    status           TEXT    NOT NULL,
    status_rank      INTEGER NOT NULL CHECK (status_rank BETWEEN 0 AND 4),
    status_sequence  INTEGER,
    carrier_ended_at INTEGER,
    end_reason       TEXT,
    ended_at         INTEGER,
    after_stream     TEXT,
    dial_number      TEXT,
    input_text       INTEGER NOT NULL DEFAULT 0,
    input_audio      INTEGER NOT NULL DEFAULT 0,
    input_image      INTEGER NOT NULL DEFAULT 0,
    cached_text      INTEGER NOT NULL DEFAULT 0,
    cached_audio     INTEGER NOT NULL DEFAULT 0,
    cached_image     INTEGER NOT NULL DEFAULT 0,
    output_text      INTEGER NOT NULL DEFAULT 0,
    output_audio     INTEGER NOT NULL DEFAULT 0,
    billed_ms        INTEGER NOT NULL DEFAULT 0,
    cost_micro_usd   INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((status_rank = 4) = (carrier_ended_at IS NOT NULL)),
    CHECK ((end_reason IS NULL) = (ended_at IS NULL)),
    CHECK ((end_reason IS NULL) = (after_stream IS NULL)),
    CHECK ((after_stream IS 'dial') = (dial_number IS NOT NULL))
) STRICT;
INSERT INTO "calls" VALUES(X'01970000000070008000000000000001',X'01970000000070008000000000000011','CA00000000000000000000000000000011','inbound','+972500000011','+97231000001',1750000002000,'completed',4,3,1750000062000,'agent_ended',1750000061000,'hang_up',NULL,120,0,0,0,0,0,0,4000,60000,12345,1750000002000,1750000062000);
INSERT INTO "calls" VALUES(X'01970000000070008000000000000002',X'01970000000070008000000000000012','CA00000000000000000000000000000012','inbound',NULL,'+97231000002',1750000003000,'in-progress',2,1,NULL,NULL,NULL,NULL,NULL,0,0,0,0,0,0,0,0,0,0,1750000003000,1750000003000);
CREATE TABLE jobs (
    tenant_id       BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    kind            TEXT    NOT NULL,
    work            TEXT    NOT NULL CHECK (json_valid(work)),
    idempotency_key TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'done', 'dead')),
    due_at          INTEGER NOT NULL,
    attempt         INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, idempotency_key)
) STRICT;
INSERT INTO "jobs" VALUES(X'01970000000070008000000000000001',X'01970000000070008000000000000041','summarize_call','{"kind":"summarize_call","call":"call_01970000000070008000000000000011"}','summarize_call:call_01970000000070008000000000000011','pending',1750000061000,0,NULL,1750000061000,1750000061000);
CREATE TABLE leads (
    tenant_id     BLOB    NOT NULL,
    id            BLOB    NOT NULL CHECK (length(id) = 16),
    call_id       BLOB    NOT NULL,
    caller_number TEXT,
    source        TEXT    NOT NULL,
    name          TEXT,
    intent        TEXT,
    summary       TEXT,
    next_step     TEXT,
    notes         TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT;
INSERT INTO "leads" VALUES(X'01970000000070008000000000000001',X'01970000000070008000000000000021',X'01970000000070008000000000000011','+972500000011','call','Dana','repair','The car does not start','call back','blue car',1750000061000,1750000061000);
CREATE TABLE recordings (
    tenant_id     BLOB    NOT NULL,
    recording_sid TEXT    NOT NULL UNIQUE,
    call_id       BLOB    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('in_progress', 'available', 'stored', 'absent')),
    duration_ms   INTEGER,
    path          TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, recording_sid),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    CHECK ((state = 'stored') = (path IS NOT NULL))
) STRICT;
INSERT INTO "recordings" VALUES(X'01970000000070008000000000000001','RE00000000000000000000000000000031',X'01970000000070008000000000000011','stored',58000,'recordings/31.wav',1750000063000,1750000064000);
CREATE TABLE stream_tokens (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    tenant_id  BLOB    NOT NULL,
    call_id    BLOB    NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "stream_tokens" VALUES(X'4141414141414141414141414141414141414141414141414141414141414141',X'01970000000070008000000000000002',X'01970000000070008000000000000012',1750000100000,NULL);
CREATE TABLE transcript_lines (
    tenant_id   BLOB    NOT NULL,
    call_id     BLOB    NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq >= 0),
    speaker     TEXT    NOT NULL CHECK (speaker IN ('caller', 'agent')),
    at_ms       INTEGER NOT NULL,
    text        TEXT    NOT NULL,
    interrupted INTEGER NOT NULL CHECK (interrupted IN (0, 1)),
    PRIMARY KEY (tenant_id, call_id, seq),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "transcript_lines" VALUES(X'01970000000070008000000000000001',X'01970000000070008000000000000011',0,'agent',500,'Shalom',0);
INSERT INTO "transcript_lines" VALUES(X'01970000000070008000000000000001',X'01970000000070008000000000000011',1,'caller',2500,'My car does not start',1);
CREATE TABLE transfer_targets (
    tenant_id BLOB    NOT NULL REFERENCES businesses (tenant_id),
    position  INTEGER NOT NULL,
    label     TEXT    NOT NULL CHECK (label <> ''),
    number    TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, label)
) STRICT, WITHOUT ROWID;
INSERT INTO "transfer_targets" VALUES(X'01970000000070008000000000000001',0,'office','+97231000009');
CREATE INDEX business_numbers_by_number ON business_numbers (number);
CREATE UNIQUE INDEX business_numbers_one_owner ON business_numbers (number) WHERE imported = 0;
CREATE INDEX calls_newest ON calls (tenant_id, started_at, id);
CREATE INDEX calls_without_outcome ON calls (started_at) WHERE end_reason IS NULL;
CREATE INDEX calls_without_final_status ON calls (started_at) WHERE status_rank < 4;
CREATE INDEX leads_newest ON leads (tenant_id, created_at, id);
CREATE INDEX recordings_of_call ON recordings (tenant_id, call_id, created_at);
CREATE INDEX stream_tokens_of_call ON stream_tokens (tenant_id, call_id);
CREATE INDEX stream_tokens_by_expiry ON stream_tokens (expires_at);
CREATE INDEX jobs_due ON jobs (due_at) WHERE state IN ('pending', 'running');
CREATE INDEX jobs_by_state ON jobs (state);
COMMIT;
