"""The best factor of one symmetric positive definite matrix on its own pattern, by optimisation of the factor itself.

What a learned factor L of this pattern can gain at most: the diagonal D of (D + E) D^-1 (D + E)^T, E the strict lower
triangle of A, or all entries of L are optimised by L-BFGS on a smooth measure of the condition number, the p-norm of the
Ritz values of L^-1 A L^-T at both ends of its spectrum (Lanczos with full reorthogonalisation), from DIC at the best
constant relaxation. A local optimum: evidence, no proof.

    fempipe export DATASET --to mtx -o A.mtx --sample 0; python factor_bound.py A.mtx [--steps N] [--norm P]
"""

import argparse

import numpy as np
import scipy.io
import scipy.linalg
import scipy.optimize
import scipy.sparse as sp
import scipy.sparse.linalg

RELAXATIONS = (0.0, 0.9, 0.95, 0.97, 0.99, 0.995)
LANCZOS = 80


class Factor:
    """L, applied by substitution."""

    def __init__(self, lower):
        options = {"SymmetricMode": True, "Equil": False}
        self.lu = scipy.sparse.linalg.splu(lower.tocsc(), permc_spec="NATURAL", diag_pivot_thresh=0.0, options=options)

    def solve(self, b):
        return self.lu.solve(b)

    def solve_transposed(self, b):
        return self.lu.solve(b, "T")


def dic(a, relaxation):
    """Pivots of the diagonal incomplete factorisation whose dropped fill goes to the diagonal with a weight."""
    pivots = a.diagonal().copy()
    for k in range(a.shape[0]):
        entries = slice(a.indptr[k], a.indptr[k + 1])
        columns, values = a.indices[entries], a.data[entries]
        above = columns > k
        columns, values = columns[above], values[above]
        dropped = values.sum() - values
        pivots[columns] -= values / pivots[k] * (values + relaxation * dropped)
    return pivots


def from_pivots(strict, pivots):
    return ((strict + sp.diags(pivots)) @ sp.diags(pivots**-0.5)).tocsr()


def ritz(a, factor, steps):
    """Ritz values of L^-1 A L^-T and their vectors."""
    n = a.shape[0]
    q = np.random.default_rng(0).standard_normal(n)
    q /= np.linalg.norm(q)
    basis, alpha, beta = np.zeros((steps, n)), [], []
    for j in range(steps):
        basis[j] = q
        w = factor.solve(a @ factor.solve_transposed(q))
        alpha.append(w @ q)
        for _ in range(2):
            w -= basis[: j + 1].T @ (basis[: j + 1] @ w)
        beta.append(np.linalg.norm(w))
        if beta[-1] < 1e-10:
            break
        q = w / beta[-1]
    values, small = scipy.linalg.eigh_tridiagonal(np.array(alpha), np.array(beta[: len(alpha) - 1]))
    return values, small, basis[: len(alpha)]


def measure(values, p):
    """log of (sum of t^p)^(1/p) (sum of t^-p)^(1/p) over the Ritz values t, and t times its derivatives."""
    logs = p * np.log(values)
    up, down = np.exp(logs - logs.max()), np.exp(logs.min() - logs)
    value = (np.log(up.sum()) + logs.max() + np.log(down.sum()) - logs.min()) / p
    return value, up / up.sum() - down / down.sum()


def iterations(a, factor, rtol=1e-6):
    """Of CG, for b = 1 and two random b."""
    counts = []
    for seed in range(3):
        rng = np.random.default_rng(100 + seed)
        b = rng.standard_normal(a.shape[0]) if seed else np.ones(a.shape[0])
        r, count = b.copy(), 0
        p, rz = np.zeros_like(b), 1.0
        while np.linalg.norm(r) > rtol * np.linalg.norm(b) and count < 1000:
            z = factor.solve_transposed(factor.solve(r))
            rz, before = r @ z, rz
            p = z + (rz / before if count else 0.0) * p
            q = a @ p
            r -= rz / (p @ q) * q
            count += 1
        counts.append(count)
    return counts


def report(name, a, lower):
    factor = Factor(lower)
    values, _, _ = ritz(a, factor, 120)
    kappa = values[-1] / values[0]
    print(f"{name:42} kappa {kappa:8.2f}  iterations {iterations(a, factor)}", flush=True)
    return kappa


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("matrix")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--norm", type=float, default=12.0)
    args = parser.parse_args()
    a = scipy.io.mmread(args.matrix).tocsr()
    a.sort_indices()
    n, strict = a.shape[0], sp.tril(a, -1).tocsr()
    print(f"n = {n}, {a.nnz} entries")
    best = None
    for relaxation in RELAXATIONS:
        pivots = dic(a, relaxation)
        if pivots.min() <= 0:
            continue
        kappa = report(f"DIC, relaxation {relaxation}", a, from_pivots(strict, pivots))
        if best is None or kappa < best[0]:
            best = kappa, pivots

    transposed = strict.T.tocsr()

    def of_diagonal(x):
        pivots = np.exp(x)
        factor = Factor(from_pivots(strict, pivots))
        values, small, basis = ritz(a, factor, LANCZOS)
        value, weights = measure(values, args.norm)
        slope = np.zeros(n)
        for j in np.nonzero(abs(weights) > 1e-6)[0]:
            v = factor.solve_transposed(basis.T @ small[:, j])
            slope -= weights[j] * (v * v - (transposed @ v / pivots) ** 2)
        return value, slope * pivots

    def optimise(objective, x):
        options = {"maxiter": args.steps, "maxcor": 20}
        return scipy.optimize.minimize(objective, x, jac=True, method="L-BFGS-B", options=options)

    found = optimise(of_diagonal, np.log(best[1]))
    report(f"best diagonal, {found.nit} steps", a, from_pivots(strict, np.exp(found.x)))

    start = from_pivots(strict, best[1])
    start.sort_indices()
    rows, columns = np.repeat(np.arange(n), np.diff(start.indptr)), start.indices
    on_diagonal = rows == columns

    def with_entries(x):
        return sp.csr_matrix((x, start.indices, start.indptr), shape=(n, n))

    def of_entries(x):
        if x[on_diagonal].min() <= 0:
            return 1e9, np.zeros_like(x)
        factor = Factor(with_entries(x))
        values, small, basis = ritz(a, factor, LANCZOS)
        value, weights = measure(values, args.norm)
        slope = np.zeros_like(x)
        for j in np.nonzero(abs(weights) > 1e-6)[0]:
            y = basis.T @ small[:, j]
            slope -= 2 * weights[j] * factor.solve_transposed(y)[rows] * y[columns]
        return value, slope

    found = optimise(of_entries, start.data.copy())
    report(f"best of all entries, {found.nit} steps", a, with_entries(found.x))


if __name__ == "__main__":
    main()
