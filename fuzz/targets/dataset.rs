//! Datasets that HDF5 itself finds whole, but whose contents are not what fempipe writes: datasets of other shapes,
//! types and values, attributes, links. Damage of HDF5's own structures is for its library, and for the checksum in
//! front of it.
#![no_main]

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fempipe::dataset::{Dataset, statistics, verify};
use fempipe::generate::{self, Recipe, Settings};
use fempipe::io::vtk;
use libfuzzer_sys::fuzz_target;

/// One dataset of each layout: a shared pattern with a mesh, and patterns of their own.
const RECIPES: [&str; 2] = [
    "family = \"poisson\"\nsamples = 5\n[labels]\nicc = true\neigenpairs = 2\n[poisson]\nlevel = 2\n",
    "family = \"frame\"\nsamples = 3\n[frame]\ncells = [[1, 2], [1, 2], [1, 2]]\n",
];

struct Base {
    bytes: Vec<u8>,
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
        Base { bytes: std::fs::read(&path).unwrap(), paths, attributes }
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
        rest = more;
        let target = base.paths[usize::from(*at) % base.paths.len()].as_str();
        let values: Vec<i64> = more.iter().take(usize::from(op >> 4)).map(|&b| number(b)).collect();
        let _ = match op % 8 {
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
            5 => (|| {
                let holder = file
                    .group(target)
                    .map(|g| (*g).clone())
                    .or_else(|_| file.dataset(target).map(|d| (**d).clone()))?;
                let name = base.attributes[usize::from(*value) % base.attributes.len()].as_str();
                let _ = holder.delete_attr(name);
                let v = values.first().copied().unwrap_or(0);
                holder.new_attr::<i64>().create(name)?.write_scalar(&v)
            })(),
            6 => (|| {
                let old = file.dataset(target)?;
                let all = old.read_raw::<f64>()?;
                let keep = usize::from(*value).min(all.len());
                file.unlink(target)?;
                file.new_dataset::<f64>().shape(keep).create(target)?.write_raw(&all[..keep])
            })(),
            _ => file.unlink(target).and_then(|()| file.create_group(target).map(drop)),
        };
    }
    file.close()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, edits)) = bytes.split_first() else { return };
    let base = &BASES[usize::from(*which) % BASES.len()];
    let path = place().join("a.h5");
    std::fs::write(&path, &base.bytes).unwrap();
    if edit(&path, base, edits).is_err() {
        return;
    }
    let Ok(data) = Dataset::open(&path) else { return };
    let _ = data.contents();
    let _ = verify::verify(&data, &|_| ());
    let _ = statistics::statistics(&data, &|_| ());
    for i in 0..data.len().min(8) {
        let Ok(system) = data.read(i) else { continue };
        if let Some(mesh) = &system.mesh {
            let _ = vtk::write(&place().join("a.vtu"), mesh, &system.fields);
        }
        let _ = fempipe::draw::sample(&system, "a");
    }
});
