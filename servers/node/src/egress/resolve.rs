//! The addresses of a name, as the node itself finds them (E-8).

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::Name,
};
use sandgate::{ByName, Permitted};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// How many addresses of a name are looked at.
const ADDRESSES: usize = 16;

/// Asks one name server. No search list, no hosts file: what a sandbox or the node's own machine
/// believes about a name is not asked.
#[derive(Debug)]
pub(super) struct Resolver(TokioResolver);

/// What a name resolves to.
#[derive(Debug)]
pub(super) struct Resolved {
    /// Where a connection may go.
    pub(super) permitted: Vec<Permitted>,
    /// An address that it may not go to, if there was one.
    pub(super) denied: Option<IpAddr>,
}

impl Resolver {
    pub(super) fn new(name_server: SocketAddr) -> Result<Self, NetError> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = name_server.port();
            connection
        });
        let server = NameServerConfig::new(name_server.ip(), true, connections.into());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let options = builder.options_mut();
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = Duration::from_secs(2);
        options.attempts = 2;
        options.cache_size = 4096;
        options.max_active_requests = 1024;
        builder.build().map(Self)
    }

    /// Every address of the name, with the policy asked about each. Those of the family that the
    /// sandbox chose come first.
    pub(super) async fn resolve(&self, by_name: &ByName<'_>, chosen: IpAddr) -> Result<Resolved, NetError> {
        let mut name = Name::from_ascii(by_name.name().as_str())?;
        name.set_fqdn(true);
        let found = self.0.lookup_ip(name).await?;
        let mut resolved = Resolved { permitted: Vec::new(), denied: None };
        for address in found.iter().take(ADDRESSES) {
            match by_name.permit(address) {
                Some(permitted) => resolved.permitted.push(permitted),
                None => resolved.denied = Some(address),
            }
        }
        resolved.permitted.sort_by_key(|permitted| permitted.socket_addr().is_ipv4() != chosen.is_ipv4());
        Ok(resolved)
    }
}
