//! A batched sparse product with trainable values and its derivative, as one fused op.
//!
//! `y[b,k,i] = Σ_{e ∈ row i} v[b, slot(e)] · x[b, k, col(e)]`
//!
//! with derivatives  `∂v[b, slot(e)] += Σ_k g[b,k,i] x[b,k,col(e)]`  and  ∂x = (the transposed product) g.
//! Several entries may share a slot of `v`, and a transposed structure reads the same values.

use std::sync::Arc;

use dfdx::prelude::{Cpu, HasShape, Tape, TensorFromVec};
use rayon::prelude::*;

use super::Real;
use super::ops::DfdxOps;
use super::ops::dfdx::{Cube, Table};
use crate::error::{Error, Result};
use crate::linalg::Pattern;

/// Where the entries of a sparse matrix are, and which value each one takes.
#[derive(Debug, Clone)]
pub struct Structure {
    pattern: Arc<Pattern>,
    slots: Vec<u32>,
    values: usize,
}

impl Structure {
    /// Entry e of the pattern takes value `slots[e]` of `values`.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is not one slot per entry or a slot is out of range.
    pub fn new(pattern: Arc<Pattern>, slots: Vec<u32>, values: usize) -> Result<Self> {
        if slots.len() != pattern.nnz() {
            return Err(Error::shape("value slots", pattern.nnz(), slots.len()));
        }
        if let Some(s) = slots.iter().find(|&&s| s as usize >= values) {
            return Err(Error::shape("value slot", format!("below {values}"), s));
        }
        Ok(Structure { pattern, slots, values })
    }

    /// One value an entry, in the pattern's order.
    pub fn plain(pattern: Arc<Pattern>) -> Self {
        let values = pattern.nnz();
        Structure { pattern, slots: (0..values as u32).collect(), values }
    }

    /// The structure of the transposed matrix, reading the same values.
    pub fn transposed(&self) -> Structure {
        let mut entries: Vec<(u32, u32, u32)> = Vec::with_capacity(self.slots.len());
        for i in 0..self.pattern.nrows() {
            for e in self.pattern.range(i) {
                entries.push((self.pattern.indices()[e], i as u32, self.slots[e]));
            }
        }
        entries.sort_unstable();
        let pairs: Vec<_> = entries.iter().map(|e| (e.0, e.1)).collect();
        let pattern = Pattern::from_pairs(self.pattern.ncols(), self.pattern.nrows(), &pairs)
            .expect("a transposed pattern is valid");
        Structure { pattern: Arc::new(pattern), slots: entries.iter().map(|e| e.2).collect(), values: self.values }
    }

    /// How many values the product reads.
    pub fn values(&self) -> usize {
        self.values
    }

    fn apply<E: Real>(&self, v: &[E], x: &[E], y: &mut [E], accumulate: bool) {
        let (n, m) = (self.pattern.nrows(), self.pattern.ncols());
        for (xk, yk) in x.chunks_exact(m).zip(y.chunks_exact_mut(n)) {
            for (i, yi) in yk.iter_mut().enumerate() {
                let mut sum = E::default();
                for e in self.pattern.range(i) {
                    sum += v[self.slots[e] as usize] * xk[self.pattern.indices()[e] as usize];
                }
                if accumulate {
                    *yi += sum;
                } else {
                    *yi = sum;
                }
            }
        }
    }

    /// dx += the transposed product of g, over a batch; `self` is the transposed structure.
    fn pull_back<E: Real>(&self, v: &[E], g: &[E], dx: &mut [E], (nv, nx, ny): (usize, usize, usize)) {
        dx.par_chunks_mut(nx)
            .zip(g.par_chunks(ny))
            .zip(v.par_chunks(nv))
            .for_each(|((dx, g), v)| self.apply(v, g, dx, true));
    }

    fn accumulate_values<E: Real>(&self, g: &[E], x: &[E], dv: &mut [E]) {
        let (n, m) = (self.pattern.nrows(), self.pattern.ncols());
        for (xk, gk) in x.chunks_exact(m).zip(g.chunks_exact(n)) {
            for (i, &gi) in gk.iter().enumerate() {
                for e in self.pattern.range(i) {
                    dv[self.slots[e] as usize] += gi * xk[self.pattern.indices()[e] as usize];
                }
            }
        }
    }
}

