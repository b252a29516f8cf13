"""How much of the memory's and the disk's bandwidth generation uses.

    python benches/peers/bandwidth.py target/release/fempipe [--recipe elliptic.toml] [--samples 4000]

The memory's bandwidth is that of copies of 256 MiB by NumPy, one process a thread, bytes read and written together; the
disk's that of one sequential write of the dataset's size with fsync, where TMPDIR is. fempipe's time is the whole
process, the dataset forced to the disk, best of three. What a sample moves between the last cache and memory is counted by
valgrind's cachegrind in a model of the cache (size and associativity of this machine's last level, write-backs as many as
write misses), as the difference between two numbers of samples, so that set-up does not count. The rows that the kernel
takes into its page cache, which valgrind does not see, are added: read for ownership and written.
"""

import argparse
import os
import re
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from turns import DATASETS, ours

LINE = 64


def copies(seconds):
    """Bytes a second that one process copies: read and written."""
    a = np.ones(32 << 20)
    b = np.empty_like(a)
    np.copyto(b, a)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        np.copyto(b, a)
        done += 2 * a.nbytes
    return done / (time.perf_counter() - start)


def memory_bandwidth(processes):
    with ProcessPoolExecutor(processes) as pool:
        return sum(pool.map(copies, [2.0] * processes))


def disk_bandwidth(directory, size):
    block, path = np.random.default_rng(0).bytes(16 << 20), f"{directory}/block"
    start = time.perf_counter()
    with open(path, "wb") as f:
        for _ in range(-(-size // len(block))):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())
    seconds, written = time.perf_counter() - start, os.path.getsize(path)
    os.unlink(path)
    return written / seconds


def last_level():
    """Size, associativity and line of the last cache, as cachegrind has it."""
    caches = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
    read = lambda name: (caches[-1] / name).read_text().strip()
    size = int(read("size").rstrip("K")) << 10
    ways = max(int(read("ways_of_associativity")), 1)
    # cachegrind wants a power of two of sets.
    while size // (ways * LINE) & (size // (ways * LINE) - 1):
        size -= ways * LINE
    return f"{size},{ways},{LINE}"


def traffic(binary, recipe, directory, cache):
    """Bytes between the last cache and memory a sample."""
    few, many, lines = 32, 96, []
    for samples in (few, many):
        out = f"{directory}/cachegrind.h5"
        command = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", f"--LL={cache}", "--cachegrind-out-file=/dev/null"]
        command += [binary, "generate", str(DATASETS / recipe), "-q", "--samples", str(samples), "--threads", "1", "-o", out]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
        os.unlink(out)
        counts = re.search(r"LLd misses:\s+([\d,]+)\s+\(\s*([\d,]+) rd\s+\+\s+([\d,]+) wr", run.stderr).groups()
        misses, _, writes = (int(c.replace(",", "")) for c in counts)
        lines.append(misses + writes)
    return LINE * (lines[1] - lines[0]) / (many - few)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("fempipe")
    args.add_argument("--recipe", default="elliptic.toml")
    args.add_argument("--samples", type=int, default=4000)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as d:
        out = f"{d}/ours.h5"
        moved = traffic(args.fempipe, args.recipe, d, last_level())
        print(f"{args.recipe}: beside its row a sample moves {moved / 1e3:.0f} kB between cache and memory")
        for threads in sorted({1, os.cpu_count() or 1}):
            memory, rates = memory_bandwidth(threads), []
            for _ in range(3):
                Path(out).unlink(missing_ok=True)
                rates.append(ours(args.fempipe, args.recipe, args.samples, threads, out))
            size = os.path.getsize(out)
            disk, rate = disk_bandwidth(d, size), max(rates)
            written = rate * size / args.samples
            traffic_rate = rate * moved + 2 * written
            print(
                f"  {threads} threads: {rate:7.1f} samples/s; memory {traffic_rate / 1e9:5.2f} of {memory / 1e9:5.1f} GB/s "
                f"({100 * traffic_rate / memory:4.1f} %), disk {written / 1e6:5.0f} of {disk / 1e6:5.0f} MB/s "
                f"({100 * written / disk:4.1f} %)"
            )


if __name__ == "__main__":
    main()
