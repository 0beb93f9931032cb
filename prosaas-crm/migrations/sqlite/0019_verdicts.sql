-- How well calls went. Conventions as in 0001 and 0002.

-- verdict  how well the call went, in one word; NULL when no socket carried it, or it was over at once.
-- quality  the same with its reasons and everything that was measured.
ALTER TABLE calls ADD COLUMN verdict TEXT CHECK (verdict IN ('good', 'fair', 'poor'));
ALTER TABLE calls ADD COLUMN quality TEXT CHECK (json_valid(quality));

-- quality_alerted_at  when the owners were last to be told that many calls went badly.
ALTER TABLE businesses ADD COLUMN quality_alerted_at INTEGER;

CREATE INDEX calls_with_verdicts ON calls (tenant_id, started_at, id) WHERE verdict IS NOT NULL;
