-- Businesses, their calls, and what calls leave behind.
--
-- The tables are those of the SQLite migration with the same number. Conventions:
--   ids           UUID, version 7: in the order of creation.
--   *_at          milliseconds since 1970-01-01T00:00:00Z; whole numbers are BIGINT.
--   numbers       E.164 text, `+` and digits.
--   money         integer micro-dollars.
--   tenant_id     first in every key of a tenant table and part of every foreign key, so that a row of
--                 one business cannot refer to a row of another.
-- Row-level security comes with 0002: no release ran PostgreSQL before it.

CREATE TABLE businesses (
    tenant_id      UUID    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL CHECK (name <> ''),
    language       TEXT    NOT NULL CHECK (language IN ('he', 'en')),
    instructions   TEXT    NOT NULL,
    greeting       TEXT    NOT NULL,
    voice          TEXT    NOT NULL,
    max_call_s     BIGINT  NOT NULL CHECK (max_call_s > 0),
    idle_s         BIGINT  NOT NULL CHECK (idle_s > 0),
    max_live_calls BIGINT  NOT NULL CHECK (max_live_calls > 0),
    record_calls   BOOLEAN NOT NULL,
    created_at     BIGINT  NOT NULL
);

-- `imported` marks numbers taken over from elsewhere, which may be doubled; all others have one owner.
CREATE TABLE business_numbers (
    tenant_id  UUID    NOT NULL REFERENCES businesses (tenant_id),
    number     TEXT    NOT NULL,
    imported   BOOLEAN NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, number)
);

CREATE INDEX business_numbers_by_number ON business_numbers (number);
CREATE UNIQUE INDEX business_numbers_one_owner ON business_numbers (number) WHERE NOT imported;

CREATE TABLE transfer_targets (
    tenant_id UUID    NOT NULL REFERENCES businesses (tenant_id),
    position  BIGINT  NOT NULL,
    label     TEXT    NOT NULL CHECK (label <> ''),
    number    TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, label)
);

-- `status*` and `carrier_ended_at` are the carrier's word, `end_reason`, `ended_at`, `after_stream`
-- and the usage our own session's; neither waits for the other.
CREATE TABLE calls (
    tenant_id        UUID    NOT NULL REFERENCES businesses (tenant_id),
    id               UUID    NOT NULL,
    call_sid         TEXT    NOT NULL UNIQUE,
    direction        TEXT    NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    caller_number    TEXT,
    business_number  TEXT    NOT NULL,
    started_at       BIGINT  NOT NULL,
    status           TEXT    NOT NULL,
    status_rank      BIGINT  NOT NULL CHECK (status_rank BETWEEN 0 AND 4),
    status_sequence  BIGINT,
    carrier_ended_at BIGINT,
    end_reason       TEXT,
    ended_at         BIGINT,
    after_stream     TEXT,
    dial_number      TEXT,
    input_text       BIGINT  NOT NULL DEFAULT 0,
    input_audio      BIGINT  NOT NULL DEFAULT 0,
    input_image      BIGINT  NOT NULL DEFAULT 0,
    cached_text      BIGINT  NOT NULL DEFAULT 0,
    cached_audio     BIGINT  NOT NULL DEFAULT 0,
    cached_image     BIGINT  NOT NULL DEFAULT 0,
    output_text      BIGINT  NOT NULL DEFAULT 0,
    output_audio     BIGINT  NOT NULL DEFAULT 0,
    billed_ms        BIGINT  NOT NULL DEFAULT 0,
    cost_micro_usd   BIGINT  NOT NULL DEFAULT 0,
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK ((status_rank = 4) = (carrier_ended_at IS NOT NULL)),
    CHECK ((end_reason IS NULL) = (ended_at IS NULL)),
    CHECK ((end_reason IS NULL) = (after_stream IS NULL)),
    CHECK ((after_stream IS NOT DISTINCT FROM 'dial') = (dial_number IS NOT NULL))
);

CREATE INDEX calls_newest ON calls (tenant_id, started_at, id);
CREATE INDEX calls_without_outcome ON calls (started_at) WHERE end_reason IS NULL;
CREATE INDEX calls_without_final_status ON calls (started_at) WHERE status_rank < 4;

CREATE TABLE transcript_lines (
    tenant_id   UUID    NOT NULL,
    call_id     UUID    NOT NULL,
    seq         BIGINT  NOT NULL CHECK (seq >= 0),
    speaker     TEXT    NOT NULL CHECK (speaker IN ('caller', 'agent')),
    at_ms       BIGINT  NOT NULL,
    text        TEXT    NOT NULL,
    interrupted BOOLEAN NOT NULL,
    PRIMARY KEY (tenant_id, call_id, seq),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

CREATE TABLE leads (
    tenant_id     UUID    NOT NULL,
    id            UUID    NOT NULL,
    call_id       UUID    NOT NULL,
    caller_number TEXT,
    source        TEXT    NOT NULL,
    name          TEXT,
    intent        TEXT,
    summary       TEXT,
    next_step     TEXT,
    notes         TEXT,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

CREATE INDEX leads_newest ON leads (tenant_id, created_at, id);

CREATE TABLE recordings (
    tenant_id     UUID    NOT NULL,
    recording_sid TEXT    NOT NULL UNIQUE,
    call_id       UUID    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('in_progress', 'available', 'stored', 'absent')),
    duration_ms   BIGINT,
    path          TEXT,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, recording_sid),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    CHECK ((state = 'stored') = (path IS NOT NULL))
);

CREATE INDEX recordings_of_call ON recordings (tenant_id, call_id, created_at);

-- Only the SHA-256 of a token is here. A used token stays until it is forgotten, so that it is not new.
CREATE TABLE stream_tokens (
    token_hash BYTEA   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    tenant_id  UUID    NOT NULL,
    call_id    UUID    NOT NULL,
    expires_at BIGINT  NOT NULL,
    used_at    BIGINT,
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id)
);

CREATE INDEX stream_tokens_of_call ON stream_tokens (tenant_id, call_id);
CREATE INDEX stream_tokens_by_expiry ON stream_tokens (expires_at);

-- `due_at` of a pending job is when it runs, of a running one when its lease ends: either way, from
-- then on a worker may take it. `attempt` counts how often it was taken and fences late reports.
CREATE TABLE jobs (
    tenant_id       UUID    NOT NULL REFERENCES businesses (tenant_id),
    id              UUID    NOT NULL,
    kind            TEXT    NOT NULL,
    work            JSONB   NOT NULL,
    idempotency_key TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'done', 'dead')),
    due_at          BIGINT  NOT NULL,
    attempt         BIGINT  NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, idempotency_key)
);

CREATE INDEX jobs_due ON jobs (due_at) WHERE state IN ('pending', 'running');
CREATE INDEX jobs_by_state ON jobs (state);
