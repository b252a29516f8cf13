//! Whether cells meet corner to corner: nodes that coincide or hang on a side open a mesh along inner walls.

/// Distances below this times the length of the shortest side count as none.
const NEAR: f64 = 1e-6;

/// What opens a mesh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gap<'a> {
    /// So many nodes lie on another one; a pair of them, and where.
    Coinciding { count: usize, pair: [u32; 2] },
    /// So many nodes lie on the side of a cell without being a corner of it; one of them, and the side's corners.
    Hanging { count: usize, node: u32, side: &'a [u32] },
    /// So many sides lie on others without the same corners (diagonals that cross); the corners of two of them.
    Overlapping { count: usize, sides: [&'a [u32]; 2] },
}

/// The first kind of gap between the `sides` (corners of each, edges in the plane, triangles in space) that have a cell
/// on one side only: where cells meet corner to corner, none of them touches another but at its corners.
pub(super) fn gap<'a>(points: &[[f64; 3]], sides: &'a [Vec<u32>]) -> Option<Gap<'a>> {
    let at = |v: u32| points[v as usize];
    let shortest = sides.iter().flat_map(|s| edges(s)).map(|[a, b]| distance(at(a), at(b))).reduce(f64::min)?;
    let near = NEAR * shortest;
    let mut nodes: Vec<u32> = sides.iter().flatten().copied().collect();
    nodes.sort_unstable();
    nodes.dedup();
    let places: Vec<[f64; 3]> = nodes.iter().map(|&v| at(v)).collect();
    let tree = Tree::new(&places);
    let mut found = Vec::new();

    let mut coinciding = Vec::new();
    for (i, place) in places.iter().enumerate() {
        tree.within(place.map(|x| x - near), place.map(|x| x + near), &mut found);
        let other = found.iter().filter(|&&j| j < i && distance(places[j], *place) <= near).min();
        coinciding.extend(other.map(|&j| [nodes[j], nodes[i]]));
    }
    if let Some(&pair) = coinciding.first() {
        return Some(Gap::Coinciding { count: coinciding.len(), pair });
    }

    let mut hanging: Vec<(u32, &[u32])> = Vec::new();
    for side in sides {
        let corners: Vec<[f64; 3]> = side.iter().map(|&v| at(v)).collect();
        let [low, high] = bounds(&corners, near);
        tree.within(low, high, &mut found);
        let inside = found.iter().filter(|&&k| !side.contains(&nodes[k]) && on_side(&corners, places[k], near));
        hanging.extend(inside.map(|&k| (nodes[k], &side[..])));
    }
    if !hanging.is_empty() {
        hanging.sort_unstable();
        let (node, side) = hanging[0];
        hanging.dedup_by_key(|h| h.0);
        return Some(Gap::Hanging { count: hanging.len(), node, side });
    }

    let centre = |side: &Vec<u32>| {
        let sum = side.iter().map(|&v| at(v)).fold([0.0; 3], |s, p| [0, 1, 2].map(|d| s[d] + p[d]));
        sum.map(|s| s / side.len() as f64)
    };
    let centres: Vec<[f64; 3]> = sides.iter().map(centre).collect();
    let tree = Tree::new(&centres);
    let mut overlapping = Vec::new();
    for (own, side) in sides.iter().enumerate() {
        let corners: Vec<[f64; 3]> = side.iter().map(|&v| at(v)).collect();
        let [low, high] = bounds(&corners, near);
        tree.within(low, high, &mut found);
        let others = found.iter().filter(|&&k| k != own && on_side(&corners, centres[k], near));
        overlapping.extend(others.min().map(|&k| [&side[..], &sides[k][..]]));
    }
    let sides = *overlapping.first()?;
    Some(Gap::Overlapping { count: overlapping.len(), sides })
}

fn edges(side: &[u32]) -> impl Iterator<Item = [u32; 2]> + '_ {
    let last = if side.len() == 2 { 1 } else { side.len() };
    (0..last).map(move |k| [side[k], side[(k + 1) % side.len()]])
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|d| a[d] - b[d])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    dot(minus(a, b), minus(a, b)).sqrt()
}

/// The box around corners, wider by `near` on every side.
fn bounds(corners: &[[f64; 3]], near: f64) -> [[f64; 3]; 2] {
    let along = |d: usize| corners.iter().map(move |p| p[d]);
    [
        [0, 1, 2].map(|d| along(d).fold(f64::INFINITY, f64::min) - near),
        [0, 1, 2].map(|d| along(d).fold(f64::NEG_INFINITY, f64::max) + near),
    ]
}

/// Whether p lies within `near` of the segment or triangle.
fn on_side(corners: &[[f64; 3]], p: [f64; 3], near: f64) -> bool {
    let (u, r) = (minus(corners[1], corners[0]), minus(p, corners[0]));
    if let [_, _, third] = corners {
        // r ≈ s u + t v.
        let v = minus(*third, corners[0]);
        let (uu, uv, vv, ru, rv) = (dot(u, u), dot(u, v), dot(v, v), dot(r, u), dot(r, v));
        let determinant = uu * vv - uv * uv;
        let (s, t) = ((ru * vv - rv * uv) / determinant, (rv * uu - ru * uv) / determinant);
        let off: [f64; 3] = [0, 1, 2].map(|d| r[d] - s * u[d] - t * v[d]);
        return dot(off, off).sqrt() <= near && s >= -NEAR && t >= -NEAR && s + t <= 1.0 + NEAR;
    }
    let s = dot(r, u) / dot(u, u);
    let off: [f64; 3] = [0, 1, 2].map(|d| r[d] - s * u[d]);
    dot(off, off).sqrt() <= near && (-NEAR..=1.0 + NEAR).contains(&s)
}

