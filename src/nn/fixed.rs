//! Layers of fixed small widths on blocks of rows, for inference on the CPU: weights and sums stay in vector registers,
//! and no table is written between two layers.
//!
//! A row of up to 8 V features is V groups of 8; features beyond a layer's width are zero. The numbers are those of the
//! operations that networks are trained with ([`super::ops`]), but for the order of sums and fused products.

#[cfg(target_arch = "x86_64")]
use pulp::x86::V3;
use pulp::{NullaryFnOnce, Simd};

use super::device::Backend;
use super::layers::{LayerNorm, Linear};
use super::ops::gelu::value as gelu_of;
use super::ops::layer_norm::EPSILON;
use super::params::Params;

/// Features of a group.
pub const GROUP: usize = 8;

/// Rows that a layer takes side by side: each weight that is read serves all of them.
pub const BLOCK: usize = 8;

/// Groups of a layer's outputs whose sums for a block of rows the vector registers hold.
const GROUPS_AT_ONCE: usize = 2;

/// 8 V features.
pub type Row<const V: usize> = [[f32; GROUP]; V];

/// A block of rows.
pub type Rows<const V: usize> = [Row<V>; BLOCK];

/// Arithmetic on eight numbers at once.
pub trait Lanes: Copy {
    /// Eight numbers.
    type Group: Copy;

    /// From memory.
    fn load(self, from: &[f32; GROUP]) -> Self::Group;

    /// To memory.
    fn store(self, group: Self::Group, to: &mut [f32; GROUP]);

    /// The same number eight times.
    fn splat(self, v: f32) -> Self::Group;

    /// a + b.
    fn add(self, a: Self::Group, b: Self::Group) -> Self::Group;

    /// a b + c.
    fn multiply_add(self, a: Self::Group, b: Self::Group, c: Self::Group) -> Self::Group;

    /// The larger of both, entry by entry.
    fn max(self, a: Self::Group, b: Self::Group) -> Self::Group;
}

/// What the compiler makes of plain arrays.
#[derive(Clone, Copy)]
pub struct Portable;

impl Lanes for Portable {
    type Group = [f32; GROUP];

    #[inline(always)]
    fn load(self, from: &[f32; GROUP]) -> [f32; GROUP] {
        *from
    }

    #[inline(always)]
    fn store(self, group: [f32; GROUP], to: &mut [f32; GROUP]) {
        *to = group;
    }

    #[inline(always)]
    fn splat(self, v: f32) -> [f32; GROUP] {
        [v; GROUP]
    }

    #[inline(always)]
    fn add(self, a: [f32; GROUP], b: [f32; GROUP]) -> [f32; GROUP] {
        std::array::from_fn(|k| a[k] + b[k])
    }

    #[inline(always)]
    fn multiply_add(self, a: [f32; GROUP], b: [f32; GROUP], c: [f32; GROUP]) -> [f32; GROUP] {
        std::array::from_fn(|k| a[k] * b[k] + c[k])
    }

    #[inline(always)]
    fn max(self, a: [f32; GROUP], b: [f32; GROUP]) -> [f32; GROUP] {
        std::array::from_fn(|k| a[k].max(b[k]))
    }
}

/// AVX2 with fused products.
#[cfg(target_arch = "x86_64")]
impl Lanes for V3 {
    type Group = pulp::f32x8;

    #[inline(always)]
    fn load(self, from: &[f32; GROUP]) -> pulp::f32x8 {
        pulp::cast(*from)
    }

    #[inline(always)]
    fn store(self, group: pulp::f32x8, to: &mut [f32; GROUP]) {
        *to = pulp::cast(group);
    }

    #[inline(always)]
    fn splat(self, v: f32) -> pulp::f32x8 {
        self.splat_f32x8(v)
    }

    #[inline(always)]
    fn add(self, a: pulp::f32x8, b: pulp::f32x8) -> pulp::f32x8 {
        self.add_f32s(a, b)
    }

    #[inline(always)]
    fn multiply_add(self, a: pulp::f32x8, b: pulp::f32x8, c: pulp::f32x8) -> pulp::f32x8 {
        self.mul_add_f32x8(a, b, c)
    }

    #[inline(always)]
    fn max(self, a: pulp::f32x8, b: pulp::f32x8) -> pulp::f32x8 {
        self.max_f32s(a, b)
    }
}

/// Work on groups of eight numbers; `run` must be inlined, and so must all that it calls.
pub trait Work {
    /// Does it.
    fn run<L: Lanes>(self, lanes: L);
}

/// Does some work by the vector instructions that the processor has.
pub fn vectorised<W: Work>(work: W) {
    #[cfg(target_arch = "x86_64")]
    {
        struct Call<W>(V3, W);

        impl<W: Work> NullaryFnOnce for Call<W> {
            type Output = ();

            #[inline(always)]
            fn call(self) {
                self.1.run(self.0);
            }
        }

        if let Some(simd) = V3::try_new() {
            return simd.vectorize(Call(simd, work));
        }
    }
    work.run(Portable);
}

