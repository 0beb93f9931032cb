-- What a business spends on models, and how much it may. Conventions as in 0001 and 0002.

-- monthly_budget_micro_usd  the most in a calendar month of the business's clocks, in millionths of a US dollar;
--                           no end when empty.
ALTER TABLE businesses ADD COLUMN monthly_budget_micro_usd INTEGER CHECK (monthly_budget_micro_usd >= 0);

-- One row for everything that was paid for, so that nothing is counted twice.
--   kind        what it was; `subject_id` is the call, the message, or the talk from the console.
--   part        which try it was, where each one costs.
CREATE TABLE spendings (
    tenant_id      BLOB    NOT NULL REFERENCES businesses (tenant_id),
    kind           TEXT    NOT NULL CHECK (kind IN ('call', 'summary', 'chat', 'voice_note', 'talk')),
    subject_id     BLOB    NOT NULL,
    part           INTEGER NOT NULL CHECK (part >= 0),
    month          TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd > 0),
    PRIMARY KEY (tenant_id, kind, subject_id, part)
) STRICT;

-- Their sums, in millionths of a US dollar: one row is read before a call is answered.
--   month    such as '2026-11', by the business's clocks.
--   alerted  of which percentage of the budget its owners were told.
CREATE TABLE monthly_spendings (
    tenant_id   BLOB    NOT NULL REFERENCES businesses (tenant_id),
    month       TEXT    NOT NULL,
    calls       INTEGER NOT NULL DEFAULT 0,
    summaries   INTEGER NOT NULL DEFAULT 0,
    chats       INTEGER NOT NULL DEFAULT 0,
    voice_notes INTEGER NOT NULL DEFAULT 0,
    talks       INTEGER NOT NULL DEFAULT 0,
    alerted     INTEGER NOT NULL DEFAULT 0,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, month)
) STRICT;

-- Calls of before; by UTC's months.
INSERT INTO spendings (tenant_id, kind, subject_id, part, month, at, cost_micro_usd)
SELECT tenant_id, 'call', id, 0, strftime('%Y-%m', ended_at / 1000, 'unixepoch'), ended_at, cost_micro_usd
FROM calls WHERE ended_at IS NOT NULL AND cost_micro_usd > 0;

INSERT INTO monthly_spendings (tenant_id, month, calls, updated_at)
SELECT tenant_id, month, sum(cost_micro_usd), max(at) FROM spendings GROUP BY tenant_id, month;
