"""Samples per second of the family `poisson`: fempipe beside scikit-fem + SciPy doing the same work.

    python benches/peers/generate.py target/release/fempipe [--level 5] [--samples 2000] [--peer-samples 200]

The work of a sample: shift the inner nodes (redrawing shifts that turn a triangle over), assemble stiffness and load
with linear elements, eliminate the boundary, factorise and solve, write matrix, right-hand side and solution into an
HDF5 file. The two run in turn, three times; the ratio is of the best rates. fempipe's time is the whole process.
"""

import argparse
import os
import subprocess
import tempfile
import time

import h5py
import numpy as np
import skfem
from scipy.sparse.linalg import splu
from skfem.models.poisson import laplace, unit_load


def peer(level, samples, path):
    """scikit-fem + SuperLU + h5py; topology, element and index sets are made once."""
    n = 2**level
    h = 1.0 / n
    grid = np.arange(n + 1) * h
    x, y = np.meshgrid(grid, grid)
    home = np.stack([x.ravel(), y.ravel()])
    a = (np.arange(n)[:, None] * (n + 1) + np.arange(n)).ravel()
    cells = np.stack([np.r_[a, a], np.r_[a + 1, a + n + 2], np.r_[a + n + 2, a + n + 1]])
    inner = np.flatnonzero((home > h / 2).all(0) & (home < 1 - h / 2).all(0))
    rng = np.random.default_rng(1)
    element = skfem.ElementTriP1()
    start = time.perf_counter()
    with h5py.File(path, "w") as f:
        out = None
        for s in range(samples):
            points = home.copy()
            todo = inner
            while todo.size:
                points[:, todo] = home[:, todo] + rng.uniform(-0.2 * h, 0.2 * h, (2, todo.size))
                p, q, r = points[:, cells[0]], points[:, cells[1]], points[:, cells[2]]
                area = (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
                todo = np.intersect1d(cells[:, area <= 1e-3 * h * h], inner)
            basis = skfem.Basis(skfem.MeshTri(points, cells), element)
            matrix = laplace.assemble(basis).tocsr()[inner][:, inner]
            rhs = unit_load.assemble(basis)[inner]
            solution = splu(matrix.tocsc()).solve(rhs)
            if out is None:
                rows = lambda name, k: f.create_dataset(name, (samples, k), chunks=(1, k), dtype="f8")
                out = [rows("values", matrix.nnz), rows("rhs", rhs.size), rows("solution", rhs.size)]
                f["indices"], f["indptr"] = matrix.indices, matrix.indptr
            for d, v in zip(out, (matrix.data, rhs, solution)):
                d[s] = v
    return samples / (time.perf_counter() - start)


def ours(binary, level, samples, threads, path):
    command = [binary, "generate", "--family", "poisson", "--level", str(level), "--samples", str(samples), "-q"]
    start = time.perf_counter()
    subprocess.run(command + ["--threads", str(threads), "-o", path], check=True, stdout=subprocess.DEVNULL)
    return samples / (time.perf_counter() - start)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("fempipe")
    args.add_argument("--level", type=int, default=5)
    args.add_argument("--samples", type=int, default=2000)
    args.add_argument("--peer-samples", type=int, default=200)
    args = args.parse_args()
    best = {}
    threads = os.cpu_count() or 1
    for turn in range(3):
        with tempfile.TemporaryDirectory() as d:
            for name, run in [
                ("scikit-fem + SuperLU + h5py", lambda: peer(args.level, args.peer_samples, f"{d}/p.h5")),
                ("fempipe, 1 thread", lambda: ours(args.fempipe, args.level, args.samples, 1, f"{d}/1.h5")),
                (f"fempipe, {threads} threads", lambda: ours(args.fempipe, args.level, args.samples, threads, f"{d}/n.h5")),
            ]:
                best[name] = max(best.get(name, 0.0), run())
    base = best["scikit-fem + SuperLU + h5py"]
    print(f"poisson level {args.level}, n = {(2**args.level - 1) ** 2}, HDF5 written; best of 3 turns")
    for name, rate in best.items():
        print(f"  {name:28s} {rate:8.0f} samples/s   {rate / base:5.1f}x")


if __name__ == "__main__":
    main()
