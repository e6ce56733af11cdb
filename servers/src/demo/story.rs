//! The story: one sandbox, and policies that follow one another while it runs.

use super::{
    DemoError,
    platform::{Inside, Platform},
    report::Report,
    scene::{Scene, get, socket},
    world::{EXEMPT, World},
};
use sandgate_lab::{Answer, HOSTS, NAME_SERVER, NODE, Running};
use serde_json::Value;
use std::net::IpAddr;

/// Ports that the sandbox serves.
const PORTS: [u16; 3] = [5000, 5001, EXEMPT];
const NAME: &str = "api.example.com";

pub(super) struct Story<'a> {
    report: &'a mut Report,
    scene: Scene<'a>,
    /// What the sandbox serves.
    serving: Option<Running>,
}

type Told = Result<(), DemoError>;

impl<'a> Story<'a> {
    pub(super) const fn new(report: &'a mut Report, platform: &'a Platform, world: World) -> Self {
        Self { report, scene: Scene { platform, world, id: String::new() }, serving: None }
    }

    pub(super) fn tell(mut self) -> Told {
        let created = self.open()?;
        self.egress()?;
        self.by_name()?;
        self.replace()?;
        self.ingress()?;
        self.mask()?;
        self.pause()?;
        self.conditional(&created)?;
        self.invalid()?;
        self.delete()
    }

    /// The fingerprint of the first policy.
    fn open(&mut self) -> Result<String, DemoError> {
        self.report.step("A sandbox without a policy is open")?;
        let mut created = None;
        self.report.ask("POST /sandboxes", "201", || {
            let answer = self.scene.api("POST", "/sandboxes", "", "")?;
            let status = answer.status;
            created = Some(answer);
            Ok(status)
        })?;
        let created = created.ok_or(DemoError::Answer("a sandbox"))?;
        let document: Value = serde_json::from_str(&created.body).map_err(|_| DemoError::Answer("a document"))?;
        let text = |field: &str| document.get(field).and_then(Value::as_str).map(str::to_owned);
        self.scene.id = text("id").ok_or(DemoError::Answer("an id"))?;
        self.serve()?;
        self.sends("tcp", first(), true)?;
        self.sends("udp", first(), true)?;
        self.sends("tcp", "2001:db8:1::1", true)?;
        self.request(self.scene.world.clients()[0], 5000, "", "200")?;
        text("fingerprint").ok_or(DemoError::Answer("a fingerprint"))
    }

