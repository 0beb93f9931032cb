-- Files of leads in and out: an import is a batch job, and the archive of one person is made by one.
-- Conventions as in 0001 and 0002.

-- What `imports` told of an import stands in its batch job, which has the same id; the row stays because
-- leads name it. One that a request was to finish will not be finished any more.
INSERT INTO batch_jobs (tenant_id, id, kind, spec, state, total, done, failed, result, actor_kind, actor_id,
                        created_at, updated_at, ended_at, version)
SELECT tenant_id, id, 'leads.import',
       json_object('dry_run', json(CASE WHEN dry_run = 1 THEN 'true' ELSE 'false' END), 'parts', 0),
       CASE WHEN state IN ('done', 'undone') THEN 'done' ELSE 'failed' END,
       rows, created, failed, json_object('dry_run', json(CASE WHEN dry_run = 1 THEN 'true' ELSE 'false' END)),
       actor_kind, actor_id, created_at, updated_at, updated_at, version
FROM imports;

ALTER TABLE imports DROP COLUMN file_name;
ALTER TABLE imports DROP COLUMN dry_run;
ALTER TABLE imports DROP COLUMN state;
ALTER TABLE imports DROP COLUMN rows;
ALTER TABLE imports DROP COLUMN created;
ALTER TABLE imports DROP COLUMN updated;
ALTER TABLE imports DROP COLUMN failed;
ALTER TABLE imports DROP COLUMN errors;
ALTER TABLE imports DROP COLUMN actor_kind;
ALTER TABLE imports DROP COLUMN actor_id;
ALTER TABLE imports DROP COLUMN updated_at;
ALTER TABLE imports DROP COLUMN version;

-- An uploaded file on its way into the leads, some rows a part. `content` holds the rows as JSON until they
-- are imported, then the 16 bytes of each lead's id until they are found by search; then the part goes.
CREATE TABLE import_parts (
    tenant_id   BLOB    NOT NULL,
    import_id   BLOB    NOT NULL,
    number      INTEGER NOT NULL,
    is_imported INTEGER NOT NULL DEFAULT 0 CHECK (is_imported IN (0, 1)),
    content     BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, import_id, number),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
) STRICT;

-- Whom a dry run has met in its file, as hashes: it writes no leads that would tell.
CREATE TABLE import_keys (
    tenant_id BLOB NOT NULL,
    import_id BLOB NOT NULL,
    hash      BLOB NOT NULL CHECK (length(hash) = 16),
    PRIMARY KEY (tenant_id, import_id, hash),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
) STRICT, WITHOUT ROWID;

DROP INDEX leads_of_import;
CREATE INDEX leads_of_import ON leads (tenant_id, import_id, id) WHERE import_id IS NOT NULL;

-- Everything about one person, made by the batch job of the same id, for a while.
CREATE TABLE person_exports (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id    BLOB    NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX person_exports_of_lead ON person_exports (tenant_id, lead_id);
CREATE INDEX person_exports_by_expiry ON person_exports (tenant_id, expires_at);

CREATE TABLE person_export_parts (
    tenant_id BLOB    NOT NULL,
    export_id BLOB    NOT NULL,
    number    INTEGER NOT NULL,
    content   BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, export_id, number),
    FOREIGN KEY (tenant_id, export_id) REFERENCES person_exports (tenant_id, id)
) STRICT;
