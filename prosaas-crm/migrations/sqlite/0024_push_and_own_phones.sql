-- Notifications on people's devices, and phones of their own. Conventions as in 0001 and 0002.

-- The installation's pair of keys for push services, sealed; made when a browser asks for it first.
CREATE TABLE push_keys (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sealed     BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- A browser that a member wants to be told of calls on. It goes with the session that it was switched on in.
--   endpoint  its address at a push service: whoever knows it can try to send there.
--   p256dh    its public key, and `auth` its secret: what is sealed with both only that browser reads.
--   seen_at   when it was shown last: of too many the oldest goes.
CREATE TABLE push_subscriptions (
    tenant_id  BLOB    NOT NULL,
    id         BLOB    NOT NULL CHECK (length(id) = 16),
    user_id    BLOB    NOT NULL,
    session_id BLOB    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    endpoint   TEXT    NOT NULL CHECK (endpoint <> ''),
    p256dh     BLOB    NOT NULL CHECK (length(p256dh) = 65),
    auth       BLOB    NOT NULL CHECK (length(auth) = 16),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, endpoint),
    FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id)
) STRICT;

CREATE INDEX push_subscriptions_of_user ON push_subscriptions (tenant_id, user_id, seen_at);
CREATE INDEX push_subscriptions_of_session ON push_subscriptions (session_id);

-- own_phone  a phone on which the member takes calls of this business over; entered by himself.
ALTER TABLE memberships ADD COLUMN own_phone TEXT;