    fn egress(&mut self) -> Told {
        self.report.step("Nothing may leave")?;
        self.put(r#"{"denyOut": ["0.0.0.0/0"]}"#)?;
        for (protocol, host) in [("tcp", first()), ("udp", first()), ("icmp", first()), ("tcp", "2001:db8:1::1")] {
            self.sends(protocol, host, false)?;
        }
        self.report.step("One address may be reached")?;
        self.put(r#"{"allowOut": ["203.0.113.1"], "denyOut": ["0.0.0.0/0"]}"#)?;
        self.sends("tcp", first(), true)?;
        self.sends("udp", first(), true)?;
        self.sends("tcp", "203.0.113.2", false)
    }

    fn by_name(&mut self) -> Told {
        self.report.step("One name may be reached, wherever the sandbox believes it to be")?;
        self.put(r#"{"allowOut": ["api.example.com"], "denyOut": ["0.0.0.0/0"]}"#)?;
        let [found, elsewhere] = ["203.0.113.2", "203.0.113.4"];
        let inside = self.scene.inside()?;
        if self.scene.world.has_kernel() {
            self.report.ask("sandbox asks the name server for api.example.com", found, || {
                let addresses = inside.client.find(NAME_SERVER, NAME);
                Ok(addresses.first().map_or_else(|| "no answer".to_owned(), IpAddr::to_string))
            })?;
        }
        self.names(found, NAME, found)?;
        self.names_in_tls(found, NAME, found)?;
        self.names(elsewhere, NAME, found)?;
        self.names_in_tls(elsewhere, NAME, found)?;
        self.names(found, "www.example.org", "no answer")?;
        self.sends("udp", found, false)?;
        if let World::Lab(lab) = &mut self.scene.world {
            self.report.step("The name is moved to an address of the platform itself")?;
            lab.set_name(NAME, &NODE)?;
            self.names(found, NAME, "no answer")?;
        }
        Ok(())
    }

    fn replace(&mut self) -> Told {
        self.report.step("A new policy replaces the whole old one")?;
        self.put(r#"{"denyOut": ["203.0.113.2"]}"#)?;
        self.sends("tcp", first(), true)?;
        self.sends("tcp", "203.0.113.2", false)
    }

    fn ingress(&mut self) -> Told {
        let [known, other] = self.scene.world.clients();
        self.report.step("One client may enter")?;
        self.put(&format!(r#"{{"allowIn": ["{known}"], "denyIn": ["0.0.0.0/0"]}}"#))?;
        self.request(known, 5000, "", "200")?;
        self.request(other, 5000, "", "403")?;
        if self.scene.world.has_kernel() {
            self.request("2001:db8:2::7", 5000, "", "403")?;
        }
        self.request(other, 5000, &format!("X-Forwarded-For: {known}\r\n"), "403")?;
        self.request(other, 5000, &format!("Sandgate-Client-Address: {known}\r\n"), "403")?;

        self.report.step("One client may enter, at one port; an exempt port stays open")?;
        self.put(&format!(r#"{{"allowIn": ["{known}:5000"], "denyIn": ["0.0.0.0/0"]}}"#))?;
        self.request(known, 5000, "", "200")?;
        self.request(known, 5001, "", "403")?;
        self.request(other, 5000, "", "403")?;
        self.request(other, EXEMPT, "", "200")?;
        if self.scene.world.has_kernel() {
            self.report.step("A client of IPv6 may enter")?;
            self.put(r#"{"allowIn": ["2001:db8:2::7"], "denyIn": ["0.0.0.0/0"]}"#)?;
            for (client, expected) in [("2001:db8:2::7", "200"), ("2001:db8:2::8", "403"), (known, "403")] {
                self.request(client, 5000, "", expected)?;
            }
        }
        Ok(())
    }

    fn mask(&mut self) -> Told {
        self.report.step("The sandbox sees another host name")?;
        self.put(r#"{"maskRequestHost": "app.internal:${PORT}"}"#)?;
        self.sees_host("app.internal:5000")?;
        let original = self.scene.host(5000);
        self.sees("x-forwarded-host", "the asked name", &original)
    }

    fn pause(&mut self) -> Told {
        let client = self.scene.world.clients()[0];
        self.report.step("A paused sandbox is not there")?;
        self.change("POST", "/pause", "204")?;
        self.serving = None;
        self.request(client, 5000, "", "404")?;
        self.change("PUT", "/network", "409")?;

        self.report.step("A resumed one has the policy that it had")?;
        self.change("POST", "/resume", "204")?;
        self.serve()?;
        self.request(client, 5000, "", "200")?;
        self.sees_host("app.internal:5000")
    }

    fn conditional(&mut self, first: &str) -> Told {
        self.report.step("A change of another policy than the one that is there is refused")?;
        let put = |scene: &Scene<'_>, tag: &str| {
            let condition = format!("If-Match: \"{tag}\"\r\n");
            scene.of_sandbox("PUT", "/network", &condition, "{}").map(|answer| answer.status)
        };
        self.report.ask("PUT network {}, if it is still the first policy", "412", || put(&self.scene, first))?;
        self.sees_host("app.internal:5000")?;
        let shown: Value = serde_json::from_str(&self.scene.of_sandbox("GET", "", "", "")?.body).unwrap_or_default();
        let now = shown.get("fingerprint").and_then(Value::as_str).ok_or(DemoError::Answer("a fingerprint"))?;
        self.report.ask("PUT network {}, if it is still the one that was read", "204", || put(&self.scene, now))?;
        self.sees("host", "the asked name", &self.scene.host(5000))
    }

    fn invalid(&mut self) -> Told {
        self.report.step("A document that is not valid is refused, with all that is wrong with it")?;
        let document = r#"{"allowOut": ["10.0.0.256", "http://example.com"], "denyIn": ["a"], "mask": 1}"#;
        let answer = self.put_expecting(document, "400")?;
        let problem: Value = serde_json::from_str(&answer.body).map_err(|_| DemoError::Answer("a problem"))?;
        let found = problem.get("diagnostics").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut found = found.iter().map(|one| {
            let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
            (format!("    {}: {}", text("path"), text("message")), text("code").to_owned())
        });
        for expected in EXPECTED {
            let (asked, code) = found.next().unwrap_or_else(|| ("    no more".into(), "nothing".into()));
            self.report.ask(&asked, expected, || Ok(code))?;
        }
        self.report.ask("    more than that", "0", || Ok(found.count()))?;
        self.request(self.scene.world.clients()[1], 5000, "", "200")
    }

    fn delete(&mut self) -> Told {
        self.report.step("A deleted sandbox is gone")?;
        self.change("DELETE", "", "204")?;
        self.serving = None;
        self.change("GET", "", "404")?;
        self.request(self.scene.world.clients()[0], 5000, "", "404")
    }

    /// Starts what the sandbox serves.
    fn serve(&mut self) -> Told {
        let Inside { address, client } = self.scene.inside()?;
        let sockets = PORTS.map(|port| format!("web:{address}:{port}"));
        self.serving = Some(client.serve(&sockets.each_ref().map(String::as_str))?);
        Ok(())
    }

    fn put(&mut self, document: &str) -> Told {
        self.put_expecting(document, "204").map(drop)
    }

    fn put_expecting(&mut self, document: &str, expected: &str) -> Result<Answer, DemoError> {
        let mut answered = None;
        self.report.ask(&format!("PUT network {document}"), expected, || {
            let answer = self.scene.of_sandbox("PUT", "/network", "", document)?;
            let status = answer.status;
            answered = Some(answer);
            Ok(status)
        })?;
        answered.ok_or(DemoError::Answer("everything"))
    }

    /// A request about the sandbox, without a document.
    fn change(&mut self, method: &str, what: &str, expected: &str) -> Told {
        let body = if method == "PUT" { "{}" } else { "" };
        let asked = format!("{method} {} {body}", what.strip_prefix('/').unwrap_or("the sandbox"));
        self.report.ask(asked.trim_end(), expected, || {
            self.scene.of_sandbox(method, what, "", body).map(|answer| answer.status)
        })
    }

    /// Whether a packet of the sandbox is answered. Only the kernel judges that.
    fn sends(&mut self, protocol: &str, host: &str, is_answered: bool) -> Told {
        if !self.scene.world.has_kernel() {
            return Ok(());
        }
        let Inside { client, .. } = self.scene.inside()?;
        let port = if protocol == "icmp" { 0 } else { 7 };
        let to = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let said = |is_answered| if is_answered { "an answer" } else { "no answer" };
        let asked = match protocol {
            "icmp" => format!("sandbox pings {host}"),
            _ => format!("sandbox sends to {host} over {}", protocol.to_uppercase()),
        };
        self.report.ask(&asked, said(is_answered), || Ok(said(client.reaches(&format!("{protocol}:{to}")))))
    }

    /// Which host answers a sandbox that connects to an address and says a name.
    fn names(&mut self, address: &str, name: &str, expected: &str) -> Told {
        if !self.scene.world.has_kernel() {
            return Ok(());
        }
        let (Inside { client, .. }, to) = (self.scene.inside()?, socket(address, 80)?);
        self.report.ask(&format!("sandbox asks {address} for http://{name}/"), expected, || {
            Ok(host_of(client.send(to, &get(name, ""))))
        })
    }

    /// The same in TLS.
    fn names_in_tls(&mut self, address: &str, name: &str, expected: &str) -> Told {
        if !self.scene.world.has_kernel() {
            return Ok(());
        }
        let (Inside { client, .. }, to) = (self.scene.inside()?, socket(address, 443)?);
        self.report.ask(&format!("sandbox asks {address} for https://{name}/"), expected, || {
            Ok(host_of(client.send_tls(to, name, &get(name, ""))))
        })
    }

    /// What a client is answered by the edge.
    fn request(&mut self, from: &str, port: u16, headers: &str, expected: &str) -> Told {
        let claims = headers.trim_end();
        let claims = if claims.is_empty() { String::new() } else { format!(", {claims}") };
        self.report.ask(&format!("{from} asks for port {port}{claims}"), expected, || {
            let answer = self.scene.ask_edge(from, port, headers)?;
            Ok(answer.map_or_else(|| "no answer".to_owned(), |answer| answer.status.to_string()))
        })
    }

    /// Which host name the sandbox sees.
    fn sees_host(&mut self, expected: &str) -> Told {
        self.sees("host", expected, expected)
    }

    /// What the sandbox sees of a request in a header. What is expected is shown by its name.
    fn sees(&mut self, header: &str, shown: &str, expected: &str) -> Told {
        self.report.ask(&format!("sandbox sees {header}"), shown, || {
            let answer = self.scene.ask_edge(self.scene.world.clients()[0], 5000, "")?;
            let seen = answer.map(|answer| answer.was_sent(header).join(", ")).unwrap_or_default();
            Ok(if seen == expected { shown.to_owned() } else { seen })
        })
    }
}

/// What is wrong with the document of [`Story::invalid`].
const EXPECTED: [&str; 4] = ["invalid-address", "scheme-in-pattern", "pattern-not-allowed", "unknown-field"];

const fn first() -> &'static str {
    HOSTS[0][0]
}

fn host_of(answer: Option<Answer>) -> String {
    answer.map_or_else(|| "no answer".to_owned(), |answer| answer.host().to_owned())
}
