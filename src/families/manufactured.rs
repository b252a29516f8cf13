//! Manufactured solutions as a recipe gives them: the text of a table → a sample → its error at the unknowns.
//!
//! u = e^(−t) sin(x + 2y), in space e^(−t) sin(x + 2y + z) (t = 0 for families without time), in a medium w, with each
//! of the boundary conditions.

use crate::error::{Error, Result};
use crate::families;
use crate::verify::{Level, Norm, Study};

/// u in expressions; `TTT` is "exp(-t)*" for families in time, else nothing, `ZZZ` is " + z" in space.
const U: &str = "TTTsin(x + 2*y ZZZ)";

/// ∂u/∂x, in space ∂u/∂z too; ∂u/∂y is twice as much.
const SLOPE: &str = "TTTcos(x + 2*y ZZZ)";

/// The conditions that are tried, by their name: what holds on the four sides of the square, and on the two others of
/// the cube. W is the medium, U and D are u and ∂u/∂x.
const CONDITIONS: [(&str, &str, &str); 4] = [
    (
        "dirichlet",
        r#"{ part = ["left", "right", "bottom", "top"], condition = "dirichlet", value = "U" }"#,
        r#"{ part = ["front", "back"], condition = "dirichlet", value = "U" }"#,
    ),
    (
        "neumann on two sides",
        r#"{ part = ["left", "bottom"], condition = "dirichlet", value = "U" },
           { part = "right", condition = "neumann", flux = "(W)*D" },
           { part = "top", condition = "neumann", flux = "(W)*2*D" }"#,
        r#"{ part = "front", condition = "dirichlet", value = "U" },
           { part = "back", condition = "neumann", flux = "(W)*D" }"#,
    ),
    (
        "robin all around",
        r#"{ part = "left", condition = "robin", alpha = "1 + y", value = "U - (W)*D/(1 + y)" },
           { part = "bottom", condition = "robin", alpha = 2, value = "U - (W)*D" },
           { part = "right", condition = "robin", alpha = "1 + y^2", value = "U + (W)*D/(1 + y^2)" },
           { part = "top", condition = "robin", alpha = "2 + x", value = "U + (W)*2*D/(2 + x)" }"#,
        r#"{ part = "front", condition = "robin", alpha = 2, value = "U - (W)*D/2" },
           { part = "back", condition = "robin", alpha = "1 + x", value = "U + (W)*D/(1 + x)" }"#,
    ),
    (
        "one of each",
        r#"{ part = "left", condition = "dirichlet", value = "U" },
           { part = ["bottom"], condition = "neumann", flux = "-(W)*2*D" },
           { part = "right", condition = "robin", alpha = 2, value = "U + (W)*D/2" },
           { part = "top", condition = "neumann", flux = "(W)*2*D" }"#,
        r#"{ part = "front", condition = "neumann", flux = "-(W)*D" },
           { part = "back", condition = "dirichlet", value = "U" }"#,
    ),
];

/// A problem whose solution is u.
pub(super) struct Problem<'a> {
    pub family: &'a str,
    /// 2 or 3.
    pub dim: usize,
    /// For titles: the discretisation.
    pub what: &'a str,
    /// w in expressions; 1 where the equation has none.
    pub medium: &'a str,
    /// The keys of the table besides the conditions, in U, D and W, for so many cells a side.
    pub keys: &'a dyn Fn(usize) -> String,
    /// Whether u decays.
    pub in_time: bool,
}

impl Problem<'_> {
    /// Order 2 at the unknowns with each of the conditions, at the end of the trajectory if the family is in time.
    pub fn studies(&self, cells: &[usize]) -> Result<Vec<Study>> {
        let study = |(name, plane, rest): &(&str, &str, &str)| {
            let conditions = if self.dim == 3 { format!("{plane}, {rest}") } else { (*plane).into() };
            Ok(Study {
                what: format!("{}, all by expressions, {name}", self.what),
                norms: vec![Norm { name: "l2 at unknowns", order: 2.0 }],
                levels: cells.iter().map(|&n| self.level(&conditions, n)).collect::<Result<_>>()?,
            })
        };
        CONDITIONS.iter().map(study).collect()
    }

    fn level(&self, conditions: &str, cells: usize) -> Result<Level> {
        let keys = format!("{}\nboundary = [{}]", (self.keys)(cells), conditions.replace('\n', " "));
        let (decay, z) = (if self.in_time { "exp(-t)*" } else { "" }, if self.dim == 3 { "+ z" } else { "" });
        let named = [("U", U), ("D", SLOPE), ("W", self.medium), ("TTT", decay), ("ZZZ", z)];
        let text = named.iter().fold(keys, |text, (name, value)| text.replace(name, value));
        let table: toml::Table = text.parse().map_err(|e: toml::de::Error| Error::Argument(e.to_string()))?;
        let sample = families::build(self.family, &table, "verify")?.sampler()?.sample(1, 0)?;
        let (x, end) = match sample.field("trajectory") {
            Some(states) => {
                let last = states.values.chunks_exact(states.components).filter_map(|row| row.last().copied());
                let dt = table.get("dt").and_then(toml::Value::as_float).unwrap_or_default();
                (last.collect(), dt * (states.components - 1) as f64)
            }
            None => (sample.solution.clone().unwrap_or_default(), 0.0),
        };
        let none = || Error::Argument(format!("{} has no mesh", self.family));
        let mesh = sample.mesh.as_ref().ok_or_else(none)?;
        let phase = |x: &[f64]| x.iter().zip([1.0, 2.0, 1.0]).map(|(x, factor)| factor * x).sum::<f64>();
        let place = |v: u32| &mesh.points[v as usize * mesh.dim..][..mesh.dim];
        let exact = mesh.free_dofs.iter().map(|&v| (-end).exp() * phase(place(v)).sin());
        let squares: f64 = x.iter().zip(exact).map(|(x, u)| (x - u) * (x - u)).sum();
        let unknowns = x.len();
        Ok(Level { h: 1.0 / cells as f64, unknowns, errors: vec![(squares / unknowns as f64).sqrt()] })
    }
}
