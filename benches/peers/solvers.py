#!/usr/bin/env python3
"""Iterations and seconds of fempipe's solvers beside PETSc's and PyAMG's, on the same matrices, with the same stopping rule.

    python3 benches/peers/solvers.py [--binary target/release/fempipe] [--data FOLDER] [--only NAME] [--repeat 5]

Every solve: b = ones (or the file's load), x0 = 0, ||b - A x|| <= rtol ||b|| in the true residual norm, one thread.
A peer that cannot be imported is left out. Debian: python3-petsc4py, python3-numpy; PyPI: pyamg, scipy.
FOLDER holds matrix-market/bcsstk16.mtx and stand/batch_*.npz; what is not there is left out.
"""
import argparse, glob, json, os, subprocess, sys, tempfile, time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

sys.path += glob.glob("/usr/lib/petscdir/*/*-linux-gnu-real/lib/python3/dist-packages")
try:
    import petsc4py

    petsc4py.init(["solvers", "-options_left", "no"])
    from petsc4py import PETSc
except (ImportError, ValueError):  # ValueError: built for another NumPy
    PETSc = None
try:
    import pyamg
    import scipy.sparse
except ImportError:
    pyamg = None

# name, fempipe's --ksp and --pc, PETSc's options (None: PETSc has no such thing)
CASES = [
    ("cg none", "cg", "none", "-ksp_type cg -pc_type none"),
    ("cg jacobi", "cg", "jacobi", "-ksp_type cg -pc_type jacobi"),
    ("cg ssor", "cg", "ssor", "-ksp_type cg -pc_type sor"),
    ("cg icc(0)", "cg", "icc(0, shift = positive_definite)", "-ksp_type cg -pc_type icc"),
    ("cg icc(1)", "cg", "icc(1, shift = positive_definite)", "-ksp_type cg -pc_type icc -pc_factor_levels 1"),
    ("cg bjacobi(8) icc", "cg", "bjacobi(8, inner = icc)",
     "-ksp_type cg -pc_type bjacobi -pc_bjacobi_blocks 8 -sub_ksp_type preonly -sub_pc_type icc"),
    ("gmres none", "gmres(30)", "none", "-ksp_type gmres -ksp_pc_side right -pc_type none"),
    ("gmres jacobi", "gmres(30)", "jacobi", "-ksp_type gmres -ksp_pc_side right -pc_type jacobi"),
    ("gmres sor", "gmres(30)", "sor",
     "-ksp_type gmres -ksp_pc_side right -pc_type sor -pc_sor_local_forward"),
    ("gmres ilu(0)", "gmres(30)", "ilu(0, shift = inblocks)", "-ksp_type gmres -ksp_pc_side right -pc_type ilu"),
    ("gmres ilu(1)", "gmres(30)", "ilu(1, shift = inblocks)", "-ksp_type gmres -ksp_pc_side right -pc_type ilu -pc_factor_levels 1"),
    ("gmres bjacobi(8) ilu", "gmres(30)", "bjacobi(8, inner = ilu)",
     "-ksp_type gmres -ksp_pc_side right -pc_type bjacobi -pc_bjacobi_blocks 8 -sub_ksp_type preonly -sub_pc_type ilu"),
    ("gmres asm(8, 1) ilu", "gmres(30)", "asm(8, overlap = 1)",
     "-ksp_type gmres -ksp_pc_side right -pc_type asm -sub_ksp_type preonly -sub_pc_type ilu"),
    ("cg amg", "cg", "amg", "-ksp_type cg -pc_type gamg"),
    ("cg amg half", "cg", "amg(0, smoothing = half)", "-ksp_type cg -pc_type gamg"),
]


def csr(n, rows, cols, vals):
    """Sorted CSR of triplets without doubles."""
    order = np.lexsort((cols, rows))
    rows, cols, vals = rows[order], cols[order], vals[order]
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=n), out=indptr[1:])
    return indptr, cols.astype(np.int32), vals


def diffusion(k, w):
    """The 5-point finite-volume stencil of -div(w grad u) on k x k inner nodes, w on (k+1) x (k+1) cells."""
    east = (w[:-1, 1:] + w[1:, 1:]) / 2  # faces between (i, j) and (i, j+1)
    west = (w[:-1, :-1] + w[1:, :-1]) / 2
    north = (w[1:, :-1] + w[1:, 1:]) / 2
    south = (w[:-1, :-1] + w[:-1, 1:]) / 2
    index = np.arange(k * k).reshape(k, k)
    rows, cols, vals = [index.ravel()], [index.ravel()], [(east + west + north + south).ravel()]
    for here, there, face in [
        (index[:, :-1], index[:, 1:], east[:, :-1]),
        (index[:, 1:], index[:, :-1], west[:, 1:]),
        (index[:-1], index[1:], north[:-1]),
        (index[1:], index[:-1], south[1:]),
    ]:
        rows.append(here.ravel()), cols.append(there.ravel()), vals.append(-face.ravel())
    return csr(k * k, np.concatenate(rows), np.concatenate(cols), np.concatenate(vals))


