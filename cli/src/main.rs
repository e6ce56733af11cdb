//! The command `sandgate`: puts the core to work on files. It holds no rule of its own.

mod args;
mod check;
mod client_ip;
mod decide;
mod diff;
mod explain;
mod fix;
mod format;
mod input;
mod lint;
mod map;
mod nft;
mod output;
mod places;
mod query;
mod render;
mod review;
mod stdin;
mod test;

use args::{Arguments, Command, Document, Fingerprint};
use clap::{CommandFactory, Parser};
use input::Failure;
use std::{
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match stdin::once(&command).and_then(|()| run(&command)) {
        Ok(code) => code,
        Err(failure) => {
            render::failure(&failure);
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Lint(arguments) => lint::run(arguments),
        Command::Fingerprint(arguments) => print_fingerprint(arguments),
        Command::Decide(arguments) => decide::run(arguments),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Map(arguments) => map::run(arguments),
        Command::Nft(arguments) => nft::run(arguments),
        Command::Fmt(arguments) => format::run(arguments),
        Command::Fix(arguments) => fix::run(arguments),
        Command::ClientIp(arguments) => client_ip::run(arguments),
        Command::Schema { document } => print_schema(*document),
        Command::Completions { shell } => print_completions(*shell),
    }
}

fn print_schema(document: Document) -> Result<ExitCode, Failure> {
    let schema = match document {
        Document::Config => sandgate::schema::network_config(),
        Document::Update => sandgate::schema::network_update(),
    };
    output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| {
        serde_json::to_writer_pretty(&mut *out, &schema).map_err(io::Error::from)?;
        Ok(writeln!(out)?)
    })
}

fn print_fingerprint(arguments: &Fingerprint) -> Result<ExitCode, Failure> {
    let policy = input::policy(&arguments.file, &input::options(&arguments.platform)?)?;
    output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| {
        if arguments.text {
            Ok(write!(out, "{}", policy.canonical_text())?)
        } else {
            Ok(writeln!(out, "{}", policy.fingerprint())?)
        }
    })
}

fn print_completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "sandgate", &mut script);
    output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| Ok(out.write_all(&script)?))
}
