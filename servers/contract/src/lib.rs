//! What the services of a sandbox platform say to one another.

use sandgate::NetworkConfig;

/// What the control API asks of a node.
#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    missing_docs,
    unused_qualifications,
    reason = "generated from `proto/node.proto`, which says what everything is"
)]
pub mod node {
    tonic::include_proto!("sandgate.node.v1");
}

impl From<&NetworkConfig> for node::Egress {
    fn from(config: &NetworkConfig) -> Self {
        Self {
            allow_out: config.allow_out.clone(),
            deny_out: config.deny_out.clone(),
            allow_internet_access: config.allow_internet_access,
        }
    }
}

impl From<&NetworkConfig> for node::Ingress {
    fn from(config: &NetworkConfig) -> Self {
        Self {
            allow_in: config.allow_in.clone(),
            deny_in: config.deny_in.clone(),
            mask_request_host: config.mask_request_host.clone(),
        }
    }
}

impl node::Egress {
    /// Puts the egress half into a configuration.
    pub fn put_into(self, config: &mut NetworkConfig) {
        config.allow_out = self.allow_out;
        config.deny_out = self.deny_out;
        config.allow_internet_access = self.allow_internet_access;
    }
}

impl node::Ingress {
    /// Puts the ingress half into a configuration.
    pub fn put_into(self, config: &mut NetworkConfig) {
        config.allow_in = self.allow_in;
        config.deny_in = self.deny_in;
        config.mask_request_host = self.mask_request_host;
    }
}
