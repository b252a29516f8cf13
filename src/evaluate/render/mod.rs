//! An evaluation as text: the console's table, CSV, JSON, the report. What they tell comes from [`super::columns`].

pub mod console;
pub mod csv;
pub mod figures;
pub mod html;
pub mod json;
pub mod records;

#[cfg(test)]
mod tests;
