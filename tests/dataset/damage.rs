//! Bits that turned, sectors that were lost: whatever is wrong with a file, a command ends soon, with a result or an
//! error, and no stored number changes unnoticed.

use std::path::{Path, PathBuf};
use std::process::Command;

use fempipe::rng::{self, Purpose};
use hdf5::types::{VarLenAscii, VarLenUnicode};
use rand::RngExt;

use crate::command::{alone, finish, ok};

/// Seconds of processor time that no command may take; the machine may have other work.
const SECONDS: u32 = 5;

/// Bytes of a sector of a disk.
const SECTOR: usize = 512;

/// The exit code of `inspect --verify`, which has to come by itself and in time.
fn verdict(file: &Path) -> i32 {
    let limited = format!("ulimit -c 0; ulimit -t {SECONDS}; exec \"$0\" inspect --verify --quiet \"$1\"");
    let mut command = Command::new("sh");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_fempipe")]).arg(file);
    let out = finish(&mut command);
    out.status.code().unwrap_or_else(|| panic!("{}: {}", file.display(), out.status))
}

/// A small dataset.
fn small(at: &Path, more: &[&str]) -> PathBuf {
    let args = ["generate", "--family", "poisson", "--level", "3", "--samples", "12", "-o", "d.h5"];
    ok(at, &[&args[..], more].concat());
    at.join("d.h5")
}

/// Files each with one random bit turned, and each with one sector zeroed: all must be told from the whole one.
fn damaged_files_are_told(file: &Path, flips: usize, sectors: usize) {
    let whole = std::fs::read(file).unwrap();
    assert_eq!(verdict(file), 0);
    let mut rng = rng::stream(3, Purpose::Measure, 0);
    let damaged = file.with_file_name("damaged.h5");
    let check = |bytes: &[u8], what: &str| {
        std::fs::write(&damaged, bytes).unwrap();
        assert_eq!(verdict(&damaged), if bytes == whole { 0 } else { 1 }, "{what}");
    };
    for _ in 0..flips {
        let (at, bit) = (rng.random_range(0..whole.len()), rng.random_range(0..8));
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        check(&bytes, &format!("bit {bit} of byte {at}"));
    }
    for _ in 0..sectors {
        let from = SECTOR * rng.random_range(0..whole.len().div_ceil(SECTOR));
        let mut bytes = whole.clone();
        bytes[from..whole.len().min(from + SECTOR)].fill(0);
        check(&bytes, &format!("sector at {from}"));
    }
}

#[test]
fn a_turned_bit_or_a_lost_sector_is_told() {
    let dir = tempfile::tempdir().unwrap();
    damaged_files_are_told(&small(dir.path(), &[]), 60, 20);
    damaged_files_are_told(&small(dir.path(), &["--compress", "--force"]), 40, 10);
}

/// Minutes: as many as no one waits for at every change.
#[test]
#[ignore = "thousands of runs; cargo test --test dataset -- --ignored thousands"]
fn thousands_of_turned_bits_and_lost_sectors_are_told() {
    let dir = tempfile::tempdir().unwrap();
    damaged_files_are_told(&small(dir.path(), &[]), 2000, 200);
    damaged_files_are_told(&small(dir.path(), &["--compress", "--force"]), 500, 50);
}

#[test]
fn every_byte_of_the_last_sector_counts() {
    let dir = tempfile::tempdir().unwrap();
    let file = small(dir.path(), &[]);
    let whole = std::fs::read(&file).unwrap();
    // Behind the content: 16 bytes for each piece of rows of samples, and 32 that start with how many there are.
    let count = u64::from_le_bytes(whole[whole.len() - 32..whole.len() - 24].try_into().unwrap());
    let trailer = 32 + 16 * count as usize;
    assert!((1..20).contains(&count));
    // The end of the content, and the checksum behind it.
    for at in whole.len() - trailer - 32..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 16;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(verdict(&file), 1, "byte {at} of {}", whole.len());
    }
    // Without the checksum alone, what is left is the whole content.
    for cut in [1, 8, 31, 32, trailer - 1, trailer, trailer + 1] {
        std::fs::write(&file, &whole[..whole.len() - cut]).unwrap();
        assert_eq!(verdict(&file), if cut == trailer { 0 } else { 1 }, "{cut} bytes cut off");
    }
}

