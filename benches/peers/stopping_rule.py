"""The stopping rule that gives the counts of Jacobi and Gauss-Seidel in Ruelmann, Geveler & Turek (2018).

    python benches/peers/stopping_rule.py [--data datasets] [--samples 20] [--show 12]

Their Table 1, levels 2 to 5: Jacobi (omega 0.7) 49, 273, 1323, 5879, Gauss-Seidel 17, 95, 463, 2057. Both run on test
matrices of datasets/poisson-level{2..5}.h5, without any of fempipe's code, and every candidate is judged by its
largest deviation over the eight counts: right-hand sides (the integrals of f = 1, ones, uniform random numbers), starts
(zero, uniform random numbers), what is small (residual, error, update; Euclidean, maximum or energy norm; absolute, or
relative to the first one), and powers of ten as tolerances.
"""

import argparse

import h5py
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu

PAPER = {"Jacobi": [49, 273, 1323, 5879], "Gauss-Seidel": [17, 95, 463, 2057]}
LEVELS = [2, 3, 4, 5]
MOST = {2: 400, 3: 1500, 4: 6000, 5: 16000}


def systems(path, count):
    """A and b of the first test systems."""
    with h5py.File(path) as f:
        p = f["pattern"]
        shape = tuple(p.attrs["shape"])
        for i in f["split/test"][:count]:
            yield sp.csr_matrix((f["systems/values"][i], p["indices"][:], p["indptr"][:]), shape), f["systems/rhs"][i]


def histories(pairs, method, rhs, start, most):
    """Norms after 0, 1, ... iterations: arrays (iterations, systems). All systems run as one block-diagonal one."""
    rng = np.random.default_rng(1)
    matrices = [a for a, _ in pairs]
    s, n = len(pairs), matrices[0].shape[0]
    make = {"integrals": lambda b: b, "ones": np.ones_like, "random": lambda b: rng.uniform(0, 1, b.size)}
    parts = [make[rhs](b) for _, b in pairs]
    a, b = sp.block_diag(matrices).tocsr(), np.concatenate(parts)
    exact = np.concatenate([splu(m.tocsc()).solve(q) for m, q in zip(matrices, parts)])
    x = np.zeros_like(b) if start == "zero" else rng.uniform(0, 1, b.size)
    if method == "Jacobi":
        inverse = 0.7 / a.diagonal()
        apply = lambda r: inverse * r
    else:
        apply = splu(sp.tril(a).tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0).solve
    each = lambda v: v.reshape(s, n)
    two, largest = lambda v: np.linalg.norm(each(v), axis=1), lambda v: np.abs(each(v)).max(1)
    out = {}
    for it in range(most + 1):
        r, e = b - a @ x, x - exact
        u = apply(r)
        values = {
            "residual, Euclidean": two(r), "residual, maximum": largest(r), "error, Euclidean": two(e),
            "error, maximum": largest(e), "error, energy": np.sqrt(np.abs(each(e * (a @ e)).sum(1))),
            "update, Euclidean": two(u), "update, maximum": largest(u),
        }
        for name, value in values.items():
            out.setdefault(name, []).append(value)
        x = x + u
        if it % 50 == 0 and (two(e) <= 1e-12 * two(exact)).all():
            break
    return {name: np.array(values) for name, values in out.items()}


def first(history, tolerance):
    """The mean number of iterations until all is below; NaN where it is not reached."""
    below = history <= tolerance
    return np.where(below.any(0), below.argmax(0), np.nan).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="datasets")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--show", type=int, default=12)
    args = parser.parse_args()
    pairs = {level: list(systems(f"{args.data}/poisson-level{level}.h5", args.samples)) for level in LEVELS}
    paper = np.array(PAPER["Jacobi"] + PAPER["Gauss-Seidel"])
    found = []
    for rhs in ["integrals", "ones", "random"]:
        for start in ["zero", "random"]:
            runs = [histories(pairs[l], method, rhs, start, MOST[l]) for method in PAPER for l in LEVELS]
            for name in runs[0]:
                for relative in [False, True]:
                    for digits in range(2, 13):
                        tolerance = lambda h: 10.0**-digits * (h[0] if relative else 1.0)
                        counts = np.array([first(run[name], tolerance(run[name])) for run in runs])
                        if np.isfinite(counts).all():
                            off = np.abs(np.log(np.maximum(counts, 0.1) / paper)).max()
                            kind = "relative" if relative else "absolute"
                            found.append((off, f"b {rhs}, x0 {start}, {kind} {name}, 1e-{digits}", counts))
    found.sort(key=lambda f: f[0])
    error, residual = "absolute error, Euclidean, 1e-5", "relative residual, Euclidean, 1e-5"
    plain = [f"b ones, x0 zero, {error}", f"b integrals, x0 zero, {residual}"]
    usual = [f for f in found[args.show :] if f[1] in plain]
    print(f"{'theirs':60} {'':6} " + " ".join(f"{c:7}" for c in paper))
    for off, name, counts in found[: args.show] + usual:
        print(f"{name:60} {100 * (np.exp(off) - 1):5.1f}% " + " ".join(f"{c:7.1f}" for c in counts))


if __name__ == "__main__":
    main()
