-- What a business spends on models, and how much it may. Conventions as in 0001 and 0002.

-- Rows of every business are read below, whoever runs this.
SELECT set_config('app.system', 'on', true);

-- monthly_budget_micro_usd  the most in a calendar month of the business's clocks, in millionths of a US dollar;
--                           no end when empty.
ALTER TABLE businesses ADD COLUMN monthly_budget_micro_usd BIGINT CHECK (monthly_budget_micro_usd >= 0);

-- One row for everything that was paid for, so that nothing is counted twice.
--   kind        what it was; `subject_id` is the call, the message, or the talk from the console.
--   part        which try it was, where each one costs.
CREATE TABLE spendings (
    tenant_id      UUID    NOT NULL REFERENCES businesses (tenant_id),
    kind           TEXT    NOT NULL CHECK (kind IN ('call', 'summary', 'chat', 'voice_note', 'talk')),
    subject_id     UUID    NOT NULL,
    part           BIGINT  NOT NULL CHECK (part >= 0),
    month          TEXT    NOT NULL,
    at             BIGINT  NOT NULL,
    cost_micro_usd BIGINT  NOT NULL CHECK (cost_micro_usd > 0),
    PRIMARY KEY (tenant_id, kind, subject_id, part)
);

-- Their sums, in millionths of a US dollar: one row is read before a call is answered.
--   month    such as '2026-11', by the business's clocks.
--   alerted  of which percentage of the budget its owners were told.
CREATE TABLE monthly_spendings (
    tenant_id   UUID    NOT NULL REFERENCES businesses (tenant_id),
    month       TEXT    NOT NULL,
    calls       BIGINT  NOT NULL DEFAULT 0,
    summaries   BIGINT  NOT NULL DEFAULT 0,
    chats       BIGINT  NOT NULL DEFAULT 0,
    voice_notes BIGINT  NOT NULL DEFAULT 0,
    talks       BIGINT  NOT NULL DEFAULT 0,
    alerted     BIGINT  NOT NULL DEFAULT 0,
    updated_at  BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, month)
);

-- Calls of before; by UTC's months.
INSERT INTO spendings (tenant_id, kind, subject_id, part, month, at, cost_micro_usd)
SELECT tenant_id, 'call', id, 0, to_char(to_timestamp(ended_at / 1000) AT TIME ZONE 'UTC', 'YYYY-MM'), ended_at,
       cost_micro_usd
FROM calls WHERE ended_at IS NOT NULL AND cost_micro_usd > 0;

INSERT INTO monthly_spendings (tenant_id, month, calls, updated_at)
SELECT tenant_id, month, sum(cost_micro_usd)::bigint, max(at) FROM spendings GROUP BY tenant_id, month;

DO $$
DECLARE
    name TEXT;
    of_tenant CONSTANT TEXT := 'tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::uuid)';
    of_system CONSTANT TEXT := '(SELECT current_setting(''app.system'', true)) = ''on''';
BEGIN
    FOREACH name IN ARRAY ARRAY['spendings', 'monthly_spendings']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (%s OR %s) WITH CHECK (%s OR %s)',
                       name, of_tenant, of_system, of_tenant, of_system);
    END LOOP;
END
$$;
