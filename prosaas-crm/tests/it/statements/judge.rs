//! Judges whether a statement can touch rows of any tenant but the one bound as `$1`.
//!
//! In every SELECT, UPDATE and DELETE each tenant's table must be bound: by `tenant_id = $1` among the
//! conditions that all have to hold, or by equality with the `tenant_id` of one that is bound already,
//! here or around a subquery. What an INSERT puts into `tenant_id` must be `$1` or come from a bound row.
//! What is not understood is refused.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    AssignmentTarget, BinaryOperator, ConflictTarget, Delete, Expr, FromTable, Insert,
    JoinConstraint, JoinOperator, ObjectName, OnConflictAction, OnInsert, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableObject,
    TableWithJoins, Update, UpdateTableFromKind, Value, Visit, Visitor,
};
use sqlparser::dialect::Dialect;
use sqlparser::parser::Parser;

type Verdict<T = ()> = Result<T, String>;

/// Judges a statement's text, given the tables whose rows belong to a tenant.
pub(super) fn judge(dialect: &dyn Dialect, text: &str, tables: &HashSet<String>) -> Verdict {
    let text = for_the_parser(text);
    let parsed = Parser::parse_sql(dialect, &text).map_err(|error| error.to_string())?;
    let [statement] = &parsed[..] else {
        return Err("not one statement".to_owned());
    };
    if text.contains("/* across tenants: ") {
        return Ok(());
    }
    Judge { tables }.statement(statement, &Scope::default())
}

/// The text without what the parser does not know and what makes no difference here: key locks, and the
/// condition of the index that an `ON CONFLICT` names.
fn for_the_parser(text: &str) -> String {
    let text = text
        .replace("FOR NO KEY UPDATE", "FOR UPDATE")
        .replace("FOR KEY SHARE", "FOR SHARE");
    let condition = text.split_once("ON CONFLICT (").and_then(|(_, rest)| {
        let (_, rest) = rest.split_once(')')?;
        let (condition, _) = rest.split_once(" DO ")?;
        condition
            .trim_start()
            .starts_with("WHERE ")
            .then(|| condition.to_owned())
    });
    match condition {
        Some(condition) => text.replacen(&condition, "", 1),
        None => text,
    }
}

/// The relations that a part of a statement sees, and those that are bound to the tenant.
#[derive(Default)]
struct Scope<'o> {
    relations: Vec<Relation>,
    bound: HashSet<String>,
    /// What a `WITH` names, and whether its `tenant_id` is bound.
    named: HashMap<String, bool>,
    around: Option<&'o Self>,
}

struct Relation {
    alias: String,
    /// Its rows belong to a tenant, so it has to be bound.
    is_tenant: bool,
    /// It has a column `tenant_id`.
    has_tenant: bool,
}

