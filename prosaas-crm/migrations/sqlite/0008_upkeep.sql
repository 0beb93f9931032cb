-- What is cleaned up by its age, or found because its time has come.
CREATE INDEX jobs_done ON jobs (tenant_id, updated_at) WHERE state = 'done';
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (tenant_id, created_at) WHERE state <> 'pending';
CREATE INDEX acting_sessions_open ON acting_sessions (expires_at) WHERE ended_at IS NULL;
