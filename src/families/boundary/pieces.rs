//! Where conditions leave u free up to a constant: a piece of a mesh where nothing gives u, nothing makes it tend to
//! something, and the equation has derivatives of u alone.

use crate::error::{Error, Result};
use crate::families::given::{Drawn, Scope, Source};

/// What would make a problem regular that has derivatives of u alone.
const REMEDY: &str = "give some part the condition \"dirichlet\" or \"robin\" (with alpha above 0)";

/// The pieces of a mesh, and which of them conditions hold that are the same in all samples.
pub(in crate::families) struct Pieces {
    /// Per node the number of its piece, from 0.
    of_node: Vec<u32>,
    /// Per piece: whether u is held there in all samples, and whether it may be in some.
    held: Vec<Hold>,
    /// Per piece: why A is singular if it is free.
    words: Vec<String>,
    /// File, family and key, for errors of samples.
    what: String,
    /// What samples draw.
    names: Vec<String>,
}

/// What is known of a piece before there are samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    /// Nothing holds u.
    No,
    /// Samples decide.
    BySample,
    /// In all samples.
    Always,
}

impl Pieces {
    /// Of nodes by the number of their piece ([`crate::fem::space::Space::pieces`]), which stand somewhere; nothing
    /// holds them yet.
    pub fn new<const D: usize>(of_node: Vec<u32>, nodes: &[[f64; D]], scope: &Scope) -> Self {
        let count = of_node.iter().max().map_or(0, |last| *last as usize + 1);
        let mut first = vec![None; count];
        of_node.iter().zip(nodes).for_each(|(&piece, node)| {
            first[piece as usize].get_or_insert(node);
        });
        let words = |node: &Option<&[f64; D]>| {
            let leave = "leave u free up to a constant";
            if count == 1 {
                return format!("neumann conditions on the whole boundary {leave}, A is singular: {REMEDY}");
            }
            let at = node.iter().flat_map(|x| x.iter()).map(f64::to_string).collect::<Vec<_>>().join(", ");
            format!(
                "the mesh has {count} pieces that do not touch, and the one with the node ({at}) has neumann \
                 conditions alone, which {leave} there, A is singular: {REMEDY} there too"
            )
        };
        Pieces {
            of_node,
            held: vec![Hold::No; count],
            words: first.iter().map(words).collect(),
            what: scope.key("boundary"),
            names: scope.names(),
        }
    }

    /// The piece of this node is held: in all samples, or by what samples draw.
    pub fn hold(&mut self, node: u32, by_sample: bool) {
        let held = &mut self.held[self.of_node[node as usize] as usize];
        *held = (*held).max(if by_sample { Hold::BySample } else { Hold::Always });
    }

    /// What a Robin condition with this alpha holds, which is at the nodes `all`: the pieces of those nodes that
    /// `tending` finds, as what is drawn has alpha above 0 there.
    pub fn hold_robin(
        &mut self,
        alpha: &Source,
        tending: impl FnOnce(&Drawn) -> Result<Vec<u32>>,
        all: impl IntoIterator<Item = u32>,
    ) {
        match if alpha.by_sample() { None } else { tending(&Drawn::nothing()).ok() } {
            Some(nodes) => nodes.into_iter().for_each(|node| self.hold(node, false)),
            // Samples decide; what cannot be evaluated is told with the first one.
            None => all.into_iter().for_each(|node| self.hold(node, true)),
        }
    }

    /// Why A is singular in all samples, if it is.
    pub fn singular(&self) -> Option<&str> {
        let free = self.held.iter().position(|held| *held == Hold::No)?;
        Some(&self.words[free])
    }

    /// Refuses a sample whose A is singular: `reaction` are the values of c in −∇·(w ∇u) + c u at all nodes, and
    /// `robin` gives the nodes of places where alpha is above 0; it is not called where other conditions suffice.
    ///
    /// # Errors
    /// [`Error::Numeric`] naming the key and what the sample draws; those of `robin`.
    pub fn check(
        &self,
        reaction: Option<&[f64]>,
        drawn: &Drawn,
        robin: impl FnOnce() -> Result<Vec<u32>>,
    ) -> Result<()> {
        if self.held.iter().all(|held| *held == Hold::Always) {
            return Ok(());
        }
        let mut held: Vec<bool> = self.held.iter().map(|held| *held == Hold::Always).collect();
        let reaction = reaction.unwrap_or_default();
        for (&piece, _) in self.of_node.iter().zip(reaction).filter(|(_, c)| **c != 0.0) {
            held[piece as usize] = true;
        }
        if held.iter().all(|held| *held) {
            return Ok(());
        }
        robin()?.iter().for_each(|&node| held[self.of_node[node as usize] as usize] = true);
        let Some(free) = held.iter().position(|held| !held) else {
            return Ok(());
        };
        let (what, words, with) = (&self.what, &self.words[free], drawn.in_words(&self.names));
        Err(Error::Numeric(match self.held[free] {
            Hold::BySample => format!("{what}: alpha is 0 where nothing else holds u{with}: {words}"),
            _ => format!("{what}: {words}"),
        }))
    }
}
