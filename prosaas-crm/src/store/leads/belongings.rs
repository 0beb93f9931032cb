//! What belongs to a lead and moves when two become one.

use crate::store::db::Sql;

/// A table of rows that name a lead.
pub(super) struct Belongings {
    /// Its name, by which a merge remembers what moved.
    pub(super) name: &'static str,
    /// The ids of the rows of the lead `$2`.
    pub(super) ids: Sql,
    /// All rows of the lead `$2` go to the lead `$3`.
    pub(super) give: Sql,
    /// Those rows of the lead `$2` whose ids are in `$4` go to the lead `$3`.
    pub(super) give_back: Sql,
}

// Written out: every statement is a text that can be searched for and checked.
pub(super) const BELONGINGS: [Belongings; 11] = [
    Belongings {
        name: "lead_identities",
        ids: Sql::both("SELECT id FROM lead_identities WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both(
            "UPDATE lead_identities SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2",
        ),
        give_back: Sql::split(
            "UPDATE lead_identities SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE lead_identities SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "call_leads",
        ids: Sql::both(
            "SELECT call_id AS id FROM call_leads WHERE tenant_id = $1 AND lead_id = $2",
        ),
        give: Sql::both("UPDATE call_leads SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE call_leads SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND call_id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE call_leads SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND call_id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "notes",
        ids: Sql::both("SELECT id FROM notes WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE notes SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE notes SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE notes SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "tasks",
        ids: Sql::both("SELECT id FROM tasks WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE tasks SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE tasks SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE tasks SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "appointments",
        ids: Sql::both("SELECT id FROM appointments WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both(
            "UPDATE appointments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2",
        ),
        give_back: Sql::split(
            "UPDATE appointments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE appointments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "deals",
        ids: Sql::both("SELECT id FROM deals WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE deals SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE deals SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE deals SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "payments",
        ids: Sql::both("SELECT id FROM payments WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE payments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE payments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE payments SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "consents",
        ids: Sql::both("SELECT id FROM consents WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE consents SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE consents SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE consents SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "promises",
        ids: Sql::both("SELECT id FROM promises WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both("UPDATE promises SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2"),
        give_back: Sql::split(
            "UPDATE promises SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE promises SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "conversations",
        ids: Sql::both("SELECT id FROM conversations WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both(
            "UPDATE conversations SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2",
        ),
        give_back: Sql::split(
            "UPDATE conversations SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE conversations SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
    Belongings {
        name: "timeline_events",
        ids: Sql::both("SELECT id FROM timeline_events WHERE tenant_id = $1 AND lead_id = $2"),
        give: Sql::both(
            "UPDATE timeline_events SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2",
        ),
        give_back: Sql::split(
            "UPDATE timeline_events SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id IN (SELECT unhex(value) FROM json_each($4))",
            "UPDATE timeline_events SET lead_id = $3 WHERE tenant_id = $1 AND lead_id = $2
               AND id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text($4) AS value))",
        ),
    },
];
