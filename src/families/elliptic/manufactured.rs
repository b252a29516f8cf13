//! A manufactured solution given as a recipe gives it, data and boundary conditions as expressions: from the text to
//! the error, through all that makes a sample.

use crate::error::{Error, Result};
use crate::families;
use crate::fem::integrals::errors;
use crate::fem::space::Space;
use crate::mesh::AnyMesh;
use crate::mesh::recipe::MeshRecipe;
use crate::system::LinearSystem;
use crate::verify::{Level, Norm, Study};

/// u, f, g and f ∂u/∂x_d in x and the last coordinate w: u = e^x sin(2w + 1), f = 1 + x + 2y² + xw.
const TEXTS: [(&str, &str); 6] = [
    ("U", "exp(x)*sin(2*W + 1)"),
    ("F", "(1 + x + 2*y^2 + x*W)"),
    ("G_PLANE", "3*F*U - (1 + y)*U - (4*y + x)*2*exp(x)*cos(2*y + 1)"),
    ("G_SPACE", "3*F*U - (1 + z)*U - x*2*exp(x)*cos(2*z + 1)"),
    ("FLOW_X", "F*U"),
    ("FLOW_W", "F*2*exp(x)*cos(2*W + 1)"),
];

/// A text with the names above written out.
fn written(text: &str, dim: usize) -> String {
    let mut text = text.replace("G_DIM", if dim == 3 { "G_SPACE" } else { "G_PLANE" });
    for (name, value) in TEXTS.iter().rev() {
        text = text.replace(name, value);
    }
    text.replace('W', if dim == 3 { "z" } else { "y" })
}

/// The conditions that are tried: what holds on which sides.
const CONDITIONS: [(&str, &str); 4] = [
    ("dirichlet", r#"[{ part = SIDES, condition = "dirichlet", value = "U" }]"#),
    (
        "neumann on two sides",
        r#"[{ part = REST, condition = "dirichlet", value = "U" },
            { part = "right", condition = "neumann", flux = "FLOW_X" },
            { part = "FAR", condition = "neumann", flux = "FLOW_W" }]"#,
    ),
    (
        "robin on two sides",
        r#"[{ part = REST, condition = "dirichlet", value = "U" },
            { part = "right", condition = "robin", alpha = "1 + y", value = "U + FLOW_X/(1 + y)" },
            { part = "FAR", condition = "robin", alpha = 2.0, value = "U + FLOW_W/2" }]"#,
    ),
    (
        "one of each",
        r#"[{ part = REST, condition = "dirichlet", value = "U" },
            { part = "right", condition = "robin", alpha = "1 + y", value = "U + FLOW_X/(1 + y)" },
            { part = "FAR", condition = "neumann", flux = "FLOW_W" }]"#,
    ),
];

/// The table of a recipe for one condition on a mesh.
fn table(mesh: &str, dim: usize, conditions: &str, elements: &str) -> Result<toml::Table> {
    let (sides, rest, far) = match dim {
        3 => {
            (r#"["left", "right", "bottom", "top", "front", "back"]"#, r#"["left", "bottom", "top", "front"]"#, "back")
        }
        _ => (r#"["left", "right", "bottom", "top"]"#, r#"["left", "bottom"]"#, "top"),
    };
    let conditions = conditions.replace("SIDES", sides).replace("REST", rest).replace("FAR", far).replace('\n', " ");
    let text =
        format!("f = \"F\"\ng = \"G_DIM\"\nelements = \"{elements}\"\nmesh = {{ {mesh} }}\nboundary = {conditions}");
    written(&text, dim).parse().map_err(|e: toml::de::Error| Error::Argument(e.to_string()))
}

/// Orders for each element and each condition.
pub(super) fn studies() -> Result<Vec<Study>> {
    let mut studies = Vec::new();
    for (name, conditions) in CONDITIONS {
        let mut add =
            |what: &str, [l2, h1]: [f64; 2], dim, elements, cells: &[usize], mesh: &dyn Fn(usize) -> String| {
                let level = |&n: &usize| level(&table(&mesh(n), dim, conditions, elements)?, 1.0 / n as f64);
                studies.push(Study {
                    what: format!("{what}, all by expressions, {name}"),
                    norms: vec![Norm { name: "L2", order: l2 }, Norm { name: "H1", order: h1 }],
                    levels: cells.iter().map(level).collect::<Result<_>>()?,
                });
                Ok::<(), Error>(())
            };
        let delaunay = |n: usize| format!("shape = \"square\", area = {}", 0.5 / (n * n) as f64);
        let of = |shape: &'static str| move |n: usize| format!("shape = \"{shape}\", cells = {n}");
        add("P1", [2.0, 1.0], 2, "linear", &[8, 16, 32], &delaunay)?;
        add("P2", [3.0, 2.0], 2, "quadratic", &[4, 8, 16], &delaunay)?;
        add("Q1", [2.0, 1.0], 2, "linear", &[8, 16, 32], &of("quads"))?;
        add("P1, tetrahedra", [2.0, 1.0], 3, "linear", &[4, 8, 12], &of("cube"))?;
    }
    Ok(studies)
}

fn level(table: &toml::Table, h: f64) -> Result<Level> {
    let sample = families::build(super::NAME, table, "verify")?.sampler()?.sample(1, 0)?;
    let mesh: MeshRecipe = table["mesh"].clone().try_into().map_err(|e| Error::Argument(format!("{e}")))?;
    let quadratic = table["elements"].as_str() == Some("quadratic");
    let errors = match mesh.build("elliptic.mesh", "verify")? {
        AnyMesh::Triangles(mesh) if quadratic => errors_of(&Space::p2(&mesh), &sample),
        AnyMesh::Triangles(mesh) => errors_of(&Space::p1(&mesh), &sample),
        AnyMesh::Quads(mesh) => errors_of(&Space::q1(&mesh), &sample),
        AnyMesh::Tetrahedra(mesh) => errors_of(&Space::p1_tet(&mesh), &sample),
    }?;
    Ok(Level { h, unknowns: sample.n(), errors })
}

/// Errors of the stored solution, with the stored values of u where they are given.
fn errors_of<const D: usize>(space: &Space<D>, sample: &LinearSystem) -> Result<Vec<f64>> {
    let mut nodal = sample.field("boundary_values").map_or(vec![0.0; space.len()], |f| f.values.clone());
    if let (Some(mesh), Some(x)) = (&sample.mesh, &sample.solution) {
        mesh.free_dofs.iter().zip(x).for_each(|(&v, x)| nodal[v as usize] = *x);
    }
    let u = |x: [f64; D]| x[0].exp() * (2.0 * x[D - 1] + 1.0).sin();
    let gradient = |x: [f64; D]| {
        let mut gradient = [0.0; D];
        gradient[0] = u(x);
        gradient[D - 1] = 2.0 * x[0].exp() * (2.0 * x[D - 1] + 1.0).cos();
        gradient
    };
    let (l2, h1) = errors(space, &nodal, u, gradient)?;
    Ok(vec![l2, h1])
}
