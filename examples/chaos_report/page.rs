//! The page: one file that needs no other.

use crate::bars::{Bar, bar_ms};
use crate::figures::{Death, Figures, percentile};
use crate::plots::{self, Row, Scale};
use crate::runs::{Ran, Report};
use crate::scenarios::{HOSTILE_LINKS, beacon_ms, config};

const STYLE: &str = include_str!("style.css");
const NONE: &str = "–";
/// Of the table.
const COLUMNS: usize = 14;

pub(crate) fn of(report: &Report, bars: &[Bar]) -> String {
    let parts = [head(report, bars), verdict(bars), charts(report), table(report), notes(report)];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>meshward under attack</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}\n\
         </body>\n</html>\n",
        parts.join("\n")
    )
}

fn head(report: &Report, bars: &[Bar]) -> String {
    let missed = bars.iter().filter(|bar| !bar.holds).count();
    let title = match missed {
        0 => "Every bar was held".into(),
        1 => "One bar was missed".into(),
        missed => format!("{missed} bars were missed"),
    };
    let options = &report.options;
    let quick = if options.is_quick { ", quick run" } else { "" };
    format!(
        "<h1>{title}</h1>\n<p class=\"lead\">Whole meshes of {} members with real signatures ({}), in \
         virtual time, through {} scenarios: once with <span class=\"ours key\">meshward</span> in every \
         node, and once, with the same chance and the same attackers, with a \
         <span class=\"naive key\">naive</span> gossip that checks every signature and blames who a packet \
         says that it is from. Seed {}{quick}, {:.0} s on {} cores.</p>",
        options.nodes,
        options.suite,
        report.ran.len(),
        options.seed,
        report.wall.as_secs_f64(),
        report.cores
    )
}

fn verdict(bars: &[Bar]) -> String {
    let bar = |bar: &Bar| {
        let (class, word) = if bar.holds { ("held", "✓") } else { ("missed", "✗ missed:") };
        let (name, found) = (bar.name, &bar.found);
        format!("<li class=\"{class}\"><b>{word} {name}</b><span>{found}</span></li>")
    };
    format!("<ul class=\"bars\">\n{}\n</ul>", bars.iter().map(bar).collect::<Vec<_>>().join("\n"))
}

fn figure(title: &str, says: &str, svg: &str) -> String {
    format!("<figure><figcaption>{title}<small>{says}</small></figcaption>{svg}</figure>")
}

fn rows<'a>(
    ran: impl Iterator<Item = &'a Ran>,
    value: impl Fn(&Figures) -> Option<f64>,
) -> Vec<Row> {
    let row = |ran: &Ran| Row {
        label: ran.scenario.title.clone(),
        meshward: value(&ran.meshward),
        naive: value(&ran.naive),
    };
    ran.map(row).collect()
}

