-- What was lost and can be won back. Conventions as in 0001 and 0002.

-- A caller whom nobody heard waits until somebody has spoken with him, or says why nobody will.
--   settled_how     'answered', or 'dismissed' with its reason.
ALTER TABLE calls ADD COLUMN settled_at INTEGER;
ALTER TABLE calls ADD COLUMN settled_how TEXT CHECK (settled_how IN ('answered', 'dismissed'));
ALTER TABLE calls ADD COLUMN settled_reason TEXT;

CREATE INDEX calls_waiting ON calls (tenant_id, started_at, id)
    WHERE settled_at IS NULL AND direction = 'inbound' AND answered_by IN ('voicemail', 'nobody');
CREATE INDEX calls_of_caller ON calls (tenant_id, caller_number, started_at) WHERE caller_number IS NOT NULL;

-- close_reason  why a conversation in which somebody waits was closed.
ALTER TABLE conversations ADD COLUMN close_reason TEXT;
