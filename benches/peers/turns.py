"""Programs that make samples, in turns: what the comparisons of generation share."""

import os
import subprocess
import time
from pathlib import Path

import h5py

DATASETS = Path(__file__).parents[2] / "datasets"
PEER = "scikit-fem + SuperLU + h5py"


def ours(binary, recipe, samples, threads, path):
    """Samples a second of fempipe, the whole process."""
    command = [binary, "generate", str(DATASETS / recipe), "-q", "--samples", str(samples)]
    start = time.perf_counter()
    subprocess.run(command + ["--threads", str(threads), "-o", path], check=True, stdout=subprocess.DEVNULL)
    return samples / (time.perf_counter() - start)


def written(path, samples, sample, names):
    """Samples a second of a peer: `sample()` makes a matrix and what else goes into the file beside its values."""
    start, out = time.perf_counter(), None
    with h5py.File(path, "w") as file:
        for s in range(samples):
            matrix, *others = sample()
            row = (matrix.data, *others)
            if out is None:
                make = lambda n, v: file.create_dataset(n, (samples, v.size), chunks=(1, v.size), dtype="f8")
                out = [make(n, v) for n, v in zip(("values", *names), row)]
                file["indices"], file["indptr"] = matrix.indices, matrix.indptr
            for d, v in zip(out, row):
                d[s] = v
    return samples / (time.perf_counter() - start)


def in_turns(title, peer, binary, recipe, samples, directory, more=None):
    """Prints the best of three turns of the peer, of fempipe on one thread and on all, and of more programs by name."""
    threads, best = os.cpu_count() or 1, {}
    runs = {
        PEER: peer,
        "fempipe, 1 thread": lambda: ours(binary, recipe, samples, 1, f"{directory}/ours.h5"),
        f"fempipe, {threads} threads": lambda: ours(binary, recipe, samples, threads, f"{directory}/ours.h5"),
    } | (more or {})
    for _ in range(3):
        for name, run in runs.items():
            Path(f"{directory}/ours.h5").unlink(missing_ok=True)
            best[name] = max(best.get(name, 0.0), run())
    print(f"{title}; best of 3 turns")
    for name, rate in best.items():
        print(f"  {name:28s} {rate:8.1f} samples/s   {rate / best[PEER]:6.1f}x")
