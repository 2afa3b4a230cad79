//! Who issued the certificates that were sent in the clear, for which hosts: one that is no public issuer and has made those of
//! unrelated companies opens TLS on the way.

use crate::attribution::{Organisations, registrable};
use crate::policy::subject::Near;
use crate::policy::transport::{Issuer, Transport};
use crate::wire::{FrameNo, Text};
use std::collections::{BTreeMap, BTreeSet};

/// Different issuers kept. What a client's servers use are some dozen.
const MAX_ISSUERS: usize = 1 << 12;
/// Hosts kept of each, one for each registrable domain.
const MAX_HOSTS: usize = 16;
/// An unknown issuer must have made the certificates of so many owners, of which so many are companies that are known: a
/// company that issues for itself owns more than one domain too.
const MIN_OWNERS: (usize, usize) = (3, 2);

#[derive(Debug, Default)]
struct Issued {
    /// Registrable domain and the first name under it that was asked for.
    hosts: BTreeMap<Box<str>, Box<str>>,
    frames: Vec<FrameNo>,
}

/// By distinguished name.
#[derive(Debug, Default)]
pub(super) struct Issuers {
    of: BTreeMap<Text, Issued>,
    /// Certificates of further issuers.
    pub(super) not_kept: u64,
}

impl Issuers {
    /// A certificate was sent for the host that a client had asked for.
    pub(super) fn add(&mut self, issuer: &Text, host: &str, frame: FrameNo) {
        if !self.of.contains_key(issuer) {
            if self.of.len() >= MAX_ISSUERS {
                self.not_kept += 1;
                return;
            }
            self.of.insert(issuer.clone(), Issued::default());
        }
        let Some(by) = self.of.get_mut(issuer) else { return };
        let domain = registrable(host).unwrap_or(host);
        if by.hosts.len() < MAX_HOSTS && !by.hosts.contains_key(domain) {
            by.hosts.insert(domain.into(), host.into());
            if by.frames.len() < super::MAX_EVIDENCE {
                by.frames.push(frame);
            }
        }
    }

    /// The issuers that opened TLS on the way.
    pub(super) fn opened(&self, table: &Transport, organisations: &Organisations) -> Vec<Near> {
        let suspect = |(issuer, issued): (&Text, &Issued)| {
            let product = match table.issuer(issuer.exact()) {
                // Its maker's own hosts have certificates of the maker's.
                Some(Issuer::Product { name, maker }) if issued.hosts.keys().any(|domain| !domain.contains(maker)) => {
                    Some(name.into())
                }
                None if issued.is_of_strangers(organisations) => None,
                _ => return None,
            };
            let hosts = issued.hosts.values().map(|host| Text::from(&**host)).collect();
            Some(Near::Opened { issuer: issuer.clone(), product, hosts, frames: issued.frames.clone() })
        };
        self.of.iter().filter_map(suspect).collect()
    }
}

impl Issued {
    /// Whether the hosts belong to companies that have nothing to do with each other.
    fn is_of_strangers(&self, organisations: &Organisations) -> bool {
        let (mut known, mut owners) = (BTreeSet::new(), BTreeSet::new());
        for (domain, host) in &self.hosts {
            match organisations.operator_of(host) {
                Some(company) => {
                    let company = &company.value;
                    let top = company.parent.as_ref().unwrap_or(&company.name);
                    known.insert(top.clone());
                    owners.insert(top.clone());
                }
                None => {
                    owners.insert(domain.clone());
                }
            }
        }
        owners.len() >= MIN_OWNERS.0 && known.len() >= MIN_OWNERS.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Book;

    /// What is told of certificates `(issuer, host)`: the product or `?`, and how many hosts.
    fn told(certificates: &[(&str, &str)]) -> Vec<(String, usize)> {
        let mut issuers = Issuers::default();
        for (n, (issuer, host)) in (1..).zip(certificates) {
            issuers.add(&Text::from(*issuer), host, FrameNo(n));
        }
        let (book, organisations) = (Book::embedded().unwrap(), Organisations::embedded().unwrap());
        let opened = issuers.opened(&book.transport, &organisations);
        let told = |near: &Near| match near {
            Near::Opened { product, hosts, frames, .. } if frames.len() == hosts.len() => {
                (product.as_deref().unwrap_or("?").to_owned(), hosts.len())
            }
            near => panic!("{near:?}"),
        };
        opened.iter().map(told).collect()
    }

    #[test]
    fn one_private_issuer_for_strangers_opens_tls_on_the_way() {
        let gateway = "C=DE, O=Example GmbH, CN=Example Web Gateway CA";
        let strangers = ["us04web.zoom.us", "teams.microsoft.com", "www.example.net"];
        let by = |issuer: &'static str, hosts: &[&'static str]| hosts.iter().map(|h| (issuer, *h)).collect::<Vec<_>>();
        assert_eq!(told(&by(gateway, &strangers)), [("?".to_owned(), 3)]);
        assert_eq!(
            told(&by("C=US, O=Zscaler Inc., CN=Zscaler Intermediate", &strangers[..1])),
            [("Zscaler".to_owned(), 1)]
        );
        assert_eq!(
            told(&by("CN=ESET SSL Filter CA, O=ESET, spol. s r. o.", &strangers[..1])),
            [("ESET SSL Filter".to_owned(), 1)]
        );
        for (what, near_miss) in [
            ("a public issuer", by("C=US, O=DigiCert, Inc., CN=DigiCert TLS RSA SHA256 2020 CA1", &strangers)),
            ("a public issuer of one name", by("C=US, O=Let's Encrypt, CN=R3", &strangers)),
            ("one company's hosts", by(gateway, &["us04web.zoom.us", "zoom.com", "log.zoomgov.com"])),
            (
                "a company that nobody knows, under its own domains",
                by(gateway, &["a.example", "b.example", "c.example"]),
            ),
            ("two owners", by(gateway, &["zoom.us", "teams.microsoft.com"])),
            ("the maker's own hosts", by("C=US, O=Fortinet, CN=fortinet-subca2001", &["globalupdate.fortinet.net"])),
            ("two issuers", [by(gateway, &strangers[..1]), by("CN=Other CA", &strangers[1..])].concat()),
        ] {
            assert_eq!(told(&near_miss), [], "{what}");
        }
    }

    #[test]
    fn issuers_are_bounded_and_the_rest_is_counted() {
        let mut issuers = Issuers::default();
        for n in 0..MAX_ISSUERS + 5 {
            issuers.add(&Text::from(format!("CN={n}").as_str()), "a.example", FrameNo(1));
        }
        assert_eq!((issuers.of.len(), issuers.not_kept), (MAX_ISSUERS, 5));
        for n in 0..100 {
            issuers.add(&Text::from("CN=0"), &format!("www.a{n}.example"), FrameNo(1));
        }
        assert_eq!(issuers.of[&Text::from("CN=0")].hosts.len(), MAX_HOSTS);
    }
}
