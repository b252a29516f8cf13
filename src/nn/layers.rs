//! Layers: places of parameters in a [`Layout`], and what they make of their input.

use super::device::Backend;
use super::layout::{Layout, Start};
use super::ops::{Ops, Weights};
use super::params::{Parameter, Params};

/// y = act(x W + b) with W `{name}.weight` (in × out) and b `{name}.bias` (1 × out).
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    weight: Parameter,
    bias: Parameter,
}

impl Linear {
    /// W from U(−g √(3/in), g √(3/in)) with g = `gain`, which keeps the variance of its input times g²; b = 0.
    pub fn new(layout: &mut Layout, name: &str, input: usize, output: usize, gain: f32) -> Self {
        Self::bounded(layout, name, (input, output), gain * (3.0 / input as f32).sqrt())
    }

    fn bounded(layout: &mut Layout, name: &str, shape: (usize, usize), bound: f32) -> Self {
        Linear {
            weight: layout.add(format!("{name}.weight"), shape, Start::Uniform(bound)),
            bias: layout.add(format!("{name}.bias"), (1, shape.1), Start::Constant(0.0)),
        }
    }

    /// W, row by row, and b.
    pub fn values<D: Backend>(&self, params: &Params<f32, D>) -> (Vec<f32>, Vec<f32>) {
        (params[self.weight].as_vec(), params[self.bias].as_vec())
    }

    /// x: (rows, in) → (rows, out); act(t) = t for t > 0, `slope` t below, the identity where there is none.
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value, slope: Option<f64>) -> O::Value {
        ops.linear(x, (&w[self.weight], &w[self.bias]), slope)
    }
}

/// A multilayer perceptron: linear layers, an activation after each but the last.
#[derive(Debug, Clone)]
pub struct Mlp {
    layers: Vec<Linear>,
    slope: f64,
}

impl Mlp {
    /// Hidden layers of ReLU `{name}.0` … with He's uniform bound √(6/in), then `{name}.out` with `out_gain` √(3/in).
    pub fn new(layout: &mut Layout, name: &str, input: usize, hidden: &[usize], output: usize, out_gain: f32) -> Self {
        let mut layers = Vec::with_capacity(hidden.len() + 1);
        let mut fan_in = input;
        for (k, &width) in hidden.iter().enumerate() {
            let bound = (6.0 / fan_in as f32).sqrt();
            layers.push(Linear::bounded(layout, &format!("{name}.{k}"), (fan_in, width), bound));
            fan_in = width;
        }
        layers.push(Linear::new(layout, &format!("{name}.out"), fan_in, output, out_gain));
        Mlp { layers, slope: 0.0 }
    }

    /// Two layers `{name}.0` and `{name}.1` of those widths and gains; the first is activated with `slope` below zero.
    pub fn pair(layout: &mut Layout, name: &str, widths: [usize; 3], gains: [f32; 2], slope: f64) -> Self {
        let layer = |k: usize| Linear::new(layout, &format!("{name}.{k}"), widths[k], widths[k + 1], gains[k]);
        Mlp { layers: [0, 1].map(layer).to_vec(), slope }
    }

    /// Its layers, the first one first.
    pub fn layers(&self) -> &[Linear] {
        &self.layers
    }

    /// x: (rows, in) → (rows, out).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value) -> O::Value {
        let mut x = x.clone();
        for (k, layer) in self.layers.iter().enumerate() {
            let slope = (k + 1 < self.layers.len()).then_some(self.slope);
            x = layer.forward(ops, w, &x, slope);
        }
        x
    }
}

/// y = act(x U + (A x) V + b) with U `{name}.own`, V `{name}.others`, b `{name}.bias`: see [`super::ops::GraphConvOp`].
#[derive(Debug, Clone, Copy)]
pub struct GraphConv([Parameter; 3]);

impl GraphConv {
    /// U and V, row by row, and b.
    pub fn values<D: Backend>(&self, params: &Params<f32, D>) -> [Vec<f32>; 3] {
        self.0.map(|p| params[p].as_vec())
    }

    /// U and V from U(−√(3/(2w)), √(3/(2w))): a node sums over itself and its neighbours, half the variance each.
    pub fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let bound = Start::Uniform((1.5 / width as f32).sqrt());
        GraphConv([
            layout.add(format!("{name}.own"), (width, width), bound),
            layout.add(format!("{name}.others"), (width, width), bound),
            layout.add(format!("{name}.bias"), (1, width), Start::Constant(0.0)),
        ])
    }

    /// x: (nodes, width) → (nodes, width).
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        x: &O::Value,
        slope: Option<f64>,
    ) -> O::Value {
        ops.graph_conv(at, x, self.0.map(|p| &w[p]), slope)
    }
}

