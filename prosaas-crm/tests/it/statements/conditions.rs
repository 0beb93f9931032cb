//! SQLite takes an index with a condition only for a statement that says the condition in the same words: beside
//! an index `WHERE live = 1` a bare `live` reads every row of the business.

use std::collections::HashSet;
use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, UnaryOperator, Visit, Visitor};
use sqlparser::dialect::SQLiteDialect;
use sqlparser::parser::Parser;

/// The columns that are compared with a constant in an index's text, as in `WHERE live = 1`.
pub(super) fn of_index(text: &str) -> Vec<String> {
    let Some((_, condition)) = text.split_once(" WHERE ") else {
        return Vec::new();
    };
    condition
        .split(" AND ")
        .filter_map(|part| part.split_once(" = "))
        .filter(|(_, value)| matches!(value.trim(), "0" | "1"))
        .map(|(column, _)| column.trim().to_owned())
        .collect()
}

/// Those of `columns` that the statement asks without a comparison.
pub(super) fn asked_bare(text: &str, columns: &HashSet<String>) -> Vec<String> {
    let mut asked = Asked {
        columns,
        bare: Vec::new(),
    };
    // What does not parse is told by the test of the tenants.
    let _ = Parser::parse_sql(&SQLiteDialect {}, text).map(|parsed| parsed.visit(&mut asked));
    asked.bare
}

struct Asked<'c> {
    columns: &'c HashSet<String>,
    bare: Vec<String>,
}

impl Asked<'_> {
    /// A place where a condition stands.
    fn condition(&mut self, place: &Expr) {
        let name = match place {
            Expr::Nested(inner) => return self.condition(inner),
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        self.bare.extend(
            name.map(|name| name.value.to_lowercase())
                .filter(|name| self.columns.contains(name)),
        );
    }
}

impl Visitor for Asked<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = &*query.body {
            select.selection.iter().for_each(|one| self.condition(one));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
        match expression {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And | BinaryOperator::Or,
                right,
            } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => self.condition(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_bare_condition_is_seen() {
    let columns = HashSet::from(["live".to_owned()]);
    let index = "CREATE UNIQUE INDEX one ON t (a) WHERE live = 1 AND gone_at IS NULL";
    assert_eq!(of_index(index), ["live"]);
    for bare in [
        "SELECT 1 FROM t WHERE live",
        "SELECT 1 FROM t WHERE a = $1 AND t.live",
        "UPDATE t SET a = 1 WHERE (live) AND a = 2",
        "SELECT 1 FROM t WHERE NOT live",
        "SELECT 1 FROM s WHERE EXISTS (SELECT 1 FROM t WHERE live AND a = s.a)",
    ] {
        assert_eq!(asked_bare(bare, &columns), ["live"], "{bare}");
    }
    for fine in [
        "SELECT live FROM t WHERE a = $1 AND live = 1",
        "UPDATE t SET live = 0 WHERE a = 2",
        "SELECT 1 FROM t WHERE a = 1 AND other",
    ] {
        assert!(asked_bare(fine, &columns).is_empty(), "{fine}");
    }
}
