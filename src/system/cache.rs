//! What is loaded or derived from samples, kept within a stated bound of memory.
//!
//! Every epoch asks for each sample once, in an order of its own. Giving up what was used longest ago, as other caches
//! do, would throw away what the next epoch asks for first: with memory for a share f of the samples it answers about
//! f²/2 of the requests. So this one fills up and then stays as it is, which answers the share f. What found no place
//! is made again at each request: most of it takes more bytes than the sample that it is made from, so that reading it
//! back would cost as much, and nothing on disk can be out of date.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{LinearSystem, Parts, SampleSource};
use crate::error::Result;

/// Items by the ids of their samples. Several threads may ask; an item asked for twice at once is made twice, equal.
pub struct Cache<T> {
    items: Mutex<Kept<T>>,
    most: usize,
}

struct Kept<T> {
    by_id: HashMap<u32, Arc<T>>,
    bytes: usize,
}

impl<T> Cache<T> {
    /// An empty cache that will hold at most `most` bytes of items.
    pub fn new(most: usize) -> Self {
        let items = Kept { by_id: HashMap::new(), bytes: 0 };
        Cache { items: Mutex::new(items), most }
    }

    /// The items of these samples, in order. `make` is given the ids of the missing ones, each once, and returns their
    /// items in that order; `bytes` is what an item takes.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get(
        &self,
        ids: &[u32],
        make: impl FnOnce(&[u32]) -> Result<Vec<Arc<T>>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Result<Vec<Arc<T>>> {
        let mut found: HashMap<u32, Arc<T>> = {
            let kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            let known = ids.iter().filter_map(|id| Some((*id, kept.by_id.get(id)?.clone())));
            known.collect()
        };
        let mut missing: Vec<u32> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let made = make(&missing)?;
            let mut kept = self.items.lock().unwrap_or_else(PoisonError::into_inner);
            for (id, item) in missing.into_iter().zip(made) {
                let more = bytes(&item);
                if kept.bytes + more <= self.most && kept.by_id.insert(id, item.clone()).is_none() {
                    kept.bytes += more;
                }
                found.insert(id, item);
            }
        }
        Ok(ids.iter().map(|id| found[id].clone()).collect())
    }
}

/// A source that keeps one choice of parts of the samples it was asked for, as far as memory goes.
pub struct Cached {
    source: Arc<dyn SampleSource>,
    parts: Parts,
    samples: Cache<LinearSystem>,
}

impl Cached {
    /// Keeps `parts` of samples in at most `most` bytes; other parts are loaded at each request.
    pub fn new(source: Arc<dyn SampleSource>, parts: Parts, most: usize) -> Self {
        Cached { source, parts, samples: Cache::new(most) }
    }

    /// The most bytes that it keeps.
    pub fn most(&self) -> usize {
        self.samples.most
    }

    /// The parts that are kept.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl SampleSource for Cached {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn has_solutions(&self) -> bool {
        self.source.has_solutions()
    }

    fn size(&self, id: u32) -> Result<(usize, usize)> {
        self.source.size(id)
    }

    fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
        self.source.bytes(id, parts)
    }

    fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
        if *parts != self.parts {
            return self.source.load(ids, parts);
        }
        let make = |missing: &[u32]| self.source.load(missing, parts);
        self.samples.get(ids, make, LinearSystem::bytes)
    }
}

/// The most MiB that a bound of memory may be: 1 PiB, whose bytes any count holds.
pub const MOST_MIB: usize = 1 << 30;

/// What may be kept where a recipe says nothing: half of the memory that this process may use ([`usable_bytes`]); 1 GiB
/// where that is not known.
pub fn default_bytes() -> usize {
    usable_bytes().unwrap_or(2 << 30) / 2
}

/// The memory that this process may use: the machine's, its control group's or that of `ulimit -v`, whichever is least;
/// None where none of them is known.
pub fn usable_bytes() -> Option<usize> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let second = |text: &str, key: &str, unit: usize| -> Option<usize> {
        let rest = text.lines().find_map(|l| l.strip_prefix(key))?;
        Some(rest.split_whitespace().next()?.parse::<usize>().ok()? * unit)
    };
    let limits = [
        second(&read("/proc/meminfo"), "MemTotal:", 1 << 10),
        group_limit(Path::new("/sys/fs/cgroup"), &read("/proc/self/cgroup")),
        second(&read("/proc/self/limits"), "Max address space", 1),
    ];
    limits.into_iter().flatten().min()
}

/// The least memory limit on the paths of the control groups up to the root; `groups` is /proc/self/cgroup, with a
/// line `hierarchy:controllers:path` for each. In a container the path may be one that is not mounted there: its
/// root is, and has the container's limit.
fn group_limit(mounted: &Path, groups: &str) -> Option<usize> {
    let parsed = groups.lines().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let limits = parsed.flat_map(|(controllers, path)| {
        let (root, file) = match controllers {
            "" => (mounted.into(), "memory.max"),
            _ => (mounted.join("memory"), "memory.limit_in_bytes"),
        };
        let of_memory = controllers.is_empty() || controllers.split(',').any(|c| c == "memory");
        let inside: PathBuf = Path::new(path).components().filter(|c| matches!(c, Component::Normal(_))).collect();
        let files: Vec<PathBuf> = match of_memory {
            true => inside.ancestors().map(|group| root.join(group).join(file)).collect(),
            false => Vec::new(),
        };
        // "max", and what is not there, is no limit.
        files.into_iter().filter_map(|f| std::fs::read_to_string(f).ok()?.trim().parse::<usize>().ok())
    });
    limits.min()
}

