//! Datasets: one HDF5 file each, written in order, read by sample, checked by digest.
//!
//! [`schema`] is the format, [`Writer`] and [`Dataset`] write and read it, [`Unfinished`] makes writing safe against
//! crashes, [`parts`] makes it divisible over machines, [`mod@verify`] recomputes everything that can be.

mod copies;
mod copy;
pub mod digest;
mod drawn;
mod h5;
pub mod header;
mod journal;
mod lengths;
pub mod parts;
mod places;
pub mod reader;
pub mod record;
mod rows;
pub mod schema;
mod source;
pub mod split;
pub mod statistics;
mod table;
mod text;
mod trailer;
mod trial;
mod unfinished;
pub mod verify;
pub mod writer;

pub use copies::copies;
pub use drawn::{Drawn, NEXT};
pub(crate) use h5::DEFLATE_LEVEL;
pub use h5::Entry;
pub use header::{Header, InputFile, Part};
pub use places::Places;
pub use reader::Dataset;
pub use record::{Noted, Record, Totals};
pub use schema::Shape;
pub use source::Checked;
pub use split::{Sizes, Split};
pub use unfinished::Unfinished;
pub use writer::Writer;