fn charts(report: &Report) -> String {
    let sound = || report.ran.iter().filter(|ran| ran.meshward.ideal.is_none());
    let attacked: Vec<_> = sound().filter(|ran| !ran.scenario.plan.hostile.is_empty()).collect();
    let mut charts = Vec::new();
    if sound().next().is_some() {
        let delivered = rows(sound(), |figures| Some(figures.delivery() * 100.0));
        let scale = Scale {
            from: 0.0,
            to: 100.0,
            is_logarithmic: false,
            bar: None,
            ticks: &[0.0, 25.0, 50.0, 75.0, 100.0],
            unit: " %",
            none: "",
        };
        let says = "Of what honest members said, at those to which there was an honest path.";
        charts.push(figure("Delivered", says, &plots::bars(&delivered, &scale)));
        let checks = rows(sound(), |figures| Some(figures.checks_per_delivery()));
        let scale = Scale {
            from: 0.5,
            to: 1000.0,
            is_logarithmic: true,
            ticks: &[0.5, 1.0, 10.0, 100.0, 1000.0],
            unit: "",
            ..scale
        };
        let says = "Of messages, for each message delivered; the scale is logarithmic. With forgers \
                    about, meshward spends up to 2 on each link until that is in quarantine.";
        charts.push(figure("Signature checks", says, &plots::bars(&checks, &scale)));
    }
    if !attacked.is_empty() {
        let says = "How soon honest messages are delivered under attack. A line that ends below 100 % \
                    lost the rest.";
        let (ours, naive) = (
            plots::delays(&attacked, |ran| &ran.meshward),
            plots::delays(&attacked, |ran| &ran.naive),
        );
        charts.push(figure("<span class=\"ours\">meshward</span>: delay", says, &ours));
        charts.push(figure("<span class=\"naive\">naive</span>: delay", says, &naive));
    }
    if let Some(ran) = report.find("accusations") {
        let says = "Pairs of honest members of which one has the other in quarantine, while outsiders \
                    forge messages in the names of their victims.";
        charts.push(figure("Framed: who believes whom", says, &plots::quarantines(ran)));
    }
    if report.ran.iter().filter(|ran| ran.meshward.ideal.is_some()).count() > 1 {
        let says = "Each node sends each message once to each neighbour, so nothing can reach more than a \
                    perfect flood over the same links.";
        charts.push(figure("Delivered over links that lose packets", says, &plots::loss(report)));
    }
    let bar = bar_ms(report);
    let died: Vec<_> = sound().filter(|ran| ran.meshward.deaths_of(bar).next().is_some()).collect();
    if !died.is_empty() {
        let last = |figures: &Figures| {
            let times: Option<Vec<_>> = figures.deaths_of(bar).map(Death::certified_ms).collect();
            times?.into_iter().max().map(|ms| ms as f64 / 1000.0)
        };
        let certified = rows(died.into_iter(), last);
        let limit = bar as f64 / 1000.0;
        let scale = Scale {
            from: 0.0,
            to: limit * 1.5,
            is_logarithmic: false,
            bar: Some((limit, "the bar")),
            ticks: &[0.0, 2.0, 4.0, 6.0, 8.0],
            unit: " s",
            none: "never at some honest nodes",
        };
        let says = "From the moment a member dies until the last honest member has it certified (naive: \
                    believes in it).";
        charts.push(figure("Failure to certificate", says, &plots::bars(&certified, &scale)));
        let talk = rows(sound(), |figures| Some(figures.own_statements() / 1000.0));
        let most =
            talk.iter().flat_map(|row| [row.meshward, row.naive]).flatten().fold(1.0, f64::max);
        let scale = Scale {
            from: 0.0,
            to: most * 1.05,
            is_logarithmic: false,
            bar: None,
            ticks: &[0.0],
            unit: " kB/s",
            none: "",
        };
        let says = "What an honest member itself has to state about others in a second, after the start: \
                    reports, votes, certificates, questions, answers. Where old questions are replayed \
                    (cold boot, covert flash, eclipse), some are answered once more, within a rate.";
        charts.push(figure("What the failure detector says", says, &plots::bars(&talk, &scale)));
    }
    format!("<div class=\"plots\">\n{}\n</div>", charts.join("\n"))
}

fn table(report: &Report) -> String {
    let heads: [&str; COLUMNS] = [
        "",
        "delivered",
        "p50<br>ms",
        "p99<br>ms",
        "max<br>ms",
        "checks per<br>message",
        "checks of<br>statements",
        "honest in<br>quarantine",
        "hostile members<br>quarantined after",
        "hostile links<br>quarantined after",
        "false<br>certificates",
        "failure to<br>certificate",
        "messages<br>kB/s a node",
        "statements<br>kB/s a node",
    ];
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    let bodies: String = report.ran.iter().map(|ran| body(report, ran)).collect();
    format!(
        "<h2>All figures</h2>\n<p>Times to quarantine are medians over pairs of an honest and a hostile \
         node, from when the attack begins.</p>\n<div class=\"wide\">\
         <table><thead><tr>{heads}</tr></thead>\n{bodies}</table></div>"
    )
}

fn body(report: &Report, ran: &Ran) -> String {
    let (title, says) = (&ran.scenario.title, &ran.scenario.says);
    let ours = cells(report, &ran.meshward, ran);
    let naive = cells(report, &ran.naive, ran);
    format!(
        "<tbody><tr><td class=\"what\" colspan=\"{COLUMNS}\"><b>{title}</b> {says}</td></tr>\n\
         <tr><td class=\"who ours\">meshward</td>{ours}</tr>\n\
         <tr><td class=\"who naive\">naive</td>{naive}</tr></tbody>\n"
    )
}

