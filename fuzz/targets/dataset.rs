//! Datasets that HDF5 itself finds whole, but whose contents are not what fempipe writes: datasets of other shapes,
//! types and values, attributes, links; without a checksum, with one made anew, and with random bytes in its place.
//! Built for fuzzing the library takes any digest for the recorded one, and reads in its own process. Damage of HDF5's
//! own structures is for its library, and for the checksum in front of it.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fempipe::dataset::{Dataset, statistics, verify};
use fempipe::generate::{self, Recipe, Settings};
use fempipe::transfer::{Format, export};
use hdf5::types::{FixedUnicode, VarLenUnicode};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

/// One dataset of each layout: a shared pattern with a mesh, and patterns of their own.
const RECIPES: [&str; 2] = [
    "family = \"poisson\"\nsamples = 5\n[labels]\nicc = true\neigenpairs = 2\n[poisson]\nlevel = 2\n",
    "family = \"frame\"\nsamples = 3\n[frame]\ncells = [[1, 2], [1, 2], [1, 2]]\n",
];

/// Texts that mean something to a reader.
const TEXTS: [&str; 20] = [
    "",
    "spd",
    "symmetric",
    "general",
    "points",
    "cells",
    "dofs",
    "grid",
    "sample",
    "lower",
    "shared pattern",
    "own pattern",
    "triangle",
    "quad",
    "param:u",
    "u\nf",
    "fempipe dataset",
    "csr_matrix",
    "00 a",
    "é\u{1b}[1m\u{202e}",
];

struct Base {
    bytes: Vec<u8>,
    /// Of its HDF5 content.
    length: usize,
    /// Paths of groups and datasets.
    paths: Vec<String>,
    attributes: Vec<String>,
}

fn place() -> &'static Path {
    static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let place = parent.join(format!("fempipe-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        place
    });
    &PLACE
}

static BASES: LazyLock<Vec<Base>> = LazyLock::new(|| {
    let base = |(k, text): (usize, &&str)| {
        let path = place().join(format!("base{k}.h5"));
        let recipe = Recipe::parse(text, "recipe").unwrap();
        generate::run(&recipe, &*recipe.family().unwrap(), &path, &Settings::default()).unwrap();
        let file = hdf5::File::open(&path).unwrap();
        let (mut paths, mut attributes) = (vec!["/".to_string()], file.attr_names().unwrap());
        let mut groups = vec![file.group("/").unwrap()];
        while let Some(group) = groups.pop() {
            for dataset in group.datasets().unwrap() {
                attributes.extend(dataset.attr_names().unwrap());
                paths.push(dataset.name());
            }
            for inner in group.groups().unwrap() {
                attributes.extend(inner.attr_names().unwrap());
                paths.push(inner.name());
                groups.push(inner);
            }
        }
        attributes.sort();
        attributes.dedup();
        let bytes = std::fs::read(&path).unwrap();
        let length = u64::from_le_bytes(std::array::from_fn(|k| bytes[28 + k])) as usize;
        Base { bytes, length, paths, attributes }
    };
    RECIPES.iter().enumerate().map(base).collect()
});

/// A number that a byte stands for: small, large, or none that an index can be.
fn number(byte: u8) -> i64 {
    match byte {
        0..=199 => i64::from(byte),
        200..=229 => -i64::from(byte - 199),
        _ => 1i64.checked_shl(u32::from(byte - 200)).unwrap_or(i64::MAX),
    }
}

