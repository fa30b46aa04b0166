//! Who is whose neighbour.

use super::dice::Dice;

/// The shapes that meshes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Everybody hears everybody.
    Full,
    /// A chain: whoever is in it can cut it.
    Line,
    /// A street plan, four neighbours each.
    Grid,
    /// Radios on a square, which reach a part of it (Gilbert 1961).
    Geometric,
    /// A ring with some shortcuts (Watts and Strogatz 1998).
    SmallWorld,
}

impl Shape {
    pub(crate) const ALL: [Self; 5] =
        [Self::Full, Self::Line, Self::Grid, Self::Geometric, Self::SmallWorld];

    /// The neighbours of each of `nodes` nodes; all hang together.
    pub(crate) fn neighbours(self, nodes: usize, dice: &mut Dice) -> Vec<Vec<usize>> {
        let mut edges = Edges(vec![Vec::new(); nodes]);
        match self {
            Self::Full => (0..nodes).for_each(|a| (0..a).for_each(|b| edges.join(a, b))),
            Self::Line => (1..nodes).for_each(|a| edges.join(a, a - 1)),
            Self::Grid => {
                let width = nodes.isqrt().max(1);
                for a in 0..nodes {
                    if a % width != 0 {
                        edges.join(a, a - 1);
                    }
                    if a >= width {
                        edges.join(a, a - width);
                    }
                }
            }
            Self::Geometric => {
                let places: Vec<_> =
                    (0..nodes).map(|_| [dice.below(1000), dice.below(1000)]).collect();
                let apart = |a: usize, b: usize| -> u64 {
                    places[a].iter().zip(places[b]).map(|(a, b)| a.abs_diff(b).pow(2)).sum()
                };
                // So that a node reaches about eight others.
                let reach = 8 * 1_000_000 / (3 * nodes as u64).max(1);
                for a in 0..nodes {
                    (0..a).filter(|b| apart(a, *b) <= reach).for_each(|b| edges.join(a, b));
                }
                // Whoever is out of reach has a longer antenna.
                for a in 1..nodes {
                    if !edges.reached_from(0).contains(&a) {
                        let reached = edges.reached_from(0);
                        let nearest = reached.into_iter().min_by_key(|b| apart(a, *b)).unwrap();
                        edges.join(a, nearest);
                    }
                }
            }
            Self::SmallWorld => {
                for a in 0..nodes {
                    for step in 1..=2_usize.min(nodes / 2) {
                        edges.join(a, (a + step) % nodes);
                    }
                    if dice.happens(200) {
                        edges.join(a, dice.below(nodes as u64) as usize);
                    }
                }
            }
        }
        edges.0
    }
}

struct Edges(Vec<Vec<usize>>);

impl Edges {
    fn join(&mut self, a: usize, b: usize) {
        if a != b && !self.0[a].contains(&b) {
            self.0[a].push(b);
            self.0[b].push(a);
        }
    }

    fn reached_from(&self, first: usize) -> Vec<usize> {
        reached(&self.0, first, |_, _| true)
    }
}

/// Whom `first` reaches by edges that are `open`, itself among them.
pub(crate) fn reached(
    neighbours: &[Vec<usize>],
    first: usize,
    open: impl Fn(usize, usize) -> bool,
) -> Vec<usize> {
    let (mut reached, mut next) = (vec![first], 0);
    let mut is_reached = vec![false; neighbours.len()];
    is_reached[first] = true;
    while let Some(at) = reached.get(next).copied() {
        next += 1;
        for to in neighbours[at].iter().filter(|to| open(at, **to)) {
            if !std::mem::replace(&mut is_reached[*to], true) {
                reached.push(*to);
            }
        }
    }
    reached
}

#[test]
fn every_shape_hangs_together_and_is_the_same_for_the_same_dice() {
    for shape in Shape::ALL {
        for nodes in [1, 2, 3, 4, 7, 30, 100] {
            let neighbours = shape.neighbours(nodes, &mut Dice::new(7));
            assert_eq!(reached(&neighbours, 0, |_, _| true).len(), nodes, "{shape:?}");
            assert_eq!(neighbours, shape.neighbours(nodes, &mut Dice::new(7)));
            for (at, others) in neighbours.iter().enumerate() {
                assert!(others.iter().all(|to| *to != at && neighbours[*to].contains(&at)));
            }
        }
    }
}
