-- Files of leads in and out: an import is a batch job, and the archive of one person is made by one.
-- Conventions as in 0001 and 0002.

-- Rows of all businesses are moved here; the owner of the tables is under row-level security as well.
SELECT set_config('app.system', 'on', true);

-- What `imports` told of an import stands in its batch job, which has the same id; the row stays because
-- leads name it. One that a request was to finish will not be finished any more.
INSERT INTO batch_jobs (tenant_id, id, kind, spec, state, total, done, failed, result, actor_kind, actor_id,
                        created_at, updated_at, ended_at, version)
SELECT tenant_id, id, 'leads.import', jsonb_build_object('dry_run', dry_run, 'parts', 0),
       CASE WHEN state IN ('done', 'undone') THEN 'done' ELSE 'failed' END,
       rows, created, failed, jsonb_build_object('dry_run', dry_run),
       actor_kind, actor_id, created_at, updated_at, updated_at, version
FROM imports;

ALTER TABLE imports
    DROP COLUMN file_name, DROP COLUMN dry_run, DROP COLUMN state, DROP COLUMN rows, DROP COLUMN created,
    DROP COLUMN updated, DROP COLUMN failed, DROP COLUMN errors, DROP COLUMN actor_kind,
    DROP COLUMN actor_id, DROP COLUMN updated_at, DROP COLUMN version;

-- An uploaded file on its way into the leads, some rows a part. `content` holds the rows as JSON until they
-- are imported, then the 16 bytes of each lead's id until they are found by search; then the part goes.
CREATE TABLE import_parts (
    tenant_id   UUID    NOT NULL,
    import_id   UUID    NOT NULL,
    number      BIGINT  NOT NULL,
    is_imported BOOLEAN NOT NULL DEFAULT FALSE,
    content     BYTEA   NOT NULL,
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
);

-- Whom a dry run has met in its file, as hashes: it writes no leads that would tell.
CREATE TABLE import_keys (
    tenant_id UUID  NOT NULL,
    import_id UUID  NOT NULL,
    hash      BYTEA NOT NULL CHECK (length(hash) = 16),
    PRIMARY KEY (tenant_id, import_id, hash),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
);

DROP INDEX leads_of_import;
CREATE INDEX leads_of_import ON leads (tenant_id, import_id, id) WHERE import_id IS NOT NULL;

-- Everything about one person, made by the batch job of the same id, for a while.
CREATE TABLE person_exports (
    tenant_id  UUID   NOT NULL,
    id         UUID   NOT NULL,
    lead_id    UUID   NOT NULL,
    bytes      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
);

CREATE INDEX person_exports_of_lead ON person_exports (tenant_id, lead_id);
CREATE INDEX person_exports_by_expiry ON person_exports (tenant_id, expires_at);

CREATE TABLE person_export_parts (
    tenant_id UUID   NOT NULL,
    export_id UUID   NOT NULL,
    number    BIGINT NOT NULL,
    content   BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, export_id, number),
    FOREIGN KEY (tenant_id, export_id) REFERENCES person_exports (tenant_id, id)
);

DO $$
DECLARE
    name TEXT;
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    FOREACH name IN ARRAY ARRAY['import_parts', 'import_keys', 'person_exports', 'person_export_parts']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s OR %s) WITH CHECK (%s OR %s)',
                       name, of_tenant, of_system, of_tenant, of_system);
    END LOOP;
END
$$;
