//! What the models of exclusive slots have in common: a mesh of four, one of which lies, and what the
//! honest three do when the network is calm and the liar says nothing.

use meshward::Digest;
use meshward::quorum::{Act, Backed, Choice, Seen, Voter};

pub(crate) const QUORUM: usize = 3;
pub(crate) const MEMBERS: usize = 4;
/// Members 0 to 2; member 3 lies.
pub(crate) const HONEST: usize = 3;
pub(crate) const LIARS: usize = 1;

/// What the honest vote with in one slot.
pub(crate) type Voters = [Voter; HONEST];
/// What the hosts accept.
pub(crate) type Accepted<'a> = [&'a [Digest]; HONEST];

pub(crate) const CONTENTS: [Digest; 2] = [content(0), content(1)];
/// Every host accepts both contents, and they like different ones best.
pub(crate) const BOTH: Accepted<'static> = [&CONTENTS, &[CONTENTS[1], CONTENTS[0]], &CONTENTS];

pub(crate) const fn content(number: u8) -> Digest {
    Digest::from_bytes([number + 1; 32])
}

pub(crate) fn number(content: Digest) -> u8 {
    content.as_bytes()[0] - 1
}

/// What everybody precommitted to in the round that they are in.
pub(crate) fn decided(voters: &Voters) -> Option<(Digest, u32)> {
    voters.iter().find_map(|voter| {
        let content = voter.precommit().flatten()?;
        let agree = |other: &&Voter| {
            other.round() == voter.round() && other.precommit() == Some(Some(content))
        };
        let all = voters.iter().filter(agree).count() >= QUORUM;
        all.then_some((content, voter.round()))
    })
}

/// From here on the network is calm: what is certified, and in which round. A member knows no prevotes
/// but those that it is locked by, as after a restart, and those that a leader shows, which are none of
/// the `old` ones.
pub(crate) fn calm(
    mut voters: Voters,
    first_leader: usize,
    old: &[Backed],
) -> Option<(Digest, u32)> {
    (0..200).find_map(|_step| {
        let acts = acts(&voters, first_leader, &BOTH);
        let acts = acts.into_iter().find(|acts| acts.iter().any(Option::is_some));
        for (voter, act) in voters.iter_mut().zip(acts.into_iter().flatten()) {
            if let Some(act) = act {
                voter.apply(act);
            }
        }
        show(&mut voters, first_leader, old);
        decided(&voters)
    })
}

/// What each does next when all that the others said last has come; and what if there is nothing to do
/// for anybody, and so time runs out.
pub(crate) fn acts(
    voters: &Voters,
    first_leader: usize,
    accepted: &Accepted<'_>,
) -> [[Option<Act>; HONEST]; 2] {
    let seen: [Seen<'_>; HONEST] = std::array::from_fn(|member| {
        let leader = (first_leader + voters[member].round() as usize) % MEMBERS;
        Seen { accepted: accepted[member], ..sees_all(voters, leader, member) }
    });
    [false, true].map(|timed_out| {
        std::array::from_fn(|member| voters[member].next(&Seen { timed_out, ..seen[member] }))
    })
}

/// A leader that proposes shows the prevotes that it knows of, but for the `old` ones.
pub(crate) fn show(voters: &mut Voters, first_leader: usize, old: &[Backed]) {
    for leader in 0..HONEST {
        let voter = &voters[leader];
        if (first_leader + voter.round() as usize) % MEMBERS == leader
            && voter.prevote().flatten().is_some()
            && let Some(valid) = voter.valid().filter(|valid| !old.contains(valid))
        {
            for other in voters.iter_mut() {
                other.learn(valid);
            }
        }
    }
}

fn sees_all(voters: &Voters, leader: usize, member: usize) -> Seen<'static> {
    let round = voters[member].round();
    let here = || voters.iter().filter(move |voter| voter.round() == round);
    let agreed = |vote: fn(&Voter) -> Option<Choice>| {
        let mut votes = here().filter_map(vote);
        votes.find(|one| here().filter(|voter| vote(voter) == Some(*one)).count() >= QUORUM)
    };
    let progress = |voter: &Voter| match (voter.precommit(), voter.prevote()) {
        (Some(_), _) => (voter.round(), 2),
        (None, Some(_)) => (voter.round(), 1),
        (None, None) => (0, 0),
    };
    let arrived =
        |at: (u32, u8)| voters.iter().filter(|voter| progress(voter) >= at).count() >= QUORUM;
    let mut rounds: [_; HONEST] = std::array::from_fn(|other| progress(&voters[other]).0);
    rounds.sort_unstable_by(|one, other| other.cmp(one));
    let proposal = voters.get(leader).filter(|voter| voter.round() == round);
    Seen {
        leads: leader == member,
        proposal: proposal.and_then(|voter| voter.prevote().flatten()),
        prevoted: agreed(Voter::prevote),
        prevotes_are_in: arrived((round, 1)),
        nothing_precommitted: agreed(Voter::precommit) == Some(None),
        precommits_are_in: arrived((round, 2)),
        others_are_in: rounds[LIARS],
        ..Seen::default()
    }
}