def squared(matrix):
    """A A, for the biharmonic operator."""
    indptr, indices, values = matrix
    n = len(indptr) - 1
    dense = np.zeros((n, n))
    for i in range(n):
        dense[i, indices[indptr[i]:indptr[i + 1]]] = values[indptr[i]:indptr[i + 1]]
    product = dense @ dense
    rows, cols = np.nonzero(product)
    return csr(n, rows, cols, product[rows, cols])


def matrix_market(path):
    """A symmetric coordinate file."""
    with open(path) as f:
        for line in f:
            if not line.startswith("%"):
                break
        n = int(line.split()[0])
        entries = np.loadtxt(f)
    i, j, v = entries[:, 0].astype(int) - 1, entries[:, 1].astype(int) - 1, entries[:, 2]
    off = i != j
    return csr(n, np.r_[i, j[off]], np.r_[j, i[off]], np.r_[v, v[off]])


def systems(data):
    yield "poisson 500^2", diffusion(500, np.ones((501, 501))), None
    x = np.linspace(0, 1, 161)
    wave = np.sin(7 * x[:, None] + 3 * np.cos(5 * x[None])) * np.cos(11 * x[None] - 2 * x[:, None] ** 2)
    yield "darcy 160^2, contrast 1e4", diffusion(160, 10.0 ** (2 * wave / np.abs(wave).max())), None
    yield "biharmonic 32^2", squared(diffusion(32, np.ones((33, 33)))), None
    path = os.path.join(data or "", "matrix-market/bcsstk16.mtx")
    if data and os.path.exists(path):
        yield "bcsstk16", matrix_market(path), None
    path = os.path.join(data or "", "stand/batch_12.npz")
    if data and os.path.exists(path):
        z = np.load(path)
        yield "StAnD 12", csr(len(z["b"]), *z["A_indices"], z["A_values"]), z["b"]


