//! The clients: whoever asks, from wherever they are.

use super::{LabError, PLAY, Running, host::socket, part::ready, tls};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    process::{self, Command, Stdio},
    time::Duration,
};

/// How long an answer is waited for. What the kernel drops is not answered at all.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long an answer of HTTP is waited for once there is a connection.
const ANSWER: Duration = Duration::from_secs(10);

/// Somebody who can ask: this program, run where they are.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The program and the words before the part.
    words: Vec<OsString>,
    from: Option<IpAddr>,
}

impl Client {
    /// Somebody in a network namespace that has a name.
    ///
    /// # Errors
    ///
    /// If this program does not know where it is.
    pub fn within(namespace: &str) -> Result<Self, LabError> {
        let this = env::current_exe().map_err(LabError::io("this program"))?;
        let words = ["ip", "netns", "exec", namespace].map(OsString::from);
        Ok(Self { words: words.into_iter().chain([this.into()]).collect(), from: None })
    }

    /// Somebody where this process is.
    ///
    /// # Errors
    ///
    /// If this program does not know where it is.
    pub fn here() -> Result<Self, LabError> {
        let this = env::current_exe().map_err(LabError::io("this program"))?;
        Ok(Self { words: vec![this.into()], from: None })
    }

    /// Somebody where a command runs that is this program: in a sandbox, say.
    #[must_use]
    pub fn of(command: &Command) -> Self {
        let words = [command.get_program()].into_iter().chain(command.get_args()).map(Into::into).collect();
        Self { words, from: None }
    }

    /// The same, asking from this address.
    #[must_use]
    pub fn at(mut self, address: IpAddr) -> Self {
        self.from = Some(address);
        self
    }

    /// Whether it gets an answer from `tcp:203.0.113.1:7`, `udp:203.0.113.1:7` or
    /// `icmp:203.0.113.1:0`. If it cannot even ask, it says so on standard error.
    #[must_use]
    pub fn reaches(&self, to: &str) -> bool {
        let mut command = self.command(&["ask", to]);
        command.args(self.from.map(|from| from.to_string()));
        command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The answer to a request of HTTP, if there is one.
    #[must_use]
    pub fn send(&self, to: SocketAddr, request: &str) -> Option<Answer> {
        self.say(to, request, None)
    }

    /// The answer to a request inside TLS, for a name.
    #[must_use]
    pub fn send_tls(&self, to: SocketAddr, name: &str, request: &str) -> Option<Answer> {
        self.say(to, request, Some(name))
    }

    fn say(&self, to: SocketAddr, request: &str, name: Option<&str>) -> Option<Answer> {
        let from = self.from.map_or_else(|| "-".to_owned(), |from| from.to_string());
        let mut command = self.command(&["send", &to.to_string(), &from]);
        let mut child = command.args(name).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        child.stdin.take()?.write_all(request.as_bytes()).ok()?;
        let output = child.wait_with_output().ok()?;
        if output.status.success() { Answer::read(&output.stdout) } else { None }
    }

    /// The IPv4 addresses of a name, asked of a name server.
    #[must_use]
    pub fn find(&self, server: &str, name: &str) -> Vec<IpAddr> {
        let output = self.command(&["find", server, name]).output().ok();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Opens a connection to a `tcp:203.0.113.1:7` and holds it.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn hold(&self, to: &str) -> Result<Running, LabError> {
        let mut command = self.command(&["hold", to]);
        command.args(self.from.map(|from| from.to_string()));
        Running::start(command)
    }

    /// Serves on `web:192.0.2.9:5000` and its like.
    ///
    /// # Errors
    ///
    /// If a socket is taken.
    pub fn serve(&self, sockets: &[&str]) -> Result<Running, LabError> {
        self.start(&[&["serve"], sockets].concat())
    }

    pub(super) fn start(&self, words: &[&str]) -> Result<Running, LabError> {
        Running::start(self.command(words))
    }

    /// This program, playing a part where the client is.
    fn command(&self, words: &[&str]) -> Command {
        let mut before = self.words.iter();
        let mut command = Command::new(before.next().cloned().unwrap_or_default());
        command.args(before).arg(PLAY).args(words);
        command
    }
}

/// What a server of HTTP said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body. Of a host: its address, and on the lines after it what it was asked.
    pub body: String,
}

impl Answer {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = head.headers.iter().map(|header| (header.name.to_ascii_lowercase(), text(header.value)));
        Some(Self { status: head.code?, headers: headers.collect(), body: text(bytes.get(length..)?) })
    }

