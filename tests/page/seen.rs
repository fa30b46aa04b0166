//! What is seen of a node in a browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::chromium::Chromium;
use super::shown::{HOSTILE, SEEN, Shown, hostile, member, serve, status};
use super::web::{MemberLine, MemberState, Web};

/// A desktop, a phone, and the narrowest that is asked for (WCAG 2.2, criterion 1.4.10).
const WIDTHS: [u32; 3] = [1280, 390, 320];

/// The elements that the page is made of.
const TAGS: &str = "a b bdi body button code div footer h1 h2 head header html li link main meta \
                    noscript ol p script section span table tbody td th thead time title tr ul";

/// How the alerts look.
const LOOKS: &str = "document.getElementById('matter').className";

fn address(web: &Web) -> String {
    format!("http://{}/", web.address())
}

fn texts(page: &mut Chromium, selector: &str) -> Vec<Value> {
    let texts = format!("[...document.querySelectorAll('{selector}')].map(it => it.textContent)");
    page.ask(&texts).as_array().unwrap().clone()
}

/// A member of each state.
fn of_each_state() -> Vec<MemberLine> {
    let mut quarantined = member("mill", MemberState::Quarantined);
    (quarantined.reputation, quarantined.quarantine_ms) = (0.212, Some(41_300));
    vec![
        member("roof-10", MemberState::Heard),
        member("roof-9", MemberState::Heard),
        MemberLine { heard_ms: None, ..member("gate", MemberState::ThisNode) },
        MemberLine { heard_ms: None, ..member("school", MemberState::Unproven) },
        MemberLine { heard_ms: Some(34_000), ..member("ferry", MemberState::Silent) },
        MemberLine { reputation: 0.7, ..member("yard", MemberState::Heard) },
        quarantined,
        member("barn", MemberState::Failed),
    ]
}

#[test]
#[ignore = "needs Chromium"]
fn hostile_text_stays_text() {
    let Some(mut page) = Chromium::start() else { return };
    let web = serve(hostile);
    for width in WIDTHS {
        page.open(&address(&web), width);
        for list in ["#alerts bdi", "#links .name", "#events .text"] {
            assert_eq!(texts(&mut page, list), SEEN, "{list}");
        }
        let (mut names, mut seen) = (texts(&mut page, "#members .name"), SEEN.to_vec());
        names.sort_by_key(Value::to_string);
        seen.sort_unstable_by_key(|text| json!(text).to_string());
        assert_eq!(names, seen);
        assert_eq!(texts(&mut page, "#node"), [HOSTILE[0]]);
        assert_eq!(page.ask(LOOKS), "ill");
        let beacon = format!("{}{}", SEEN[1], SEEN[1]);
        let beacons = texts(&mut page, "#members .beacon");
        assert!(beacons.iter().any(|it| it.as_str().unwrap().starts_with(&beacon)), "{beacons:?}");

        let tags = "[...new Set([...document.all].map(it => it.localName))].sort().join(' ')";
        let tags = page.ask(tags);
        for tag in tags.as_str().unwrap().split(' ') {
            assert!(TAGS.split_whitespace().any(|known| known == tag), "<{tag}> in {tags}");
        }
        for (count, selector) in [(1, "script"), (1, "link"), (1, "h1"), (3, "table")] {
            assert_eq!(texts(&mut page, selector).len(), count, "{selector}");
        }
        let handlers = "[...document.all].flatMap(it => it.getAttributeNames()).filter(it => \
                        it.startsWith('on')).length";
        assert_eq!(page.ask(handlers), 0);
        assert_ne!(page.ask("document.title"), "owned");
        let hidden = r"/[\p{Cc}\p{Cf}\p{Zl}\u3164]/u.test(document.body.innerText.replaceAll('\n', '')
            .replaceAll('\t', '') + document.title)";
        assert_eq!(page.ask(hidden), false, "a sign that nobody sees");
    }
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
    web.stop();
}

#[test]
#[ignore = "needs Chromium"]
fn no_width_is_exceeded() {
    let Some(mut page) = Chromium::start() else { return };
    let (well, ill) = (serve(|| status(of_each_state())), serve(hostile));
    for web in [&well, &ill] {
        for width in WIDTHS {
            page.open(&address(web), width);
            let widths = page.ask("[document.documentElement.scrollWidth, innerWidth]");
            assert_eq!(widths, json!([width, width]));
            // Nor is anything cut off at the edge of what holds it.
            let cut = "[...document.querySelectorAll('td, li, h1, h2, p')].filter(it => \
                       it.scrollWidth > it.clientWidth && it.clientWidth > 0 && \
                       getComputedStyle(it).display !== 'inline').map(it => it.outerHTML)";
            assert_eq!(page.ask(cut), json!([]), "at {width}");
        }
    }
    well.stop();
    ill.stop();
}

