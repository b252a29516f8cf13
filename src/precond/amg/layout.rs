//! How the unknowns of a node are numbered.

use crate::linalg::Csr;

/// The order of n unknowns, b a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Node by node: unknown i belongs to node i / b.
    Nodes,
    /// Component by component, so many nodes: unknown i belongs to node i mod nodes.
    Components {
        /// n / b.
        nodes: usize,
    },
}

impl Layout {
    /// The order in which fewer pairs of nodes are coupled: in the true one the couplings of b × b pairs of unknowns
    /// fall on one pair of nodes.
    pub(super) fn of(a: &Csr, block: usize) -> Layout {
        if block < 2 || !a.nrows().is_multiple_of(block) {
            return Layout::Nodes;
        }
        let nodes = a.nrows() / block;
        let components = Layout::Components { nodes };
        match pairs(a, |i| i % nodes, nodes) < pairs(a, |i| i / block, nodes) {
            true => components,
            false => Layout::Nodes,
        }
    }

    /// Which unknown is the k-th, node by node; none where they are in that order.
    pub(super) fn permutation(self, n: usize) -> Option<Vec<u32>> {
        match self {
            Layout::Nodes => None,
            Layout::Components { nodes } => Some((0..n).map(|k| place(k, n, nodes) as u32).collect()),
        }
    }

    /// `inner`, node by node, from x.
    pub(super) fn gather(self, x: &[f64], inner: &mut [f64]) {
        match self {
            Layout::Nodes => inner.copy_from_slice(x),
            Layout::Components { nodes } => {
                inner.iter_mut().enumerate().for_each(|(k, v)| *v = x[place(k, x.len(), nodes)]);
            }
        }
    }

    /// y from `inner`, node by node.
    pub(super) fn scatter(self, inner: &[f64], y: &mut [f64]) {
        match self {
            Layout::Nodes => y.copy_from_slice(inner),
            Layout::Components { nodes } => {
                inner.iter().enumerate().for_each(|(k, v)| y[place(k, inner.len(), nodes)] = *v);
            }
        }
    }
}

/// Where the k-th unknown of the order by nodes stands in that by components.
fn place(k: usize, n: usize, nodes: usize) -> usize {
    let block = n / nodes;
    (k % block) * nodes + k / block
}

/// Pairs of nodes that an entry of A couples, `node` being that of an unknown.
fn pairs(a: &Csr, node: impl Fn(usize) -> usize, nodes: usize) -> usize {
    let mut rows = vec![Vec::new(); nodes];
    for i in 0..a.nrows() {
        rows[node(i)].push(i);
    }
    let mut seen = vec![usize::MAX; nodes];
    let mut count = 0;
    for (own, rows) in rows.iter().enumerate() {
        for &i in rows {
            for &j in a.row(i).0 {
                let other = node(j as usize);
                if seen[other] != own {
                    seen[other] = own;
                    count += 1;
                }
            }
        }
    }
    count
}
