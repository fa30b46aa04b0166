//! A whole mesh that admits a node by enrolment, expels it, and takes its old enrolment for nothing.

use std::sync::Arc;

use meshward::identity::{Admissions, Enrolment, EnrolmentError, JoinPolicy, TrustBundles};
use meshward::wire::Kind;
use meshward::{Change, Event, Identity, Member, OsEntropy, Suite, View};

use crate::authority::{Authority, now};
use crate::forge::HERE;
use crate::support::{Disk, Mesh, id};
use crate::svids::bundles;

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

fn view(mesh: &Mesh, place: usize) -> Arc<View> {
    Arc::clone(mesh.guard(place).core().view())
}

/// Each member's host, with what it trusts.
struct Hosts {
    mesh: Mesh,
    desks: Vec<Admissions>,
    bundles: TrustBundles,
}

impl Hosts {
    /// What each host does when something has come: it looks at enrolments, and votes for the changes that its
    /// own desk permits. Tells who took an enrolment, and who has voted.
    fn work(&mut self) -> (Vec<Result<Member, EnrolmentError>>, Vec<usize>) {
        let (mut taken, mut voted) = (Vec::new(), Vec::new());
        for place in ALL {
            let (view, desk) = (view(&self.mesh, place), &self.desks[place]);
            let inbox = std::mem::take(&mut self.mesh.nodes[place].inbox);
            for message in inbox.iter().filter(|message| message.kind == kind()) {
                let enrolment = Enrolment::from_bytes(&message.body).unwrap();
                taken.push(desk.consider(&enrolment, &view, &self.bundles, now()));
            }
            let events = std::mem::take(&mut *self.mesh.nodes[place].host.events.lock());
            for event in &events {
                if let Event::ChangeProposed { change } = event
                    && desk.permits(&view, change, &self.bundles, now()).is_ok()
                {
                    self.propose(place, change);
                    voted.push(place);
                }
            }
        }
        (taken, voted)
    }

    fn propose(&self, place: usize, change: &Change) {
        self.mesh.guard(place).propose_change(change.clone(), self.mesh.now).unwrap();
    }

    /// Time passes and hosts work until all are in the view with that number.
    fn until_in(&mut self, number: u64) {
        for _ in 0..400 {
            if ALL.iter().all(|place| view(&self.mesh, *place).number().0 == number) {
                return;
            }
            self.mesh.pass(250);
            self.work();
        }
        panic!("not all are in view {number}");
    }

    /// A member hands an enrolment to all the others, and looks at it itself.
    fn sponsor(&mut self, place: usize, bytes: &[u8]) -> Result<Member, EnrolmentError> {
        self.mesh.guard(place).sign_message(kind(), bytes, self.mesh.now).unwrap();
        self.mesh.pass(250);
        let enrolment = Enrolment::from_bytes(bytes)?;
        self.desks[place].consider(&enrolment, &view(&self.mesh, place), &self.bundles, now())
    }
}

fn kind() -> Kind {
    Kind::host(7).unwrap()
}

/// Attack K11, and promise P6 with it.
#[test]
fn k11_a_mesh_admits_a_workload_expels_it_and_takes_its_old_enrolment_for_nothing() {
    let suite = Suite::MlDsa65;
    let root = Authority::new("root", "example.org");
    let policy =
        || JoinPolicy::default().allow_under("spiffe://example.org/router".parse().unwrap());
    let mut hosts = Hosts {
        mesh: Mesh::new(suite, 5),
        desks: ALL.map(|_| Admissions::new(policy(), 4)).into(),
        bundles: bundles(&[("example.org", &root)]),
    };
    hosts.mesh.pass(1_000);

    // Node 4 is talked into proposing somebody whom nobody has enrolled: it stays alone.
    let stranger = Identity::create(&Disk::default(), id(6), suite, &OsEntropy).unwrap();
    let stranger =
        stranger.member("x").with_spiffe_id("spiffe://example.org/router/x".parse().unwrap());
    let genesis = view(&hosts.mesh, 0);
    hosts.propose(4, &Change::of(&genesis).join(stranger));
    for _ in 0..40 {
        hosts.mesh.pass(250);
        assert_eq!(hosts.work().1, [], "nobody votes for it");
    }
    assert_eq!(view(&hosts.mesh, 1).number().0, 0);

    // A sixth node asks node 0, which tells the others before it proposes.
    let disk = Disk::default();
    let identity = Identity::create(&disk, id(5), suite, &OsEntropy).unwrap();
    let enrolment =
        Enrolment::seal(&genesis, (&identity, "north"), &root.svid(HERE), &OsEntropy, now())
            .unwrap();
    let bytes = enrolment.to_bytes().unwrap();
    let member = hosts.sponsor(0, &bytes).unwrap();
    let (taken, _) = hosts.work();
    assert_eq!(taken, vec![Ok(member.clone()); 4]);
    hosts.propose(0, &Change::of(&genesis).join(member));
    hosts.until_in(1);
    let joined = view(&hosts.mesh, 0);
    let found = joined.bound_to(&HERE.parse().unwrap()).unwrap();
    assert_eq!((found.id, found.joined.0), (id(5), 1));

    // It runs as a member, and is expelled.
    let place = hosts.mesh.join(disk, &joined);
    hosts.mesh.settle(place);
    for place in ALL {
        hosts.propose(place, &Change::of(&joined).leave(id(5)));
    }
    hosts.until_in(2);
    let after = view(&hosts.mesh, 0);
    assert_eq!((after.len(), after.index_of(&id(5))), (5, None));
    hosts.mesh.pass(1_000);
    hosts.work();

    // Its certificate holds yet, its key signs yet; and what it said is worth nothing.
    let stale = EnrolmentError::OtherView { number: genesis.number(), digest: genesis.digest() };
    assert_eq!(hosts.sponsor(0, &bytes).unwrap_err(), stale);
    let (taken, _) = hosts.work();
    assert_eq!(taken, vec![Err(stale); 4]);
    hosts.propose(0, &Change::of(&after).join(enrolment.member().clone()));
    for _ in 0..40 {
        hosts.mesh.pass(250);
        assert_eq!(hosts.work().1, [], "nobody votes for it");
    }
    assert_eq!(view(&hosts.mesh, 1).number().0, 2);
}
