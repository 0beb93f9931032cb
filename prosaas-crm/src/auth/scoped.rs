//! What the store found across businesses, with the leave to act where it was found.

use std::ops::Deref;

use prosaas_core::CallRecord;

use super::scope::TenantScope;

/// Something of one business, and leave to act in that business.
///
/// Only the store makes one, from a row it has read: a called number's business, the call of a verified
/// webhook. So whoever holds one did not choose the business himself. It reads like what it holds. The one
/// exception has a name to search for, [`Scoped::from_own_record`].
///
/// ```compile_fail,E0451
/// use prosaas_crm::auth::{Scoped, TenantScope};
/// fn forge(scope: TenantScope, call: prosaas_core::CallRecord) -> Scoped<prosaas_core::CallRecord> {
///     Scoped { scope, value: call }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped<T> {
    scope: TenantScope,
    value: T,
}

impl<T> Scoped<T> {
    pub(crate) const fn new(scope: TenantScope, value: T) -> Self {
        Self { scope, value }
    }

    /// Leave to act in its business.
    pub const fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// What was found, without the leave.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Another thing of the same business: the scope stays what it was.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Scoped<U> {
        Scoped {
            scope: self.scope,
            value: other(self.value),
        }
    }
}

impl Scoped<CallRecord> {
    /// A call that this installation wrote down itself, in a file of its own, while its database was away.
    ///
    /// Nothing is checked here: whoever calls this says that nobody else writes such files. Search for this
    /// name when you review an embedding.
    pub fn from_own_record(call: CallRecord) -> Self {
        Self::new(TenantScope::for_agent(call.tenant), call)
    }
}

impl<T> Deref for Scoped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
