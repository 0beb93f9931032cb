-- Files in conversations. Conventions as in 0001 and 0002. The bytes lie in the data directory, under the
-- message's id; what is known of them stands in `media`.

-- file_state        how far a message's file has come: it waits to be fetched, is stored, was larger than what
--                   is kept ('too_large'), could not be had ('absent'), or has had its time ('removed').
-- transcript_state  what was said in a voice note: it waits to be written down, stands in `body` ('done'), or
--                   could not be heard ('failed').
ALTER TABLE messages ADD COLUMN file_state TEXT
    CHECK (file_state IN ('waiting', 'stored', 'too_large', 'absent', 'removed'));
ALTER TABLE messages ADD COLUMN transcript_state TEXT
    CHECK (transcript_state IN ('waiting', 'done', 'failed'));

-- What came before this was told of and never fetched: the channel may not have it any more.
UPDATE messages SET file_state = 'absent'
WHERE media IS NOT NULL AND kind IN ('image', 'video', 'audio', 'voice_note', 'document', 'sticker');

CREATE INDEX messages_with_files ON messages (tenant_id, id) WHERE file_state IS NOT NULL;
CREATE INDEX messages_to_hear ON messages (tenant_id, conversation_id) WHERE transcript_state = 'waiting';