/// The bytes of memory that the process uses, where the system tells (Linux).
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;
    use crate::linalg::{Csr, Props};

    /// A cache of squares of 10 bytes each; how many were made.
    fn squares(cache: &Cache<u32>, ids: &[u32]) -> (Vec<u32>, usize) {
        let mut count = 0;
        let make = |missing: &[u32]| {
            count = missing.len();
            Ok(missing.iter().map(|&id| Arc::new(id * id)).collect())
        };
        let items = cache.get(ids, make, |_| 10).unwrap();
        (items.iter().map(|i| **i).collect(), count)
    }

    #[test]
    fn a_full_cache_stays_as_it_is() {
        let cache = Cache::new(39);
        assert_eq!(squares(&cache, &[4, 1, 4]), (vec![16, 1, 16], 2));
        assert_eq!(squares(&cache, &[5, 2]), (vec![25, 4], 2));
        // Three are kept: 1, 4, 2.
        assert_eq!(squares(&cache, &[1, 2, 4]), (vec![1, 4, 16], 0));
        assert_eq!(squares(&cache, &[6, 5, 1]), (vec![36, 25, 1], 2));
        assert_eq!(squares(&cache, &[2, 1, 4]), (vec![4, 1, 16], 0));
        let error = cache.get(&[9], |_| Err(Error::Argument("no".into())), |_| 10);
        assert!(error.is_err());
        assert_eq!(squares(&Cache::new(0), &[3, 3]), (vec![9, 9], 1));
    }

    #[test]
    fn the_least_limit_of_the_control_groups_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = dir.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        let limit = |groups: &str| group_limit(dir.path(), groups);
        assert_eq!(limit("0::/a/b\n"), None);
        write("a/memory.max", "3000\n");
        write("a/b/memory.max", "max\n");
        write("a/c/memory.max", "2000\n");
        assert_eq!(limit("0::/a/b\n"), Some(3000));
        assert_eq!(limit("0::/a/c\n"), Some(2000));
        assert_eq!(limit("0::/elsewhere\n"), None);
        write("memory.max", "2500\n");
        assert_eq!([limit("0::/a/b\n"), limit("0::/\n")], [Some(2500); 2]);
        assert_eq!(limit("0::/../a/c\n"), Some(2000));
        // Version 1: one hierarchy of the memory controller, whatever the others have.
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/job/1/memory.limit_in_bytes", "700\n");
        write("memory/job/memory.limit_in_bytes", "800\n");
        let groups = "12:cpu,cpuacct:/a\n4:hugetlb,memory:/job/1/x:y\n1:name=systemd:/a/c\n";
        assert_eq!(limit(groups), Some(700));
        assert_eq!(limit("4:memory:/on/the/host\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(limit("12:cpu,cpuacct:/job/1\nnothing\n\n"), None);
    }

    /// Counts the samples that are loaded.
    struct Counting(Vec<LinearSystem>, AtomicUsize);

    impl SampleSource for Counting {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn has_solutions(&self) -> bool {
            false
        }
        fn size(&self, id: u32) -> Result<(usize, usize)> {
            self.0.size(id)
        }
        fn bytes(&self, id: u32, parts: &Parts) -> Result<usize> {
            self.0.bytes(id, parts)
        }
        fn load(&self, ids: &[u32], parts: &Parts) -> Result<Vec<Arc<LinearSystem>>> {
            self.1.fetch_add(ids.len(), Ordering::Relaxed);
            self.0.load(ids, parts)
        }
    }

    #[test]
    fn kept_samples_are_loaded_once() {
        let sample =
            |index| LinearSystem { index, ..LinearSystem::plain(Csr::identity(4), vec![index as f64; 4], Props::SPD) };
        let samples: Vec<_> = (0..6).map(sample).collect();
        let each = samples[0].bytes();
        assert_eq!(each, samples.bytes(0, &Parts::all()).unwrap());
        let counting = Arc::new(Counting(samples, AtomicUsize::new(0)));
        let cached = Cached::new(counting.clone(), Parts::all(), 3 * each);
        for (ids, loads) in [([0, 1, 2], 3), ([2, 1, 0], 0), ([0, 4, 5], 2), ([4, 1, 5], 2)] {
            let before = counting.1.load(Ordering::Relaxed);
            let loaded = cached.load(&ids, &Parts::all()).unwrap();
            assert_eq!(loaded.iter().map(|s| s.index as u32).collect::<Vec<_>>(), ids);
            assert_eq!(counting.1.load(Ordering::Relaxed) - before, loads);
        }
        let part = cached.load(&[0], &Parts::matrix()).unwrap();
        assert!(part[0].rhs.is_empty() && part[0].matrix.nnz() == 4);
        assert!(default_bytes() > 1 << 20);
    }
}
