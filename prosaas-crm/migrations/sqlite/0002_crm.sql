-- The CRM: people who sign in, leads and what happens to them, set-up, events, audit.
-- Conventions as in 0001. In addition:
--   version     starts at 1 and grows by one with every change of the row: the ETag of the API.
--   deleted_at  a soft deletion; what is deleted is in no list but the trash.
--   actor_*     who did it: the kind of actor, and his id where he has one.
--   JSON        text that `json_valid` accepts.

-- Businesses: settings.
ALTER TABLE businesses ADD COLUMN status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended'));
ALTER TABLE businesses ADD COLUMN country TEXT NOT NULL DEFAULT 'IL' CHECK (length(country) = 2);
ALTER TABLE businesses ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'Asia/Jerusalem';
ALTER TABLE businesses ADD COLUMN languages TEXT NOT NULL DEFAULT '["he"]' CHECK (json_valid(languages));
ALTER TABLE businesses ADD COLUMN opening_hours TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(opening_hours));
ALTER TABLE businesses ADD COLUMN holiday_calendar TEXT NOT NULL DEFAULT 'israel' CHECK (holiday_calendar IN ('israel', 'none'));
ALTER TABLE businesses ADD COLUMN booking TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(booking));
ALTER TABLE businesses ADD COLUMN screening TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(screening));
ALTER TABLE businesses ADD COLUMN tools TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tools));
ALTER TABLE businesses ADD COLUMN announcement TEXT;
ALTER TABLE businesses ADD COLUMN announcement_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE businesses ADD COLUMN recording_days INTEGER CHECK (recording_days > 0);
ALTER TABLE businesses ADD COLUMN transcript_days INTEGER CHECK (transcript_days > 0);
ALTER TABLE businesses ADD COLUMN notice_version INTEGER NOT NULL DEFAULT 0;
-- The business's own Twilio account; its token is among the sealed secrets.
ALTER TABLE businesses ADD COLUMN twilio_account_sid TEXT;
-- The number of the last event: taken last in a transaction, so that numbers follow commits.
ALTER TABLE businesses ADD COLUMN event_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE businesses ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE businesses ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE businesses ADD COLUMN deleted_at INTEGER;
UPDATE businesses SET updated_at = created_at, languages = json_array(language);

CREATE INDEX businesses_by_twilio_account ON businesses (twilio_account_sid) WHERE twilio_account_sid IS NOT NULL;

-- A released number keeps its row for the history of calls and may be claimed by another business.
ALTER TABLE business_numbers ADD COLUMN label TEXT NOT NULL DEFAULT '';
ALTER TABLE business_numbers ADD COLUMN answer_mode TEXT NOT NULL DEFAULT 'ai_always'
    CHECK (answer_mode IN ('ai_always', 'ai_outside_hours', 'ring_first'));
ALTER TABLE business_numbers ADD COLUMN ring_number TEXT;
ALTER TABLE business_numbers ADD COLUMN ring_seconds INTEGER NOT NULL DEFAULT 15 CHECK (ring_seconds BETWEEN 5 AND 60);
ALTER TABLE business_numbers ADD COLUMN record_calls INTEGER CHECK (record_calls IN (0, 1));
ALTER TABLE business_numbers ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE business_numbers ADD COLUMN released_at INTEGER;
DROP INDEX business_numbers_one_owner;
CREATE UNIQUE INDEX business_numbers_one_owner ON business_numbers (number) WHERE imported = 0 AND released_at IS NULL;

CREATE TABLE holidays (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    day        TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    hours      TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(hours)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, day)
) STRICT;

CREATE TABLE block_list (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    kind       TEXT    NOT NULL CHECK (kind IN ('number', 'prefix')),
    value      TEXT    NOT NULL,
    reason     TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kind, value)
) STRICT;

