//! Who is asked: the system's resolver, or one that the user names.

use super::ResolveError;
use crate::wire::Text;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::system_conf::read_system_conf;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Ports of DNS (RFC 1035 §4.2) and of DNS over TLS (RFC 7858 §3.1).
const PLAIN: u16 = 53;
const TLS: u16 = 853;

/// A resolver, as written on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// `system`: whatever the system uses.
    System,
    /// `IP` or `IP:PORT`: UDP, and TCP for what is too long for it.
    Plain(SocketAddr),
    /// `tls://IP#NAME` or `tls://IP:PORT#NAME`: DNS over TLS, with the name that the certificate must have.
    Tls(SocketAddr, Box<str>),
}

impl FromStr for Upstream {
    type Err = ResolveError;

    fn from_str(text: &str) -> Result<Self, ResolveError> {
        let wrong = || ResolveError::NotAResolver(text.into());
        if text == "system" {
            return Ok(Self::System);
        }
        let Some(rest) = text.strip_prefix("tls://") else {
            return end(text, PLAIN).map(Self::Plain).ok_or_else(wrong);
        };
        let (at, name) = rest.split_once('#').ok_or_else(wrong)?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b':')) {
            return Err(wrong());
        }
        Ok(Self::Tls(end(at, TLS).ok_or_else(wrong)?, name.into()))
    }
}

/// `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1`, `[2001:db8::1]:53`.
fn end(text: &str, port: u16) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port)))
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |at: &SocketAddr, usual| match at.port() {
            port if port == usual => at.ip().to_string(),
            _ => at.to_string(),
        };
        match self {
            Self::System => f.write_str("system"),
            Self::Plain(at) => f.write_str(&short(at, PLAIN)),
            Self::Tls(at, name) => write!(f, "tls://{}#{name}", short(at, TLS)),
        }
    }
}

impl Upstream {
    /// Who that is, for the report, and the same for the resolver.
    pub(super) fn servers(&self) -> Result<(Text, ResolverConfig), ResolveError> {
        let (at, connections) = match self {
            Self::System => return system(),
            Self::Plain(at) => (at, vec![ConnectionConfig::udp(), ConnectionConfig::tcp()]),
            Self::Tls(at, name) => (at, vec![ConnectionConfig::tls((&**name).into())]),
        };
        let connections = connections.into_iter().map(|mut connection| {
            connection.port = at.port();
            connection
        });
        let server = NameServerConfig::new(at.ip(), true, connections.collect());
        Ok((self.to_string().as_str().into(), ResolverConfig::from_name_servers(vec![server])))
    }
}

/// The servers of the system's settings, without its search list.
fn system() -> Result<(Text, ResolverConfig), ResolveError> {
    let (config, _) = read_system_conf().map_err(ResolveError::System)?;
    let servers = config.name_servers().to_vec();
    let mut addresses: Vec<String> = Vec::new();
    for server in &servers {
        let address = server.ip.to_string();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(ResolveError::NoSystem);
    }
    let words = format!("{} (system)", addresses.join(", "));
    Ok((words.as_str().into(), ResolverConfig::from_name_servers(servers)))
}
