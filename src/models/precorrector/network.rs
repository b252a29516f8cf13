//! What the network predicts.

use super::base::{BaseFactor, Seen};
use super::layers::Precorrector;
use super::{NAME, inference};
use crate::error::Result;
use crate::linalg::Csr;
use crate::models::network::{Description, Network};
use crate::models::{PredictOptions, guard};
use crate::nn::graph::Graphs;
use crate::nn::ops::Engine;
use crate::nn::{Backend, Device, Trained};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

impl Precorrector {
    /// What to add to each entry of the factor of the equilibrated matrix.
    fn changes<D: Backend>(&self, weights: &Trained<D>, seen: &Seen) -> Result<Vec<f32>> {
        let (nodes, entries) = (&seen.nodes, seen.entries());
        if D::KIND == Device::Cpu {
            let fast = |params: &_| inference::corrections(self, params, seen.factor.pattern(), nodes, &entries);
            if let Some(changes) = weights.read(fast) {
                return Ok(changes);
            }
        }
        let graphs = Graphs::of(&seen.factor)?;
        let corrected = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let nodes = ops.table(nodes.clone(), 2);
            let entries = ops.table(entries.clone(), 1);
            self.forward(ops, w, &at, &nodes, &entries)
        });
        Ok(corrected.iter().zip(&entries).map(|(c, e)| c - e).collect())
    }
}

impl<D: Backend> Network<D> for Precorrector {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is; there is no inverse to filter.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let a = &system.matrix;
        let start = BaseFactor::new(self.config.base, a)?;
        let corrected = |start: &BaseFactor, a: &Csr| {
            let seen = start.seen(a)?;
            let entries = seen.corrected(&self.changes(weights, &seen)?);
            Ok((seen, entries))
        };
        if !options.unguarded {
            let part = guard::Part::of(a)?;
            // A part without an incomplete factor tells nothing.
            if let Ok(of_part) = BaseFactor::new(self.config.base, &part.matrix) {
                let (seen, entries) = corrected(&of_part, &part.matrix)?;
                let unchanged = seen.corrected(&vec![0.0; entries.len()]);
                if !part.keeps_up(seen.factor.pattern(), &entries, &unchanged)? {
                    let factor = start.into_factor(a)?;
                    let note = Some(guard::NOTE.into());
                    return Ok(Acceleration { fell_back: true, note, ..Acceleration::preconditioner(factor) });
                }
            }
        }
        let entries = corrected(&start, a)?.1;
        Ok(Acceleration::preconditioner(start.with_entries(&entries)?))
    }
}
