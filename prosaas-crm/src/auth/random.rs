//! Random bytes of the operating system, for everything that must not be guessed.

use prosaas_core::{Error, Result};

/// Fresh random bytes.
///
/// # Errors
/// `Internal` when the system gives none: nothing is then issued at all.
pub fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::internal("random bytes", error))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
    }
}
