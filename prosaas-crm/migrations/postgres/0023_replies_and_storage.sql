-- Replies that are kept ready, and how much a business may store in files. Conventions as in 0001 and 0002.

-- shortcut_key  the shortcut in small letters, by which it is told from others: `lower` of SQLite knows ASCII only.
CREATE TABLE canned_replies (
    tenant_id    UUID    NOT NULL REFERENCES businesses (tenant_id),
    id           UUID    NOT NULL,
    shortcut     TEXT    NOT NULL,
    shortcut_key TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    version      BIGINT  NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, shortcut_key)
);

-- storage_limit_bytes  how much the files of conversations and the recordings of a business may take together.
-- storage_warned_at    when its owners were last told that most of it is taken.
ALTER TABLE businesses ADD COLUMN storage_limit_bytes BIGINT NOT NULL DEFAULT 5000000000
    CHECK (storage_limit_bytes >= 0);
ALTER TABLE businesses ADD COLUMN storage_warned_at BIGINT;

-- bytes  the size of a stored recording; not known of those from before, whose length tells it well enough.
ALTER TABLE recordings ADD COLUMN bytes BIGINT CHECK (bytes >= 0);

DO $$
DECLARE
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    ALTER TABLE canned_replies ENABLE ROW LEVEL SECURITY;
    ALTER TABLE canned_replies FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY tenant ON canned_replies USING (%s OR %s) WITH CHECK (%s OR %s)',
                   of_tenant, of_system, of_tenant, of_system);
END
$$;
