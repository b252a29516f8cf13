//! How many settings of one method a recipe tries: whoever names the best of several has chosen it on these very systems.

use super::recipe::EvalRecipe;
use super::row::{OneOrMany, Row, RowKind};

/// What rows have in common that differ in settings alone: the method's name, what stands beside A by its name.
#[derive(PartialEq)]
struct Method {
    ksp: String,
    kind: String,
    beside: Option<String>,
    model: Option<OneOrMany>,
    space_as: String,
}

fn method(row: &Row) -> Option<Method> {
    let (kind, beside) = match row.kind().ok()? {
        RowKind::Classical(spec) => (format!("pc {}", spec.name()), None),
        RowKind::Constant(spec, beside) => (format!("constant {}", spec.name()), beside),
        RowKind::Model(_, beside) => ("model".to_string(), beside),
    };
    Some(Method {
        ksp: row.ksp.name().to_string(),
        kind,
        beside: beside.map(|spec| spec.name().to_string()),
        model: row.model.clone(),
        space_as: row.space_as.to_string(),
    })
}

/// Rows of the recipe that are the given one but for parameters: drop tolerances, damping, filters. At least 1.
pub fn settings(recipe: &EvalRecipe, row: usize) -> usize {
    let Some(this) = recipe.rows.get(row).and_then(method) else { return 1 };
    recipe.rows.iter().filter(|other| method(other).as_ref() == Some(&this)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_in_parameters_alone_are_counted() {
        let rows = [
            "ksp = 'cg'\npc = 'ict({0.1,0.01})'",
            "ksp = 'cg'\npc = 'icc'",
            "ksp = 'minres'\npc = 'icc'",
            "ksp = ['richardson(0.7)', 'richardson(0.8)']\nmodel = 'run'",
            "ksp = 'cg'\nmodel = 'run'\nsymmetrize = true",
        ];
        let text = rows.map(|row| format!("[[row]]\n{row}\n")).concat();
        let recipe = EvalRecipe::parse(&format!("data = ['a.h5']\n{text}"), "e.toml").unwrap();
        let counts: Vec<usize> = (0..recipe.rows.len()).map(|r| settings(&recipe, r)).collect();
        assert_eq!(counts, [2, 2, 1, 1, 2, 2, 1]);
    }
}