impl Scope<'_> {
    fn inside(&self) -> Scope<'_> {
        Scope {
            around: Some(self),
            ..Scope::default()
        }
    }

    fn named(&self, name: &str) -> Option<bool> {
        let here = self.named.get(name).copied();
        here.or_else(|| self.around.and_then(|around| around.named(name)))
    }

    /// Whose `tenant_id` a column is, if it is one of this part's own relations.
    fn owner(&self, column: &Expr) -> Option<String> {
        match column {
            Expr::Nested(inner) => self.owner(inner),
            Expr::Identifier(name) if name.value == "tenant_id" => {
                let mut with = self.relations.iter().filter(|one| one.has_tenant);
                let one = with.next()?;
                with.next().is_none().then(|| one.alias.clone())
            }
            Expr::CompoundIdentifier(parts) => match &parts[..] {
                [alias, name] if name.value == "tenant_id" => {
                    let alias = alias.value.to_lowercase();
                    let is_here = self.relations.iter().any(|one| one.alias == alias);
                    is_here.then_some(alias)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a value is the tenant's id for certain.
    fn is_bound(&self, value: &Expr) -> bool {
        match value {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => self.is_bound(inner),
            Expr::Value(value) => matches!(&value.value, Value::Placeholder(name) if name == "$1"),
            column => match self.owner(column) {
                Some(alias) => self.bound.contains(&alias),
                None => self.around.is_some_and(|around| around.is_bound(column)),
            },
        }
    }
}

/// A condition that has to hold, and the only relation it restricts if it does not restrict all.
struct Condition<'a>(&'a Expr, Option<String>);

struct Judge<'t> {
    tables: &'t HashSet<String>,
}

impl Judge<'_> {
    fn statement(&self, statement: &Statement, around: &Scope<'_>) -> Verdict {
        match statement {
            Statement::Query(query) => self.query(query, around).map(drop),
            Statement::Insert(insert) => self.insert(insert, around),
            Statement::Update(update) => self.update(update, around),
            Statement::Delete(delete) => self.delete(delete, around),
            _ => Err("only SELECT, INSERT, UPDATE and DELETE are understood".to_owned()),
        }
    }

    /// Judges a query; tells of each column of its result its name and whether it is the tenant's id.
    fn query(&self, query: &Query, around: &Scope<'_>) -> Verdict<Vec<Column>> {
        let mut scope = around.inside();
        for part in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&part.query, &scope)?;
            let name = part.alias.name.value.to_lowercase();
            scope.named.insert(name, exports_tenant(&columns));
        }
        // What a correlated one of these refers to is not known here: they bind their own tables.
        self.subqueries(&query.order_by, &scope)?;
        self.subqueries(&query.limit_clause, &scope)?;
        self.body(&query.body, &scope)
    }

    fn body(&self, body: &SetExpr, around: &Scope<'_>) -> Verdict<Vec<Column>> {
        match body {
            SetExpr::Select(select) => self.select(select, around),
            SetExpr::Query(query) => self.query(query, around),
            SetExpr::SetOperation { left, right, .. } => {
                let (left, right) = (self.body(left, around)?, self.body(right, around)?);
                let both = left.into_iter().zip(right);
                Ok(both
                    .map(|(left, right)| Column {
                        is_tenant: left.is_tenant && right.is_tenant,
                        ..left
                    })
                    .collect())
            }
            SetExpr::Values(values) => {
                self.subqueries(values, around)?;
                Ok(Vec::new())
            }
            SetExpr::Insert(statement)
            | SetExpr::Update(statement)
            | SetExpr::Delete(statement) => {
                self.statement(statement, around)?;
                Ok(Vec::new())
            }
            _ => Err("a kind of query that is not understood".to_owned()),
        }
    }

    fn select(&self, select: &Select, around: &Scope<'_>) -> Verdict<Vec<Column>> {
        let mut scope = around.inside();
        let mut conditions = Vec::new();
        self.relations(&select.from, &mut scope, &mut conditions)?;
        conditions.extend(select.selection.as_ref().map(|all| Condition(all, None)));
        Self::bind(&mut scope, conditions)?;
        self.subqueries(select, &scope)?;
        Ok(select
            .projection
            .iter()
            .map(|item| Column::of(item, &scope))
            .collect())
    }

    fn update(&self, update: &Update, around: &Scope<'_>) -> Verdict {
        let mut scope = around.inside();
        let mut conditions = Vec::new();
        let target = std::slice::from_ref(&update.table);
        self.relations(target, &mut scope, &mut conditions)?;
        if let Some(
            UpdateTableFromKind::BeforeSet(tables) | UpdateTableFromKind::AfterSet(tables),
        ) = &update.from
        {
            self.relations(tables, &mut scope, &mut conditions)?;
        }
        conditions.extend(update.selection.as_ref().map(|all| Condition(all, None)));
        Self::bind(&mut scope, conditions)?;
        let mut written = scope.relations.iter().take(1);
        if written.any(|target| target.is_tenant) {
            let targets = update.assignments.iter();
            keeps_tenant(targets.map(|assignment| &assignment.target))?;
        }
        self.subqueries(update, &scope)
    }

    fn delete(&self, delete: &Delete, around: &Scope<'_>) -> Verdict {
        let mut scope = around.inside();
        let mut conditions = Vec::new();
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        self.relations(tables, &mut scope, &mut conditions)?;
        let using = delete.using.iter().flatten();
        for table in using {
            self.relations(std::slice::from_ref(table), &mut scope, &mut conditions)?;
        }
        conditions.extend(delete.selection.as_ref().map(|all| Condition(all, None)));
        Self::bind(&mut scope, conditions)?;
        self.subqueries(delete, &scope)
    }

    fn insert(&self, insert: &Insert, around: &Scope<'_>) -> Verdict {
        let TableObject::TableName(name) = &insert.table else {
            return Err("an INSERT into something that is no table".to_owned());
        };
        let table = last(name);
        let source = insert.source.as_ref().ok_or("an INSERT of nothing")?;
        let columns = self.query(source, around)?;
        if !self.tables.contains(&table) {
            return Ok(());
        }
        if insert.or.is_some() || insert.replace_into {
            return Err(format!(
                "`{table}`: rows may be replaced whatever their tenant"
            ));
        }
        let mut names = insert.columns.iter().map(last);
        let at = names
            .position(|name| name == "tenant_id")
            .ok_or_else(|| format!("`{table}`: no tenant_id is written"))?;
        let is_ours = match &*source.body {
            SetExpr::Values(values) => values
                .rows
                .iter()
                .all(|row| row.get(at).is_some_and(|value| around.is_bound(value))),
            _ => columns.get(at).is_some_and(|column| column.is_tenant),
        };
        if !is_ours {
            return Err(format!("`{table}`: the tenant_id written is not $1"));
        }
        self.conflict(insert, &table, around)
    }

    /// A conflict may only change a row of the same tenant.
    fn conflict(&self, insert: &Insert, table: &str, around: &Scope<'_>) -> Verdict {
        let Some(on) = &insert.on else { return Ok(()) };
        let OnInsert::OnConflict(conflict) = on else {
            return Err("a conflict rule that is not understood".to_owned());
        };
        let OnConflictAction::DoUpdate(change) = &conflict.action else {
            return Ok(());
        };
        let names_tenant = matches!(&conflict.conflict_target,
            Some(ConflictTarget::Columns(names)) if names.iter().any(|name| name.value == "tenant_id"));
        if !names_tenant {
            return Err(format!(
                "`{table}`: a conflict may be with another tenant's row"
            ));
        }
        keeps_tenant(
            change
                .assignments
                .iter()
                .map(|assignment| &assignment.target),
        )?;
        let mut scope = around.inside();
        for alias in [table, "excluded"] {
            scope.relations.push(Relation {
                alias: alias.to_owned(),
                is_tenant: true,
                has_tenant: true,
            });
            scope.bound.insert(alias.to_owned());
        }
        self.subqueries(on, &scope)
    }

    /// Adds what stands after FROM, and the conditions of its joins.
    fn relations<'a>(
        &self,
        tables: &'a [TableWithJoins],
        scope: &mut Scope<'_>,
        conditions: &mut Vec<Condition<'a>>,
    ) -> Verdict {
        for table in tables {
            self.relation(&table.relation, scope, conditions)?;
            for join in &table.joins {
                let alias = self.relation(&join.relation, scope, conditions)?;
                // An outer join's condition restricts what is joined, not what it is joined to.
                let (constraint, only) = match &join.join_operator {
                    JoinOperator::Join(constraint)
                    | JoinOperator::Inner(constraint)
                    | JoinOperator::CrossJoin(constraint) => (constraint, None),
                    JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                        (constraint, Some(alias))
                    }
                    _ => return Err("a kind of join that is not understood".to_owned()),
                };
                match constraint {
                    JoinConstraint::On(all) => conditions.push(Condition(all, only)),
                    JoinConstraint::None => {}
                    _ => return Err("say ON instead of USING".to_owned()),
                }
            }
        }
        Ok(())
    }

    fn relation<'a>(
        &self,
        factor: &'a TableFactor,
        scope: &mut Scope<'_>,
        conditions: &mut Vec<Condition<'a>>,
    ) -> Verdict<String> {
        match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let table = last(name);
                let named = alias.as_ref().map(|alias| alias.name.value.to_lowercase());
                let alias = named.unwrap_or_else(|| table.clone());
                let of_with = scope.named(&table);
                let is_tenant = args.is_none() && of_with.is_none() && self.tables.contains(&table);
                let has_tenant = is_tenant || of_with == Some(true);
                scope.add(alias.clone(), is_tenant, has_tenant);
                Ok(alias)
            }
            TableFactor::Derived {
                subquery, alias, ..
            } => {
                let columns = self.query(subquery, scope)?;
                let alias = alias.as_ref().ok_or("a subquery without a name")?;
                let alias = alias.name.value.to_lowercase();
                scope.add(alias.clone(), false, exports_tenant(&columns));
                Ok(alias)
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => {
                let tables = std::slice::from_ref(&**table_with_joins);
                self.relations(tables, scope, conditions)?;
                Ok(String::new())
            }
            TableFactor::Function { alias, .. } | TableFactor::TableFunction { alias, .. } => {
                let alias = alias.as_ref().map(|alias| alias.name.value.to_lowercase());
                let alias = alias.unwrap_or_default();
                scope.add(alias.clone(), false, false);
                Ok(alias)
            }
            _ => Err("a relation that is not understood".to_owned()),
        }
    }

    /// Finds out which relations the conditions bind; every tenant's table must be among them.
    fn bind(scope: &mut Scope<'_>, conditions: Vec<Condition<'_>>) -> Verdict {
        let mut pairs = Vec::new();
        for Condition(all, only) in conditions {
            equalities(all, &mut |left, right| {
                for (column, value) in [(left, right), (right, left)] {
                    let owner = scope.owner(column);
                    let owner = owner.filter(|one| only.as_ref().is_none_or(|only| only == one));
                    pairs.extend(owner.map(|owner| (owner, value.clone())));
                }
            });
        }
        loop {
            let newly: Vec<_> = pairs
                .iter()
                .filter(|(owner, value)| !scope.bound.contains(owner) && scope.is_bound(value))
                .map(|(owner, _)| owner.clone())
                .collect();
            if newly.is_empty() {
                break;
            }
            scope.bound.extend(newly);
        }
        let unbound = scope
            .relations
            .iter()
            .find(|one| one.is_tenant && !scope.bound.contains(&one.alias));
        match unbound {
            None => Ok(()),
            Some(one) => Err(format!("`{}` is not bound to the tenant", one.alias)),
        }
    }

    /// Judges the queries inside the expressions of a part.
    fn subqueries(&self, part: &impl Visit, scope: &Scope<'_>) -> Verdict {
        let mut inner = Inner::default();
        let _ = part.visit(&mut inner);
        for query in &inner.queries {
            self.query(query, scope)?;
        }
        Ok(())
    }
}