/// Makes the file one of format version 1: texts of variable length, no checksum.
fn as_version_1(file: &Path) {
    let _guard = alone();
    let h5 = hdf5::File::open_rw(file).unwrap();
    let groups = ["systems", "systems/fields", "systems/table", "pattern", "mesh"].map(|g| h5.group(g).unwrap());
    let fields = h5.group("systems/fields").unwrap();
    let data = fields.member_names().unwrap();
    let places = std::iter::once((*h5).clone()).chain(groups);
    let places = places.map(|g| (*g).clone()).chain(data.iter().map(|d| (**fields.dataset(d).unwrap()).clone()));
    for place in places {
        for name in place.attr_names().unwrap() {
            let attr = place.attr(&name).unwrap();
            let Ok(hdf5::types::TypeDescriptor::FixedUnicode(_)) = attr.dtype().unwrap().to_descriptor() else {
                continue;
            };
            let texts: Vec<String> = match attr.is_scalar() {
                true => vec![attr.read_scalar::<hdf5::types::FixedUnicode<1024>>().unwrap().to_string()],
                false => {
                    let texts = attr.read_raw::<hdf5::types::FixedUnicode<1024>>().unwrap();
                    texts.iter().map(|t| t.to_string()).collect()
                }
            };
            let list = !attr.is_scalar();
            place.delete_attr(&name).unwrap();
            let texts: Vec<VarLenUnicode> = texts.iter().map(|t| t.parse().unwrap()).collect();
            let new = place.new_attr::<VarLenUnicode>();
            match list {
                true => new.shape(texts.len()).create(name.as_str()).unwrap().write_raw(&texts).unwrap(),
                false => new.create(name.as_str()).unwrap().write_scalar(&texts[0]).unwrap(),
            }
        }
    }
    // What others write.
    let ascii = VarLenAscii::from_ascii("chosen by hand").unwrap();
    h5.new_attr::<VarLenAscii>().create("note").unwrap().write_scalar(&ascii).unwrap();
    h5.attr("format_version").unwrap().write_scalar(&1u32).unwrap();
    h5.close().unwrap();
}

#[test]
fn files_of_version_1_are_read_and_damaged_ones_end_no_process() {
    let dir = tempfile::tempdir().unwrap();
    let file = small(dir.path(), &[]);
    let digests = crate::command::digests(&file);
    as_version_1(&file);
    assert_eq!(verdict(&file), 0);
    assert_eq!(crate::command::digests(&file), digests);
    let whole = std::fs::read(&file).unwrap();
    let heaps: Vec<usize> = (0..whole.len() - 4).filter(|&at| whole[at..].starts_with(b"GCOL")).collect();
    assert!(!heaps.is_empty(), "the texts are in no global heap");
    // Sizes and counts in the headers of heaps: what makes HDF5 loop and crash.
    let mut rng = rng::stream(4, Purpose::Measure, 0);
    let mut codes = [0; 2];
    for _ in 0..80 {
        let at = heaps[rng.random_range(0..heaps.len())] + rng.random_range(0..48);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << rng.random_range(0..8);
        std::fs::write(&file, bytes).unwrap();
        codes[verdict(&file) as usize] += 1;
    }
    assert!(codes[1] > 0, "no flip did any harm: the test tests nothing");
    for heap in heaps {
        let mut bytes = whole.clone();
        bytes[heap..heap + SECTOR].fill(0);
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(verdict(&file), 1);
    }
}

/// A checksum is no proof against a file made on purpose; Ctrl-C ends what HDF5 makes of it.
#[cfg(unix)]
#[test]
fn an_endless_file_whose_checksum_holds_ends_on_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let file = small(dir.path(), &[]);
    as_version_1(&file);
    let whole = std::fs::read(&file).unwrap();
    let heap = (0..whole.len() - 4).find(|&at| whole[at..].starts_with(b"GCOL")).unwrap();
    // Objects of size 0 behind the header of a heap.
    let mut bytes = whole.clone();
    bytes[heap + 16..heap + SECTOR].fill(0);
    std::fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    crate::command::refused(dir.path(), &["inspect", &path], 1, &["HDF5 finds no end in it"]);

    let end = bytes.len() as u64;
    bytes.extend(0u64.to_le_bytes().into_iter().chain(end.to_le_bytes()));
    let checksum = xxhash_rust::xxh3::xxh3_64(&bytes);
    bytes.truncate(end as usize);
    bytes.extend([0, end, checksum].into_iter().flat_map(u64::to_le_bytes));
    bytes.extend(b"\xFFfempipe");
    std::fs::write(&file, &bytes).unwrap();
    let mut child = crate::command::spawn(&mut crate::command::fempipe(dir.path(), &["inspect", &path, "--quiet"]));
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "the file is not endless");
    let sent = std::time::Instant::now();
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    while child.try_wait().unwrap().is_none() {
        if sent.elapsed().as_secs() > 20 {
            child.kill().unwrap();
            panic!("Ctrl-C does not end it");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
