//! Supernodes of triangles of matrices with several unknowns a node: rows that share their columns are substituted
//! together.

use super::triangle::StrictTriangle;

/// Rows taken together at most: the unknowns of a frame's node.
const MOST: usize = 6;

/// Groups of successive rows with the same columns outside the group and all of them inside.
///
/// Columns are read, and y gathered, once a group; the values of a column stand side by side.
#[derive(Debug, Clone)]
pub struct Supernodes<T> {
    /// First place, first column and first value of each group, and where the last ones end.
    groups: Vec<[u32; 3]>,
    columns: Vec<u32>,
    values: Vec<T>,
    lower: bool,
}

impl<T: Copy + Into<f64>> Supernodes<T> {
    /// The triangle in groups, if that saves enough.
    pub fn of(t: &StrictTriangle<T>) -> Option<Self> {
        let n = t.n();
        let sizes = sizes(t)?;
        let mut out = Supernodes {
            groups: Vec::with_capacity(sizes.len() + 1),
            columns: Vec::new(),
            values: Vec::with_capacity(t.nnz()),
            lower: t.lower,
        };
        let mut place = 0;
        for &size in &sizes {
            let size = size as usize;
            out.groups.push([place as u32, out.columns.len() as u32, out.values.len() as u32]);
            let rows: Vec<usize> = (place..place + size).map(|p| out.row(p, n)).collect();
            let own = t.far(rows[0]);
            let near = t.adjacent[rows[0]];
            out.columns.extend_from_slice(&t.indices[own.clone()]);
            if near {
                out.columns.push(out.row(place - 1, n) as u32);
            }
            let value = |row: usize, c: usize| match (row == rows[0], c < own.len()) {
                (true, false) => t.near[row],
                _ => t.values[t.far(row).start + c],
            };
            let shared = own.len() + usize::from(near);
            for c in 0..shared {
                out.values.extend(rows.iter().map(|&row| value(row, c)));
            }
            for (r, &row) in rows.iter().enumerate().skip(1) {
                let inner = t.far(row).start + shared;
                out.values.extend_from_slice(&t.values[inner..inner + r - 1]);
                out.values.push(t.near[row]);
            }
            place += size;
        }
        out.groups.push([n as u32, out.columns.len() as u32, out.values.len() as u32]);
        Some(out)
    }

    fn row(&self, place: usize, n: usize) -> usize {
        if self.lower { place } else { n - 1 - place }
    }

    /// As [`super::TriangularSolve::substitute`]; y has n entries.
    #[inline]
    pub fn substitute(&self, y: &mut [f64], start: impl Fn(usize, f64) -> f64) {
        assert_eq!(self.groups.last().map(|g| g[0] as usize), Some(y.len()));
        for pair in self.groups.windows(2) {
            let ([place, column, value], [end, last, _]) = (pair[0], pair[1]);
            let at = [place as usize, column as usize, last as usize, value as usize];
            match end - place {
                1 => self.group::<1>(at, y, &start),
                2 => self.group::<2>(at, y, &start),
                3 => self.group::<3>(at, y, &start),
                4 => self.group::<4>(at, y, &start),
                5 => self.group::<5>(at, y, &start),
                _ => self.group::<MOST>(at, y, &start),
            }
        }
    }

    #[inline(always)]
    fn group<const K: usize>(
        &self,
        [place, column, last, value]: [usize; 4],
        y: &mut [f64],
        start: &impl Fn(usize, f64) -> f64,
    ) {
        let n = y.len();
        let row = |r: usize| self.row(place + r, n);
        let mut sums: [f64; K] = std::array::from_fn(|r| start(row(r), y[row(r)]));
        let mut others = [0.0; K];
        let columns = &self.columns[column..last];
        let values = &self.values[value..value + K * columns.len() + K * (K - 1) / 2];
        let (shared, inner) = values.split_at(K * columns.len());
        let (shared, _) = shared.as_chunks::<K>();
        let (pairs, odd) = columns.as_chunks::<2>();
        let (value_pairs, odd_values) = shared.as_chunks::<2>();
        // SAFETY: every column is a row's number (StrictTriangle's constructors), below n == y.len().
        let at = |y: &[f64], j: u32| unsafe { *y.get_unchecked(j as usize) };
        for (c, v) in pairs.iter().zip(value_pairs) {
            let (a, b) = (at(y, c[0]), at(y, c[1]));
            for r in 0..K {
                others[r] += v[0][r].into() * a;
                sums[r] -= v[1][r].into() * b;
            }
        }
        for (&c, v) in odd.iter().zip(odd_values) {
            let a = at(y, c);
            for r in 0..K {
                sums[r] -= v[r].into() * a;
            }
        }
        let mut k = 0;
        for r in 0..K {
            let mut sum = sums[r] - others[r];
            for &known in &sums[..r] {
                sum -= inner[k].into() * known;
                k += 1;
            }
            sums[r] = sum;
            y[row(r)] = sum;
        }
    }
}

/// Rows of each group; none where they are too many to be worth it.
fn sizes<T>(t: &StrictTriangle<T>) -> Option<Vec<u8>> {
    let n = t.n();
    let row = |place: usize| if t.lower { place } else { n - 1 - place };
    let mut sizes = Vec::new();
    let mut place = 0;
    while place < n {
        let mut size = 1;
        while size < MOST && place + size < n && joins(t, row(place), row(place + size), size, &row, place) {
            size += 1;
        }
        sizes.push(size as u8);
        place += size;
        // A look at the beginning tells most matrices apart.
        if place > 1000 && 3 * sizes.len() > 2 * place {
            return None;
        }
    }
    (n > 0 && 3 * sizes.len() <= 2 * n).then_some(sizes)
}

/// Whether `row` may be number `size` of the group that begins with `first` at `place`.
fn joins<T>(
    t: &StrictTriangle<T>,
    first: usize,
    row: usize,
    size: usize,
    at: &impl Fn(usize) -> usize,
    place: usize,
) -> bool {
    let (own, far) = (t.far(first), &t.indices[t.far(row)]);
    let near = usize::from(t.adjacent[first]);
    let shared = own.len() + near;
    if !t.adjacent[row] || far.len() != shared + size - 1 || far[..own.len()] != t.indices[own.clone()] {
        return false;
    }
    if near == 1 && far[own.len()] as usize != at(place - 1) {
        return false;
    }
    (0..size - 1).all(|s| far[shared + s] as usize == at(place + s))
}
