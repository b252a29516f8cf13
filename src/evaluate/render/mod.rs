//! An evaluation as text: the console's table, CSV, JSON, tables for papers, charts, the report. What they tell of rows
//! comes from [`super::columns`], what they tell of rows together from [`super::analysis`].

pub mod charts;
pub mod comparisons;
pub mod console;
pub mod csv;
pub mod finding;
pub mod json;
pub mod page;
pub mod records;
pub mod report;
pub mod statistics;
pub mod tables;

#[cfg(test)]
mod tests;