impl Scope<'_> {
    /// A query or `WITH` that shows a `tenant_id` shows the tenant's: it was judged before.
    fn add(&mut self, alias: String, is_tenant: bool, has_tenant: bool) {
        if has_tenant && !is_tenant {
            self.bound.insert(alias.clone());
        }
        self.relations.push(Relation {
            alias,
            is_tenant,
            has_tenant,
        });
    }
}

/// A column of a query's result.
struct Column {
    name: Option<String>,
    /// It is the tenant's id for certain.
    is_tenant: bool,
}

impl Column {
    fn of(item: &SelectItem, scope: &Scope<'_>) -> Self {
        let (name, is_tenant) = match item {
            SelectItem::UnnamedExpr(value) => {
                let name = match value {
                    Expr::Identifier(name) => Some(name.value.to_lowercase()),
                    Expr::CompoundIdentifier(parts) => {
                        parts.last().map(|name| name.value.to_lowercase())
                    }
                    _ => None,
                };
                (name, scope.is_bound(value))
            }
            SelectItem::ExprWithAlias { expr, alias } => {
                (Some(alias.value.to_lowercase()), scope.is_bound(expr))
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(of), _) => {
                let is_bound = scope.bound.contains(&last(of));
                (is_bound.then(|| "tenant_id".to_owned()), is_bound)
            }
            SelectItem::Wildcard(_) => {
                let all = scope.relations.iter().filter(|one| one.has_tenant);
                let is_bound = !scope.bound.is_empty()
                    && all.into_iter().all(|one| scope.bound.contains(&one.alias));
                (is_bound.then(|| "tenant_id".to_owned()), is_bound)
            }
            _ => (None, false),
        };
        Self { name, is_tenant }
    }
}

