-- WhatsApp: the link of each business, the names by which the other side of a conversation is known, and
-- how far messages have come. Conventions as in 0001 and 0002.

-- Rows of every business are changed below, whoever runs this.
SELECT set_config('app.system', 'on', true);

-- One row a business, made when it is first needed. Nothing here is secret: codes and keys stay with the
-- transport.
--   state    the word of the link's state, as the transport reported it last.
--   until    when a refusal by WhatsApp ends, if it said.
--   number   the business's own number, where it is known.
--   epoch    fences the owners of the session: it only grows, and who speaks of an older one is refused.
--   version  counts the changes of the settings, not those of the state.
CREATE TABLE wa_links (
    tenant_id  UUID    NOT NULL PRIMARY KEY REFERENCES businesses (tenant_id),
    state      TEXT    NOT NULL,
    state_at   BIGINT  NOT NULL,
    until      BIGINT,
    number     TEXT,
    linked_at  BIGINT,
    settings   JSONB   NOT NULL DEFAULT '{}',
    epoch      BIGINT  NOT NULL CHECK (epoch > 0),
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    version    BIGINT  NOT NULL DEFAULT 1
);

-- peer_name        what the other side calls itself.
-- last_inbound_at  when the other side last wrote.
-- paused_reason    why the agent does not answer: 'person' (one took over), 'asked' (for a person), 'failed'
--                  (the agent could not answer), 'limit' (it answered too often), 'switched' (off by hand).
ALTER TABLE conversations ADD COLUMN peer_name TEXT;
ALTER TABLE conversations ADD COLUMN last_inbound_at BIGINT;
ALTER TABLE conversations ADD COLUMN paused_reason TEXT
    CHECK (paused_reason IN ('person', 'asked', 'failed', 'limit', 'switched'));
UPDATE conversations SET paused_reason = 'switched' WHERE agent_paused;

CREATE INDEX conversations_unread ON conversations (tenant_id, last_message_at, id)
    WHERE unread > 0 AND deleted_at IS NULL;

-- Every name by which the channel has called the other side: the address that answers go to, and others.
CREATE TABLE conversation_peers (
    tenant_id       UUID    NOT NULL,
    channel         TEXT    NOT NULL CHECK (channel IN ('whatsapp', 'sms', 'email', 'web')),
    kind            TEXT    NOT NULL CHECK (kind IN ('address', 'e164', 'wa_lid', 'wa_bsuid', 'wa_username')),
    value           TEXT    NOT NULL,
    conversation_id UUID    NOT NULL,
    created_at      BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, channel, kind, value),
    FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id)
);

CREATE INDEX conversation_peers_of_conversation ON conversation_peers (tenant_id, conversation_id);

INSERT INTO conversation_peers (tenant_id, channel, kind, value, conversation_id, created_at)
SELECT tenant_id, channel, 'address', peer, id, created_at FROM conversations WHERE deleted_at IS NULL;

-- status_rank    the order in which a message moves: it only grows.
-- failure*       why it did not arrive: a word or the channel's own code, and a sentence.
-- answers_id     the message that the agent answers by this one; it answers each once.
-- quoted_id      the channel's id of the message that this one quotes.
ALTER TABLE messages ADD COLUMN status_rank BIGINT NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN failure_code TEXT;
ALTER TABLE messages ADD COLUMN failure TEXT;
ALTER TABLE messages ADD COLUMN purpose TEXT CHECK (purpose IN ('service', 'marketing'));
ALTER TABLE messages ADD COLUMN template JSONB;
ALTER TABLE messages ADD COLUMN first_contact BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE messages ADD COLUMN answers_id UUID;
ALTER TABLE messages ADD COLUMN quoted_id TEXT;
ALTER TABLE messages ADD COLUMN sent_at BIGINT;
ALTER TABLE messages ADD COLUMN delivered_at BIGINT;
ALTER TABLE messages ADD COLUMN read_at BIGINT;
ALTER TABLE messages ADD COLUMN edited_at BIGINT;
ALTER TABLE messages ADD COLUMN revoked_at BIGINT;
ALTER TABLE messages ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
UPDATE messages SET status_rank = CASE status WHEN 'sent' THEN 1 WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3
                                              WHEN 'read' THEN 4 ELSE 0 END;

-- A channel's id is one message's in the whole business, whichever name its sender was called by.
DROP INDEX messages_by_external_id;
UPDATE messages SET external_id = NULL
WHERE external_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM messages AS older
    WHERE older.tenant_id = messages.tenant_id AND older.external_id = messages.external_id
      AND older.id < messages.id);
CREATE UNIQUE INDEX messages_by_external_id ON messages (tenant_id, external_id) WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX messages_answering ON messages (tenant_id, answers_id) WHERE answers_id IS NOT NULL;
CREATE INDEX messages_queued ON messages (tenant_id, created_at) WHERE status = 'queued';

DO $$
DECLARE
    name TEXT;
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    FOREACH name IN ARRAY ARRAY['wa_links', 'conversation_peers']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s OR %s) WITH CHECK (%s OR %s)',
                       name, of_tenant, of_system, of_tenant, of_system);
    END LOOP;
END
$$;