impl<E: Real, T: Tape<E, Cpu>> DfdxOps<E, Cpu, T> {
    /// The product with values that take a gradient: values (batch, `structure.values()`), x (batch, k, ncols) →
    /// (batch, k, nrows). `transposed` must be `structure.transposed()`; it is kept by the caller to be made once.
    ///
    /// # Errors
    /// [`Error::Shape`] if sizes do not agree.
    pub fn product(
        &mut self,
        structure: &Arc<Structure>,
        transposed: &Arc<Structure>,
        values: &Table<E, Cpu>,
        x: &Cube<E, Cpu>,
    ) -> Result<Cube<E, Cpu>> {
        let out = forward(structure, values, x)?;
        let (vg, xg, og) = (values.ghost(), x.ghost(), out.ghost());
        let (st, tr) = (structure.clone(), transposed.clone());
        let (v_data, x_data) = (values.as_vec(), x.as_vec());
        let (nv, nx, ny) = strides(structure, x);
        self.tape.add_backward_op(move |grads| {
            grads.try_alloc_for(&vg)?;
            grads.try_alloc_for(&xg)?;
            let g = grads.get_or_alloc_mut(&og)?.clone();
            tr.pull_back(&v_data, &g, grads.get_or_alloc_mut(&xg)?, (nv, nx, ny));
            grads
                .get_or_alloc_mut(&vg)?
                .par_chunks_mut(nv)
                .zip(g.par_chunks(ny))
                .zip(x_data.par_chunks(nx))
                .for_each(|((dv, g), x)| st.accumulate_values(g, x, dv));
            Ok(())
        });
        Ok(out)
    }

    /// The product with given values (a system matrix): only x takes a gradient.
    ///
    /// # Errors
    /// [`Error::Shape`] if sizes do not agree.
    pub fn product_fixed(
        &mut self,
        structure: &Arc<Structure>,
        transposed: &Arc<Structure>,
        values: &Table<E, Cpu>,
        x: &Cube<E, Cpu>,
    ) -> Result<Cube<E, Cpu>> {
        let out = forward(structure, values, x)?;
        let (xg, og) = (x.ghost(), out.ghost());
        let tr = transposed.clone();
        let v_data = values.as_vec();
        let (nv, nx, ny) = strides(structure, x);
        self.tape.add_backward_op(move |grads| {
            grads.try_alloc_for(&xg)?;
            let g = grads.get_or_alloc_mut(&og)?.clone();
            tr.pull_back(&v_data, &g, grads.get_or_alloc_mut(&xg)?, (nv, nx, ny));
            Ok(())
        });
        Ok(out)
    }
}

/// Elements per batch item of values, x and y.
fn strides<E: Real>(structure: &Structure, x: &Cube<E, Cpu>) -> (usize, usize, usize) {
    let k = x.shape().1;
    (structure.values, k * structure.pattern.ncols(), k * structure.pattern.nrows())
}

fn forward<E: Real>(structure: &Structure, values: &Table<E, Cpu>, x: &Cube<E, Cpu>) -> Result<Cube<E, Cpu>> {
    let &(batch, k, m) = x.shape();
    if *values.shape() != (batch, structure.values) {
        return Err(Error::shape(
            "values of a sparse product",
            format!("({batch}, {})", structure.values),
            format!("{:?}", values.shape()),
        ));
    }
    if m != structure.pattern.ncols() {
        return Err(Error::shape("vectors of a sparse product", structure.pattern.ncols(), m));
    }
    let n = structure.pattern.nrows();
    let (v, xs) = (values.as_vec(), x.as_vec());
    let mut y = vec![E::default(); batch * k * n];
    y.par_chunks_mut(k * n)
        .zip(xs.par_chunks(k * m))
        .zip(v.par_chunks(structure.values))
        .for_each(|((y, x), v)| structure.apply(v, x, y, false));
    Ok(x.device().tensor_from_vec(y, (batch, k, n)))
}

#[cfg(test)]
mod tests {
    use dfdx::prelude::{Backward, NoneTape, PutTape, SumTo};
    use rand::RngExt;

    use super::*;
    use crate::rng::{Purpose, stream};

    /// A 3×4 pattern whose entries share some of 6 values, and random data for batch 2 and 3 vectors.
    fn case() -> (Arc<Structure>, Vec<f64>, Vec<f64>) {
        let pairs = [(0, 0), (0, 2), (1, 1), (1, 3), (2, 0), (2, 1), (2, 3)];
        let pattern = Arc::new(Pattern::from_pairs(3, 4, &pairs).unwrap());
        let structure = Structure::new(pattern, vec![0, 1, 2, 3, 4, 5, 1], 6).unwrap();
        let mut rng = stream(3, Purpose::Probes, 0);
        let v = (0..2 * 6).map(|_| rng.random::<f64>() - 0.5).collect();
        let x = (0..2 * 3 * 4).map(|_| rng.random::<f64>() - 0.5).collect();
        (Arc::new(structure), v, x)
    }

