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
