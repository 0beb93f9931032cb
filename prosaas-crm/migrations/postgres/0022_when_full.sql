-- What a number does while as many calls are live as may be. Conventions as in 0001 and 0002.

-- max_live_calls   the most live calls of this number; only the business's own limit holds when empty.
-- when_full        what happens to one more.
-- overflow_number  the phone that rings then.
ALTER TABLE business_numbers ADD COLUMN max_live_calls BIGINT CHECK (max_live_calls BETWEEN 1 AND 1000);
ALTER TABLE business_numbers ADD COLUMN when_full TEXT NOT NULL DEFAULT 'call_back'
    CHECK (when_full IN ('call_back', 'hold', 'overflow', 'voicemail'));
ALTER TABLE business_numbers ADD COLUMN overflow_number TEXT;
