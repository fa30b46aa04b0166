//! What the server under test has to show.

use std::sync::Arc;
use std::time::Duration;

use meshward::Suite;

use super::support::Mesh;
use super::web::{
    CertificateLine, EventLine, LinkLine, MemberLine, MemberState, RuleLine, Source, Status, Web,
};

/// Texts that would like to be something else: markup, script, the end of a script, another direction.
pub(crate) const HOSTILE: [&str; 8] = [
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "</td></table><h1>owned</h1><iframe src=/status>",
    "\"'`><svg onload=document.title='owned'>",
    "javascript:document.title='owned'//${document.title='owned'}",
    "gate\u{202e}yaw\u{2066}x\u{200b}\u{feff}\0\0\0\u{7}\u{1b}[31m\u{85}\u{2028}",
    "{{constructor.constructor('document.title=1')()}}&lt;b&gt;&#60;i&#62;",
    "\u{3164}\u{ad}\u{e0041}W\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}",
];

/// How the page writes [`HOSTILE`]: what cannot be seen is named.
pub(crate) const SEEN: [&str; 8] = [
    HOSTILE[0],
    HOSTILE[1],
    HOSTILE[2],
    HOSTILE[3],
    HOSTILE[4],
    "gateU+202EyawU+2066xU+200BU+FEFFU+0000 ×3U+0007U+001B[31mU+0085U+2028",
    HOSTILE[6],
    "U+3164U+00ADU+E0041W\u{300}\u{301}U+0302U+0303U+0304U+0305U+0306U+0307U+0308U+0309",
];

/// A member that nobody has anything to say against.
pub(crate) fn member(name: &str, state: MemberState) -> MemberLine {
    MemberLine {
        name: name.to_owned(),
        id: "5a".repeat(32),
        state,
        reputation: 1.0,
        quarantine_ms: None,
        heard_ms: Some(400),
        epoch: "0.1".to_owned(),
        suite: "ML-DSA-65".to_owned(),
        beacon: Some("load 0.3".to_owned()),
    }
}

/// A node that has `members` to show, and one of everything else.
pub(crate) fn status(members: Vec<MemberLine>) -> Status {
    let mesh = Mesh::new(Suite::MlDsa65, 4);
    Status {
        version: env!("CARGO_PKG_VERSION"),
        node: "gate".to_owned(),
        id: "5a".repeat(32),
        mesh: "c3".repeat(32),
        view: 4,
        quorum: 3,
        signing: true,
        uptime_s: 93_784,
        members,
        links: vec![link("roof")],
        rollout: vec![rule("signatures", "canary 10 %"), rule("quorum", "observe")],
        alerts: Vec::new(),
        events: vec![event("member_released", "roof")],
        certificates: vec![CertificateLine {
            unix_ms: 1_790_000_000_000,
            event: "NodeFailure of barn".to_owned(),
            view: 4,
            attestors: 3,
        }],
        stats: mesh.guard(0).stats(mesh.now),
    }
}

fn link(name: &str) -> LinkLine {
    let (name, address) = (name.to_owned(), "[fd00::2]:7400".to_owned());
    LinkLine { name, address, proven: true, quarantine_ms: None, quality: Some(87) }
}

fn rule(rule: &str, stage: &str) -> RuleLine {
    let (rule, stage) = (rule.to_owned(), stage.to_owned());
    RuleLine { rule, stage, refused: 3, would_refuse: 11 }
}

fn event(name: &'static str, text: &str) -> EventLine {
    EventLine { unix_ms: 1_790_000_000_000, name, text: text.to_owned() }
}

/// Every text that the mesh or the configuration chooses is hostile, one after the other.
pub(crate) fn hostile() -> Status {
    let mut status = status(HOSTILE.iter().map(|text| member(text, MemberState::Heard)).collect());
    for (line, text) in status.members.iter_mut().zip(HOSTILE) {
        line.beacon = Some(text.repeat(4).chars().take(200).collect());
    }
    status.node = HOSTILE[0].to_owned();
    status.alerts = HOSTILE.map(str::to_owned).into();
    status.events = HOSTILE.map(|text| event("certified", text)).into();
    status.links = HOSTILE.map(link).into();
    status.certificates[0].event = "W".repeat(300);
    status
}

/// A node that is asked for its status, answers with what `status` makes, and takes `delay` for it.
pub(crate) struct Shown<F> {
    pub(crate) status: F,
    pub(crate) delay: Duration,
}

impl<F: Fn() -> Status + Send + Sync> Source for Shown<F> {
    fn status(&self) -> Status {
        std::thread::sleep(self.delay);
        (self.status)()
    }

    fn metrics(&self) -> String {
        "# TYPE meshward_up gauge\nmeshward_up 1\n".to_owned()
    }
}

/// A server that shows what `status` makes.
pub(crate) fn serve(status: impl Fn() -> Status + Send + Sync + 'static) -> Web {
    let source = Arc::new(Shown { status, delay: Duration::ZERO });
    Web::start(([127, 0, 0, 1], 0).into(), source).unwrap()
}
