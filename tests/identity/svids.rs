//! Which chains of certificates are believed: one case for each of the reasons not to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshward::SpiffeId;
use meshward::identity::{BundleError, Enrolment, EnrolmentError, SvidError, TrustBundles};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};

use crate::authority::{Authority, Key, NOW, authority, extension, now, svid, uri, workload};
use crate::forge::{Forge, HERE, view};
use crate::provoked::Provoked;

pub(crate) fn bundles(of: &[(&str, &Authority)]) -> TrustBundles {
    let mut bundles = TrustBundles::default();
    for (domain, authority) in of {
        assert_eq!(bundles.set(domain, [&authority.der]), []);
    }
    bundles
}

/// One authority of `example.org`, in its bundle.
pub(crate) fn trusted() -> (Authority, TrustBundles) {
    let root = Authority::new("root", "example.org");
    let bundles = bundles(&[("example.org", &root)]);
    (root, bundles)
}

/// One authority of `example.org`, and what its bundle makes of an enrolment.
struct Case {
    root: Authority,
    bundles: TrustBundles,
}

impl Case {
    fn new() -> Self {
        let (root, bundles) = trusted();
        Self { root, bundles }
    }

    /// Who verifies the enrolment of [`HERE`] with that chain, at that time.
    fn verify(&self, chain: Vec<Vec<u8>>, key: Key, at: SystemTime) -> Result<(), SvidError> {
        let view = view();
        let forge = Forge { chain, svid_key: key, ..Forge::new(&view, &self.root) };
        let enrolment = Enrolment::from_bytes(&forge.bytes()).unwrap();
        match enrolment.verify(&view, &self.bundles, at) {
            Ok(_) => Ok(()),
            Err(EnrolmentError::Svid(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    /// The same for one certificate, which the workload is told of by [`svid`] as well.
    fn malformed(&self, change: impl Fn(&mut CertificateParams)) -> SvidError {
        let mut params = workload(HERE);
        change(&mut params);
        let key = Key::p256();
        let chain = vec![self.root.issue(&params, &key)];
        let error = svid(chain.clone(), &key).unwrap_err();
        assert_eq!(self.verify(chain, key, now()), Err(error.clone()));
        error
    }

    fn refused(&self, between: Vec<Vec<u8>>, by: &Authority) -> SvidError {
        let key = Key::p256();
        let mut chain = vec![by.issue(&workload(HERE), &key)];
        chain.extend(between);
        self.verify(chain, key, now()).unwrap_err()
    }
}

#[test]
fn a_workload_with_any_key_that_spire_issues_is_believed() {
    let case = Case::new();
    for (number, key) in
        [Key::p256(), Key::p384(), Key::ed25519(), Key::rsa()].into_iter().enumerate()
    {
        let chain = vec![case.root.issue(&workload(HERE), &key)];
        let here: SpiffeId = HERE.parse().unwrap();
        assert_eq!(svid(chain.clone(), &key).unwrap().spiffe_id(), &here);
        assert_eq!(case.verify(chain, key, now()), Ok(()), "{number}");
    }
    for key in [Key::p384(), Key::ed25519(), Key::rsa()] {
        let root = Authority::of(authority("root", "example.org"), key);
        let case = Case { bundles: bundles(&[("example.org", &root)]), root };
        let key = Key::p256();
        assert_eq!(case.verify(vec![case.root.issue(&workload(HERE), &key)], key, now()), Ok(()));
    }
}

#[test]
fn a_chain_leads_over_issuers_to_any_authority_of_the_bundle() {
    let mut case = Case::new();
    let upper = case.root.beneath(authority("upper", "example.org"), Key::p384());
    let lower = upper.beneath(authority("lower", "example.org"), Key::p256());
    let key = Key::p256();
    let leaf = lower.issue(&workload(HERE), &key);
    let chain = vec![leaf.clone(), lower.der.clone(), upper.der.clone()];
    assert_eq!(case.verify(chain, key, now()), Ok(()));
    // The authority before a change and the one after stand side by side.
    let after = Authority::new("after", "example.org");
    assert_eq!(case.bundles.set("example.org", [&case.root.der, &after.der]), []);
    for root in [&case.root, &after] {
        let key = Key::p256();
        assert_eq!(case.verify(vec![root.issue(&workload(HERE), &key)], key, now()), Ok(()));
    }
    let key = Key::p256();
    let leaf = lower.issue(&workload(HERE), &key);
    let unknown = SvidError::UnknownIssuer("example.org".into());
    assert_eq!(case.verify(vec![leaf, lower.der.clone()], key, now()), Err(unknown));
}

/// Attack K6, in so far as it is about whom to believe: one answers with another trust domain.
#[test]
fn k06_another_trust_domain_is_refused() {
    let mut case = Case::new();
    let other = Authority::new("root", "other.org");
    let unknown = SvidError::UnknownIssuer("example.org".into());
    assert_eq!(case.refused(Vec::new(), &other), unknown, "an authority that nobody knows");
    assert_eq!(case.bundles.set("other.org", [&other.der]), []);
    assert_eq!(case.refused(Vec::new(), &other), unknown, "one that is federated");

    // It speaks for its own, and for nobody else's.
    let view = view();
    let theirs = "spiffe://other.org/router/south";
    let enrol = |by: &Authority| {
        let mut forge = Forge::new(&view, by);
        forge.chain = vec![by.issue(&workload(theirs), &forge.svid_key)];
        forge.claim.member.spiffe_id = Some(theirs.parse().unwrap());
        Enrolment::from_bytes(&forge.bytes()).unwrap().verify(&view, &case.bundles, now())
    };
    assert_eq!(enrol(&other).unwrap().member().spiffe_id, Some(theirs.parse().unwrap()));
    let unknown = SvidError::UnknownIssuer("other.org".into());
    assert_eq!(enrol(&case.root).unwrap_err(), unknown.into());
}

/// Attack K6 where two trust domains share a root: each issues for itself alone, whoever stands between.
#[test]
fn k06_an_issuer_of_another_trust_domain_is_refused_beneath_a_shared_root() {
    let case = Case::new();
    let under = |above: &Authority, names: &[&str]| {
        let mut params = authority("between", "example.org");
        params.subject_alt_names = names.iter().map(|name| uri(name)).collect();
        above.beneath(params, Key::p256())
    };
    let other = SvidError::OtherIssuer("example.org".into());
    let others = ["spiffe://other.org", "SPIFFE://other.org", "spiffe://example.org.uk"];
    for name in others.into_iter().chain(["spiffe://example.org:1", "spiffe://", "spiffe://a/?"]) {
        let between = under(&case.root, &["https://example.org", name]);
        assert_eq!(case.refused(vec![between.der.clone()], &between), other, "{name}");
        let mut params = authority("hidden", "example.org");
        params.subject_alt_names.clear();
        let hidden = between.beneath(params, Key::p256());
        let chain = vec![hidden.der.clone(), between.der.clone()];
        assert_eq!(case.refused(chain, &hidden), other, "{name}");
    }
    // One without a SPIFFE id, and one of its own.
    for names in [[].as_slice(), &["https://example.org"], &["spiffe://example.org"]] {
        let (key, between) = (Key::p256(), under(&case.root, names));
        let leaf = between.issue(&workload(HERE), &key);
        assert_eq!(case.verify(vec![leaf, between.der], key, now()), Ok(()), "{names:?}");
    }
    // The same issuer by another name as well: which of the two counts is nobody's to look for.
    let (key, named) = (Key::p256(), Key::p256());
    let mut params = authority("between", "other.org");
    let foreign = case.root.issue(&params, &named);
    params.subject_alt_names.clear();
    let between = case.root.beneath(params, named);
    let chain = vec![between.issue(&workload(HERE), &key), foreign, between.der];
    assert_eq!(case.verify(chain, key, now()), Err(SvidError::SameName(2, 3)));
    // Whoever stands in the bundle is believed, whatever its name.
    let (key, root) = (Key::p256(), Authority::new("root", "other.org"));
    let case = Case { bundles: bundles(&[("example.org", &root)]), root };
    assert_eq!(case.verify(vec![case.root.issue(&workload(HERE), &key)], key, now()), Ok(()));
}

#[test]
fn every_reason_not_to_believe_a_certificate_is_named() {
    let mut met = Provoked::of("SvidError", include_str!("../../src/identity/error.rs"));
    let mut case = Case::new();
    met.meet(&svid([], &Key::p256()).unwrap_err(), "there is no certificate");
    met.meet(
        &case.malformed(|of| of.subject_alt_names.clear()),
        "the certificate names 0 URIs, an X.509-SVID names one",
    );
    let two = case.malformed(|of| of.subject_alt_names.push(uri("https://example.org")));
    met.meet(&two, "the certificate names 2 URIs, an X.509-SVID names one");
    let names = SanType::DnsName("example.org".try_into().unwrap());
    let dns = case.malformed(|of| of.subject_alt_names = vec![names.clone()]);
    assert_eq!(dns, SvidError::Uris(0));
    let no_id = case.malformed(|of| of.subject_alt_names = vec![uri("spiffe://example.org")]);
    met.meet(&no_id, "\"spiffe://example.org\" is no SPIFFE id of a workload: a SPIFFE id of a workload has a path");

    let is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let of_authority = case.malformed(|of| of.is_ca = is_ca);
    met.meet(&of_authority, &format!("the certificate of {HERE} is that of an authority"));
    let says = format!("the key of {HERE} is not for digital signatures");
    met.meet(&case.malformed(|of| of.key_usages.clear()), &says);
    let only =
        |usage: KeyUsagePurpose| move |of: &mut CertificateParams| of.key_usages = vec![usage];
    met.meet(&case.malformed(only(KeyUsagePurpose::KeyAgreement)), &says);
    let says = format!("the key of {HERE} may sign certificates or revocation lists");
    for usage in [KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign] {
        met.meet(&case.malformed(|of| of.key_usages.push(usage)), &says);
    }
    let says = format!("the key of {HERE} is not for both a client and a server");
    for kept in [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth] {
        let half = case.malformed(|of| of.extended_key_usages = vec![kept.clone()]);
        met.meet(&half, &says);
    }

    let (key, other) = (Key::p256(), Key::p256());
    let leaf = case.root.issue(&workload(HERE), &key);
    let swapped = svid([leaf.clone()], &other).unwrap_err();
    met.meet(
        &swapped,
        &format!("the private key is another than that of the certificate of {HERE}"),
    );
    let no_key = Key { pkcs8: b"no key".to_vec(), ..Key::p256() };
    met.meet(&svid([leaf.clone()], &no_key).unwrap_err(), "the private key cannot be used");
    let torn = vec![leaf[..leaf.len() - 1].to_vec()];
    met.meet(&case.verify(torn, Key::p256(), now()).unwrap_err(), "certificate 1 cannot be read");
    let longer = [leaf.as_slice(), b"\0"].concat();
    assert_eq!(svid([longer], &key).unwrap_err(), SvidError::Unreadable(1));
    let nine = case.refused(vec![case.root.der.clone(); 8], &case.root);
    met.meet(&nine, "9 certificates, 8 are allowed");

    // Whoever may not issue: another workload, an authority whose key is for something else.
    let fellow = Key::p256();
    let beside = case.root.issue(&workload("spiffe://example.org/other"), &fellow);
    let fellow = Authority { der: beside.clone(), ..Authority::of(workload("x:y"), fellow) };
    met.meet(&case.refused(vec![beside], &fellow), "certificate 2 is none that may sign others");
    let mut useless = authority("useless", "example.org");
    useless.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mut named = authority("named", "example.org");
    named.subject_alt_names = vec![uri("spiffe://example.org/workload")];
    let mut no_ca = authority("no authority", "example.org");
    no_ca.is_ca = IsCa::ExplicitNoCa;
    for params in [useless, named, no_ca] {
        let issuer = case.root.beneath(params, Key::p256());
        let refused = case.refused(vec![issuer.der.clone()], &issuer);
        assert_eq!(refused, SvidError::NotAnIssuer(2));
    }

    let (between, lowest) = of_one_name();
    let says = "certificates 2 and 3 are of issuers of one name";
    met.meet(&case.refused(between, &lowest), says);

    let stranger = Authority::new("root", "example.org");
    let says = "no authority of example.org issued the certificate";
    met.meet(&case.refused(Vec::new(), &stranger), says);
    let between = case.root.beneath(authority("between", "other.org"), Key::p256());
    let says = "the chain to an authority of example.org goes over one of another trust domain";
    met.meet(&case.refused(vec![between.der.clone()], &between), says);
    let mut narrow = authority("narrow", "example.org");
    narrow.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let narrow = case.root.beneath(narrow, Key::p256());
    let beneath = narrow.beneath(authority("beneath", "example.org"), Key::p256());
    let too_deep = case.refused(vec![beneath.der.clone(), narrow.der.clone()], &beneath);
    met.meet(&too_deep, "the chain does not hold: PathLenConstraintViolated");
    let mut elsewhere = authority("elsewhere", "example.org");
    let subtree = GeneralSubtree::DnsName("elsewhere.org".into());
    elsewhere.name_constraints =
        Some(NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: vec![] });
    let elsewhere = case.root.beneath(elsewhere, Key::p256());
    let mut params = workload(HERE);
    params.subject_alt_names.push(names);
    let key = Key::p256();
    let chain = vec![elsewhere.issue(&params, &key), elsewhere.der.clone()];
    let constrained = case.verify(chain, key, now()).unwrap_err();
    assert_eq!(constrained, SvidError::Chain("NameConstraintViolation".into()));

    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let leaf = || {
        let key = Key::p256();
        (vec![case.root.issue(&workload(HERE), &key)], key)
    };
    let (first, last) = (1_799_884_800, 1_800_144_000);
    for (time, holds) in [(first - 1, false), (first, true), (last, true), (last + 1, false)] {
        // The authority outlives the workload's certificate.
        let mut long = authority("root", "example.org");
        (long.not_before, long.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2028, 1, 1));
        let (root, key) = (Authority::of(long, Key::p256()), Key::p256());
        let chain = vec![root.issue(&workload(HERE), &key)];
        let case = Case { bundles: bundles(&[("example.org", &root)]), root };
        match case.verify(chain, key, at(time)) {
            Ok(()) => assert!(holds, "{time}"),
            Err(error) if time > NOW => {
                met.meet(&error, "a certificate ended at 1800144000, it is 1800144001");
            }
            Err(error) => {
                met.meet(&error, "a certificate begins at 1799884800, it is 1799884799");
            }
        }
    }
    let (chain, key) = leaf();
    let late = case.verify(chain, key, at(last + 1)).unwrap_err();
    met.meet(&late, "no authority of the trust domain example.org is in force");
    let (chain, key) = leaf();
    let early = case.verify(chain, key, UNIX_EPOCH - Duration::from_secs(1)).unwrap_err();
    assert_eq!(early, SvidError::NoAuthority("example.org".into()));
    case.bundles = TrustBundles::default();
    let nobody = case.refused(Vec::new(), &case.root);
    met.meet(&nobody, "there is no bundle of the trust domain example.org");
    met.assert_all();
}

#[test]
fn every_reason_not_to_take_an_authority_is_named_and_the_others_are_taken() {
    let mut met = Provoked::of("BundleError", include_str!("../../src/identity/error.rs"));
    let mut case = Case::new();
    let holds = |case: &Case| {
        let key = Key::p256();
        case.verify(vec![case.root.issue(&workload(HERE), &key)], key, now())
    };
    for name in ["", "Example.org", "spiffe://example.org", "example.org/a", "example.org/"] {
        let error = case.bundles.set(name, [&case.root.der]);
        assert!(
            matches!(&error[..], [BundleError::TrustDomain(found, _)] if found == name),
            "{error:?}"
        );
    }
    let error = case.bundles.set("E", [&case.root.der]);
    met.meet(&error[0], "\"E\" is no trust domain: a trust domain is 1 to 255 of the characters a-z, 0-9, '.', '-', '_'");
    let other = Authority::new("other", "example.org");
    let some = [other.der.clone(), b"none".to_vec(), case.root.der.clone()];
    case.bundles = TrustBundles::default();
    let unread = case.bundles.set("example.org", some);
    assert_eq!(unread.len(), 1);
    met.meet(&unread[0], "authority 2 of example.org is no certificate");
    assert_eq!(holds(&case), Ok(()), "what stands beside it counts");
    // With an extension twice (RFC 5280, section 4.2) it still has the form of one.
    let mut twice = authority("twice", "example.org");
    twice.custom_extensions = vec![extension(&[2, 5, 29, 19], &[0x30, 0x03, 0x01, 0x01, 0xff])];
    let twice = Authority::of(twice, Key::p256());
    let unread = case.bundles.set("example.org", [&twice.der, &case.root.der]);
    assert_eq!(unread.len(), 1);
    met.meet(&unread[0], "authority 1 of example.org is no certificate");
    assert_eq!(holds(&case), Ok(()));
    let no_bundle = Err(SvidError::NoBundle("example.org".into()));
    assert_eq!(case.bundles.set("example.org", [b"none"]).len(), 1);
    assert_eq!(holds(&case), no_bundle);
    assert_eq!(case.bundles.set("example.org", [&case.root.der]), []);
    assert_eq!(holds(&case), Ok(()));
    assert_eq!(case.bundles.set("example.org", [[0; 0]; 0]), []);
    assert_eq!(holds(&case), no_bundle);
    met.assert_all();
}

/// Seven issuers of one name, each beneath the one after it, the uppermost beneath nobody; and the lowest.
fn of_one_name() -> (Vec<Vec<u8>>, Authority) {
    let params = || authority("root", "example.org");
    let mut lowest = Authority::of(params(), Key::p256());
    let mut chain = vec![lowest.der.clone()];
    for _ in 1..7 {
        lowest = lowest.beneath(params(), Key::p256());
        chain.insert(0, lowest.der.clone());
    }
    (chain, lowest)
}

/// There would be thousands of paths to look for. None is: what the chain might lead to is not even at hand.
#[test]
fn issuers_of_one_name_are_refused_before_an_authority_is_tried() {
    let mut case = Case::new();
    case.bundles = TrustBundles::default();
    let (between, lowest) = of_one_name();
    assert_eq!(case.refused(between.clone(), &lowest), SvidError::SameName(2, 3));
    let key = Key::p256();
    let chain = [vec![lowest.issue(&workload(HERE), &key)], between].concat();
    assert_eq!(svid(chain, &key).unwrap_err(), SvidError::SameName(2, 3), "whose it is is told");
    // The last of them is of the name of an earlier one.
    let upper = Authority::new("upper", "example.org");
    let lower = upper.beneath(authority("lower", "example.org"), Key::p256());
    let twice = Authority::new("lower", "example.org");
    let chain = vec![lower.der.clone(), upper.der, twice.der];
    assert_eq!(case.refused(chain, &lower), SvidError::SameName(2, 4));
}

/// As many as there may be between a workload and an authority, in the order of the path and in none.
#[test]
fn six_issuers_lead_to_the_authority() {
    let case = Case::new();
    let mut lowest = case.root.beneath(authority("6", "example.org"), Key::p256());
    let mut between = vec![lowest.der.clone()];
    for name in ["5", "4", "3", "2", "1"] {
        lowest = lowest.beneath(authority(name, "example.org"), Key::p256());
        between.insert(0, lowest.der.clone());
    }
    for _ in 0..2 {
        let key = Key::p256();
        let chain = [vec![lowest.issue(&workload(HERE), &key)], between.clone()].concat();
        assert_eq!(case.verify(chain, key, now()), Ok(()));
        between.reverse();
    }
}
