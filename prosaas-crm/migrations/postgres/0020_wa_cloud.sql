-- WhatsApp by a number at Meta instead of a linked phone. Conventions as in 0001 and 0002.

-- The business's token at Meta is one of its secrets.
ALTER TABLE business_secrets DROP CONSTRAINT business_secrets_name_check;
ALTER TABLE business_secrets ADD CONSTRAINT business_secrets_name_check
    CHECK (name IN ('twilio_auth_token', 'openai_api_key', 'whatsapp_cloud_token'));

-- cloud_number_id   Meta's id of the business's number; NULL when the business links a phone.
-- cloud_account_id  Meta's id of its WhatsApp business account.
-- cloud_on          whether Meta took the number with the business's token: only then is it heard and written by.
-- cloud_heard_at    when Meta's webhook last told of the number, to the minute.
ALTER TABLE wa_links ADD COLUMN cloud_number_id TEXT;
ALTER TABLE wa_links ADD COLUMN cloud_account_id TEXT;
ALTER TABLE wa_links ADD COLUMN cloud_on BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE wa_links ADD COLUMN cloud_heard_at BIGINT;

-- Meta took a number for one business: of two that ask at once, the other one is refused.
CREATE UNIQUE INDEX wa_links_one_cloud_owner ON wa_links (cloud_number_id) WHERE cloud_on;

-- Meta has no key of idempotency: before a message is handed to it, that is written down here.
--   claim_digest  the hash of what is handed over.
--   claim_sent    whether Meta took it for certain.
ALTER TABLE messages ADD COLUMN claim_digest BYTEA;
ALTER TABLE messages ADD COLUMN claim_sent BOOLEAN NOT NULL DEFAULT FALSE;
