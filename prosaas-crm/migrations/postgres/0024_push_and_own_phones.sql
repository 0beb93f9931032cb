-- Notifications on people's devices, and phones of their own. Conventions as in 0001 and 0002.

-- The installation's pair of keys for push services, sealed; made when a browser asks for it first.
CREATE TABLE push_keys (
    id         BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed     BYTEA   NOT NULL,
    created_at BIGINT  NOT NULL
);

-- A browser that a member wants to be told of calls on. It goes with the session that it was switched on in.
--   endpoint  its address at a push service: whoever knows it can try to send there.
--   p256dh    its public key, and `auth` its secret: what is sealed with both only that browser reads.
--   seen_at   when it was shown last: of too many the oldest goes.
CREATE TABLE push_subscriptions (
    tenant_id  UUID    NOT NULL,
    id         UUID    NOT NULL,
    user_id    UUID    NOT NULL,
    session_id UUID    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    endpoint   TEXT    NOT NULL CHECK (endpoint <> ''),
    p256dh     BYTEA   NOT NULL CHECK (length(p256dh) = 65),
    auth       BYTEA   NOT NULL CHECK (length(auth) = 16),
    created_at BIGINT  NOT NULL,
    seen_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, endpoint),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id)
);

CREATE INDEX push_subscriptions_of_user ON push_subscriptions (tenant_id, user_id, seen_at);
CREATE INDEX push_subscriptions_of_session ON push_subscriptions (session_id);

-- own_phone  a phone on which the member takes calls of this business over; entered by himself.
ALTER TABLE memberships ADD COLUMN own_phone TEXT;

DO $$
DECLARE
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    ALTER TABLE push_subscriptions ENABLE ROW LEVEL SECURITY;
    ALTER TABLE push_subscriptions FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY tenant ON push_subscriptions USING (%s OR %s) WITH CHECK (%s OR %s)',
                   of_tenant, of_system, of_tenant, of_system);
    ALTER TABLE push_keys ENABLE ROW LEVEL SECURITY;
    ALTER TABLE push_keys FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY installation ON push_keys USING (%s) WITH CHECK (%s)', of_system, of_system);
END
$$;
