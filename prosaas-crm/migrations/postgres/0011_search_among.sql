-- A search by several words asks which of some leads have a token: with the token in it, the index answers alone.
DROP INDEX search_tokens_of_entity;
CREATE INDEX search_tokens_of_entity ON search_tokens (tenant_id, entity_kind, entity_id, token);