/// Features normalised within each graph, with γ `{name}.gamma`, β `{name}.beta`, α `{name}.alpha`: see
/// [`super::ops::GraphNormOp`].
#[derive(Debug, Clone, Copy)]
pub struct GraphNorm([Parameter; 3]);

impl GraphNorm {
    /// γ, β and α.
    pub fn values<D: Backend>(&self, params: &Params<f32, D>) -> [Vec<f32>; 3] {
        self.0.map(|p| params[p].as_vec())
    }

    /// γ = α = 1, β = 0.
    pub fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let mut part =
            |part: &str, start: f32| layout.add(format!("{name}.{part}"), (1, width), Start::Constant(start));
        GraphNorm([part("gamma", 1.0), part("beta", 0.0), part("alpha", 1.0)])
    }

    /// x: (nodes, width) → (nodes, width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value) -> O::Value {
        ops.graph_norm(at, x, self.0.map(|p| &w[p]))
    }
}

/// Features normalised within each row, with γ `{name}.gamma`, β `{name}.beta`: see [`super::ops::LayerNormOp`].
#[derive(Debug, Clone, Copy)]
pub struct LayerNorm([Parameter; 2]);

impl LayerNorm {
    /// γ and β.
    pub fn values<D: Backend>(&self, params: &Params<f32, D>) -> [Vec<f32>; 2] {
        self.0.map(|p| params[p].as_vec())
    }

    /// γ = 1, β = 0.
    pub fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let mut part =
            |part: &str, start: f32| layout.add(format!("{name}.{part}"), (1, width), Start::Constant(start));
        LayerNorm([part("gamma", 1.0), part("beta", 0.0)])
    }

    /// x: (rows, width) → (rows, width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, x: &O::Value) -> O::Value {
        ops.layer_norm(x, self.0.map(|p| &w[p]))
    }
}

/// e_ij ← e_ij + out(relu(own(e_ij) + target(x_i) + source(x_j))): edges see their ends.
#[derive(Debug, Clone, Copy)]
pub struct EdgeUpdate {
    own: Linear,
    target: Linear,
    source: Linear,
    out: Linear,
}

impl EdgeUpdate {
    /// Layers of those names, in the order own, target, source, out, for `width` features of a node and of an edge.
    pub fn new(layout: &mut Layout, names: [String; 4], width: usize) -> Self {
        // Three tables are summed; ReLU halves the variance.
        let gain = (2.0f32 / 3.0).sqrt();
        let mut layer = |k: usize, gain: f32| Linear::new(layout, &names[k], width, width, gain);
        EdgeUpdate { own: layer(0, gain), target: layer(1, gain), source: layer(2, gain), out: layer(3, 0.5) }
    }

    /// own, target, source and out.
    pub fn layers(&self) -> [&Linear; 4] {
        [&self.own, &self.target, &self.source, &self.out]
    }

    /// x: (nodes, width), e: (edges, width) → (edges, width).
    pub fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value, e: &O::Value) -> O::Value {
        let own = self.own.forward(ops, w, e, None);
        let target = self.target.forward(ops, w, x, None);
        let source = self.source.forward(ops, w, x, None);
        let hidden = ops.combine(at, &own, Some(&target), &source, 0.0);
        let change = self.out.forward(ops, w, &hidden, None);
        ops.add(e, &change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing;
    use crate::rng::{Purpose, stream};

    #[test]
    fn derivatives_of_a_perceptron_match_finite_differences() {
        let mut layout = Layout::default();
        let mlp = Mlp::new(&mut layout, "net", 3, &[4, 4], 2, 1.0);
        let weights = layout.initial(&mut stream(5, Purpose::Weights, 0));
        let names: Vec<_> = weights.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names[..2], ["net.0.weight", "net.0.bias"]);
        assert_eq!(names[4..], ["net.out.weight", "net.out.bias"]);
        let target = std::sync::Arc::new(vec![0.3, -1.0, 0.2, 0.8]);
        // By both ways to compute: dense networks are trained with dfdx's.
        fn network<O: Ops<Real = f64>>(
            ops: &mut O,
            w: &Weights<O>,
            mlp: &Mlp,
            target: &std::sync::Arc<Vec<f64>>,
        ) -> O::Value {
            let x = ops.table(vec![0.3, -0.2, 0.9, -0.4, 0.8, 0.1], 3);
            let y = mlp.forward(ops, w, &x);
            ops.cosine_loss(&[0, 2], &y, target)
        }
        let bounds = [1.0 / 1024.0, 2e-3, 1.0];
        let fused =
            testing::match_differences(testing::fused, &weights, bounds, |ops, w| network(ops, w, &mlp, &target));
        let composed =
            testing::match_differences(testing::composed, &weights, bounds, |ops, w| network(ops, w, &mlp, &target));
        assert_eq!(fused.0, 4 * 4 + 5 * 4 + 5 * 2);
        assert_eq!(fused, composed);
    }
}
