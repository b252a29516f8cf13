#!/usr/bin/env python3
"""Labels: the k smallest eigenpairs of Darcy matrices beside SciPy's eigsh by shift-invert, the same matrices, on one core and on two.

    cargo bench --no-run --bench eigen
    python3 benches/peers/eigen.py target/release/fempipe target/release/deps/eigen-HASH [--cells 129] [--k 10,20] [--samples 16] [--rounds 3]

eigsh factorises with SuperLU; the order of unknowns is the faster of its default (COLAMD) and of the one for symmetric patterns
(MMD_AT_PLUS_A, diagonal pivots). Both have to reach ||A v - lambda v|| <= 1e-8 |lambda|. On two cores each program works on two matrices
at a time. On one core processor time is told too (fempipe's with reading the file), which other load changes less. Needs SciPy, h5py.
"""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

RECIPE = """
family = "darcy"
samples = {samples}
[darcy]
cells = {cells}
discretisation = "fd"
faces = "arithmetic"
"""


def matrices(path):
    import h5py, scipy.sparse as sp

    with h5py.File(path) as f:
        p, values = f["pattern"], f["systems/values"][:]
        shape, indices, indptr = p.attrs["shape"], p["indices"][:], p["indptr"][:]
        return [sp.csc_matrix((v, indices, indptr), shape=shape) for v in values]


def label(job):
    """The largest relative residual of the k smallest eigenpairs; A is symmetric, so rows are columns."""
    import numpy as np, scipy.sparse.linalg as spla

    a, k, symmetric = job
    if symmetric:
        lu = spla.splu(a, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=dict(SymmetricMode=True))
    else:
        lu = spla.splu(a)
    inverse = spla.LinearOperator(a.shape, lu.solve)
    values, vectors = spla.eigsh(a, k, sigma=0.0, OPinv=inverse, tol=1e-10)
    return float((np.linalg.norm(a @ vectors - vectors * values, axis=0) / abs(values)).max())


def theirs(data, k, cores, symmetric):
    from multiprocessing import Pool

    jobs = [(a, k, symmetric) for a in matrices(data)]
    cpu = time.process_time()
    if cores == 1:
        start = time.perf_counter()
        worst = max(map(label, jobs))
    else:
        with Pool(cores) as pool:
            pool.map(len, [jobs] * cores)
            start = time.perf_counter()
            worst = max(pool.map(label, jobs, chunksize=1))
    return len(jobs) / (time.perf_counter() - start), worst, (time.process_time() - cpu) / len(jobs)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("binary", help="fempipe")
    p.add_argument("bench", help="the bench `eigen`, built")
    p.add_argument("--cells", type=int, default=129, help="n is the square of one less")
    p.add_argument("--k", default="10,20")
    p.add_argument("--samples", type=int, default=16)
    p.add_argument("--rounds", type=int, default=3)
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe, data = f"{folder}/d.toml", f"{folder}/d.h5"
        Path(recipe).write_text(RECIPE.format(samples=args.samples, cells=args.cells))
        subprocess.run([args.binary, "generate", recipe, "-o", data], check=True, capture_output=True)
        for k in map(int, args.k.split(",")):
            rates = [theirs(data, k, 1, symmetric)[0] for symmetric in (False, True)]
            symmetric = rates[1] > rates[0]
            for cores in (1, 2):
                ratios = []
                for _ in range(args.rounds):
                    env = {**os.environ, "RAYON_NUM_THREADS": str(cores)}
                    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
                    run = subprocess.run([args.bench, data, str(k)], check=True, capture_output=True, text=True, env=env)
                    own = (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before) / args.samples
                    ours = json.loads(run.stdout)
                    rate, worst, cpu = theirs(data, k, cores, symmetric)
                    if max(ours["worst_residual"], worst) > 1e-8:
                        sys.exit(f"residuals: {ours['worst_residual']:.1e} and {worst:.1e}, above 1e-8")
                    ratios.append(ours["labels_per_second"] / rate)
                    print(
                        f"n = {(args.cells - 1) ** 2}, k = {k}, {cores} core{'s' * (cores > 1)}: fempipe {ours['labels_per_second']:.2f} labels/s"
                        f" (residual {ours['worst_residual']:.0e}), SciPy {rate:.2f} ({worst:.0e}"
                        f"{', MMD_AT_PLUS_A' * symmetric}), ratio {ratios[-1]:.2f}"
                        + f"; {1e3 * own:.0f} and {1e3 * cpu:.0f} ms of processor time a label" * (cores == 1),
                        flush=True,
                    )
                print(f"  median ratio {sorted(ratios)[len(ratios) // 2]:.2f}", flush=True)


if __name__ == "__main__":
    main()
