//! Croissant metadata (mlcommons, version 1.0): a JSON-LD document that says what a dataset is, for the catalogues that
//! read it.
//!
//! Croissant has no way to point into HDF5: the file, its digest and its sets are given as Croissant has them, the
//! arrays in it as `variableMeasured` of schema.org, with their places in the file. Format:
//! <https://docs.mlcommons.org/croissant/docs/croissant-spec.html>.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, split};
use crate::error::{Error, Result};
use crate::io::input;

/// What a dataset does not say of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct About {
    /// The licence, best as a URL: <https://spdx.org/licenses/CC-BY-4.0.html>.
    pub license: Option<String>,
    /// Who made it.
    pub creator: Option<String>,
    /// Where it is or will be found.
    pub url: Option<String>,
    /// How to cite it.
    pub cite_as: Option<String>,
    /// When it was published, as 2026-05-31.
    pub published: Option<String>,
}

/// The document of a dataset.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::File`] if its name is no text.
pub fn croissant(data: &Dataset, about: &About) -> Result<Value> {
    let (header, path) = (data.header(), data.path());
    let file = path.file_name().and_then(|name| name.to_str());
    let file = file.ok_or_else(|| Error::file(path, "has a name that is no text in UTF-8"))?;
    let said = &header.description;
    let description = format!(
        "{} linear systems A x = b of the family {}. Equation: {}. Weak form: {}. Boundary: {}. Units: {}. The \
         matrices are {}. Made by fempipe {} with seed {}.",
        data.len(),
        said.family,
        said.equation,
        said.weak_form,
        said.boundary_conditions,
        said.units,
        said.props.name(),
        header.fempipe_version,
        header.seed
    );
    let (sha256, bytes) = digest(path)?;
    let mut document = json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": name(file),
        "description": description,
        "version": header.fempipe_version,
        "keywords": ["linear systems", "finite elements", said.family],
        "isLiveDataset": false,
        "distribution": [{
            "@type": "cr:FileObject",
            "@id": file,
            "name": file,
            "description": "HDF5; its root attributes hold the recipe that makes it again, /digest an XXH3 a sample",
            "contentUrl": file,
            "contentSize": format!("{bytes} B"),
            "encodingFormat": "application/x-hdf5",
            "sha256": sha256,
        }],
        "variableMeasured": arrays(data)?,
        "recordSet": [sets(data)],
    });
    let optional = [
        ("license", &about.license),
        ("url", &about.url),
        ("citeAs", &about.cite_as),
        ("datePublished", &about.published),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            document[key] = value.as_str().into();
        }
    }
    if let Some(creator) = &about.creator {
        document["creator"] = json!({ "@type": "sc:Person", "name": creator });
    }
    Ok(document)
}

/// A name as Croissant has them: letters, digits, '-' and '_'.
fn name(file: &str) -> String {
    let stem = file.strip_suffix(".h5").unwrap_or(file);
    stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}

/// SHA-256 and size of a file.
fn digest(path: &Path) -> Result<(String, u64)> {
    let failed = |e| Error::io(path, "read", e);
    let (mut file, mut hash, mut size) = (input::open(path)?, Sha256::new(), 0);
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => break,
            n => {
                hash.update(&block[..n]);
                size += n as u64;
            }
        }
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((hex, size))
}

/// The sets with their sizes, as records in the document itself.
fn sets(data: &Dataset) -> Value {
    let sets = split::ordered(data.splits()).into_iter();
    let records: Vec<Value> =
        sets.map(|(name, ids)| json!({ "split/name": name, "split/samples": ids.len() })).collect();
    json!({
        "@type": "cr:RecordSet",
        "@id": "split",
        "name": "split",
        "dataType": "cr:Split",
        "description": "The sets of the dataset with their numbers of samples; /split/NAME in the file holds their ids",
        "key": { "@id": "split/name" },
        "field": [
            { "@type": "cr:Field", "@id": "split/name", "name": "split/name", "dataType": "sc:Text",
              "description": "The set" },
            { "@type": "cr:Field", "@id": "split/samples", "name": "split/samples", "dataType": "sc:Integer",
              "description": "Its number of samples" },
        ],
        "data": records,
    })
}

/// What is known of the arrays of a file, by the beginning of their paths.
const ARRAYS: [(&str, &str); 18] = [
    ("/systems/values", "entries of A, row by row, on the pattern of /pattern or of /systems/indices"),
    ("/systems/rhs", "right-hand sides b"),
    ("/systems/solution", "solutions x"),
    ("/systems/indices", "columns of the entries of A"),
    ("/systems/indptr", "where the rows of A begin"),
    ("/systems/fields/", "a field that made the sample; its attributes say where it lives"),
    ("/systems/labels/", "a label beyond the solution; its attributes say where it lives"),
    ("/systems/table/", "a column of the table with one row a sample"),
    ("/systems/field_offsets/", "where the samples' pieces of the field begin"),
    ("/systems/label_offsets/", "where the samples' pieces of the label begin"),
    ("/systems/row_offsets", "where the samples' rows begin"),
    ("/systems/nnz_offsets", "where the samples' entries begin"),
    ("/pattern/", "the matrix of sample 0, whose pattern all share where /systems has none"),
    ("/mesh/points", "coordinates of the mesh's points"),
    ("/mesh/cells", "points of the mesh's cells"),
    ("/mesh/", "points on the boundary, and the point of each row of A"),
    ("/split/", "ids of the samples of a set"),
    ("/digest", "64-bit XXH3 of each sample"),
];

/// The arrays of the file as schema.org's variables.
fn arrays(data: &Dataset) -> Result<Vec<Value>> {
    let variable = |entry: crate::dataset::Entry| {
        let known = ARRAYS.iter().find(|(start, _)| entry.path.starts_with(start)).map_or("", |(_, what)| what);
        let shape: Vec<String> = entry.shape.iter().map(usize::to_string).collect();
        json!({
            "@type": "sc:PropertyValue",
            "name": entry.path,
            "description": format!("{known}; shape ({})", shape.join(", ")),
        })
    };
    Ok(data.contents()?.into_iter().map(variable).collect())
}

/// The context that Croissant 1.0 prescribes.
fn context() -> Value {
    let mut context = json!({
        "@language": "en", "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/", "sc": "https://schema.org/", "conformsTo": "dct:conformsTo",
        "data": { "@id": "cr:data", "@type": "@json" }, "examples": { "@id": "cr:examples", "@type": "@json" },
        "dataType": { "@id": "cr:dataType", "@type": "@vocab" },
    });
    let own = [
        "citeAs",
        "column",
        "equivalentProperty",
        "extract",
        "field",
        "fileProperty",
        "fileObject",
        "fileSet",
        "format",
        "includes",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "samplingRate",
        "separator",
        "source",
        "subField",
        "transform",
    ];
    for key in own {
        context[key] = format!("cr:{key}").into();
    }
    context
}
