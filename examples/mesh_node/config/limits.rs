//! Numbers, each in its range.

use std::fmt::Display;
use std::ops::Range;

use meshward::{Config, QuorumConfig, RolloutConfig, RotationPolicy};
use toml::Spanned;

use super::super::Failure;
use super::source::Source;
use super::tables::{Beacon, Rollout, Rotation, Udp, Written};
use super::{or, span};

/// What IPv6 and UDP put before what a datagram carries, in bytes. IPv4 puts less.
const HEADERS: usize = 40 + 8;
/// The longest text in a beacon, in bytes.
const MOST_TEXT: usize = 200;
/// Where no interval is given, in milliseconds.
const BEACON_MS: u64 = 500;
/// A suspicion time holds so many intervals at least, so that two lost beacons make no suspect.
const INTERVALS: u64 = 3;

/// What a datagram may carry.
pub(super) fn datagram(source: &Source, udp: &Udp) -> Result<usize, Failure> {
    let mtu = in_range(source, "mtu", &udp.mtu, (1280, 65_535), 1280)?;
    Ok(usize::try_from(mtu).unwrap_or(usize::MAX).saturating_sub(HEADERS))
}

/// How often beacons go out, and with what text.
pub(super) fn beacon(source: &Source, beacon: &Beacon) -> Result<(u64, String), Failure> {
    let range = (200, 1_200_000);
    let interval = in_range(source, "interval_ms", &beacon.interval_ms, range, BEACON_MS)?;
    let text = or(&beacon.text, String::new());
    if text.len() > MOST_TEXT {
        let sentence = format!("text has {} bytes, it may have {MOST_TEXT}", text.len());
        return Err(source.wrong(&span(&beacon.text).unwrap_or_default(), sentence));
    }
    Ok((interval, text))
}

/// What the library is started with.
pub(super) fn protection(
    source: &Source,
    written: &Written,
    beacon_ms: u64,
) -> Result<Config, Failure> {
    let quorum = QuorumConfig::default();
    let suspicion = &written.quorum.suspicion_ms;
    let range = (600, 3_600_000);
    let suspicion_ms = in_range(source, "suspicion_ms", suspicion, range, quorum.suspicion_ms)?;
    if suspicion_ms < beacon_ms.saturating_mul(INTERVALS) {
        let at = span(suspicion).or_else(|| span(&written.beacon.interval_ms));
        let sentence = format!(
            "suspicion_ms is {suspicion_ms}, with an interval_ms of {beacon_ms} it may be \
             {INTERVALS} times that at least"
        );
        return Err(source.wrong(&at.unwrap_or_default(), sentence));
    }
    let mut config = Config {
        quorum: QuorumConfig {
            suspicion_ms,
            resend_ms: or(&written.quorum.resend_ms, quorum.resend_ms),
            round_ms: or(&written.quorum.round_ms, quorum.round_ms),
            ..quorum
        },
        rotation: rotation(&written.rotation),
        disk: written.disk.into(),
        rollout: written.rollout.as_ref().map(rollout),
        ..Config::default()
    };
    let gossip = &mut config.gossip;
    gossip.quarantine_beacon_ms = gossip.quarantine_beacon_ms.min(suspicion_ms / 2);
    match config.validate() {
        Ok(()) => Ok(config),
        Err(error) => {
            let sentence = error.to_string();
            let at = blamed(written, &sentence).unwrap_or_default();
            let sentence = sentence.trim_start_matches("configuration: ");
            Err(source.wrong(&at, sentence))
        }
    }
}

fn rotation(written: &Rotation) -> Option<RotationPolicy> {
    let default = RotationPolicy::default();
    written.enabled.unwrap_or(true).then(|| RotationPolicy {
        max_age_ms: or(&written.max_age_ms, default.max_age_ms),
        max_messages: or(&written.max_messages, default.max_messages),
        min_interval_ms: or(&written.min_interval_ms, default.min_interval_ms),
        jitter_percent: or(&written.jitter_percent, default.jitter_percent),
        suite: written.suite.as_ref().map(|suite| suite.get_ref().0),
    })
}

fn rollout(written: &Rollout) -> RolloutConfig {
    let default = RolloutConfig::default();
    RolloutConfig {
        canary_percent: or(&written.canary_percent, default.canary_percent),
        soak_ms: written.soak_ms.as_ref().map(|ms| *ms.get_ref()),
        window_ms: or(&written.window_ms, default.window_ms),
        patience_ms: or(&written.patience_ms, default.patience_ms),
        rollback_above: written
            .rollback_above
            .as_ref()
            .map_or(default.rollback_above, |above| Some(*above.get_ref())),
    }
}

/// Where the value stands that the library's sentence begins with, or names later if that one is not
/// written.
fn blamed(written: &Written, sentence: &str) -> Option<Range<usize>> {
    let (quorum, rotation) = (&written.quorum, &written.rotation);
    let mut places = vec![
        ("suspicion_ms", span(&quorum.suspicion_ms)),
        ("resend_ms", span(&quorum.resend_ms)),
        ("round_ms", span(&quorum.round_ms)),
        ("max_age_ms", span(&rotation.max_age_ms)),
        ("max_messages", span(&rotation.max_messages)),
        ("min_interval_ms", span(&rotation.min_interval_ms)),
        ("jitter_percent", span(&rotation.jitter_percent)),
        ("suite", span(&rotation.suite)),
    ];
    if let Some(rollout) = &written.rollout {
        places.extend([
            ("canary_percent", span(&rollout.canary_percent)),
            ("soak_ms", span(&rollout.soak_ms)),
            ("window_ms", span(&rollout.window_ms)),
            ("patience_ms", span(&rollout.patience_ms)),
            ("rollback_above", span(&rollout.rollback_above)),
        ]);
    }
    let named = |name: &str| places.iter().find(|place| place.0 == name)?.1.clone();
    let mut words = sentence.split(|one: char| !one.is_ascii_lowercase() && one != '_');
    words.find_map(named).or_else(|| {
        // A range that follows from another value, where only that one is written.
        let of = [("min_interval_ms", "max_age_ms"), ("patience_ms", "window_ms")];
        let (_, other) = of.iter().find(|(name, _)| sentence.contains(name))?;
        named(other)
    })
}

/// A number, which is in its range.
fn in_range<T: PartialOrd + Display + Copy>(
    source: &Source,
    name: &str,
    value: &Option<Spanned<T>>,
    (least, most): (T, T),
    default: T,
) -> Result<T, Failure> {
    let Some(value) = value else { return Ok(default) };
    let found = *value.get_ref();
    match least <= found && found <= most {
        true => Ok(found),
        false => {
            Err(source
                .wrong(&value.span(), format!("{name} is {found}, it may be {least} to {most}")))
        }
    }
}
