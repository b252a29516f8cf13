#!/usr/bin/env python3
"""Quality of incomplete factors at equal fill: CG iterations with fempipe's ict, ilupp's icholt and SciPy's spilu.

    python3 benches/peers/ict.py [--binary target/release/fempipe] [--data FOLDER] [--only NAME]

For each factor that a peer makes at a drop tolerance, fempipe's tolerance is bisected until its factor has as many entries (to 2 %, or
the nearest that fits). ilupp (PyPI) is left out where it is missing. SciPy has no incomplete Cholesky: spilu's L and U count half.
Every solve: b = ones (or the file's load), rtol 1e-8, x0 = 0, one thread.
"""
import argparse, json, os, subprocess, tempfile

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import solvers

try:
    import ilupp
except ImportError:
    ilupp = None

RTOL, LIMIT = 1e-8, 3000


def peers(a):
    """Name, tolerance, entries of the triangular factor, z = M r; made one at a time."""
    lower = scipy.sparse.csc_matrix(a)
    for threshold in (1e-1, 3e-2, 1e-2, 3e-3):
        if ilupp:
            m = ilupp.ICholTPreconditioner(a, add_fill_in=200, threshold=threshold)
            yield "ilupp icholt", threshold, m.total_nnz, m
        try:
            factor = scipy.sparse.linalg.spilu(
                lower, drop_tol=threshold, fill_factor=50, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
        except RuntimeError as e:
            print(f"{'SciPy spilu':<14}{threshold:9.0e}  {e}")
            continue
        yield "SciPy spilu", threshold, (factor.L.nnz + factor.U.nnz) // 2, scipy.sparse.linalg.LinearOperator(a.shape, factor.solve)


def cg(a, b, m):
    count = [0]

    def tick(_):
        count[0] += 1

    _, info = scipy.sparse.linalg.cg(a, b, rtol=RTOL, maxiter=LIMIT, M=m, callback=tick)
    return f"{count[0]}{'' if info == 0 else '!'}"


def ict(binary, file, rhs, droptol, limit):
    command = [binary, "solve", file, rhs, "--pc", f"ict({droptol:.6e})", f"--rtol={RTOL}", f"--max-it={limit}", "--json", "--threads=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout else None


def at_fill(binary, file, rhs, entries):
    """fempipe's solve with a factor of about so many entries."""
    low, high = -7.0, 0.0  # log10 of the tolerance: more entries, fewer
    best = None
    for _ in range(14):
        middle = (low + high) / 2
        found = ict(binary, file, rhs, 10**middle, 1)
        if found is None:
            high = middle
            continue
        fill = found["pc_nnz"]
        if best is None or abs(fill - entries) < abs(best[1] - entries):
            best = 10**middle, fill
        if abs(fill - entries) <= 0.01 * entries:
            break
        low, high = (middle, high) if fill > entries else (low, middle)
    return best[0], ict(binary, file, rhs, best[0], LIMIT)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/fempipe")
    parser.add_argument("--data")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, matrix, b in solvers.systems(args.data):
            if args.only not in name:
                continue
            n = len(matrix[0]) - 1
            b = np.ones(n) if b is None else b
            a = scipy.sparse.csr_matrix((matrix[2], matrix[1], matrix[0]), shape=(n, n))
            file, rhs = os.path.join(folder, "a.npz"), os.path.join(folder, "b.npy")
            np.savez(file, format=b"csr", shape=np.array([n, n]), indptr=matrix[0], indices=matrix[1], data=matrix[2])
            np.save(rhs, b)
            print(f"\n{name}: n = {n}, tril(A) has {(len(matrix[2]) + n) // 2} entries")
            print(f"{'peer':<14}{'droptol':>9}{'entries':>10}{'its':>7}  {'fempipe ict':>12}{'entries':>10}{'its':>7}")
            for peer, threshold, entries, m in peers(a):
                theirs = cg(a, b, m)
                droptol, ours = at_fill(args.binary, file, rhs, entries)
                its = f"{ours['iterations']}{'' if ours['converged'] else '!'}"
                note = f"  {ours['pc_note']}" if ours["pc_note"] else ""
                print(f"{peer:<14}{threshold:9.0e}{entries:10}{theirs:>7}  {droptol:12.2e}{ours['pc_nnz']:10}{its:>7}{note}", flush=True)


if __name__ == "__main__":
    main()
