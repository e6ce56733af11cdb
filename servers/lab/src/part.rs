//! The parts that this program plays in other namespaces.
//!
//! ```text
//!     play serve tcp:ADDRESS udp:ADDRESS web:ADDRESS tls:ADDRESS ...    says `ready`, and serves
//!     play names ADDRESS              a name server; a line `NAME=IP,IP` changes a name
//!     play ask   KIND:ADDRESS [IP]    whether tcp, udp or icmp is answered: exit code 0 or 1
//!     play hold  tcp:ADDRESS [IP]     one connection; says `yes` or `no` for each line
//!     play send  ADDRESS IP|- [NAME]  sends a request of HTTP from its input; inside TLS with a name
//!     play find  ADDRESS NAME         the addresses that a name server says
//! ```

use super::{LabError, client, host, names};
use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
};

/// The first word of a command line that is for a part.
pub const PLAY: &str = "play";

/// Plays a part, if the words of the command line say one. Its exit code.
#[must_use]
pub fn play(words: &[String]) -> Option<ExitCode> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (&PLAY, words) = words.split_first()? else { return None };
    let played = match *words {
        ["serve", ref sockets @ ..] => host::serve(sockets).map(|()| true),
        ["names", at] => names::serve(at).map(|()| true),
        ["ask", to] => client::ask(to, None),
        ["ask", to, from] => client::ask(to, Some(from)),
        ["hold", to] => client::hold(to, None).map(|()| true),
        ["hold", to, from] => client::hold(to, Some(from)).map(|()| true),
        ["send", to, from] => client::play_send(to, from, None),
        ["send", to, from, name] => client::play_send(to, from, Some(name)),
        ["find", at, name] => names::find(at, name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such part")),
    };
    Some(match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", words.join(" "));
            ExitCode::from(2)
        }
    })
}

/// Says that a part is ready.
pub(super) fn ready() -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(b"ready\n")?;
    out.flush()
}

/// A part that goes on. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    what: String,
    first: String,
}

impl Running {
    /// Starts a part, or any program, and waits until it says its first line.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends without a word.
    pub fn start(mut command: Command) -> Result<Self, LabError> {
        // The part and its first word say enough.
        let words = command.get_args().skip_while(|word| *word != PLAY).take(3);
        let what = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let failed = LabError::io(what.clone());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(LabError::Ended(what));
        };
        let mut running = Self { child, stdin, stdout: BufReader::new(stdout), what, first: String::new() };
        running.first = running.line()?;
        Ok(running)
    }

    /// The first line that it said.
    #[must_use]
    pub fn first(&self) -> &str {
        &self.first
    }

    /// The process.
    pub const fn process(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Tells it a line. What it says to that.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn tell(&mut self, line: &str) -> Result<String, LabError> {
        let told = self.stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.stdin.flush());
        told.map_err(LabError::io(self.what.clone()))?;
        self.line()
    }

    /// Whether a connection that is held still works.
    ///
    /// # Errors
    ///
    /// If the part has ended.
    pub fn works(&mut self) -> Result<bool, LabError> {
        Ok(self.tell("?")? == "yes")
    }

    fn line(&mut self) -> Result<String, LabError> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(1..) => Ok(line.trim().to_owned()),
            Ok(0) => Err(LabError::Ended(self.what.clone())),
            Err(error) => Err(LabError::io(self.what.clone())(error)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
