//! [`EdgeUpdate`] with a fixed small width, for inference ([`super::fixed`]).

use super::device::Backend;
use super::fixed::{FixedLinear, Lanes, Row, Rows, add, relu};
use super::layers::EdgeUpdate;
use super::params::Params;

/// The weights of an [`EdgeUpdate`] of width W, at most 8 V.
pub struct EdgeLayers<const W: usize, const V: usize> {
    /// Of the edge itself.
    pub own: FixedLinear<W, V>,
    /// Of the node that it leads to.
    pub target: FixedLinear<W, V>,
    /// Of the node that it comes from.
    pub source: FixedLinear<W, V>,
    /// Of the sum of all three, activated.
    pub out: FixedLinear<W, V>,
}

impl<const W: usize, const V: usize> EdgeLayers<W, V> {
    /// The weights of these layers.
    ///
    /// # Panics
    /// As [`FixedLinear::of`].
    pub fn new<D: Backend>(update: &EdgeUpdate, params: &Params<f32, D>) -> Self {
        let [own, target, source, out] = update.layers().map(|layer| FixedLinear::of(layer, params));
        EdgeLayers { own, target, source, out }
    }

    /// The sum of the biases of own, target and source, which stands with what an edge takes of its target.
    pub fn bias(&self) -> Row<V> {
        let mut bias = self.target.bias;
        for other in [self.source.bias, self.own.bias] {
            bias.as_flattened_mut().iter_mut().zip(other.as_flattened()).for_each(|(a, b)| *a += b);
        }
        bias
    }

    /// block ← block + out(relu(hidden)).
    #[inline(always)]
    pub fn finish<L: Lanes>(&self, lanes: L, mut hidden: Rows<V>, block: &mut Rows<V>) {
        relu(lanes, &mut hidden);
        let mut k = 0;
        while k < block.len() {
            add(lanes, &mut block[k], &self.out.bias);
            k += 1;
        }
        self.out.accumulate(lanes, &hidden, block);
    }
}
