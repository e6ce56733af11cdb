//! `sandgate map`: the IPv4 space as a picture, and what a policy does with it.
//!
//! ```text
//!     mod.rs       reads policies, writes the picture
//!     draw.rs      puts it together
//!     marks.rs     what is drawn on the map         titles.rs    entries, when pointed at
//!     labels.rs    where labels go                  rooms.rs     where large words go
//!     spots.rs     what is small                    words.rs     sentences
//!     raster.rs    cells and outlines               known.rs     landmarks
//!     hilbert.rs   where addresses lie              survey.rs    regions of the core by address
//!     svg.rs       elements and texts               style.rs     colours and patterns
//! ```

mod draw;
mod hilbert;
mod known;
mod labels;
mod marks;
mod raster;
mod rooms;
mod spots;
mod style;
mod survey;
mod svg;
mod titles;
mod words;

use crate::{
    args::{Map, Way},
    input::{self, Failure},
    output,
};
use draw::Picture;
use sandgate::{Direction, diff};
use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};
use survey::Survey;
use titles::Asked;

pub(crate) fn run(arguments: &Map) -> Result<ExitCode, Failure> {
    let options = input::options(&arguments.platform)?;
    let policy = input::policy(&arguments.file, &options)?;
    let old = arguments.diff.as_deref().map(|old| input::policy(old, &options)).transpose()?;
    let direction = match arguments.direction {
        Way::Egress => Direction::Egress,
        Way::Ingress => Direction::Ingress,
    };
    let change = old.as_ref().map(|old| diff(old, &policy));
    let survey = Survey::new(&policy, direction, change.as_ref());
    let asked = Asked { policy: &policy, old: old.as_ref(), direction };
    let name = file_name(&arguments.file);
    let title = match (&arguments.diff, direction) {
        (None, Direction::Egress) => format!("Egress of {name}: what the sandbox may reach"),
        (None, Direction::Ingress) => format!("Ingress of {name}: who may reach the sandbox"),
        (Some(old), _) => format!("From {} to {name}: what changes in {direction}", file_name(old)),
    };
    let picture = Picture::new(&survey, asked).draw(&title);
    if input::is_stdin(&arguments.output) {
        return output::answer(ExitCode::SUCCESS, io::stdout().lock(), |out| Ok(out.write_all(picture.as_bytes())?));
    }
    fs::write(&arguments.output, picture)
        .map_err(|error| Failure::File { name: input::name(&arguments.output), error })?;
    Ok(ExitCode::SUCCESS)
}

/// So many characters of a file's name are written on the picture.
const NAME: usize = 36;

/// The name of a file without its folders, so that the same policy makes the same picture
/// wherever it lies.
fn file_name(path: &Path) -> String {
    if input::is_stdin(path) {
        return input::name(path);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.chars().count() <= NAME { name } else { name.chars().take(NAME).chain(['…']).collect() }
}
