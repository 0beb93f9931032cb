//! How a call goes on that the agent cannot have: to a person while the business is open, else to voicemail.

use prosaas_core::{E164, TransferTarget};

use crate::model::call::AfterStream;

/// What is known about a call that the agent cannot have.
#[derive(Clone, Copy, Debug)]
pub struct WithoutAgent<'a> {
    /// Whether the business is open now: its hours, holidays and Shabbat are taken into account.
    pub is_open: bool,
    /// Whom the business lets its calls be transferred to, in its order.
    pub targets: &'a [TransferTarget],
    /// The caller; `None` when the number is withheld.
    pub caller: Option<&'a E164>,
    /// The number that was called.
    pub called: &'a E164,
    /// The phone that rang before the agent was to have the call: nobody picked up there.
    pub rang: Option<&'a E164>,
}

/// Whom the call is forwarded to, or that its caller is asked for a message.
///
/// The first of the list is who the business names first. A phone that is calling is busy, a number that rings
/// itself never ends, and one that nobody picked up a moment ago is not rung again.
pub fn next(call: &WithoutAgent<'_>) -> AfterStream {
    let is_reachable = |number: &E164| {
        call.caller != Some(number) && call.called != number && call.rang != Some(number)
    };
    let mut numbers = call.targets.iter().map(|target| &target.number);
    match numbers.find(|number| is_reachable(number)) {
        Some(number) if call.is_open => AfterStream::Dial(number.clone()),
        _ => AfterStream::TakeVoicemail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "+972501234567";
    const CALLED: &str = "+97231234567";
    const SALES: &str = "+97239876543";
    const GARAGE: &str = "+97239876544";

    fn number(text: &str) -> E164 {
        E164::parse(text).unwrap()
    }

    fn check(is_open: bool, targets: &[&str], rang: Option<&str>, expected: Option<&str>) {
        let targets: Vec<_> = targets
            .iter()
            .map(|text| TransferTarget {
                label: (*text).to_owned(),
                number: number(text),
            })
            .collect();
        let (caller, called, rang) = (number(CALLER), number(CALLED), rang.map(number));
        let call = WithoutAgent {
            is_open,
            targets: &targets,
            caller: Some(&caller),
            called: &called,
            rang: rang.as_ref(),
        };
        let expected = expected.map_or(AfterStream::TakeVoicemail, |text| {
            AfterStream::Dial(number(text))
        });
        assert_eq!(next(&call), expected, "{is_open} {targets:?} {rang:?}");
    }

    #[test]
    fn a_call_is_forwarded_while_somebody_may_pick_up() {
        check(true, &[SALES, GARAGE], None, Some(SALES));
        check(false, &[SALES, GARAGE], None, None);
        check(true, &[], None, None);
        check(true, &[SALES, GARAGE], Some(SALES), Some(GARAGE));
        check(true, &[SALES], Some(SALES), None);
    }

    #[test]
    fn nobody_is_forwarded_to_himself() {
        check(true, &[CALLER], None, None);
        check(true, &[CALLED, GARAGE], None, Some(GARAGE));
    }
}
