-- A caller whom nobody heard is written to. Conventions as in 0001 and 0002.

-- missed_call_reply  when he is: 'never', 'always', or only for calls while the business was open or closed.
-- missed_call_text   what he reads; a sentence of ours when empty.
ALTER TABLE businesses ADD COLUMN missed_call_reply TEXT NOT NULL DEFAULT 'never'
    CHECK (missed_call_reply IN ('never', 'always', 'open', 'closed'));
ALTER TABLE businesses ADD COLUMN missed_call_text TEXT;

-- reply_id    the message that its caller got, the last one if there were two.
-- replied_at  when it was written.
ALTER TABLE calls ADD COLUMN reply_id BLOB;
ALTER TABLE calls ADD COLUMN replied_at INTEGER;

-- call_id    the call that the message is about: one that was missed, or in which the agent wrote it.
-- handed_at  when a carrier that sends twice what it is told twice was asked to send it.
ALTER TABLE messages ADD COLUMN call_id BLOB;
ALTER TABLE messages ADD COLUMN handed_at INTEGER;

CREATE INDEX messages_of_call ON messages (tenant_id, call_id) WHERE call_id IS NOT NULL;