/// y = x W + b with W (P × Q) and b (Q), Q at most 8 V.
#[derive(Debug, Clone)]
pub struct FixedLinear<const P: usize, const V: usize> {
    /// W, a row an input.
    pub weight: [Row<V>; P],
    /// b.
    pub bias: Row<V>,
}

impl<const P: usize, const V: usize> FixedLinear<P, V> {
    /// The weights of a layer.
    ///
    /// # Panics
    /// If it has not P inputs or more than 8 V outputs.
    pub fn of<D: Backend>(layer: &Linear, params: &Params<f32, D>) -> Self {
        let (weight, bias) = layer.values(params);
        Self::from_values(&weight, &bias)
    }

    /// W, row by row, and b.
    ///
    /// # Panics
    /// If it has not P inputs or more than 8 V outputs.
    pub fn from_values(weight: &[f32], bias: &[f32]) -> Self {
        let q = bias.len();
        assert!(weight.len() == P * q && q <= V * GROUP, "widths of a layer");
        let row = |values: &[f32]| {
            let mut row = [[0.0; GROUP]; V];
            row.as_flattened_mut()[..q].copy_from_slice(values);
            row
        };
        FixedLinear { weight: std::array::from_fn(|k| row(&weight[k * q..(k + 1) * q])), bias: row(bias) }
    }

    /// The layer after another one without an activation between them: x (W₁ W) + (b₁ W + b).
    pub fn after<const R: usize>(&self, first: &FixedLinear<R, V>) -> FixedLinear<R, V> {
        let product = |row: &Row<V>, mut sums: Row<V>| {
            for (v, w) in row.as_flattened().iter().zip(&self.weight) {
                sums.as_flattened_mut().iter_mut().zip(w.as_flattened()).for_each(|(s, w)| *s += v * w);
            }
            sums
        };
        FixedLinear {
            weight: first.weight.each_ref().map(|row| product(row, [[0.0; GROUP]; V])),
            bias: product(&first.bias, self.bias),
        }
    }

    /// y ← y + x W, x of the first P features: the bias is the caller's.
    // Loops that count: iterators are not always inlined into code for other instructions than their own.
    #[inline(always)]
    pub fn accumulate<L: Lanes, const U: usize>(&self, lanes: L, x: &Rows<U>, y: &mut Rows<V>) {
        if V > GROUPS_AT_ONCE {
            return self.accumulate_by_groups(lanes, x, y);
        }
        let mut sums = [[lanes.splat(0.0); V]; BLOCK];
        let mut b = 0;
        while b < BLOCK {
            let mut v = 0;
            while v < V {
                sums[b][v] = lanes.load(&y[b][v]);
                v += 1;
            }
            b += 1;
        }
        let mut k = 0;
        while k < P {
            let mut v = 0;
            while v < V {
                let w = lanes.load(&self.weight[k][v]);
                let mut b = 0;
                while b < BLOCK {
                    sums[b][v] = lanes.multiply_add(lanes.splat(x[b][k / GROUP][k % GROUP]), w, sums[b][v]);
                    b += 1;
                }
                v += 1;
            }
            k += 1;
        }
        let mut b = 0;
        while b < BLOCK {
            let mut v = 0;
            while v < V {
                lanes.store(sums[b][v], &mut y[b][v]);
                v += 1;
            }
            b += 1;
        }
    }

    /// As [`FixedLinear::accumulate`], eight outputs after the other: the sums of all would not fit into the registers.
    #[inline(always)]
    fn accumulate_by_groups<L: Lanes, const U: usize>(&self, lanes: L, x: &Rows<U>, y: &mut Rows<V>) {
        let mut v = 0;
        while v < V {
            let mut sums = [lanes.splat(0.0); BLOCK];
            let mut b = 0;
            while b < BLOCK {
                sums[b] = lanes.load(&y[b][v]);
                b += 1;
            }
            let mut k = 0;
            while k < P {
                let w = lanes.load(&self.weight[k][v]);
                let mut b = 0;
                while b < BLOCK {
                    sums[b] = lanes.multiply_add(lanes.splat(x[b][k / GROUP][k % GROUP]), w, sums[b]);
                    b += 1;
                }
                k += 1;
            }
            let mut b = 0;
            while b < BLOCK {
                lanes.store(sums[b], &mut y[b][v]);
                b += 1;
            }
            v += 1;
        }
    }

    /// x W + b.
    #[inline(always)]
    pub fn forward<L: Lanes, const U: usize>(&self, lanes: L, x: &Rows<U>) -> Rows<V> {
        let mut y = [self.bias; BLOCK];
        self.accumulate(lanes, x, &mut y);
        y
    }
}

/// y = γ (x − mean x) / √(var x + ε) + β, row by row, of 8 V features.
#[derive(Debug, Clone)]
pub struct FixedNorm<const V: usize> {
    gamma: Row<V>,
    beta: Row<V>,
}

impl<const V: usize> FixedNorm<V> {
    /// The weights of a layer.
    ///
    /// # Panics
    /// If it has not 8 V features.
    pub fn of<D: Backend>(layer: &LayerNorm, params: &Params<f32, D>) -> Self {
        let [gamma, beta] = layer.values(params).map(|values| {
            let mut row = [[0.0; GROUP]; V];
            row.as_flattened_mut().copy_from_slice(&values);
            row
        });
        FixedNorm { gamma, beta }
    }

