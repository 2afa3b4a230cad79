//! Asks a resolver what addresses are called (PTR, RFC 1035 §3.5). The only room that talks to the network, and only when
//! the user says so: whoever is asked learns which addresses the audited device met.
//!
//! What comes back is what the holder of an address had written there. It is shown, marked, and never judged by.

mod upstream;

pub use upstream::Upstream;

use crate::wire::Text;
use hickory_resolver::config::{ResolveHosts, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::{Resolver, TokioResolver};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Addresses asked for in one run. A call meets tens; the rest of an office's day is not worth telling a resolver.
pub const MAX_ADDRESSES: usize = 256;
/// For one address, repetitions included; resolvers that must walk the tree take a second or two.
pub const PER_ADDRESS: Duration = Duration::from_secs(3);
/// For all of them: nobody waits longer for names that are an extra.
pub const IN_ALL: Duration = Duration::from_secs(15);
/// Questions under way at once: public resolvers limit the rate of a client.
pub const AT_ONCE: usize = 8;
/// Datagrams sent for one question. One may get lost.
const TRIES: u32 = 2;

/// How much is asked and how long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub addresses: usize,
    pub per_address: Duration,
    pub in_all: Duration,
    pub at_once: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { addresses: MAX_ADDRESSES, per_address: PER_ADDRESS, in_all: IN_ALL, at_once: AT_ONCE }
    }
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("`{0}` is no resolver; write an IP address, IP:PORT, or tls://IP#NAME for DNS over TLS")]
    NotAResolver(Text),
    #[error("cannot read the system's resolver settings ({0}); name a resolver: --resolve=IP")]
    System(NetError),
    #[error("the system's settings name no resolver; name one: --resolve=IP")]
    NoSystem,
    #[error("cannot set up the resolver ({0}); leave out --resolve")]
    Setup(NetError),
    #[error("cannot start the look-ups ({0}); leave out --resolve")]
    Start(io::Error),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Address → its name. Of several names of an address the first in the alphabet, so that their order does not matter.
    pub names: BTreeMap<IpAddr, Text>,
    pub asked: u64,
    /// Of those: neither a name nor the word that there is none.
    pub unanswered: u64,
    /// Not asked for, because there were too many or the time was over.
    pub left_out: u64,
}

/// Somebody who can be asked.
#[derive(Debug)]
pub struct Asker {
    upstream: Text,
    resolver: TokioResolver,
    runtime: Runtime,
    bounds: Bounds,
}

impl Asker {
    /// Sets everything up; sends nothing yet.
    pub fn new(upstream: &Upstream, bounds: Bounds) -> Result<Self, ResolveError> {
        let (upstream, config) = upstream.servers()?;
        let mut options = ResolverOpts::default();
        options.timeout = bounds.per_address / TRIES;
        options.attempts = TRIES as usize - 1;
        // One server at a time, and no file of this host: who is named in the report is who was asked.
        options.num_concurrent_reqs = 1;
        options.use_hosts_file = ResolveHosts::Never;
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(ResolveError::Setup)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(ResolveError::Start)?;
        Ok(Self { upstream, resolver, runtime, bounds })
    }

    /// Who is asked, in words.
    pub fn upstream(&self) -> &Text {
        &self.upstream
    }

    /// How many of so many addresses will be asked for.
    pub fn will_ask(&self, addresses: usize) -> usize {
        addresses.min(self.bounds.addresses)
    }

    /// Asks for the addresses in their order, within the bounds; blocks until then.
    pub fn ask(&self, addresses: &[IpAddr]) -> Answers {
        let mut answers = Answers::default();
        self.runtime.block_on(async {
            // When the time is over, what came until then counts.
            let _ = timeout(self.bounds.in_all, self.ask_all(addresses, &mut answers)).await;
        });
        answers.left_out = addresses.len() as u64 - answers.asked;
        answers
    }

    async fn ask_all(&self, addresses: &[IpAddr], answers: &mut Answers) {
        let mut waiting = addresses.iter().take(self.bounds.addresses);
        let mut under_way = JoinSet::new();
        loop {
            while under_way.len() < self.bounds.at_once
                && let Some(&address) = waiting.next()
            {
                under_way.spawn(timeout(self.bounds.per_address, name_of(self.resolver.clone(), address)));
                answers.asked += 1;
                answers.unanswered += 1;
            }
            match under_way.join_next().await {
                Some(Ok(Ok(Ok((address, name))))) => {
                    answers.unanswered -= 1;
                    answers.names.extend(name.map(|name| (address, name)));
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// The name of an address, or that it has none.
async fn name_of(resolver: TokioResolver, address: IpAddr) -> Result<(IpAddr, Option<Text>), NetError> {
    let mut question = Name::from(address);
    // Or the domains of the search list would be tried behind it.
    question.set_fqdn(true);
    match resolver.reverse_lookup(question).await {
        Ok(found) => {
            let pointers = found.answers().iter().filter_map(|record| match &record.data {
                RData::PTR(name) => Some(presentation(name)),
                _ => None,
            });
            Ok((address, pointers.filter(|name| !name.is_empty()).min()))
        }
        Err(error) if error.is_no_records_found() => Ok((address, None)),
        Err(error) => Err(error),
    }
}

/// A name as in a zone file (RFC 1035 §5.1), lower-case: what is neither letter, digit, hyphen nor underscore is escaped, so
/// that no name can look like the words around it.
fn presentation(name: &Name) -> Text {
    let mut text = String::new();
    for label in name {
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in label {
            match char::from(byte) {
                c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => text.push(c),
                _ => {
                    let _ = write!(text, "\\{byte:03}");
                }
            }
        }
    }
    Text::host(text.as_bytes())
}
