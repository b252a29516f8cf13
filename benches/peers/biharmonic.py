"""Samples per second of the family `biharmonic` (c0ip, P2, n = 1089): fempipe beside scikit-fem + SciPy.

    python benches/peers/biharmonic.py target/release/fempipe [--samples 2000] [--peer-samples 40]

The work of a sample: draw f and g, assemble cells, inner facets and boundary of the C0 interior penalty form on
16 x 16 x 2 triangles, boundary nodes held by the penalty, factorise and solve, write matrix, right-hand side and solution
into an HDF5 file. scikit-fem keeps its bases from sample to sample. The programs run in turn, three times; the ratio is of
the best rates. fempipe's time is the whole process.
"""

import argparse
import tempfile

import numpy as np
import skfem
from scipy.sparse.linalg import splu
from skfem.helpers import dd, dot, grad

from turns import in_turns, written

CELLS, SIGMA, TAU, DEGREE, CONTRAST = 16, 200.0, 10.0, 3, 10.0
POWERS = [(t - j, j) for t in range(DEGREE + 1) for j in range(t + 1)]


def lap(u):
    return dd(u)[0, 0] + dd(u)[1, 1]


@skfem.BilinearForm
def cells(u, v, w):
    return w.f * lap(u) * lap(v)


@skfem.BilinearForm
def boundary(u, v, w):
    return w.df * (lap(u) * v + lap(v) * u) + SIGMA * w.f / w.h**3 * u * v


def facets(a, b):
    def form(u, v, w):
        du, dv = b * dot(grad(u), w.n), a * dot(grad(v), w.n)
        return w.f * (TAU / w.h * du * dv - (lap(u) * dv + lap(v) * du) / 2)

    return skfem.BilinearForm(form)


@skfem.LinearForm
def load(v, w):
    return w.g * v


def polynomial(c, x):
    return sum(c * x[0] ** i * x[1] ** j for c, (i, j) in zip(c, POWERS))


def slope(c, x, n):
    dx = sum(c * i * x[0] ** (i - 1) * x[1] ** j for c, (i, j) in zip(c, POWERS) if i)
    dy = sum(c * j * x[0] ** i * x[1] ** (j - 1) for c, (i, j) in zip(c, POWERS) if j)
    return dx * n[0] + dy * n[1]


def peer(samples, path):
    grid = np.linspace(0, 1, CELLS + 1)
    mesh, element = skfem.MeshTri.init_tensor(grid, grid), skfem.ElementTriP2G()
    basis = skfem.Basis(mesh, element, intorder=DEGREE)
    loads = skfem.Basis(mesh, element, intorder=DEGREE + 2)
    sides = [skfem.InteriorFacetBasis(mesh, element, side=s, intorder=DEGREE + 2) for s in (0, 1)]
    edge = skfem.BoundaryFacetBasis(mesh, element, intorder=DEGREE + 4)
    at = [np.asarray(b.default_parameters()["x"]) for b in (basis, loads, sides[0], edge)]
    rng = np.random.default_rng(1)

    def sample():
        c = rng.standard_normal(len(POWERS))
        values = polynomial(c, at[0])
        scale = (CONTRAST - 1) / (values.max() - values.min())
        c *= scale
        c[0] += 1 - scale * values.min()
        inner = polynomial(c, at[2])
        matrix = cells.assemble(basis, f=polynomial(c, at[0]))
        for i, v in enumerate(sides):
            for j, u in enumerate(sides):
                matrix = matrix + facets((-1) ** i, (-1) ** j).assemble(u, v, f=inner)
        matrix = matrix + boundary.assemble(
            edge, f=polynomial(c, at[3]), df=slope(c, at[3], np.asarray(edge.default_parameters()["n"]))
        )
        rhs = load.assemble(loads, g=polynomial(rng.standard_normal(len(POWERS)), at[1]))
        return matrix, rhs, splu(matrix.tocsc()).solve(rhs)

    return written(path, samples, sample, ("rhs", "solution"))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("fempipe")
    args.add_argument("--samples", type=int, default=2000)
    args.add_argument("--peer-samples", type=int, default=40)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as d:
        title = "biharmonic, c0ip, P2 on 16 x 16 x 2 triangles, n = 1089, HDF5 written"
        generate = lambda: peer(args.peer_samples, f"{d}/p.h5")
        in_turns(title, generate, args.fempipe, "biharmonic-c0ip.toml", args.samples, d)


if __name__ == "__main__":
    main()
