#!/usr/bin/env python3
"""Milliseconds of the kernels inside Krylov iterations beside PETSc's and SciPy's, on the matrices of solvers.py.

    cargo bench --no-run --bench kernels
    python3 benches/peers/kernels.py target/release/deps/kernels-HASH [--data FOLDER] [--threads 1]

y = A x, and z = M r for each preconditioner that PETSc has too; the shortest of many runs, one after the other. With --threads 2
PETSc runs on two processes (mpirun -n 2), each with half of the rows, and only A x and jacobi are compared.
"""
import argparse, json, os, subprocess, sys, tempfile, time

import numpy as np
import solvers
from solvers import PETSc

PCS = [
    ("jacobi", "jacobi", {}),
    ("ssor", "sor", {}),
    ("icc(0)", "icc", {}),
    ("icc(1)", "icc", {"pc_factor_levels": 1}),
    ("ilu(0)", "ilu", {}),
    ("bjacobi(8, inner = icc)", "bjacobi", {"pc_bjacobi_blocks": 8, "sub_ksp_type": "preonly", "sub_pc_type": "icc"}),
    ("amg", "gamg", {}),
]


def shortest(work, seconds=0.3):
    begin, best, runs = time.perf_counter(), np.inf, 0
    while runs < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
        runs += 1
    return 1e3 * best


def petsc(matrix, pcs):
    """Times on this process, or on all of an MPI run (the slowest one's)."""
    comm = PETSc.COMM_WORLD
    indptr, indices, values = matrix
    n = len(indptr) - 1
    half = PETSc.Mat().createAIJ([n, n], comm=comm)
    half.setUp()
    first, last = half.getOwnershipRange()
    half.destroy()
    part = slice(indptr[first], indptr[last])
    a = PETSc.Mat().createAIJ(
        [[last - first, n], [last - first, n]], csr=(indptr[first:last + 1] - indptr[first], indices[part], values[part]), comm=comm
    )
    a.setOption(PETSc.Mat.Option.SPD, True)
    x, y = a.createVecs()
    x.setArray(np.sin(0.37 * np.arange(first, last)))
    out = {"spmv": fixed(lambda: a.mult(x, y), comm)}
    ksp = PETSc.KSP().create(comm=comm)
    ksp.setOperators(a)
    ksp.setType("cg")
    ksp.getPC().setType("none")
    ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    ksp.setTolerances(rtol=1e-50, atol=0, divtol=1e50, max_it=50)
    x.set(1.0)

    def fifty():
        y.set(0.0)
        ksp.solve(x, y)

    out["cg none iteration"] = fixed(fifty, comm) / 50
    db = PETSc.Options()
    for name, kind, options in pcs:
        for key, value in options.items():
            db.setValue(key, value)
        pc = PETSc.PC().create(comm=comm)
        pc.setOperators(a)
        pc.setType(kind)
        pc.setFromOptions()
        start = time.perf_counter()
        pc.setUp()
        pc.setUpOnBlocks()
        out[name + " setup"] = 1e3 * (time.perf_counter() - start)
        out[name + " apply"] = fixed(lambda: pc.apply(x, y), comm)
        for key in options:
            db.delValue(key)
        pc.destroy()
    return out


def fixed(work, comm):
    """As shortest, but the same number of runs on every process."""
    if comm.size == 1:
        return shortest(work)
    best = np.inf
    for _ in range(200):
        comm.barrier()
        start = time.perf_counter()
        work()
        comm.barrier()  # until the last process is done
        best = min(best, time.perf_counter() - start)
    return 1e3 * best


def on_two(file):
    """PETSc's times on two processes."""
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable, __file__, "--mpi", file]
    # Python's own copy of the environment: without what MPI has put into this process's.
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    lines = [l for l in done.stdout.splitlines() if l.startswith("{")]
    return json.loads(lines[0]) if lines else {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--data")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="")
    if sys.argv[1:2] == ["--mpi"]:
        z = np.load(sys.argv[2])
        times = petsc((z["indptr"], z["indices"], z["data"]), PCS[:1])
        if PETSc.COMM_WORLD.rank == 0:
            print(json.dumps(times))
        return
    args = parser.parse_args()
    import scipy.sparse

    with tempfile.TemporaryDirectory() as folder:
        for name, matrix, _ in solvers.systems(args.data):
            if args.only not in name:
                continue
            n = len(matrix[0]) - 1
            file = os.path.join(folder, "a.npz")
            np.savez(file, format=b"csr", shape=np.array([n, n]), indptr=matrix[0], indices=matrix[1], data=matrix[2])
            done = subprocess.run([args.bench, file, "--threads", str(args.threads)], capture_output=True, text=True, check=True)
            ours = json.loads(done.stdout)
            theirs = petsc(matrix, PCS) if args.threads == 1 else on_two(file)
            a = scipy.sparse.csr_matrix((matrix[2], matrix[1], matrix[0]), shape=(n, n))
            x = np.sin(0.37 * np.arange(n))
            print(f"\n{name}: n = {n}, nnz = {len(matrix[2])}, {args.threads} thread(s)")
            print(f"{'ms':<32}{'fempipe':>9}{'PETSc':>9}{'ratio':>7}")
            print(f"{'spmv, SciPy (1 thread)':<32}{ours['spmv']:9.4f}{shortest(lambda: a @ x):9.4f}")
            if args.threads > 1:
                theirs |= {key: np.nan for key in ours if key not in theirs}
            for key, value in theirs.items():
                print(f"{key:<32}{ours[key]:9.4f}{value:9.4f}{ours[key] / value:7.2f}", flush=True)


if __name__ == "__main__":
    main()
