//! The demonstration: all three services, a sandbox, and a policy that is what happens.
//!
//! ```text
//!     story.rs   what is asked, step after step      report.rs     what is printed
//!     scene.rs   who is asked                        platform.rs   the three services, started
//!                                                    world.rs      where it happens
//! ```

mod platform;
mod report;
mod scene;
mod story;
mod world;

use crate::{
    args::{Demo, Kernel},
    stop::Stop,
};
use platform::Platform;
use report::Report;
use sandgate_lab::{LabError, Place, enter};
use std::{io, process::ExitCode};
use story::Story;
use thiserror::Error;
use tokio::runtime::Runtime;
use world::World;

/// Why the demonstration cannot go on.
#[derive(Debug, Error)]
enum DemoError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{service} does not start: {why}")]
    Service { service: &'static str, why: String },
    #[error("the API's answer lacks {0}")]
    Answer(&'static str),
    #[error("nothing listens on an address of this family")]
    Address,
    #[error("the sandbox does not run")]
    NoSandbox,
    #[error("stopped before the end")]
    Stopped,
}

/// It could not be run, or not to its end.
const BROKEN_OFF: u8 = 2;

pub(crate) fn run(arguments: &Demo) -> ExitCode {
    let place = match arguments.kernel {
        Kernel::Absent => Place::Impossible("it was not asked to".into()),
        Kernel::Required | Kernel::IfPossible => enter(),
    };
    let told = match place {
        Place::Inside => tell(None),
        Place::Done(code) => return ExitCode::from(code),
        Place::Impossible(why) if arguments.kernel == Kernel::Required => {
            eprintln!("the kernel is required, and cannot take part: {why}");
            return ExitCode::from(BROKEN_OFF);
        }
        Place::Impossible(why) => tell(Some(&why)),
    };
    match told {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // The reader of a pipe has seen enough.
        Err(DemoError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the demonstration ended: {error}");
            ExitCode::from(BROKEN_OFF)
        }
    }
}

/// Tells the whole story. Whether all was as expected.
fn tell(no_kernel: Option<&str>) -> Result<bool, DemoError> {
    let runtime = Runtime::new()?;
    let stop = runtime.block_on(async { Stop::begin() })?;
    let first = match no_kernel {
        None => "Starting a control API, a node, an edge, and an internet for them.".to_owned(),
        Some(why) => {
            format!("The kernel takes no part ({why}), so what a sandbox sends is not judged here; the rest follows.")
        }
    };
    let mut report = Report::begin(&first, stop.token.clone())?;
    let world = if no_kernel.is_some() { World::Loopback } else { World::lab()? };
    let platform = Platform::start(runtime, &world, stop.token)?;
    let told = Story::new(&mut report, &platform, world).tell();
    platform.stop();
    told?;
    report.end().map_err(Into::into)
}