    /// The first value of a header, whose name is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The address of the host that answered.
    #[must_use]
    pub fn host(&self) -> &str {
        self.body.lines().next().unwrap_or_default()
    }

    /// The values of a header that the host was sent. The name is in small letters.
    #[must_use]
    pub fn was_sent(&self, name: &str) -> Vec<&str> {
        let headers = self.body.lines().skip(2).filter_map(|line| line.split_once(':'));
        headers.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

/// Sends a request of HTTP from this process. It asks for the connection to be closed.
///
/// # Errors
///
/// If nobody answers in HTTP.
pub fn send(to: SocketAddr, request: &str) -> io::Result<Answer> {
    let bytes = exchange(connect(to, None)?, request.as_bytes())?;
    Answer::read(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// A part: sends what it is given.
pub(super) fn play_send(to: &str, from: &str, name: Option<&str>) -> io::Result<bool> {
    let mut request = Vec::new();
    io::stdin().read_to_end(&mut request)?;
    let from = if from == "-" { None } else { Some(from) };
    let Ok(stream) = connect(to.parse().map_err(io::Error::other)?, from) else { return Ok(false) };
    let answer = match name {
        Some(name) => {
            let connection = tls::client(name, true).map_err(io::Error::other)?;
            exchange(rustls::StreamOwned::new(connection, stream), &request)
        }
        None => exchange(stream, &request),
    };
    let Ok(answer) = answer else { return Ok(false) };
    io::stdout().write_all(&answer)?;
    Ok(!answer.is_empty())
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn connect(to: SocketAddr, from: Option<&str>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    bind(&socket, from)?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_read_timeout(Some(ANSWER))?;
    Ok(socket.into())
}

/// Binds to `203.0.113.9`, or to `203.0.113.9:6000` and its like.
fn bind(socket: &Socket, from: Option<&str>) -> io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let ip = |_| from.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    let from: SocketAddr = from.parse().or_else(ip).map_err(io::Error::other)?;
    socket.bind(&from.into())
}

/// A part: whether somebody answers.
pub(super) fn ask(to: &str, from: Option<&str>) -> io::Result<bool> {
    match socket(to)? {
        ("tcp", address) => Ok(connect(address, from).is_ok_and(|mut stream| is_echoed(&mut stream))),
        ("udp", address) => {
            let mut socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
            bind(&socket, from)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            let is_sent = socket.connect(&address.into()).and_then(|()| socket.send(b"?")).is_ok();
            Ok(is_sent && socket.read(&mut [0; 8]).is_ok())
        }
        ("icmp", address) => ping(address.ip(), from),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "only tcp, udp and icmp can be asked")),
    }
}

/// Whether a ping is answered. An echo request with its checksum; that of IPv6 is the kernel's work.
fn ping(to: IpAddr, from: Option<&str>) -> io::Result<bool> {
    // A number of its own: to the kernel, pings of one number are one connection.
    let [.., high, low] = process::id().to_be_bytes();
    let number = [high & 0x3f, low];
    let sum = !0x0801_u16.wrapping_add(u16::from_be_bytes(number));
    let (domain, protocol, head, place, answer) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, [8, 0], 20, 0),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, [128, 0], 0, 129),
    };
    let request = [head, sum.to_be_bytes(), number, [0, 1]].concat();
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol))?;
    bind(&socket, from)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    if socket.connect(&SocketAddr::new(to, 0).into()).and_then(|()| socket.send(&request)).is_err() {
        return Ok(false);
    }
    let mut buffer = [0_u8; 128];
    // Other messages may come first; each has the whole time, and there are few.
    for _ in 0..16 {
        let Ok(length) = socket.read(&mut buffer) else { return Ok(false) };
        let message = buffer.get(place..length).unwrap_or_default();
        if let [kind, 0, _, _, high, low, ..] = *message
            && (kind, [high, low]) == (answer, number)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_echoed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream.write_all(b"?").is_ok()
        && stream.read_exact(&mut [0]).is_ok()
}

/// A part: holds a connection, and says for each line whether it still echoes.
pub(super) fn hold(to: &str, from: Option<&str>) -> io::Result<()> {
    let (_, address) = socket(to)?;
    let mut stream = connect(address, from)?;
    ready()?;
    for line in io::stdin().lock().lines() {
        line?;
        io::stdout().write_all(if is_echoed(&mut stream) { b"yes\n" } else { b"no\n" })?;
        io::stdout().flush()?;
    }
    Ok(())
}