fn cells(report: &Report, of: &Figures, ran: &Ran) -> String {
    let bar = bar_ms(report);
    let ms = |share| of.delay(share).map_or(NONE.into(), |ms| ms.to_string());
    let after = |times: &[u64]| match percentile(times, 0.5) {
        Some(ms) => format!("{:.1} s", ms as f64 / 1000.0),
        None => NONE.into(),
    };
    let died = of.deaths_of(bar).count();
    let certified: Option<Vec<_>> = of.deaths_of(bar).map(Death::certified_ms).collect();
    let (certified, is_late) = match certified {
        _ if died == 0 => (NONE.to_string(), false),
        Some(times) => {
            let last = times.into_iter().max().unwrap_or(0);
            (format!("{:.1} s", last as f64 / 1000.0), last > bar)
        }
        None => ("not at all".into(), true),
    };
    let framed = of.honest_quarantined.len();
    let is_lost = ran.scenario.loss == 0 && !of.is_complete();
    let rate = |bytes| format!("{:.1}", of.per_second(bytes) / 1000.0);
    let cells = [
        (percent(of.delivery(), of.is_complete()), is_lost),
        (ms(0.5), false),
        (ms(0.99), false),
        (ms(1.0), false),
        (format!("{:.2}", of.checks_per_delivery()), false),
        (of.statement_checks().to_string(), false),
        (framed.to_string(), framed > 0),
        (after(&of.hostile_quarantined), false),
        (after(&of.hostile_links_quarantined), false),
        (of.false_certificates.to_string(), of.false_certificates > 0),
        (certified, is_late),
        (rate(of.traffic.messages), false),
        (rate(of.traffic.statements), false),
    ];
    let cell = |(text, is_bad): &(String, bool)| match is_bad {
        true => format!("<td class=\"bad\">{text}</td>"),
        false => format!("<td>{text}</td>"),
    };
    cells.iter().map(cell).collect()
}

/// A share that is not whole is never shown as 100 %.
fn percent(share: f64, is_complete: bool) -> String {
    let rounded = (share * 1000.0).floor() / 10.0;
    if is_complete { "100 %".into() } else { format!("{rounded:.1} %") }
}

fn notes(report: &Report) -> String {
    let nodes = report.options.nodes;
    let config = config(nodes);
    let (beacon, suspicion) =
        (beacon_ms(nodes) as f64 / 1000.0, config.quorum.suspicion_ms as f64 / 1000.0);
    let mut command = format!(
        "cargo run --release --example chaos_report -- --nodes {nodes} --suite {} --seed {}",
        report.options.suite, report.options.seed
    );
    if report.options.is_quick {
        command.push_str(" --quick");
    }
    let shape = if report.options.is_quick { "a grid" } else { "a small world" };
    format!(
        "<h2>How this was measured</h2>\n<dl>\
         <dt>The mesh</dt><dd>{nodes} members, each with the whole library, its own keys, disk and clock; a \
         beacon every {beacon:.0} s. A hop takes 10 to 30 ms, so packets overtake each other. Links are \
         authenticated (proven). Neighbours form {shape}, over lossy links a random geometric graph. \
         With {HOSTILE_LINKS} hostile links for each honest one, that holds at every honest member. A \
         hostile node sends up to {} packets a second.</dd>\
         <dt>What is set</dt><dd>The library's defaults (suspicion time {suspicion:.0} s, which is three \
         beacons); nothing is tuned to a scenario.</dd>\
         <dt>Delivered</dt><dd>Each message of an honest member counts at each honest member that ran when it \
         was said, and to which a path of honest running members led from then for a second. Left out are \
         messages of the last 10 s; those that were said within a second of a fault that cut the path or ended \
         the sender; and, at a member that was started again, messages of each origin until the first of it \
         was delivered, for 10 s at most since both run: until an origin has answered, the library takes nothing of it, as it \
         may have been taken before the start. Over lossy links all messages count, whether or not any copy \
         came through; every copy that came is compared with what was delivered. A packet is one datagram \
         there.</dd>\
         <dt>Signature checks</dt><dd>Of messages, good and bad, at honest members, for each message that they \
         delivered. A proven link is in quarantine after 2 bad signatures, so forgers have a price per link and \
         none per message: that part fades as a run gets longer. Checks of statements (reports, votes, \
         certificates, answers) stand beside it.</dd>\
         <dt>Failure to certificate</dt><dd>For each honest member that died for longer than the bar: when the \
         last of the honest members that ran then, and still do, had the certificate. The bar is three beacon \
         intervals and the suspicion time.</dd>\
         <dt>False certificates</dt><dd>How often an honest member believed that one had failed which all \
         honest members could hear, and could for 20 s.</dd>\
         <dt>On the wire</dt><dd>What an honest member sent in all, to each neighbour, hostile ones among them, \
         in a second. False accusations of members are passed on, within a rate for each accuser, as nobody \
         can tell them from true ones: they are in these figures, and not in what the failure detector \
         says.</dd>\
         <dt>The naive gossip</dt><dd>Models the system that this library replaces: it checks the signature \
         first, of each copy; blames the claimed origin for bad signatures, numbers used again, and more than \
         10 messages a second under its name; has it in quarantine for an hour after 12 offences; counts votes \
         by the names that they carry, unchecked. It is spared one fault of that system, which condemned \
         honest members for ordinary duplicates: the first copy over each link costs nobody anything.</dd>\
         <dt>Again</dt><dd><code>{command}</code></dd></dl>",
        report.ran.iter().map(|ran| ran.scenario.plan.hostile_packets * 4).max().unwrap_or(0)
    )
}