    fn loss(structure: &Arc<Structure>, v: &[f64], x: &[f64]) -> f64 {
        let dev = Cpu::default();
        let v = dev.tensor_from_vec(v.to_vec(), (2, 6));
        let x = dev.tensor_from_vec(x.to_vec(), (2, 3, 4));
        let mut ops: DfdxOps<f64, Cpu, NoneTape> = DfdxOps::new(dev);
        let y = ops.product(structure, &Arc::new(structure.transposed()), &v, &x).unwrap();
        // A function whose derivative differs everywhere.
        y.as_vec().iter().enumerate().map(|(i, y)| (i as f64 + 1.0) * y * y).sum()
    }

    #[test]
    fn derivatives_match_finite_differences() {
        let (structure, v, x) = case();
        let transposed = Arc::new(structure.transposed());
        let dev = Cpu::default();
        let vt = dev.tensor_from_vec(v.clone(), (2, 6));
        let xt = dev.tensor_from_vec(x.clone(), (2, 3, 4));
        let mut ops = DfdxOps::<f64, Cpu>::new(dev.clone());
        let y = ops.product(&structure, &transposed, &vt, &xt).unwrap().put_tape(ops.tape);
        let weights = dev.tensor_from_vec((0..18).map(|i| i as f64 + 1.0).collect(), (2, 3, 3));
        let grads = dfdx::prelude::mul(y.square(), weights).sum().backward();
        let h = 1e-6;
        for (given, grad, wrt_v) in [(&v, grads.get(&vt).as_vec(), true), (&x, grads.get(&xt).as_vec(), false)] {
            for i in 0..given.len() {
                let at = |d: f64| {
                    let mut moved = given.clone();
                    moved[i] += d;
                    if wrt_v { loss(&structure, &moved, &x) } else { loss(&structure, &v, &moved) }
                };
                let fd = (at(h) - at(-h)) / (2.0 * h);
                assert!((fd - grad[i]).abs() < 1e-7, "values {wrt_v}, entry {i}: {fd} against {}", grad[i]);
            }
        }
    }

    #[test]
    fn transposed_is_the_adjoint() {
        let (structure, v, x) = case();
        let transposed = structure.transposed();
        let (x, y) = (&x[..4], &x[4..7]);
        let (mut ax, mut aty) = (vec![0.0; 3], vec![0.0; 4]);
        structure.apply(&v[..6], x, &mut ax, false);
        transposed.apply(&v[..6], y, &mut aty, false);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(p, q)| p * q).sum::<f64>();
        assert!((dot(&ax, y) - dot(x, &aty)).abs() < 1e-14);
    }

    #[test]
    fn fixed_values_give_the_same_product_and_gradient() {
        let (structure, v, x) = case();
        let transposed = Arc::new(structure.transposed());
        let dev = Cpu::default();
        let vt = dev.tensor_from_vec(v, (2, 6));
        let xt = dev.tensor_from_vec(x, (2, 3, 4));
        let [mut one, mut other] = [0, 1].map(|_| DfdxOps::<f64, Cpu>::new(dev.clone()));
        let free = one.product(&structure, &transposed, &vt, &xt).unwrap().put_tape(one.tape);
        let fixed = other.product_fixed(&structure, &transposed, &vt, &xt).unwrap().put_tape(other.tape);
        assert_eq!(free.as_vec(), fixed.as_vec());
        let g1 = free.square().sum().backward().get(&xt).as_vec();
        let g2 = fixed.square().sum().backward().get(&xt).as_vec();
        assert_eq!(g1, g2);
    }

    #[test]
    fn sizes_that_do_not_agree_are_refused() {
        let (structure, v, x) = case();
        let transposed = Arc::new(structure.transposed());
        let dev = Cpu::default();
        let v = dev.tensor_from_vec(v[..6].to_vec(), (1, 6));
        let x = dev.tensor_from_vec(x, (2, 3, 4));
        let mut ops = DfdxOps::<f64, Cpu>::new(dev);
        let error = ops.product(&structure, &transposed, &v, &x).unwrap_err().to_string();
        assert!(error.contains("(2, 6)"), "{error}");
    }
}
