//! What a difference between Twilio's list and ours leads to.

use prosaas_core::{CallDirection, Error, NewCall, NumberOwner};
use prosaas_crm::rules::reconcile::{CarrierCall, OwnCall};
use prosaas_crm::{CallStore as _, PhoneStore as _, StatusUpdate};

use super::read::Read;
use super::{Comparison, Finding, INSTALLATION};
use crate::calls::heal;
use crate::calls::lost::{self, Fate};

/// What was found out about a lost call, and what became of it.
type Told = (Finding, &'static str);

const NOBODYS: Told = (Finding::Nobodys, "the number is nobody's");
const MEANWHILE: Told = (
    Finding::Known,
    "it is one of another day, or came meanwhile",
);

impl Comparison<'_> {
    /// Stores a call that we never heard of as what it is for its caller: a missed call, with its lead and the
    /// alert that follows. The number that was called decides whose it is.
    pub(super) async fn store_lost(&self, call: &CarrierCall) -> Result<Told, Error> {
        let Some(number) = &call.called else {
            return Ok((Finding::Nobodys, "what was called is no phone number"));
        };
        // What still waits for the database is known to the server alone.
        let known = match self.app {
            Some(app) => app.standby.find_call(&call.sid).await?,
            None => self.store.find_call(&INSTALLATION, &call.sid).await?,
        };
        if known.is_some() {
            return Ok(MEANWHILE);
        }
        let owner = self.store.business_by_number(&INSTALLATION, number).await?;
        let NumberOwner::One(business) = owner else {
            return Ok(NOBODYS);
        };
        if !call.may_speak_for(business.id) {
            return Ok((
                Finding::Nobodys,
                "the number is not of this account's business",
            ));
        }
        let new = NewCall {
            call_sid: call.sid.clone(),
            direction: CallDirection::Inbound,
            caller: call.caller.clone(),
            business_number: number.clone(),
            started_at: call.started_at,
        };
        let told = (new, word_of(call));
        let fate = lost::store(self.store, self.config, &business, told).await?;
        if let (Fate::Missed(_), Some(app)) = (&fate, self.app) {
            app.work.notify_one();
        }
        Ok(match fate {
            Fate::Missed(_) => (Finding::Lost, "stored as a missed call"),
            Fate::TurnedAway => (Finding::TurnedAway, "its caller is not let in"),
            Fate::NotHere => (Finding::Nobodys, "the number was not here yet"),
            Fate::Known(_) => MEANWHILE,
        })
    }

    /// Closes a call that is over for Twilio: in the server as when its last callback comes; beside it only the
    /// carrier's word is noted, and the server finishes what has no outcome.
    pub(super) async fn close(
        &self,
        read: &Read,
        own: &OwnCall,
        call: &CarrierCall,
    ) -> Result<(), Error> {
        if let Some(app) = self.app {
            return heal::take_word(app, &call.sid, word_of(call)).await;
        }
        if let Some(scope) = read.scopes.get(&own.tenant) {
            self.store
                .advance_status(scope, own.id, word_of(call))
                .await?;
        }
        Ok(())
    }
}

/// What a status callback would have said.
fn word_of(call: &CarrierCall) -> StatusUpdate {
    StatusUpdate {
        status: call.status,
        sequence: None,
        at: call.over_at(),
    }
}