/// The states are words, and those with whom something is the matter come first.
#[test]
#[ignore = "needs Chromium"]
fn each_state_is_said_in_words() {
    let Some(mut page) = Chromium::start() else { return };
    let web = serve(|| status(of_each_state()));
    for width in WIDTHS {
        page.open(&address(&web), width);
        let lines = texts(&mut page, "#members tbody tr");
        let begins = [
            ("barn", "failed", "1.000", "0.4 s ago"),
            ("mill", "in quarantine41 s more", "0.212", "0.4 s ago"),
            ("ferry", "silent", "1.000", "34 s ago"),
            ("school", "unproven", "1.000", "never"),
            ("yard", "heard", "0.700", "0.4 s ago"),
            ("gate", "this node", "1.000", ""),
            ("roof-9", "heard", "1.000", "0.4 s ago"),
            ("roof-10", "heard", "1.000", "0.4 s ago"),
        ];
        assert_eq!(lines.len(), begins.len());
        for (line, (name, state, reputation, heard)) in lines.iter().zip(begins) {
            let begin = format!("{name}5a5a5a5a5a5a{state}{reputation}{heard}0.1ML-DSA-65");
            assert!(line.as_str().unwrap().starts_with(&begin), "{line} at {width}");
        }
        let states =
            texts(&mut page, "#states li").iter().map(Value::to_string).collect::<String>();
        assert_eq!(
            states,
            r#""1 failed""1 in quarantine""1 silent""1 unproven""1 this node""3 heard""#
        );
        assert_eq!(page.ask(LOOKS), "", "no alert, and yet not all is well");
        let roles =
            "[...document.querySelectorAll('table, tbody, tr, td, th')].every(it => it.role)";
        assert_eq!(page.ask(roles), true, "a table stays one where its lines are blocks");
    }
    web.stop();
    let web = serve(|| status(vec![member("roof", MemberState::Heard)]));
    page.open(&address(&web), 390);
    assert_eq!(page.ask(LOOKS), "well");
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
    web.stop();
}

#[test]
#[ignore = "needs Chromium"]
fn of_a_thousand_members_the_first_are_shown_and_all_on_demand() {
    let Some(mut page) = Chromium::start() else { return };
    let many = || {
        let heard = (0..999).map(|number| member(&format!("r{number}"), MemberState::Heard));
        status(heard.chain([member("barn", MemberState::Failed)]).collect())
    };
    let web = serve(many);
    page.open(&address(&web), 390);
    assert_eq!(texts(&mut page, "#members .name").len(), 30);
    assert_eq!(texts(&mut page, "#members .name")[0], "barn");
    assert_eq!(texts(&mut page, "#members-more"), ["Show all 1,000"]);
    page.ask("document.getElementById('members-more').click()");
    page.until("document.querySelectorAll('#members .name').length === 1000");
    // It goes on with all of them.
    page.ask("globalThis.first = document.getElementById('answered').textContent");
    page.until("document.getElementById('answered').textContent !== first");
    page.ask("document.getElementById('members-more').click()");
    assert_eq!(texts(&mut page, "#members .name").len(), 30);
    web.stop();
}

#[test]
#[ignore = "needs Chromium"]
fn a_node_that_does_not_answer_is_shown_as_that() {
    let Some(mut page) = Chromium::start() else { return };
    let hangs = Arc::new(AtomicBool::new(false));
    let status = {
        let hangs = hangs.clone();
        move || {
            if hangs.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_secs(5));
            }
            status(of_each_state())
        }
    };
    let source = Arc::new(Shown { status, delay: Duration::ZERO });
    let web = Web::start(([127, 0, 0, 1], 0).into(), source.clone()).unwrap();
    let listen = web.address();
    page.open(&address(&web), 390);
    let silent = "document.getElementById('stale').textContent.startsWith('The node has not answered since ')";
    assert_eq!(page.ask(silent), false);

    web.stop();
    page.until(silent);
    assert_eq!(page.ask("document.body.className"), "stale");
    let visible = "document.getElementById('stale').getBoundingClientRect().height > 20";
    assert_eq!(page.ask(visible), true);
    assert_eq!(texts(&mut page, "#members .name").len(), 8, "what was known stays");

    let web = Web::start(listen, source).unwrap();
    page.until("document.getElementById('stale').textContent === ''");
    assert_eq!(page.ask("document.body.className"), "");
    // It takes the question, and says nothing.
    hangs.store(true, Ordering::Relaxed);
    page.until(silent);
    web.stop();
}

/// Text stands out from what is behind it (WCAG 2.2, criterion 1.4.3: 4.5 to 1), in both sets of colours.
#[test]
#[ignore = "needs Chromium"]
fn every_text_stands_out() {
    let Some(mut page) = Chromium::start() else { return };
    let web = serve(|| {
        let mut shown = status(of_each_state());
        shown.alerts = vec!["mill is in quarantine".to_owned()];
        shown
    });
    let mut behind = Vec::new();
    for scheme in ["light", "dark"] {
        page.colours(scheme);
        page.open(&address(&web), 1280);
        page.ask("document.getElementById('stale').textContent = 'The node does not answer.'");
        assert_eq!(page.ask(include_str!("contrast.js")), json!([]), "{scheme}");
        behind.push(page.ask("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(behind[0], behind[1]);
    web.stop();
}
