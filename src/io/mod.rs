//! Files beside the dataset: charts.

pub mod charts;
