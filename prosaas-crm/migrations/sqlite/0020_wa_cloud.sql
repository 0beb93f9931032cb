-- WhatsApp by a number at Meta instead of a linked phone. Conventions as in 0001 and 0002.

-- The business's token at Meta is one of its secrets. SQLite changes no constraint in its place.
CREATE TABLE business_secrets_2 (
    tenant_id  BLOB    NOT NULL REFERENCES businesses (tenant_id),
    name       TEXT    NOT NULL CHECK (name IN ('twilio_auth_token', 'openai_api_key', 'whatsapp_cloud_token')),
    sealed     BLOB    NOT NULL,
    hint       TEXT    NOT NULL,
    key_id     TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;
INSERT INTO business_secrets_2 (tenant_id, name, sealed, hint, key_id, updated_at)
SELECT tenant_id, name, sealed, hint, key_id, updated_at FROM business_secrets;
DROP TABLE business_secrets;
ALTER TABLE business_secrets_2 RENAME TO business_secrets;

CREATE INDEX business_secrets_by_key ON business_secrets (key_id);

-- cloud_number_id   Meta's id of the business's number; NULL when the business links a phone.
-- cloud_account_id  Meta's id of its WhatsApp business account.
-- cloud_on          whether Meta took the number with the business's token: only then is it heard and written by.
-- cloud_heard_at    when Meta's webhook last told of the number, to the minute.
ALTER TABLE wa_links ADD COLUMN cloud_number_id TEXT;
ALTER TABLE wa_links ADD COLUMN cloud_account_id TEXT;
ALTER TABLE wa_links ADD COLUMN cloud_on INTEGER NOT NULL DEFAULT 0 CHECK (cloud_on IN (0, 1));
ALTER TABLE wa_links ADD COLUMN cloud_heard_at INTEGER;

-- Meta took a number for one business: of two that ask at once, the other one is refused.
CREATE UNIQUE INDEX wa_links_one_cloud_owner ON wa_links (cloud_number_id) WHERE cloud_on = 1;

-- Meta has no key of idempotency: before a message is handed to it, that is written down here.
--   claim_digest  the hash of what is handed over.
--   claim_sent    whether Meta took it for certain.
ALTER TABLE messages ADD COLUMN claim_digest BLOB;
ALTER TABLE messages ADD COLUMN claim_sent INTEGER NOT NULL DEFAULT 0 CHECK (claim_sent IN (0, 1));
