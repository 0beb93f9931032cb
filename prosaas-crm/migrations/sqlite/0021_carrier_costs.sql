-- What the carrier charges for calls, beside what models cost. Conventions as in 0001 and 0002.

-- carrier_cost_micro_usd  what the carrier charges for the call and the legs it made, in millionths of a US dollar;
--                         NULL while that is not known, or when it is charged in another currency.
ALTER TABLE calls ADD COLUMN carrier_cost_micro_usd INTEGER CHECK (carrier_cost_micro_usd >= 0);

-- carrier  the sum of it over the calls that began in the month; no part of the budget, which is for models.
ALTER TABLE monthly_spendings ADD COLUMN carrier INTEGER NOT NULL DEFAULT 0;
