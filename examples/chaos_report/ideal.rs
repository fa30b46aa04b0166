//! What a flood without any fault of its own could reach over lossy links: each node sends the first copy
//! that it gets to each neighbour once, and each of these packets is lost or kept by chance.

use crate::mesh::{Dice, Plan};

/// The share of nodes reached, 0 to 1, over many floods from each node.
pub(crate) fn reached(plan: &Plan) -> f64 {
    let (mut dice, nodes) = (Dice::new(plan.seed), plan.members);
    let floods = 200_000 / nodes;
    let mut count = 0;
    for flood in 0..floods {
        let mut has = vec![false; nodes];
        let mut order = vec![flood % nodes];
        has[flood % nodes] = true;
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            for to in &plan.neighbours[at] {
                if !dice.happens(plan.usual.loss) && !std::mem::replace(&mut has[*to], true) {
                    order.push(*to);
                }
            }
        }
        count += order.len() - 1;
    }
    count as f64 / (floods * (nodes - 1)) as f64
}
