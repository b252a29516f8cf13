//! Index lists of a batch on the device.

use dfdx::prelude::{Device, Tensor};

use crate::nn::Real;
use crate::nn::graph::Graphs;

/// One index a row.
pub type Index<D> = Tensor<(usize,), usize, D>;

/// Rows of a table gathered into groups of unequal size, padded to the largest one.
pub struct Groups<E: Real, D: Device<E>> {
    /// (groups, largest): rows; padding points at row 0.
    pub rows: Tensor<(usize, usize), usize, D>,
    /// (groups, largest): the weight of each, 0 for padding.
    pub weights: Tensor<(usize, usize), E, D>,
    /// Where in the padded table (groups · largest) each row went; 0 for rows of no group.
    pub slots: Index<D>,
    /// (groups, 1): 1 / size, 1 for empty groups.
    pub shares: Tensor<(usize, usize), E, D>,
    pub shape: (usize, usize),
}

impl<E: Real, D: Device<E>> Groups<E, D> {
    /// From the (row, weight) of each group; `rows` is how many rows the table has.
    pub fn new(device: &D, rows: usize, groups: &[Vec<(usize, E)>]) -> Self {
        let largest = groups.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let shape = (groups.len(), largest);
        let (mut index, mut weights) = (vec![0; shape.0 * largest], vec![E::default(); shape.0 * largest]);
        let mut slots = vec![0; rows];
        for (g, group) in groups.iter().enumerate() {
            for (k, &(row, weight)) in group.iter().enumerate() {
                index[g * largest + k] = row;
                weights[g * largest + k] = weight;
                slots[row] = g * largest + k;
            }
        }
        let share = |group: &Vec<_>| E::narrow(1.0 / group.len().max(1) as f64);
        Groups {
            rows: device.tensor_from_vec(index, shape),
            weights: device.tensor_from_vec(weights, shape),
            slots: device.tensor_from_vec(slots, (rows,)),
            shares: device.tensor_from_vec(groups.iter().map(share).collect(), (groups.len(), 1)),
            shape,
        }
    }

    /// Consecutive rows: group g holds rows `offsets[g]` to `offsets[g + 1]`.
    pub fn consecutive(device: &D, offsets: &[usize]) -> Self {
        let one = E::narrow(1.0);
        let groups: Vec<Vec<_>> = offsets.windows(2).map(|w| (w[0]..w[1]).map(|row| (row, one)).collect()).collect();
        Self::new(device, offsets.last().copied().unwrap_or(0), &groups)
    }
}

/// The graphs of a batch.
pub struct Lists<E: Real, D: Device<E>> {
    /// Neighbours of each node, with the weights of the edges.
    pub neighbours: Groups<E, D>,
    /// Edges by the node that they enter.
    pub into: Groups<E, D>,
    /// Edges by the node that they leave.
    pub out: Groups<E, D>,
    /// The node that each edge enters.
    pub targets: Index<D>,
    /// The node that each edge leaves.
    pub sources: Index<D>,
    /// Nodes of each graph.
    pub graphs: Groups<E, D>,
    /// The graph of each node.
    pub graph_of: Index<D>,
}

impl<E: Real, D: Device<E>> Lists<E, D> {
    /// The lists of a batch.
    pub fn new(device: &D, graphs: &Graphs<E>) -> Self {
        let (at, nodes, one) = (graphs.incidence(), graphs.nodes(), E::narrow(1.0));
        let all = 0..nodes;
        let wide = |v: &[u32]| -> Vec<usize> { v.iter().map(|&v| v as usize).collect() };
        // A neighbour may be listed for several nodes: its slot means nothing.
        let neighbours: Vec<Vec<_>> = all
            .clone()
            .map(|i| {
                let edges = graphs.edges.range(i);
                edges.map(|e| (graphs.edges.sources[e] as usize, graphs.edges.weights[e])).collect()
            })
            .collect();
        let into: Vec<Vec<_>> = all.clone().map(|i| at.edges_into(i).map(|e| (e, one)).collect()).collect();
        let out: Vec<Vec<_>> = all.map(|j| at.edges_out_of(j).iter().map(|&e| (e as usize, one)).collect()).collect();
        let offsets = graphs.offsets();
        let owner = |w: (usize, &[usize])| std::iter::repeat_n(w.0, w.1[1] - w.1[0]);
        let graph_of: Vec<usize> = offsets.windows(2).enumerate().flat_map(owner).collect();
        Lists {
            neighbours: Groups::new(device, nodes, &neighbours),
            into: Groups::new(device, at.edges(), &into),
            out: Groups::new(device, at.edges(), &out),
            targets: device.tensor_from_vec(wide(&at.target), (at.edges(),)),
            sources: device.tensor_from_vec(wide(&at.source), (at.edges(),)),
            graphs: Groups::consecutive(device, offsets),
            graph_of: device.tensor_from_vec(graph_of, (nodes,)),
        }
    }
}