fn exports_tenant(columns: &[Column]) -> bool {
    let mut tenant = columns
        .iter()
        .filter(|column| column.name.as_deref() == Some("tenant_id"));
    tenant.next().is_some_and(|column| column.is_tenant) && tenant.all(|column| column.is_tenant)
}

/// The equalities among the conditions that all have to hold; rows are compared value by value.
fn equalities<'a>(all: &'a Expr, found: &mut impl FnMut(&'a Expr, &'a Expr)) {
    match all {
        Expr::Nested(inner) => equalities(inner, found),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            equalities(left, found);
            equalities(right, found);
        }
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } => match (&**left, &**right) {
            (Expr::Tuple(left), Expr::Tuple(right)) => left
                .iter()
                .zip(right)
                .for_each(|(left, right)| found(left, right)),
            (left, right) => found(left, right),
        },
        _ => {}
    }
}

/// No row may go over to another tenant.
fn keeps_tenant<'a>(mut targets: impl Iterator<Item = &'a AssignmentTarget>) -> Verdict {
    let moves = targets.any(|target| match target {
        AssignmentTarget::ColumnName(name) => last(name) == "tenant_id",
        AssignmentTarget::Tuple(names) => names.iter().any(|name| last(name) == "tenant_id"),
    });
    if moves {
        return Err("tenant_id is changed".to_owned());
    }
    Ok(())
}

fn last(name: &ObjectName) -> String {
    let part = name.0.last().map(ToString::to_string).unwrap_or_default();
    part.trim_matches('"').to_lowercase()
}

/// Collects the outermost queries of a part.
#[derive(Default)]
struct Inner {
    queries: Vec<Query>,
    depth: u32,
}

impl Visitor for Inner {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.queries.push(query.clone());
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}
