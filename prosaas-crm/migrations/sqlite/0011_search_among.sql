-- A search by several words asks which of some leads have a token: with the token in it, the index answers alone.
DROP INDEX search_tokens_of_entity;
CREATE INDEX search_tokens_of_entity ON search_tokens (tenant_id, entity_kind, entity_id, token);

-- A list that is filtered looks at two thousand leads at most: with what is asked for in the index, it reads the
-- rows of those that pass and of no other. (PostgreSQL reads a row anyhow to see whether it is visible.)
DROP INDEX leads_newest;
DROP INDEX leads_active;
DROP INDEX leads_of_stage;
DROP INDEX leads_of_assignee;
CREATE INDEX leads_newest ON leads (tenant_id, created_at, id, stage_id, assignee_id, source) WHERE deleted_at IS NULL;
CREATE INDEX leads_active ON leads (tenant_id, active_at, id, stage_id, assignee_id, source) WHERE deleted_at IS NULL;
CREATE INDEX leads_of_stage ON leads (tenant_id, stage_id, active_at, id, assignee_id, source) WHERE deleted_at IS NULL;
CREATE INDEX leads_of_assignee ON leads (tenant_id, assignee_id, active_at, id, stage_id, source) WHERE deleted_at IS NULL;
