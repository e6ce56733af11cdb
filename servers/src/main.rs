//! The services of a sandbox platform, each alone or all on one machine.

mod args;
mod configure;
#[cfg(target_os = "linux")]
mod demo;
mod log;
mod stop;

use args::{Arguments, Command};
use clap::Parser;
use sandgate_api::Server;
use sandgate_edge::{Edge, OneNode};
use sandgate_node_agent::Agent;
use std::{error::Error, process::ExitCode};
use stop::Stop;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    {
        // The hosts and the clients of the demonstration are this program as well.
        let words: Vec<String> = std::env::args().skip(1).collect();
        if let Some(code) = sandgate_servers::lab::play(&words) {
            return code;
        }
    }
    let Arguments { log_format, command } = Arguments::parse();
    log::begin(log_format, &command);
    let outcome = match command {
        #[cfg(target_os = "linux")]
        Command::Demo(arguments) => return demo::run(&arguments),
        service => serve(service),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs one of the services until it is told to stop.
#[tokio::main]
async fn serve(command: Command) -> Result<(), Box<dyn Error>> {
    let stop = Stop::begin()?;
    match command {
        Command::Api(arguments) => {
            let server = Server::bind(arguments.try_into()?).await?;
            server.serve(stop.token.cancelled()).await;
        }
        Command::Node(arguments) => Agent::serve(arguments.try_into()?, stop.token.clone()).await?.stopped().await?,
        Command::Edge(arguments) => {
            let routes = OneNode(arguments.node);
            let edge = Edge::bind(arguments.try_into()?, routes)?;
            for address in edge.addresses()? {
                tracing::info!(%address, "the edge listens");
            }
            edge.run(stop.token.clone()).await;
        }
        #[cfg(target_os = "linux")]
        Command::Demo(_) => {}
    }
    tracing::info!("stopped");
    Ok(())
}
