//! `/api/system`: the installation, for its administrators, outside an acting session.

mod acting;
mod audit;
mod businesses;
mod users;

use super::kit::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(acting::routes())
        .merge(audit::routes())
        .merge(businesses::routes())
        .merge(users::routes())
}
