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
    tenant_id  UUID    NOT NULL REFERENCES businesses (tenant_id),
    id         UUID    NOT NULL,
    kind       TEXT    NOT NULL,
    spec       JSONB   NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    position   JSONB   NOT NULL DEFAULT '{}',
    total      BIGINT,
    done       BIGINT  NOT NULL DEFAULT 0,
    failed     BIGINT  NOT NULL DEFAULT 0,
    errors     JSONB   NOT NULL DEFAULT '[]',
    result     JSONB   NOT NULL DEFAULT '{}',
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    acting_id  UUID,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    ended_at   BIGINT,
    version    BIGINT  NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX batch_jobs_newest ON batch_jobs (tenant_id, created_at, id);

-- The bulk change that threw a lead away, so that all of it can be taken back at once.
ALTER TABLE leads ADD COLUMN deleted_by UUID;
CREATE INDEX leads_of_deletion ON leads (tenant_id, deleted_by, id) WHERE deleted_by IS NOT NULL;

-- Requests of people about their data. `subject` and `contact` are emptied when the person is erased.
CREATE TABLE data_subject_requests (
    tenant_id    UUID    NOT NULL REFERENCES businesses (tenant_id),
    id           UUID    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('access', 'erasure', 'correction')),
    status       TEXT    NOT NULL CHECK (status IN ('open', 'in_progress', 'done', 'refused')),
    lead_id      UUID,
    subject      TEXT    NOT NULL DEFAULT '',
    contact      TEXT    NOT NULL DEFAULT '',
    note         TEXT    NOT NULL DEFAULT '',
    received_at  BIGINT  NOT NULL,
    due_at       BIGINT  NOT NULL,
    batch_id     UUID,
    handled_kind TEXT,
    handled_id   TEXT,
    handled_at   BIGINT,
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    version      BIGINT  NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX data_subject_requests_newest ON data_subject_requests (tenant_id, created_at, id);
CREATE INDEX data_subject_requests_open ON data_subject_requests (tenant_id, due_at, id)
    WHERE status IN ('open', 'in_progress');

-- Two leads that may be one person; `lead_id` is the older one. A dismissed pair stays dismissed.
CREATE TABLE lead_duplicates (
    tenant_id    UUID    NOT NULL,
    lead_id      UUID    NOT NULL,
    other_id     UUID    NOT NULL,
    reason       TEXT    NOT NULL CHECK (reason IN ('phone', 'email', 'name')),
    found_at     BIGINT  NOT NULL,
    dismissed_at BIGINT,
    PRIMARY KEY (tenant_id, lead_id, other_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, other_id) REFERENCES leads (tenant_id, id)
);

CREATE INDEX lead_duplicates_of_other ON lead_duplicates (tenant_id, other_id);

DO $$
DECLARE
    name TEXT;
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    FOREACH name IN ARRAY ARRAY['batch_jobs', 'data_subject_requests', 'lead_duplicates']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s OR %s) WITH CHECK (%s OR %s)',
                       name, of_tenant, of_system, of_tenant, of_system);
    END LOOP;
END
$$;
