-- The last rungs of a call that the agent cannot have. Conventions as in 0001 and 0002.

-- is_voicemail  whether the caller left it as a message.
-- heard_at      when its words were written down, or nobody tried any more.
-- line_seq      the line of the call's transcript that holds them.
-- told_at       when the business's people were told of it.
ALTER TABLE recordings ADD COLUMN is_voicemail INTEGER NOT NULL DEFAULT 0 CHECK (is_voicemail IN (0, 1));
ALTER TABLE recordings ADD COLUMN heard_at INTEGER;
ALTER TABLE recordings ADD COLUMN line_seq INTEGER;
ALTER TABLE recordings ADD COLUMN told_at INTEGER;

-- served_by     which model or account served the call last, as the installation names it.
-- hold_lines    how often its caller was asked for patience.
-- reconnects    how often its model was connected again.
ALTER TABLE calls ADD COLUMN served_by TEXT;
ALTER TABLE calls ADD COLUMN hold_lines INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN reconnects INTEGER NOT NULL DEFAULT 0;