    /// The rows normalised.
    #[inline(always)]
    pub fn forward<L: Lanes>(&self, lanes: L, x: &Rows<V>) -> Rows<V> {
        let mut y = *x;
        let share = 1.0 / (V * GROUP) as f32;
        let mut b = 0;
        while b < BLOCK {
            let mut sums = lanes.splat(0.0);
            let mut v = 0;
            while v < V {
                sums = lanes.add(sums, lanes.load(&y[b][v]));
                v += 1;
            }
            let less = lanes.splat(-share * total(lanes, sums));
            let mut squares = lanes.splat(0.0);
            let mut v = 0;
            while v < V {
                let centred = lanes.add(lanes.load(&y[b][v]), less);
                squares = lanes.multiply_add(centred, centred, squares);
                lanes.store(centred, &mut y[b][v]);
                v += 1;
            }
            let inverse = lanes.splat(1.0 / (share * total(lanes, squares) + EPSILON as f32).sqrt());
            let (zero, mut v) = (lanes.splat(0.0), 0);
            while v < V {
                let unit = lanes.multiply_add(lanes.load(&y[b][v]), inverse, zero);
                let scaled = lanes.multiply_add(unit, lanes.load(&self.gamma[v]), lanes.load(&self.beta[v]));
                lanes.store(scaled, &mut y[b][v]);
                v += 1;
            }
            b += 1;
        }
        y
    }
}

/// The sum of a group.
#[inline(always)]
fn total<L: Lanes>(lanes: L, group: L::Group) -> f32 {
    let mut s = [0.0; GROUP];
    lanes.store(group, &mut s);
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

/// x ← gelu(x).
#[inline(always)]
pub fn gelu<const V: usize>(x: &mut Rows<V>) {
    let mut b = 0;
    while b < BLOCK {
        let mut v = 0;
        while v < V {
            let mut l = 0;
            while l < GROUP {
                x[b][v][l] = gelu_of(x[b][v][l]);
                l += 1;
            }
            v += 1;
        }
        b += 1;
    }
}

/// x ← max(x, 0).
#[inline(always)]
pub fn relu<L: Lanes, const V: usize>(lanes: L, x: &mut Rows<V>) {
    let zero = lanes.splat(0.0);
    let mut b = 0;
    while b < BLOCK {
        let mut v = 0;
        while v < V {
            lanes.store(lanes.max(lanes.load(&x[b][v]), zero), &mut x[b][v]);
            v += 1;
        }
        b += 1;
    }
}

/// x ← max(x, s x), s from 0 to 1.
#[inline(always)]
pub fn leaky<L: Lanes, const V: usize>(lanes: L, s: f32, x: &mut Rows<V>) {
    let (s, zero) = (lanes.splat(s), lanes.splat(0.0));
    let mut b = 0;
    while b < BLOCK {
        let mut v = 0;
        while v < V {
            let t = lanes.load(&x[b][v]);
            lanes.store(lanes.max(t, lanes.multiply_add(s, t, zero)), &mut x[b][v]);
            v += 1;
        }
        b += 1;
    }
}

/// At most a block of rows, zeros after them.
#[inline(always)]
pub fn padded<const V: usize>(rows: &[Row<V>]) -> Rows<V> {
    let mut block = [[[0.0; GROUP]; V]; BLOCK];
    let mut k = 0;
    while k < rows.len() {
        block[k] = rows[k];
        k += 1;
    }
    block
}

/// a ← a + s b.
#[inline(always)]
pub fn add_scaled<L: Lanes, const V: usize>(lanes: L, a: &mut Row<V>, s: f32, b: &Row<V>) {
    let s = lanes.splat(s);
    let mut v = 0;
    while v < V {
        lanes.store(lanes.multiply_add(s, lanes.load(&b[v]), lanes.load(&a[v])), &mut a[v]);
        v += 1;
    }
}

/// a ← a + b.
#[inline(always)]
pub fn add<L: Lanes, const V: usize>(lanes: L, a: &mut Row<V>, b: &Row<V>) {
    let mut v = 0;
    while v < V {
        lanes.store(lanes.add(lanes.load(&a[v]), lanes.load(&b[v])), &mut a[v]);
        v += 1;
    }
}

/// a ← a + b, row by row.
#[inline(always)]
pub fn add_rows<L: Lanes, const V: usize>(lanes: L, a: &mut Rows<V>, b: &Rows<V>) {
    let mut k = 0;
    while k < BLOCK {
        add(lanes, &mut a[k], &b[k]);
        k += 1;
    }
}

/// a ← s a.
#[inline(always)]
pub fn scale<L: Lanes, const V: usize>(lanes: L, s: f32, a: &mut Row<V>) {
    let (s, zero) = (lanes.splat(s), lanes.splat(0.0));
    let mut v = 0;
    while v < V {
        lanes.store(lanes.multiply_add(s, lanes.load(&a[v]), zero), &mut a[v]);
        v += 1;
    }
}
