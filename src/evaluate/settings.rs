//! How many settings of one method a recipe tries: whoever names the best of several has chosen it on these very
//! systems.

use super::recipe::EvalRecipe;
use super::row::{OneOrMany, Row};

/// What rows have in common that differ in settings alone: the names of the method and of what stands beside A.
#[derive(PartialEq)]
struct Method<'a> {
    ksp: &'a str,
    beside: [Option<&'a str>; 3],
    model: &'a Option<OneOrMany>,
    space_as: &'static str,
}

impl<'a> Method<'a> {
    fn of(row: &'a Row) -> Self {
        // What notations say in parentheses are settings.
        let name = |text: &'a Option<String>| text.as_deref().and_then(|t| t.split('(').next()).map(str::trim);
        Method {
            ksp: row.ksp.name(),
            beside: [name(&row.pc), name(&row.space), name(&row.guess)],
            model: &row.model,
            space_as: row.space_as.name(),
        }
    }
}

/// Rows of the recipe that are the given one but for parameters: drop tolerances, damping, filters. At least 1; one
/// that is there again is no further setting.
pub fn settings(recipe: &EvalRecipe, row: usize) -> usize {
    let Some(this) = recipe.rows.get(row).map(Method::of) else { return 1 };
    // On some dataset in common.
    let meet =
        |other| (0..recipe.data.len()).any(|d| recipe.place(row, d).is_some() && recipe.place(other, d).is_some());
    let mut alike: Vec<Row> = Vec::new();
    for (_, other) in recipe.rows.iter().enumerate().filter(|(r, other)| Method::of(other) == this && meet(*r)) {
        let other = Row { label: String::new(), data: Vec::new(), ..other.clone() };
        if !alike.contains(&other) {
            alike.push(other);
        }
    }
    alike.len()
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
            "ksp = 'minres'\npc = 'icc'\nlabel = 'again'",
            "ksp = ['richardson(0.7)', 'richardson(0.8)']\nmodel = 'run'",
            "ksp = 'cg'\nmodel = 'run'\nsymmetrize = true",
        ];
        let text = rows.map(|row| format!("[[row]]\n{row}\n")).concat();
        let recipe = EvalRecipe::parse(&format!("data = ['a.h5']\n{text}"), "e.toml").unwrap();
        let counts: Vec<usize> = (0..recipe.rows.len()).map(|r| settings(&recipe, r)).collect();
        assert_eq!(counts, [2, 2, 1, 1, 1, 2, 2, 1]);
    }
}
