//! Which hosts may be reached. Names are judged by the addresses that they resolve to, and the connection goes to those.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net};
use reqwest::Url;

/// Networks that are not the public internet.
const PRIVATE_V4: [&str; 14] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// A host that may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blocked {
    #[error("the host `{0}` is private; name it in RFE_ALLOW_PRIVATE_HOSTS to allow it")]
    Host(String),
    #[error("the scheme `{0}` is not read; http and https are")]
    Scheme(String),
    #[error("the URL has no host")]
    NoHost,
}

/// The hosts that may be private.
#[derive(Debug, Default)]
pub(super) struct Guard {
    names: HashSet<String>,
    networks: Vec<IpNet>,
    private: Vec<Ipv4Net>,
}

impl Guard {
    pub(super) fn new(allowed: &[String]) -> Self {
        let mut guard = Self {
            private: PRIVATE_V4.iter().filter_map(|text| text.parse().ok()).collect(),
            ..Self::default()
        };
        for entry in allowed {
            let entry = entry.trim();
            let bare = entry.trim_start_matches('[').trim_end_matches(']');
            if let Ok(network) = entry.parse::<IpNet>() {
                guard.networks.push(network);
            } else if let Ok(address) = bare.parse::<IpAddr>() {
                guard.networks.push(IpNet::from(address));
            } else if !entry.is_empty() {
                guard.names.insert(entry.to_lowercase());
            }
        }
        guard
    }

    /// Checks what can be checked before a name is resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), Blocked> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Blocked::Scheme(url.scheme().to_owned()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Blocked::NoHost)?;
        // The client does not resolve addresses, so they are judged here.
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if !self.allows(host, address) => Err(Blocked::Host(host.to_owned())),
            _ => Ok(()),
        }
    }

    /// True if a connection of this host may go to this address.
    pub(super) fn allows(&self, host: &str, address: IpAddr) -> bool {
        let plain = address.to_canonical();
        self.is_public(plain)
            || self.networks.iter().any(|network| network.contains(&plain) || network.contains(&address))
            || self.names.contains(host.trim_end_matches('.').to_lowercase().as_str())
    }

    fn is_public(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.is_public_v4(address),
            IpAddr::V6(address) => self.is_public_v6(address),
        }
    }

    fn is_public_v4(&self, address: Ipv4Addr) -> bool {
        !self.private.iter().any(|network| network.contains(&address))
    }

    fn is_public_v6(&self, address: Ipv6Addr) -> bool {
        let parts = address.segments();
        let low = Ipv4Addr::from(((u32::from(parts[6])) << 16) | u32::from(parts[7]));
        match parts {
            // Unspecified, loopback and the old IPv4-compatible ones.
            [0, 0, 0, 0, 0, 0, ..] => false,
            // NAT64 and 6to4 hold an IPv4 address that is where the packet goes.
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => self.is_public_v4(low),
            [0x64, 0xff9b, ..] => false,
            [0x2002, high, low, ..] => {
                self.is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
            }
            // Teredo, benchmarks and documentation.
            [0x2001, 0 | 2 | 0xdb8, ..] => false,
            // Only global unicast is public; unique local, link-local and multicast are outside of it.
            [first, ..] => first & 0xe000 == 0x2000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], url: &str) -> Result<(), Blocked> {
        let allowed: Vec<String> = allowed.iter().map(|&entry| entry.to_owned()).collect();
        Guard::new(&allowed).check(&Url::parse(url).expect("url"))
    }

    #[test]
    fn private_literals_are_refused_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://user:word@127.0.0.1/",
            "http://example.org@127.0.0.1/",
            "http:\\\\127.0.0.1/",
            "http://0/",
            "http://10.1.2.3/",
            "http://169.254.169.254/latest",
            "http://100.64.0.1/",
            "http://192.168.1.1/",
            "http://172.31.255.255/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[0:0:0:0:0:ffff:127.0.0.1]/",
            "http://[0000:0000:0000:0000:0000:0000:0000:0001]/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
            "http://[fd12::1]/",
            "http://[ff02::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b:1::1]/",
        ] {
            assert!(matches!(check(&[], url), Err(Blocked::Host(_))), "{url}");
        }
    }

    #[test]
    fn public_literals_and_names_pass() {
        for url in [
            "http://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "http://[64:ff9b::101:101]/",
            "https://example.org/",
        ] {
            assert_eq!(check(&[], url), Ok(()), "{url}");
        }
    }

    #[test]
    fn the_operator_may_allow_addresses_and_networks() {
        assert_eq!(check(&["127.0.0.1", "::1"], "http://127.0.0.1:8080/"), Ok(()));
        assert_eq!(check(&["127.0.0.1", "::1"], "http://[::1]/"), Ok(()));
        assert_eq!(check(&["127.0.0.1"], "http://[::ffff:127.0.0.1]/"), Ok(()));
        assert_eq!(check(&["10.0.0.0/8"], "http://10.9.8.7/"), Ok(()));
        assert!(check(&["127.0.0.1"], "http://127.0.0.2/").is_err());
    }

    #[test]
    fn other_schemes_are_refused() {
        assert_eq!(check(&[], "ftp://example.org/"), Err(Blocked::Scheme("ftp".to_owned())));
        assert!(check(&[], "file:///etc/passwd").is_err());
    }
}