/// Changes a file as the bytes say; what HDF5 does not allow is left away.
fn edit(path: &Path, base: &Base, mut rest: &[u8]) -> hdf5::Result<()> {
    let file = hdf5::File::open_rw(path)?;
    while let [op, at, value, more @ ..] = rest {
        let (bytes, more) = more.split_at(usize::from(op >> 4).min(more.len()));
        rest = more;
        let target = base.paths[usize::from(*at) % base.paths.len()].as_str();
        let values: Vec<i64> = bytes.iter().map(|&b| number(b)).collect();
        let attribute = || -> hdf5::Result<_> {
            let holder =
                file.group(target).map(|g| (*g).clone()).or_else(|_| file.dataset(target).map(|d| (**d).clone()))?;
            let name = base.attributes[usize::from(*value) % base.attributes.len()].as_str();
            let _ = holder.delete_attr(name);
            Ok((holder, name))
        };
        let _ = match op % 12 {
            0 => (|| {
                let old = file.dataset(target)?;
                let mut all = old.read_raw::<f64>()?;
                let place = usize::from(*value) % all.len().max(1);
                for (slot, v) in all.iter_mut().skip(place).zip(&values) {
                    *slot = *v as f64;
                }
                old.write_raw(&all)
            })(),
            1 => file.unlink(target).and_then(|()| {
                let new = file.new_dataset::<f64>().shape(usize::from(*value)).create(target)?;
                let filled: Vec<f64> = (0..usize::from(*value)).map(|k| k as f64).collect();
                new.write_raw(&filled)
            }),
            2 => file.unlink(target).and_then(|()| {
                let rows = usize::from(value >> 4);
                let new = file.new_dataset::<i64>().shape((rows, values.len())).create(target)?;
                new.write_raw(&values.repeat(rows))
            }),
            3 => file.unlink(target),
            4 => {
                let other = base.paths[usize::from(*value) % base.paths.len()].as_str();
                file.unlink(target).and_then(|()| file.link_hard(other, target))
            }
            5 => attribute().and_then(|(holder, name)| {
                let v = values.first().copied().unwrap_or(0);
                holder.new_attr::<i64>().create(name)?.write_scalar(&v)
            }),
            6 => (|| {
                let old = file.dataset(target)?;
                let all = old.read_raw::<f64>()?;
                let keep = usize::from(*value).min(all.len());
                file.unlink(target)?;
                file.new_dataset::<f64>().shape(keep).create(target)?.write_raw(&all[..keep])
            })(),
            7 => file.unlink(target).and_then(|()| file.create_group(target).map(drop)),
            8 => attribute().and_then(|(holder, name)| {
                holder.new_attr::<i64>().shape(values.len()).create(name)?.write_raw(&values)
            }),
            9 => attribute().and_then(|(holder, name)| {
                let text = text(bytes);
                let text: VarLenUnicode = text.parse().unwrap_or_default();
                holder.new_attr::<VarLenUnicode>().create(name)?.write_scalar(&text)
            }),
            10 => attribute().and_then(|(holder, name)| {
                let texts: Vec<FixedUnicode<32>> =
                    bytes.iter().map(|b| text(&[*b]).parse().unwrap_or_default()).collect();
                match texts[..] {
                    [one] => holder.new_attr::<FixedUnicode<32>>().create(name)?.write_scalar(&one),
                    _ => holder.new_attr::<FixedUnicode<32>>().shape(texts.len()).create(name)?.write_raw(&texts),
                }
            }),
            // Numbers that are none, in rows of samples and in tables.
            _ => (|| {
                let old = file.dataset(target)?;
                let mut all = old.read_raw::<f64>()?;
                let place = usize::from(*value) % all.len().max(1);
                let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e308, 5e-324, -1e300];
                for (slot, b) in all.iter_mut().skip(place).zip(bytes) {
                    *slot = odd[usize::from(*b) % odd.len()];
                }
                old.write_raw(&all)
            })(),
        };
    }
    file.close()
}

/// One of [`TEXTS`], or the bytes.
fn text(bytes: &[u8]) -> String {
    match bytes {
        [k] => TEXTS[usize::from(*k) % TEXTS.len()].to_string(),
        _ => String::from_utf8_lossy(bytes).replace('\0', " "),
    }
}

/// The trailer of a content, without extents of samples: all of it counts.
fn trailer(content: &[u8]) -> Vec<u8> {
    let numbers = [0, content.len() as u64];
    let mut hashed = content.to_vec();
    numbers.iter().for_each(|n| hashed.extend(n.to_le_bytes()));
    let all = numbers.into_iter().chain([xxh3_64(&hashed)]).flat_map(u64::to_le_bytes);
    all.chain(*b"\xFFfempipe").collect()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, edits)) = bytes.split_first() else { return };
    let base = &BASES[usize::from(*which) % BASES.len()];
    let path = place().join("a.h5");
    // What stands behind the content: nothing, a checksum that holds, or anything.
    let behind = (which >> 1) % 4;
    if behind == 3 {
        let end = edits.split_at_checked(1).map(|(keep, end)| (usize::from(keep[0]), end));
        let Some((keep, end)) = end else { return };
        let keep = (base.length + keep).min(base.bytes.len());
        std::fs::write(&path, [&base.bytes[..keep], end].concat()).unwrap();
    } else {
        std::fs::write(&path, &base.bytes).unwrap();
        if edit(&path, base, edits).is_err() {
            return;
        }
    }
    if behind == 2 {
        let mut content = std::fs::read(&path).unwrap();
        content.extend(trailer(&content));
        std::fs::write(&path, content).unwrap();
    }
    let data = match Dataset::open(&path) {
        Ok(data) => data,
        Err(e) => return assert!(e.to_string().contains("a.h5"), "{e}"),
    };
    assert!(behind == 3 || data.has_checksum() == (behind == 2));
    let _ = data.contents();
    let _ = verify::verify(&data, &|_| ());
    let _ = statistics::statistics(&data, &|_| ());
    let formats = [Format::Mtx, Format::Npz, Format::Petsc, Format::Vtu];
    for i in 0..data.len().min(8) {
        let Ok(system) = data.read(i) else { continue };
        let format = formats[(usize::from(which >> 3) + i) % formats.len()];
        let _ = export(&system, format, &place().join("a").with_extension(format.extension()));
        // Most of the time of a run.
        if i == 0 && which >> 3 == 0 {
            let _ = fempipe::draw::sample(&system, "a");
        }
    }
});
