//! Reverse proxies whose `X-Forwarded-For` is believed.

use std::net::IpAddr;

/// A range of addresses: one address, or a CIDR block such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

impl AddressRange {
    /// Whether `address` lies in the range. IPv4 never matches an IPv6 range, nor the reverse.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                (u64::from(network.to_bits()) >> shift) == (u64::from(address.to_bits()) >> shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix.min(128));
                network.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl std::str::FromStr for AddressRange {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "expected addresses or CIDR blocks such as 127.0.0.1 or 10.0.0.0/8, separated by commas"
                .to_owned()
        };
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(a, p)| (a, Some(p)));
        let network: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|bits| *bits <= longest)
                .ok_or_else(wrong)?,
        };
        Ok(Self { network, prefix })
    }
}

/// Parses a comma-separated list.
pub(super) fn parse_list(text: &str) -> Result<Vec<AddressRange>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect()
}

/// The address of the client: the peer itself, unless the peer is a trusted proxy; then the last
/// address of `forwarded_for` that is not one (entries before it were written by the client).
pub fn client_address(
    peer: IpAddr,
    forwarded_for: Option<&str>,
    trusted: &[AddressRange],
) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    forwarded_for
        .into_iter()
        .flat_map(|list| list.rsplit(','))
        .map_while(|entry| entry.trim().parse::<IpAddr>().ok())
        .find(|address| !is_trusted(*address))
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_contain_what_they_should() {
        let inside = [
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.1.2.3", "10.1.2.3"),
            ("0.0.0.0/0", "8.8.8.8"),
            ("fd00::/8", "fd12::1"),
            ("::/0", "2001:db8::1"),
            ("127.0.0.1", "::ffff:127.0.0.1"),
        ];
        for (block, address) in inside {
            assert!(
                range(block).contains(address.parse().unwrap()),
                "{block} {address}"
            );
        }
        let outside = [
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.1.2.3", "10.1.2.4"),
            ("::/0", "1.2.3.4"),
            ("::1", "::2"),
        ];
        for (block, address) in outside {
            assert!(
                !range(block).contains(address.parse().unwrap()),
                "{block} {address}"
            );
        }
        for bad in ["", "10.0.0.0/33", "x", "10.0.0.0/-1", "::1/129"] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_forged_forwarded_for_changes_nothing() {
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        let stranger: IpAddr = "203.0.113.9".parse().unwrap();
        let trusted = [range("10.0.0.0/8")];
        assert_eq!(
            client_address(stranger, Some("1.1.1.1"), &trusted),
            stranger
        );
        assert_eq!(
            client_address(proxy, Some("1.1.1.1, 203.0.113.9"), &trusted),
            stranger
        );
        assert_eq!(
            client_address(proxy, Some("203.0.113.9, 10.0.0.2"), &trusted),
            stranger
        );
        assert_eq!(client_address(proxy, Some("nonsense"), &trusted), proxy);
        assert_eq!(client_address(proxy, None, &trusted), proxy);
    }
}
