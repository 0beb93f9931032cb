-- Conversations that are put off. Conventions as in 0001 and 0002.

-- snoozed_until  nobody has to look at the conversation before; only one that waits for the other side has it.
ALTER TABLE conversations ADD COLUMN snoozed_until BIGINT;
