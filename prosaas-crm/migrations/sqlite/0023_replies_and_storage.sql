-- Replies that are kept ready, and how much a business may store in files. Conventions as in 0001 and 0002.

-- shortcut_key  the shortcut in small letters, by which it is told from others: `lower` of SQLite knows ASCII only.
CREATE TABLE canned_replies (
    tenant_id    BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    shortcut     TEXT    NOT NULL,
    shortcut_key TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, shortcut_key)
) STRICT;

-- storage_limit_bytes  how much the files of conversations and the recordings of a business may take together.
-- storage_warned_at    when its owners were last told that most of it is taken.
ALTER TABLE businesses ADD COLUMN storage_limit_bytes INTEGER NOT NULL DEFAULT 5000000000
    CHECK (storage_limit_bytes >= 0);
ALTER TABLE businesses ADD COLUMN storage_warned_at INTEGER;

-- bytes  the size of a stored recording; not known of those from before, whose length tells it well enough.
ALTER TABLE recordings ADD COLUMN bytes INTEGER CHECK (bytes >= 0);