def blocks_with_overlap(matrix, count):
    """fempipe's blocks: contiguous, even; each grown by one layer of the graph."""
    indptr, indices, _ = matrix
    n = len(indptr) - 1
    starts = [b * (n // count) + min(b, n % count) for b in range(count + 1)]
    own = [np.arange(a, b, dtype=np.int32) for a, b in zip(starts, starts[1:])]
    grown = [np.unique(np.r_[o, indices[indptr[o[0]]:indptr[o[-1] + 1]]]).astype(np.int32) for o in own]
    return own, grown


def run_petsc(matrix, b, options, rtol, repeat, max_it):
    n = len(matrix[0]) - 1
    db = PETSc.Options()
    words = options.split()
    pairs = []
    k = 0
    while k < len(words):
        has_value = k + 1 < len(words) and not words[k + 1].startswith("-")
        pairs.append((words[k][1:], words[k + 1] if has_value else ""))
        k += 2 if has_value else 1
    for key, value in pairs:
        db.setValue(key, value)
    a = PETSc.Mat().createAIJ([n, n], csr=matrix)
    a.setOption(PETSc.Mat.Option.SPD, True)
    rhs, x = a.createVecs()
    rhs.setArray(b)
    ksp = PETSc.KSP().create()
    ksp.setOperators(a)
    ksp.setFromOptions()
    ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    ksp.setTolerances(rtol=rtol, atol=1e-50, divtol=1e5, max_it=max_it)
    if "asm" in options:
        own, grown = blocks_with_overlap(matrix, 8)
        to_is = lambda sets: [PETSc.IS().createGeneral(s) for s in sets]
        ksp.getPC().setASMLocalSubdomains(8, to_is(grown), to_is(own))
        ksp.getPC().setASMOverlap(0)
    start = time.perf_counter()
    ksp.setUp()
    ksp.setUpOnBlocks()
    setup = time.perf_counter() - start
    best = np.inf
    for _ in range(repeat + 1):
        x.set(0.0)
        start = time.perf_counter()
        ksp.solve(rhs, x)
        best = min(best, time.perf_counter() - start)
    for key, _ in pairs:
        db.delValue(key)
    result = ksp.getIterationNumber(), ksp.getConvergedReason() > 0, setup, best
    ksp.destroy(), a.destroy()
    return result


def run_pyamg(matrix, b, rtol, repeat, half):
    n = len(matrix[0]) - 1
    a = scipy.sparse.csr_matrix((matrix[2], matrix[1], matrix[0]), shape=(n, n))
    smoothers = {}
    if half:
        smoothers = {
            "presmoother": ("gauss_seidel", {"sweep": "forward"}),
            "postsmoother": ("gauss_seidel", {"sweep": "backward"}),
        }
    start = time.perf_counter()
    ml = pyamg.smoothed_aggregation_solver(a, max_coarse=500, **smoothers)
    setup = time.perf_counter() - start
    m = ml.aspreconditioner()
    best = np.inf
    for _ in range(repeat):
        count = [0]

        def tick(_):
            count[0] += 1

        # SciPy's cg stops by the true residual norm of its recurrence, as fempipe does.
        start = time.perf_counter()
        _, info = scipy.sparse.linalg.cg(a, b, rtol=rtol, maxiter=2000, M=m, callback=tick)
        best = min(best, time.perf_counter() - start)
    return count[0], info == 0, setup, best


def run_fempipe(binary, file, rhs, ksp, pc, rtol, repeat, max_it):
    command = [binary, "solve", file, rhs, "--ksp", ksp, "--pc", pc, f"--rtol={rtol}", "--json", "--threads=1"]
    command += [f"--repeat={repeat}", f"--max-it={max_it}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        return None, done.stderr.strip()
    r = json.loads(done.stdout)
    return (r["iterations"], r["converged"], r["setup_seconds"], r["solve_seconds"]), r["pc_note"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="target/release/fempipe")
    parser.add_argument("--data")
    parser.add_argument("--only", default="", help="systems whose name contains this")
    parser.add_argument("--case", default="", help="cases whose name contains this")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rtol", type=float, default=1e-8)
    parser.add_argument("--max-it", type=int, default=3000)
    args = parser.parse_args()
    peers = [name for name, module in (("PETSc", PETSc), ("PyAMG", pyamg)) if module]
    print(f"peers: {', '.join(peers) or 'none'}; rtol {args.rtol}; one thread; best of {args.repeat} solves")
    head = f"{'case':<22}{'peer':<7}{'its':>6}{'peer':>6}  {'ms/it':>8}{'peer':>9}{'ratio':>7}  {'setup s':>8}{'peer':>8}  {'total s':>8}{'peer':>8}"
    with tempfile.TemporaryDirectory() as folder:
        for name, matrix, b in systems(args.data):
            if args.only not in name:
                continue
            n = len(matrix[0]) - 1
            b = np.ones(n) if b is None else b
            file, rhs = os.path.join(folder, "a.npz"), os.path.join(folder, "b.npy")
            np.savez(file, format=b"csr", shape=np.array([n, n]), indptr=matrix[0], indices=matrix[1], data=matrix[2])
            np.save(rhs, b)
            print(f"\n{name}: n = {n}, nnz = {len(matrix[2])}\n{head}")
            for case, ksp, pc, options in CASES:
                if args.case not in case:
                    continue
                ours, note = run_fempipe(args.binary, file, rhs, ksp, pc, args.rtol, args.repeat, args.max_it)
                rows = []
                if PETSc:
                    rows.append(("PETSc", run_petsc(matrix, b, options, args.rtol, args.repeat, args.max_it)))
                if pyamg and "amg" in pc:
                    rows.append(("PyAMG", run_pyamg(matrix, b, args.rtol, args.repeat, "half" in pc)))
                for peer, theirs in rows:
                    print(line(case, peer, ours, theirs) if ours else f"{case:<22}fempipe: {note}", flush=True)
                if note and ours and "levels" not in note:
                    print(f"{'':<22}fempipe: {note}")


def line(case, peer, ours, theirs):
    count = lambda r: f"{r[0]}{'' if r[1] else '!'}"
    per = [1e3 * r[3] / max(r[0], 1) for r in (ours, theirs)]
    totals = [r[2] + r[3] for r in (ours, theirs)]
    return (
        f"{case:<22}{peer:<7}{count(ours):>6}{count(theirs):>6}  {per[0]:8.4f}{per[1]:9.4f}{per[0] / per[1]:7.2f}"
        f"  {ours[2]:8.4f}{theirs[2]:8.4f}  {totals[0]:8.3f}{totals[1]:8.3f}"
    )


if __name__ == "__main__":
    main()
