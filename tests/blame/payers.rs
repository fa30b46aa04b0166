//! Who pays, written down a second time, so that a change of the library's table shows.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payer {
    /// The link it came over, if it is proven.
    Link,
    /// The member that signed it.
    Signer,
    Nobody,
}

/// Who pays for a refusal, by its name.
pub(crate) fn payer(reason: &str) -> Payer {
    match reason {
        "malformed" | "certificate_shape" | "body_mismatch" | "bad_signature" | "refuted"
        | "link_budget" => Payer::Link,
        "equivocation" | "contradictory_vote" | "over_rate" => Payer::Signer,
        "not_understood" | "other_mesh" | "link_quarantined" | "check_budget"
        | "unknown_origin" | "unknown_key" | "other_view" | "own" | "duplicate" | "replay"
        | "unproven" | "closed_epoch" | "origin_quarantined" | "origin_rate" | "not_a_beacon"
        | "nonsense" | "outdated" | "decided" | "attestor_rate" | "bad_cookie"
        | "rotation_rate" | "rotation_order" | "suite_unavailable" => Payer::Nobody,
        other => panic!("{other}: say who pays for it"),
    }
}
