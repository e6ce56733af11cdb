//! The services of a sandbox platform, each alone or all on one machine.

mod args;
mod configure;
mod demo;
mod descriptors;
mod log;
mod stop;

use args::{Arguments, Command, Service};
use clap::Parser;
use sandgate_api::Server;
use sandgate_edge::{Edge, OneNode};
use sandgate_lab::play;
use sandgate_node_agent::Agent;
use std::{env, error::Error, process::ExitCode};
use stop::Stop;

fn main() -> ExitCode {
    // The hosts and the clients of the demonstration are this program as well.
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if let Some(code) = play(&words) {
        return code;
    }
    let Arguments { log_format, command } = Arguments::parse();
    log::begin(log_format, &command);
    let limit = descriptors::raise();
    let outcome = match command {
        Command::Demo(arguments) => return demo::run(&arguments),
        Command::Serve(service) => serve(service, limit),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one of the services until it is told to stop, with as many connections as there are
/// descriptors for.
#[tokio::main]
async fn serve(service: Service, limit: usize) -> Result<(), Box<dyn Error>> {
    let stop = Stop::begin()?;
    match service {
        Service::Api(arguments) => {
            let server = Server::bind(arguments.try_into()?).await?;
            server.serve(stop.token.cancelled()).await;
        }
        Service::Node(arguments) => {
            let config = configure::node(arguments, limit)?;
            Agent::serve(config, stop.token.clone()).await?.stopped().await?;
        }
        Service::Edge(arguments) => {
            let routes = OneNode(arguments.node);
            let edge = Edge::bind(configure::edge(arguments, limit)?, routes)?;
            for address in edge.addresses()? {
                tracing::info!(%address, "the edge listens");
            }
            edge.run(stop.token.clone()).await;
        }
    }
    tracing::info!("stopped");
    Ok(())
}
