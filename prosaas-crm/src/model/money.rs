//! Money as businesses ask and receive it: integer minor units and a currency.

use std::fmt;
use std::str::FromStr;

use prosaas_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A currency by its ISO 4217 code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// The Israeli new shekel; its minor unit is the agora.
    #[default]
    Ils,
    /// The US dollar.
    Usd,
    /// The euro.
    Eur,
    /// The pound sterling.
    Gbp,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 4] = [Self::Ils, Self::Usd, Self::Eur, Self::Gbp];

    /// The ISO code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ils => "ILS",
            Self::Usd => "USD",
            Self::Eur => "EUR",
            Self::Gbp => "GBP",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Currency {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.as_str() == text)
            .ok_or_else(|| Error::invalid("currency", "expected an ISO code such as `ILS`"))
    }
}

/// An amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "axum", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: agorot, cents.
    #[cfg_attr(
        feature = "axum",
        schema(minimum = -1_000_000_000_000_i64, maximum = 1_000_000_000_000_i64, example = 45_000)
    )]
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// The largest amount taken either way: sums of a million of them still fit.
    pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

    /// Agorot.
    pub const fn ils(amount: i64) -> Self {
        Self {
            amount,
            currency: Currency::Ils,
        }
    }

    /// Passes an amount that may be asked for or recorded: not negative, not absurd.
    ///
    /// # Errors
    /// `Invalid` otherwise.
    pub fn checked(self) -> Result<Self> {
        if (0..=Self::MAX_AMOUNT).contains(&self.amount) {
            return Ok(self);
        }
        Err(Error::invalid(
            "amount",
            "expected minor units from 0 to 1000000000000",
        ))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.amount < 0 { "-" } else { "" };
        let minor = self.amount.unsigned_abs();
        write!(
            f,
            "{sign}{}.{:02} {}",
            minor / 100,
            minor % 100,
            self.currency
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_minor_units_on_the_wire() {
        let text = serde_json::to_string(&Money::ils(45_000)).unwrap();
        assert_eq!(text, r#"{"amount":45000,"currency":"ILS"}"#);
        assert_eq!(
            serde_json::from_str::<Money>(&text).unwrap(),
            Money::ils(45_000)
        );
        assert!(serde_json::from_str::<Money>(r#"{"amount":4.5,"currency":"ILS"}"#).is_err());
    }

    #[test]
    fn money_prints_both_minor_digits() {
        assert_eq!(Money::ils(-5).to_string(), "-0.05 ILS");
        assert!(Money::ils(-5).checked().is_err());
        assert!(Money::ils(Money::MAX_AMOUNT + 1).checked().is_err());
    }

    #[test]
    fn currencies_parse_back() {
        for currency in Currency::ALL {
            assert_eq!(currency.as_str().parse::<Currency>().unwrap(), currency);
        }
        assert!("ils".parse::<Currency>().is_err());
    }
}
