-- Long work with progress, people's requests about their data, and leads that may be one person.
-- Conventions as in 0001 and 0002.

-- Nothing has written to these two: what stands in their place says more.
DROP TABLE bulk_changes;
DROP TABLE subject_requests;

-- Work of many steps that somebody asked for and watches. A row of `jobs` drives it, slice by slice.
--   spec      what to do, as the kind of work understands it.
--   position  how far the work has come; `total` is NULL until it was counted.
--   errors    the first of them, by the id of what failed and a stable word.
--   actor_*   who asked: what is done is done in his name.
CREATE TABLE batch_jobs (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    kind       TEXT    NOT NULL,
    spec       TEXT    NOT NULL CHECK (json_valid(spec)),
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    position   TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(position)),
    total      INTEGER,
    done       INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    errors     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(errors)),
    result     TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(result)),
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    acting_id  BLOB,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at   INTEGER,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX batch_jobs_newest ON batch_jobs (tenant_id, created_at, id);

-- The bulk change that threw a lead away, so that all of it can be taken back at once.
ALTER TABLE leads ADD COLUMN deleted_by BLOB;
CREATE INDEX leads_of_deletion ON leads (tenant_id, deleted_by, id) WHERE deleted_by IS NOT NULL;

-- Requests of people about their data. `subject` and `contact` are emptied when the person is erased.
CREATE TABLE data_subject_requests (
    tenant_id    BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    kind         TEXT    NOT NULL CHECK (kind IN ('access', 'erasure', 'correction')),
    status       TEXT    NOT NULL CHECK (status IN ('open', 'in_progress', 'done', 'refused')),
    lead_id      BLOB,
    subject      TEXT    NOT NULL DEFAULT '',
    contact      TEXT    NOT NULL DEFAULT '',
    note         TEXT    NOT NULL DEFAULT '',
    received_at  INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    batch_id     BLOB,
    handled_kind TEXT,
    handled_id   TEXT,
    handled_at   INTEGER,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX data_subject_requests_newest ON data_subject_requests (tenant_id, created_at, id);
CREATE INDEX data_subject_requests_open ON data_subject_requests (tenant_id, due_at, id)
    WHERE status IN ('open', 'in_progress');

-- Two leads that may be one person; `lead_id` is the older one. A dismissed pair stays dismissed.
CREATE TABLE lead_duplicates (
    tenant_id    BLOB    NOT NULL,
    lead_id      BLOB    NOT NULL,
    other_id     BLOB    NOT NULL,
    reason       TEXT    NOT NULL CHECK (reason IN ('phone', 'email', 'name')),
    found_at     INTEGER NOT NULL,
    dismissed_at INTEGER,
    PRIMARY KEY (tenant_id, lead_id, other_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, other_id) REFERENCES leads (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX lead_duplicates_of_other ON lead_duplicates (tenant_id, other_id);
