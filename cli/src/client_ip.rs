//! `sandgate client-ip`: who is asking, from the peer and the X-Forwarded-For lines.

use crate::{
    args::{ClientIp, Format},
    input::Failure,
    output,
};
use sandgate::ClientAddress;
use std::{io::Write, process::ExitCode};

pub(crate) fn run(arguments: &ClientIp) -> Result<ExitCode, Failure> {
    let proxies = (!arguments.trusted_proxy.is_empty()).then(|| arguments.trusted_proxy.clone());
    let mode = match (arguments.trusted_hops, proxies) {
        (Some(hops), proxies) => ClientAddress::TrustedHops { hops, proxies },
        (None, Some(proxies)) => ClientAddress::TrustedProxies(proxies),
        (None, None) => ClientAddress::Peer,
    };
    let client = mode.derive(arguments.peer, &arguments.xff);
    let client = client.map(|client| client.to_string());
    output::answer(ExitCode::SUCCESS, anstream::stdout().lock(), |out| match (arguments.output.format, client) {
        (Format::Json, client) => Ok(writeln!(out, "{}", serde_json::json!({ "client": client }))?),
        (Format::Text, Some(client)) => Ok(writeln!(out, "{client}")?),
        (Format::Text, None) => Ok(writeln!(out, "unknown: ingress rules deny this client")?),
    })
}
