//! The page of a node that runs, with others that have hostile names and say hostile things.

use serde_json::json;

use crate::chromium::Chromium;
use crate::desk::Desk;
use crate::running::{Running, free_port, hears_all, wait};

/// What the members are called in the view.
const NAMES: [&str; 3] = [
    "<b>north</b>&amp;",
    "<img src=x onerror=document.title='owned'>",
    "</script><script>document.title='owned'</script>\u{202e}\0\"'`",
];

/// What they say, each in its beacons.
const SAID: [&str; 3] = [
    "</td></table><h1>owned</h1>",
    "</script><script>document.title='owned'</script>\u{202e}\u{2066}\0\u{1b}[31m",
    "\"'><svg/onload=document.title='owned'>\u{2028}",
];

/// What the page makes of the last of [`NAMES`].
const SEEN_WEST: &str = "</script><script>document.title='owned'</script>U+202EU+0000\"'`";

/// Three nodes that hear each other over the network, which proves who is who.
fn nodes(desk: &Desk) -> [Running; 3] {
    let ports = [0, 1, 2].map(|_| free_port());
    [0, 1, 2].map(|number| {
        let file = ["north", "south", "west"][number];
        let text = SAID[number].chars().map(|sign| format!("\\u{:04x}", u32::from(sign)));
        let text: String = text.collect();
        let peers = (0..3).filter(|other| *other != number).map(|other| {
            let (id, port) = (format!("{:02x}", other + 1).repeat(32), ports[other]);
            format!("[[peer]]\nmember = \"{id}\"\naddress = \"127.0.0.1:{port}\"\nauthenticated = true\n")
        });
        let configuration = format!(
            "state = \"{file}\"\nview = \"mesh.view\"\nudp.listen = \"127.0.0.1:{}\"\n\
             http.listen = \"127.0.0.1:0\"\nbeacon.interval_ms = 250\nbeacon.text = \"{text}\"\n\
             quorum.suspicion_ms = 3000\n{}",
            ports[number],
            peers.collect::<String>()
        );
        desk.write(&format!("{file}.toml"), &configuration);
        Running::start(desk, &format!("{file}.toml"))
    })
}

fn texts(page: &mut Chromium, selector: &str) -> Vec<String> {
    let texts =
        format!("[...document.querySelectorAll({})].map(it => it.textContent)", json!(selector));
    serde_json::from_value(page.ask(&texts)).unwrap()
}

/// The line of a member, once it has the words in it.
fn until_said_of(page: &mut Chromium, member: &str, words: &str) {
    page.until(&format!(
        "[...document.querySelectorAll('#members tbody tr')].some(line => \
         line.textContent.startsWith({}) && line.textContent.includes({}))",
        json!(member),
        json!(words)
    ));
}

#[test]
#[ignore = "needs Chromium"]
fn hostile_members_are_shown_as_text_and_so_is_the_end_of_one() {
    let Some(mut page) = Chromium::start() else { return };
    let desk = Desk::with_names(NAMES);
    let [north, south, west] = nodes(&desk);
    wait(|| hears_all(&north.status()), || north.ask("/status"));
    for width in [1280, 390] {
        page.open(&north.page(), width);
        assert_eq!(texts(&mut page, "#node"), [NAMES[0]]);
        // A beacon is JSON, which names some of what cannot be seen already.
        let south = r#"{"text":"</script><script>document.title='owned'</script>U+202EU+2066\u0000\u001b[31m","#;
        until_said_of(&mut page, NAMES[1], south);
        let west = r#"{"text":"\"'><svg/onload=document.title='owned'>U+2028","#;
        until_said_of(&mut page, SEEN_WEST, west);
        assert_eq!(texts(&mut page, "#links .name"), [NAMES[1], SEEN_WEST]);
        let counts = "['script', 'h1', 'img', 'svg', 'td b', '#node *'].map(it => \
                      document.querySelectorAll(it).length)";
        assert_eq!(page.ask(counts), json!([1, 1, 0, 0, 0, 0]));
        assert_ne!(page.ask("document.title"), "owned");
        let widths = page.ask("[document.documentElement.scrollWidth, innerWidth]");
        assert_eq!(widths, json!([width, width]));
    }
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);

    assert_eq!(west.stop().code(), Some(0));
    until_said_of(&mut page, SEEN_WEST, "failed");
    page.until("document.querySelectorAll('#certificates li').length > 0");
    let agreed = texts(&mut page, "#certificates b");
    assert!(agreed.iter().all(|text| text.contains(SEEN_WEST)), "{agreed:?}");
    let happened = north.status()["events"].as_array().unwrap().iter().any(|event| {
        event["name"] == "certified" && event["text"].as_str().unwrap().contains(NAMES[2])
    });
    assert!(happened, "{}", north.ask("/status"));
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);

    assert_eq!(north.stop().code(), Some(0));
    page.until("document.getElementById('stale').textContent.includes('has not answered since')");
    assert_ne!(page.ask("document.title"), "owned");
    assert_eq!(south.stop().code(), Some(0));
}