-- What the agent may look up. `question` is empty for a plain text.
CREATE TABLE knowledge (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    kind       TEXT    NOT NULL CHECK (kind IN ('text', 'question')),
    title      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX knowledge_newest ON knowledge (tenant_id, created_at, id) WHERE deleted_at IS NULL;

-- Sealed under the installation's master key, bound to this table, column, tenant and name.
CREATE TABLE business_secrets (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    name       TEXT    NOT NULL CHECK (name IN ('twilio_auth_token', 'openai_api_key')),
    sealed     BLOB    NOT NULL,
    hint       TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

CREATE INDEX business_secrets_by_key ON business_secrets (key_id);

-- People. A user belongs to the installation; what he may do in a business is his membership there.
-- A deleted user's row stays, without name, address and password, for what it is named in.
CREATE TABLE users (
    id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    email               TEXT    NOT NULL,
    name                TEXT    NOT NULL,
    language            TEXT    NOT NULL DEFAULT 'he' CHECK (language IN ('he', 'en')),
    password_hash       TEXT,
    password_changed_at INTEGER,
    system_admin        INTEGER NOT NULL DEFAULT 0 CHECK (system_admin IN (0, 1)),
    status              TEXT    NOT NULL CHECK (status IN ('invited', 'active', 'suspended')),
    totp_sealed         BLOB,
    totp_last_step      INTEGER,
    totp_confirmed_at   INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    deleted_at          INTEGER,
    version             INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE UNIQUE INDEX users_by_email ON users (email) WHERE deleted_at IS NULL;
CREATE INDEX users_system_admins ON users (id) WHERE system_admin = 1 AND deleted_at IS NULL;

-- A removed member's row stays, so that what he did still names him.
CREATE TABLE memberships (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    user_id    BLOB    NOT NULL REFERENCES users (id),
    role       TEXT    NOT NULL CHECK (role IN ('owner', 'manager', 'agent', 'viewer')),
    status     TEXT    NOT NULL CHECK (status IN ('invited', 'active', 'suspended', 'removed')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE acting_sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    admin_id   BLOB    NOT NULL REFERENCES users (id),
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    reason     TEXT    NOT NULL CHECK (reason <> ''),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

CREATE INDEX acting_sessions_of_tenant ON acting_sessions (tenant_id, created_at);

-- Only the SHA-256 of a session's secret is here. `tenant_id` is the business the session works in.
CREATE TABLE sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id    BLOB    NOT NULL REFERENCES users (id),
    tenant_id  BLOB    REFERENCES businesses (tenant_id),
    acting_id  BLOB    REFERENCES acting_sessions (id),
    user_agent TEXT    NOT NULL DEFAULT '',
    second_factor_at INTEGER,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- One-time links: password reset, invitation, first administrator. Only hashes are here.
CREATE TABLE one_time_tokens (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose    TEXT    NOT NULL CHECK (purpose IN ('password_reset', 'invitation', 'first_admin', 'second_factor')),
    user_id    BLOB    REFERENCES users (id),
    tenant_id  BLOB    REFERENCES businesses (tenant_id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_tokens_of_user ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_by_expiry ON one_time_tokens (expires_at);

CREATE TABLE recovery_codes (
    user_id   BLOB    NOT NULL REFERENCES users (id),
    code_hash BLOB    NOT NULL CHECK (length(code_hash) = 32),
    used_at   INTEGER,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id       BLOB    NOT NULL REFERENCES users (id),
    credential_id BLOB    NOT NULL UNIQUE,
    passkey       TEXT    NOT NULL CHECK (json_valid(passkey)),
    name          TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    used_at       INTEGER
) STRICT;

CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- The server's half of a passkey ceremony that has begun.
CREATE TABLE passkey_ceremonies (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    BLOB    REFERENCES users (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('register', 'authenticate')),
    state      TEXT    NOT NULL CHECK (json_valid(state)),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who tried to sign in how often. `subject_hash` is a keyed hash of an account, an address or both.
CREATE TABLE login_attempts (
    subject_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(subject_hash) = 32),
    failures     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    next_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_attempts_by_age ON login_attempts (last_at);

-- Browsers that signed in well before: they are not slowed by what others try on the account.
CREATE TABLE known_devices (
    user_id     BLOB    NOT NULL REFERENCES users (id),
    device_hash BLOB    NOT NULL CHECK (length(device_hash) = 32),
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    name        TEXT    NOT NULL,
    secret_hash BLOB    NOT NULL UNIQUE CHECK (length(secret_hash) = 32),
    scopes      TEXT    NOT NULL CHECK (json_valid(scopes)),
    created_by  BLOB,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    used_at     INTEGER,
    revoked_at  INTEGER,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- What was done to the installation: administrators, businesses, acting sessions.
CREATE TABLE system_audit (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    at         INTEGER NOT NULL,
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    action     TEXT    NOT NULL,
    target     TEXT,
    detail     TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(detail))
) STRICT;

-- Leads: people, known by identities; the phone is one of them and not the key.
CREATE TABLE stages (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    name       TEXT    NOT NULL CHECK (name <> ''),
    kind       TEXT    NOT NULL CHECK (kind IN ('open', 'won', 'lost')),
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE tags (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    name       TEXT    NOT NULL CHECK (name <> ''),
    color      TEXT    NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE custom_fields (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    key         TEXT    NOT NULL CHECK (key <> ''),
    label       TEXT    NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('text', 'number', 'date', 'choice')),
    choices     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(choices)),
    position    INTEGER NOT NULL,
    archived_at INTEGER,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key)
) STRICT;

CREATE TABLE imports (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    file_name  TEXT    NOT NULL,
    dry_run    INTEGER NOT NULL CHECK (dry_run IN (0, 1)),
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed', 'undone')),
    rows       INTEGER NOT NULL DEFAULT 0,
    created    INTEGER NOT NULL DEFAULT 0,
    updated    INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    errors     TEXT    NOT NULL DEFAULT '[]' CHECK (json_valid(errors)),
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- Every business begins with the same stages.
INSERT INTO stages (tenant_id, id, name, kind, position, created_at, updated_at)
SELECT tenant_id, randomblob(16), first.name, first.kind, first.position, created_at, created_at
FROM businesses CROSS JOIN (
    SELECT 'new' AS name, 'open' AS kind, 0 AS position UNION ALL
    SELECT 'contacted', 'open', 1 UNION ALL
    SELECT 'qualified', 'open', 2 UNION ALL
    SELECT 'won', 'won', 3 UNION ALL
    SELECT 'lost', 'lost', 4) AS first;

-- `phone` and `email` repeat the first identities for lists. `active_at` is when something last happened.
CREATE TABLE leads_2 (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    source      TEXT    NOT NULL,
    stage_id    BLOB    NOT NULL,
    assignee_id BLOB,
    name        TEXT,
    company     TEXT,
    phone       TEXT,
    email       TEXT,
    intent      TEXT,
    summary     TEXT,
    next_step   TEXT,
    notes       TEXT,
    custom      TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(custom)),
    import_id   BLOB,
    merged_into BLOB,
    active_at   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, stage_id) REFERENCES stages (tenant_id, id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES memberships (tenant_id, user_id),
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id)
) STRICT;

INSERT INTO leads_2 (tenant_id, id, source, stage_id, name, phone, intent, summary, next_step, notes,
                     active_at, created_at, updated_at)
SELECT leads.tenant_id, leads.id, leads.source, stages.id, leads.name, leads.caller_number, leads.intent,
       leads.summary, leads.next_step, leads.notes, leads.created_at, leads.created_at, leads.updated_at
FROM leads JOIN stages ON stages.tenant_id = leads.tenant_id AND stages.position = 0;

-- The lead of a call: one, and one lead may have many calls.
CREATE TABLE call_leads_2 (tenant_id BLOB NOT NULL, call_id BLOB NOT NULL, lead_id BLOB NOT NULL) STRICT;
INSERT INTO call_leads_2 SELECT tenant_id, call_id, id FROM leads;
DROP TABLE leads;
ALTER TABLE leads_2 RENAME TO leads;

CREATE INDEX leads_newest ON leads (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX leads_active ON leads (tenant_id, active_at, id) WHERE deleted_at IS NULL;
CREATE INDEX leads_of_stage ON leads (tenant_id, stage_id, active_at, id) WHERE deleted_at IS NULL;
CREATE INDEX leads_of_assignee ON leads (tenant_id, assignee_id, active_at, id) WHERE deleted_at IS NULL;
CREATE INDEX leads_of_import ON leads (tenant_id, import_id) WHERE import_id IS NOT NULL;
CREATE INDEX leads_trash ON leads (tenant_id, deleted_at, id) WHERE deleted_at IS NOT NULL;

CREATE TABLE call_leads (
    tenant_id BLOB NOT NULL,
    call_id   BLOB NOT NULL,
    lead_id   BLOB NOT NULL,
    PRIMARY KEY (tenant_id, call_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT, WITHOUT ROWID;

INSERT INTO call_leads SELECT tenant_id, call_id, lead_id FROM call_leads_2;
DROP TABLE call_leads_2;
CREATE INDEX calls_of_lead ON call_leads (tenant_id, lead_id, call_id);

-- `live` follows the lead's deletion, so that a deleted lead's number may be taken by another.
CREATE TABLE lead_identities (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id    BLOB    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('e164', 'wa_lid', 'wa_bsuid', 'wa_username', 'email')),
    value      TEXT    NOT NULL CHECK (value <> ''),
    live       INTEGER NOT NULL CHECK (live IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE UNIQUE INDEX lead_identities_one_owner ON lead_identities (tenant_id, kind, value) WHERE live = 1;
CREATE INDEX lead_identities_of_lead ON lead_identities (tenant_id, lead_id);

-- Of several leads with one number, from before leads were people, the newest keeps it.
INSERT INTO lead_identities (tenant_id, id, lead_id, kind, value, live, created_at)
SELECT tenant_id, randomblob(16), id, 'e164', phone, 1, created_at
FROM leads
WHERE phone IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM leads AS newer
    WHERE newer.tenant_id = leads.tenant_id AND newer.phone = leads.phone
      AND (newer.created_at, newer.id) > (leads.created_at, leads.id));

CREATE TABLE lead_tags (
    tenant_id BLOB NOT NULL,
    lead_id   BLOB NOT NULL,
    tag_id    BLOB NOT NULL,
    PRIMARY KEY (tenant_id, lead_id, tag_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, tag_id) REFERENCES tags (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX leads_of_tag ON lead_tags (tenant_id, tag_id, lead_id);

-- What a merge changed, so that it can be undone.
CREATE TABLE lead_merges (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    winner_id  BLOB    NOT NULL,
    loser_id   BLOB    NOT NULL,
    snapshot   TEXT    NOT NULL CHECK (json_valid(snapshot)),
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    merged_at  INTEGER NOT NULL,
    undone_at  INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, winner_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, loser_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX lead_merges_of_winner ON lead_merges (tenant_id, winner_id);
CREATE INDEX lead_merges_of_loser ON lead_merges (tenant_id, loser_id);

CREATE TABLE undo_tokens (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    what       TEXT    NOT NULL CHECK (json_valid(what)),
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE bulk_changes (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    selection  TEXT    NOT NULL CHECK (json_valid(selection)),
    change     TEXT    NOT NULL CHECK (json_valid(change)),
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    expected   INTEGER NOT NULL,
    done       INTEGER NOT NULL DEFAULT 0,
    failed     INTEGER NOT NULL DEFAULT 0,
    after_id   BLOB,
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- Newest first within a token without a sort: see the search module.
CREATE TABLE search_tokens (
    tenant_id   BLOB    NOT NULL,
    token       TEXT    NOT NULL,
    recency     INTEGER NOT NULL,
    entity_kind TEXT    NOT NULL CHECK (entity_kind IN ('lead', 'knowledge', 'call', 'message')),
    entity_id   BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, entity_kind, token, recency, entity_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX search_tokens_of_entity ON search_tokens (tenant_id, entity_kind, entity_id);

-- What happens around leads.
CREATE TABLE notes (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id    BLOB    NOT NULL,
    body       TEXT    NOT NULL CHECK (body <> ''),
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX notes_of_lead ON notes (tenant_id, lead_id, created_at, id) WHERE deleted_at IS NULL;

CREATE TABLE tasks (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id     BLOB,
    call_id     BLOB,
    assignee_id BLOB,
    title       TEXT    NOT NULL CHECK (title <> ''),
    body        TEXT    NOT NULL DEFAULT '',
    priority    TEXT    NOT NULL CHECK (priority IN ('low', 'normal', 'urgent')),
    status      TEXT    NOT NULL CHECK (status IN ('open', 'done', 'cancelled')),
    due_at      INTEGER,
    remind_at   INTEGER,
    done_at     INTEGER,
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES memberships (tenant_id, user_id),
    CHECK ((status = 'done') = (done_at IS NOT NULL))
) STRICT;

CREATE INDEX tasks_newest ON tasks (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_open ON tasks (tenant_id, due_at, id) WHERE deleted_at IS NULL AND status = 'open';
CREATE INDEX tasks_of_lead ON tasks (tenant_id, lead_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_of_assignee ON tasks (tenant_id, assignee_id, due_at, id) WHERE deleted_at IS NULL;

-- `calendar_id` is whose time is taken: a member's id, or the business's own (its tenant id).
CREATE TABLE appointments (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    calendar_id BLOB    NOT NULL CHECK (length(calendar_id) = 16),
    lead_id     BLOB,
    call_id     BLOB,
    assignee_id BLOB,
    title       TEXT    NOT NULL CHECK (title <> ''),
    notes       TEXT    NOT NULL DEFAULT '',
    place       TEXT    NOT NULL DEFAULT '',
    status      TEXT    NOT NULL CHECK (status IN ('booked', 'cancelled', 'done', 'no_show')),
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    remind_at   INTEGER,
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    deleted_at  INTEGER,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES memberships (tenant_id, user_id),
    CHECK (starts_at < ends_at)
) STRICT;

CREATE INDEX appointments_by_time ON appointments (tenant_id, starts_at, id) WHERE deleted_at IS NULL;
CREATE INDEX appointments_of_calendar ON appointments (tenant_id, calendar_id, starts_at) WHERE deleted_at IS NULL AND status = 'booked';
CREATE INDEX appointments_of_lead ON appointments (tenant_id, lead_id, starts_at) WHERE deleted_at IS NULL;

CREATE TABLE calendar_feeds (
    tenant_id  BLOB    NOT NULL,
    user_id    BLOB    NOT NULL,
    token_hash BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id)
) STRICT;

CREATE TABLE pipelines (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    name       TEXT    NOT NULL CHECK (name <> ''),
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE deal_stages (
    tenant_id   BLOB    NOT NULL,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    pipeline_id BLOB    NOT NULL,
    name        TEXT    NOT NULL CHECK (name <> ''),
    kind        TEXT    NOT NULL CHECK (kind IN ('open', 'won', 'lost')),
    position    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, pipeline_id, id),
    UNIQUE (tenant_id, pipeline_id, name),
    FOREIGN KEY (tenant_id, pipeline_id) REFERENCES pipelines (tenant_id, id)
) STRICT;

CREATE TABLE deals (
    tenant_id         BLOB    NOT NULL,
    id                BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id           BLOB    NOT NULL,
    pipeline_id       BLOB    NOT NULL,
    stage_id          BLOB    NOT NULL,
    assignee_id       BLOB,
    title             TEXT    NOT NULL CHECK (title <> ''),
    amount            INTEGER NOT NULL CHECK (amount >= 0),
    currency          TEXT    NOT NULL CHECK (length(currency) = 3),
    expected_close_at INTEGER,
    closed_at         INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    version           INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, pipeline_id, stage_id) REFERENCES deal_stages (tenant_id, pipeline_id, id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES memberships (tenant_id, user_id)
) STRICT;

CREATE INDEX deals_newest ON deals (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deals_of_stage ON deals (tenant_id, stage_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deals_of_lead ON deals (tenant_id, lead_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX deals_of_assignee ON deals (tenant_id, assignee_id) WHERE assignee_id IS NOT NULL;

-- A record of money asked for or received; no tax invoice, whose allocation number is only noted.
CREATE TABLE payments (
    tenant_id         BLOB    NOT NULL,
    id                BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id           BLOB    NOT NULL,
    deal_id           BLOB,
    amount            INTEGER NOT NULL CHECK (amount > 0),
    currency          TEXT    NOT NULL CHECK (length(currency) = 3),
    description       TEXT    NOT NULL DEFAULT '',
    status            TEXT    NOT NULL CHECK (status IN ('pending', 'paid', 'failed', 'cancelled', 'refunded')),
    method            TEXT    NOT NULL CHECK (method IN ('link', 'cash', 'transfer', 'card', 'other')),
    provider          TEXT,
    provider_ref      TEXT,
    link_url          TEXT,
    allocation_number TEXT,
    paid_at           INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    version           INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, deal_id) REFERENCES deals (tenant_id, id)
) STRICT;

CREATE INDEX payments_newest ON payments (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX payments_of_lead ON payments (tenant_id, lead_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX payments_of_deal ON payments (tenant_id, deal_id) WHERE deal_id IS NOT NULL;
CREATE UNIQUE INDEX payments_by_provider_ref ON payments (tenant_id, provider, provider_ref) WHERE provider_ref IS NOT NULL;

-- Append-only: the newest row of a lead, channel and purpose is the one that holds.
CREATE TABLE consents (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id    BLOB    NOT NULL,
    channel    TEXT    NOT NULL CHECK (channel IN ('phone', 'sms', 'whatsapp', 'email')),
    purpose    TEXT    NOT NULL CHECK (purpose IN ('service', 'marketing', 'recording')),
    given      INTEGER NOT NULL CHECK (given IN (0, 1)),
    source     TEXT    NOT NULL,
    evidence   TEXT    NOT NULL DEFAULT '',
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX consents_of_lead ON consents (tenant_id, lead_id, channel, purpose, created_at, id);

-- What the agent said somebody will do. `said_at_ms` is the moment within the call.
CREATE TABLE promises (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    call_id    BLOB    NOT NULL,
    lead_id    BLOB,
    what       TEXT    NOT NULL CHECK (what <> ''),
    who        TEXT    NOT NULL DEFAULT '',
    due_at     INTEGER,
    said_at_ms INTEGER NOT NULL CHECK (said_at_ms >= 0),
    status     TEXT    NOT NULL CHECK (status IN ('open', 'kept', 'broken', 'dropped')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES calls (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX promises_newest ON promises (tenant_id, created_at, id);
CREATE INDEX promises_open ON promises (tenant_id, due_at, id) WHERE status = 'open';
CREATE INDEX promises_of_call ON promises (tenant_id, call_id);
CREATE INDEX promises_of_lead ON promises (tenant_id, lead_id) WHERE lead_id IS NOT NULL;

-- One append-only list per lead. `ref_id` names what it is about, printed as the API prints it.
CREATE TABLE timeline_events (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id    BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    ref_id     TEXT,
    data       TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
    actor_kind TEXT    NOT NULL,
    actor_id   TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE INDEX timeline_of_lead ON timeline_events (tenant_id, lead_id, at, id);

-- Calls: what the summary found, and what the owner was told.
ALTER TABLE calls ADD COLUMN answered_by TEXT CHECK (answered_by IN ('agent', 'person', 'voicemail', 'nobody', 'rejected'));
ALTER TABLE calls ADD COLUMN summary TEXT;
ALTER TABLE calls ADD COLUMN intent TEXT;
ALTER TABLE calls ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0 CHECK (urgent IN (0, 1));
ALTER TABLE calls ADD COLUMN summarized_at INTEGER;
ALTER TABLE calls ADD COLUMN alerted_at INTEGER;
ALTER TABLE calls ADD COLUMN announcement_version INTEGER;

CREATE TABLE conversations (
    tenant_id       BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    lead_id         BLOB,
    channel         TEXT    NOT NULL CHECK (channel IN ('whatsapp', 'sms', 'email', 'web')),
    peer            TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('open', 'waiting', 'closed')),
    assignee_id     BLOB,
    agent_paused    INTEGER NOT NULL DEFAULT 0 CHECK (agent_paused IN (0, 1)),
    unread          INTEGER NOT NULL DEFAULT 0,
    last_message_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    deleted_at      INTEGER,
    version         INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, assignee_id) REFERENCES memberships (tenant_id, user_id)
) STRICT;

CREATE UNIQUE INDEX conversations_by_peer ON conversations (tenant_id, channel, peer) WHERE deleted_at IS NULL;
CREATE INDEX conversations_active ON conversations (tenant_id, last_message_at, id) WHERE deleted_at IS NULL;
CREATE INDEX conversations_of_lead ON conversations (tenant_id, lead_id, last_message_at, id);

CREATE TABLE messages (
    tenant_id       BLOB    NOT NULL,
    id              BLOB    NOT NULL CHECK (length(id) = 16),
    conversation_id BLOB    NOT NULL,
    direction       TEXT    NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    kind            TEXT    NOT NULL,
    body            TEXT    NOT NULL DEFAULT '',
    media           TEXT    CHECK (json_valid(media)),
    external_id     TEXT,
    status          TEXT    NOT NULL CHECK (status IN ('received', 'queued', 'sent', 'delivered', 'read', 'failed')),
    actor_kind      TEXT    NOT NULL,
    actor_id        TEXT,
    at              INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)
) STRICT;

CREATE INDEX messages_of_conversation ON messages (tenant_id, conversation_id, at, id);
CREATE UNIQUE INDEX messages_by_external_id ON messages (tenant_id, conversation_id, external_id) WHERE external_id IS NOT NULL;

-- What changed, for open consoles and webhooks: ids only.
CREATE TABLE events (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    seq         INTEGER NOT NULL CHECK (seq > 0),
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL,
    entity_kind TEXT    NOT NULL,
    entity_id   TEXT    NOT NULL,
    lead_id     BLOB,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_age ON events (at);

CREATE TABLE audit_log (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    at          INTEGER NOT NULL,
    actor_kind  TEXT    NOT NULL,
    actor_id    TEXT,
    acting_id   BLOB,
    action      TEXT    NOT NULL,
    entity_kind TEXT    NOT NULL,
    entity_id   TEXT    NOT NULL,
    detail      TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(detail)),
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX audit_log_by_time ON audit_log (tenant_id, at, id);
CREATE INDEX audit_log_of_entity ON audit_log (tenant_id, entity_kind, entity_id, at);

-- A POST that was sent twice is answered from here. `owner_id` is the business, or the user outside one.
CREATE TABLE idempotency_keys (
    owner_id     BLOB    NOT NULL CHECK (length(owner_id) = 16),
    key          TEXT    NOT NULL,
    operation    TEXT    NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32),
    status       INTEGER,
    headers      TEXT    CHECK (json_valid(headers)),
    body         BLOB,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (owner_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE webhooks (
    tenant_id         BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id                BLOB    NOT NULL CHECK (length(id) = 16),
    url               TEXT    NOT NULL,
    events            TEXT    NOT NULL CHECK (json_valid(events)),
    active            INTEGER NOT NULL CHECK (active IN (0, 1)),
    secret_sealed     BLOB    NOT NULL,
    old_secret_sealed BLOB,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER,
    version           INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE webhook_deliveries (
    tenant_id    BLOB    NOT NULL,
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    webhook_id   BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL CHECK (json_valid(payload)),
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_status  INTEGER,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    delivered_at INTEGER,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id)
) STRICT;

CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (tenant_id, webhook_id, created_at, id);

-- People's requests for their data or its erasure. The person is gone after one; the request stays.
CREATE TABLE subject_requests (
    tenant_id    BLOB    NOT NULL REFERENCES businesses (tenant_id),
    id           BLOB    NOT NULL CHECK (length(id) = 16),
    kind         TEXT    NOT NULL CHECK (kind IN ('export', 'erase')),
    lead_id      BLOB    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    result       TEXT    NOT NULL DEFAULT '{}' CHECK (json_valid(result)),
    actor_kind   TEXT    NOT NULL,
    actor_id     TEXT,
    created_at   INTEGER NOT NULL,
    done_at      INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- Keyed hashes of erased ids and identities: what a restored backup has to forget again.
CREATE TABLE erasures (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    value_hash BLOB    NOT NULL CHECK (length(value_hash) = 32),
    erased_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, value_hash)
) STRICT, WITHOUT ROWID;
