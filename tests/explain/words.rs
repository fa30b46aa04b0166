//! What an explanation says, to people and to programs.

use meshward::Suite;

use crate::common::Stage as Case;

#[test]
fn it_reads_well_and_can_be_serialised() {
    let suite = Suite::available().next().unwrap();
    let case = Case::UnknownKey.case(suite);
    let told = case.node.explain(case.link, &case.packet, case.now);
    let text = told.to_string();
    println!("{text}");
    let origin = case.speaker.id();
    let heading =
        format!("frame in the name of {origin}: would be refused as unknown_key, nobody pays");
    assert!(text.starts_with(&heading), "{text}");
    assert!(text.contains("  link budget        passed\n"), "{text}");
    assert!(
        text.contains(&format!("  key                the key of {origin} for epoch")),
        "{text}"
    );
    assert!(text.contains("  signature          not reached\n"), "{text}");

    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(json["packet"], "frame");
    assert_eq!(json["refusal"]["reason"], "unknown_key");
    assert_eq!(json["blame"], "nobody");
    assert_eq!(json["stages"][3]["stage"], "link_budget");
    assert_eq!(json["stages"][3]["finding"], "passed");

    let case = Case::BadSignature.case(suite);
    let over = crate::common::NEIGHBOUR;
    let told = case.node.explain(over, &case.packet, case.now);
    assert!(told.to_string().contains("its link pays for bad_signature"), "{told}");
    let told = case.node.explain(over, b"", case.now);
    assert!(told.to_string().starts_with("unreadable: would be refused as malformed"), "{told}");
}

/// What the system that this one replaces told of itself, by its names, and what else there is.
#[test]
fn stats_can_be_serialised_with_all_that_there_was_before() {
    let suite = Suite::available().next().unwrap();
    let (node, speaker) = crate::common::Mesh::pair(suite, &crate::common::generous());
    let stats = serde_json::to_value(node.stats(speaker.now())).unwrap();
    assert_eq!(stats["node"], node.node().to_string());
    assert_eq!((&stats["total_nodes"], &stats["quorum_size"]), (&4.into(), &3.into()));
    for list in ["quarantined_nodes", "validated_failures"] {
        assert!(stats[list].is_array(), "{list}");
    }
    assert_eq!(stats["node_reputations"][speaker.id().to_string()], 1_000_000);
    assert!(stats["refused"].is_object() && stats["delivered"] == 0);
}