/// A k-d tree over points: cut at the median, one coordinate after the other.
struct Tree<'a> {
    points: &'a [[f64; 3]],
    /// Numbers of the points; the middle of each range is where it is cut.
    order: Vec<usize>,
}

impl<'a> Tree<'a> {
    fn new(points: &'a [[f64; 3]]) -> Self {
        let mut order: Vec<usize> = (0..points.len()).collect();
        arrange(points, &mut order, 0);
        Tree { points, order }
    }

    /// `found` ← the numbers of the points in a box.
    fn within(&self, low: [f64; 3], high: [f64; 3], found: &mut Vec<usize>) {
        found.clear();
        self.search(&self.order, 0, low, high, found);
    }

    fn search(&self, order: &[usize], axis: usize, low: [f64; 3], high: [f64; 3], found: &mut Vec<usize>) {
        let Some(&number) = order.get(order.len() / 2) else {
            return;
        };
        let (below, above) = (&order[..order.len() / 2], &order[order.len() / 2 + 1..]);
        let point = self.points[number];
        if (0..3).all(|d| (low[d]..=high[d]).contains(&point[d])) {
            found.push(number);
        }
        let next = (axis + 1) % 3;
        if low[axis] <= point[axis] {
            self.search(below, next, low, high, found);
        }
        if high[axis] >= point[axis] {
            self.search(above, next, low, high, found);
        }
    }
}

fn arrange(points: &[[f64; 3]], order: &mut [usize], axis: usize) {
    let middle = order.len() / 2;
    if order.len() < 2 {
        return;
    }
    order.select_nth_unstable_by(middle, |&a, &b| points[a][axis].total_cmp(&points[b][axis]).then(a.cmp(&b)));
    let (below, above) = order.split_at_mut(middle);
    arrange(points, below, (axis + 1) % 3);
    arrange(points, &mut above[1..], (axis + 1) % 3);
}

/// The node that stands for each where nodes that coincide are one (the first), and how many are given up. Distances
/// are measured by the shortest of `edges`.
pub(super) fn merged(points: &[[f64; 3]], edges: impl Iterator<Item = [u32; 2]>) -> (Vec<u32>, usize) {
    let at = |v: u32| points[v as usize];
    let lengths = edges.map(|[a, b]| distance(at(a), at(b))).filter(|l| *l > 0.0);
    let near = NEAR * lengths.fold(f64::INFINITY, f64::min);
    let mut stands: Vec<u32> = (0..points.len() as u32).collect();
    if !near.is_finite() {
        return (stands, 0);
    }
    let tree = Tree::new(points);
    let (mut found, mut given_up) = (Vec::new(), 0);
    for (i, place) in points.iter().enumerate() {
        tree.within(place.map(|x| x - near), place.map(|x| x + near), &mut found);
        let first = found.iter().filter(|&&j| j < i && distance(points[j], *place) <= near).min();
        if let Some(&j) = first {
            stands[i] = stands[j];
            given_up += 1;
        }
    }
    (stands, given_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_finds_what_a_loop_finds() {
        let place = |k: usize| [(k * 37 % 101) as f64, (k * 53 % 89) as f64, (k % 3) as f64];
        let points: Vec<[f64; 3]> = (0..300).map(place).collect();
        let tree = Tree::new(&points);
        let mut found = Vec::new();
        for k in 0..100 {
            let low = [(k % 90) as f64, (k * 7 % 80) as f64, 0.0];
            let high = [low[0] + 13.0, low[1] + 9.0, (k % 3) as f64];
            tree.within(low, high, &mut found);
            found.sort_unstable();
            let inside = |p: &[f64; 3]| (0..3).all(|d| low[d] <= p[d] && p[d] <= high[d]);
            let expected: Vec<usize> = (0..300).filter(|&i| inside(&points[i])).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn gaps_are_told_apart() {
        // Two squares side by side; the left one's right side is one edge.
        let square = |x: f64| vec![[x, 0.0, 0.0], [x + 1.0, 0.0, 0.0], [x + 1.0, 1.0, 0.0], [x, 1.0, 0.0]];
        let around = |v: [u32; 4]| (0..4).map(move |k| vec![v[k], v[(k + 1) % 4]]);
        let points = [square(0.0), square(1.0)].concat();
        let open: Vec<Vec<u32>> = around([0, 1, 2, 3]).chain(around([4, 5, 6, 7])).collect();
        assert_eq!(gap(&points, &open), Some(Gap::Coinciding { count: 2, pair: [1, 4] }));
        let closed: Vec<Vec<u32>> = around([0, 1, 2, 3]).chain(around([1, 5, 6, 2])).filter(|s| s != &[1, 2]).collect();
        assert_eq!(gap(&points, &closed[..3]), None);
        let hanging = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.5, 0.0], [1.0, 1.0, 0.0], [2.0, 0.5, 0.0]];
        let sides = vec![vec![0, 1], vec![1, 3], vec![1, 2], vec![2, 3], vec![2, 4]];
        assert_eq!(gap(&hanging, &sides), Some(Gap::Hanging { count: 1, node: 2, side: &[1, 3] }));
        // The diagonals of one square face cross.
        let face = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        let sides = vec![vec![0, 1, 2], vec![0, 2, 3], vec![0, 1, 3], vec![1, 2, 3]];
        let overlap = |g: Option<Gap>| matches!(g, Some(Gap::Overlapping { .. }));
        assert!(overlap(gap(&face, &sides)) && gap(&face, &sides[..2]).is_none());
        let (stands, given_up) = merged(&points, [[0, 1]].into_iter());
        assert_eq!((stands, given_up), (vec![0, 1, 2, 3, 1, 5, 6, 2], 2));
    }
}
