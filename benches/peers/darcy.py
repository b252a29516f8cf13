"""Samples per second of the family `darcy` (P1 on 64 x 64 squares, n = 3969): fempipe beside scikit-fem.

    python benches/peers/darcy.py target/release/fempipe [--samples 1000] [--peer-samples 150]

The work of a sample: draw the Gaussian field by a cosine transform, w = exp(field), assemble stiffness and load,
eliminate the boundary, factorise and solve, write matrix, right-hand side, solution and w into an HDF5 file. Mesh, basis
and load are made once, as is the transform's table. First, scikit-fem assembles fempipe's sample 0 from the w in its file:
the entries must agree. Then the programs run in turn, three times; the ratio is of the best rates. fempipe's time is the
whole process; files go where TMPDIR says.
"""

import argparse
import tempfile

import h5py
import numpy as np
import skfem
from scipy.fft import idctn
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from turns import in_turns, ours, written

CELLS, ALPHA, TAU = 64, 2.0, 3.0


@skfem.BilinearForm
def stiffness(u, v, w):
    return w.w * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])


@skfem.LinearForm
def load(v, w):
    return 1.0 * v


class ScikitFem:
    def __init__(self, points, cells, free):
        self.free = free
        self.basis = skfem.Basis(
            skfem.MeshTri(np.ascontiguousarray(points.T), np.ascontiguousarray(cells.T)),
            skfem.ElementTriP1(),
            intorder=1,
        )
        self.rhs = load.assemble(self.basis)[free]
        k = np.arange(CELLS + 1)
        self.spectrum = (np.pi**2 * (k[:, None] ** 2 + k**2) + TAU**2) ** (-ALPHA / 2) * TAU ** (ALPHA - 1)

    def assemble(self, w):
        return stiffness.assemble(self.basis, w=self.basis.interpolate(w)).tocsr()[self.free][:, self.free]

    def generate(self, samples, path):
        rng = np.random.default_rng(1)

        def sample():
            field = (CELLS + 1) * self.spectrum * rng.standard_normal(self.spectrum.shape)
            field[0, 0] = 0
            w = np.exp(idctn(field, norm="ortho", type=2)).ravel()
            matrix = self.assemble(w)
            return matrix, self.rhs, splu(matrix.tocsc()).solve(self.rhs), w

        return written(path, samples, sample, ("rhs", "solution", "w"))


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("fempipe")
    args.add_argument("--samples", type=int, default=1000)
    args.add_argument("--peer-samples", type=int, default=150)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as d:
        ours(args.fempipe, "darcy.toml", 2, 1, f"{d}/first.h5")
        with h5py.File(f"{d}/first.h5") as f:
            peer = ScikitFem(f["mesh/points"][:], f["mesh/cells"][:], f["mesh/free_dofs"][:])
            a = peer.assemble(f["systems/fields/w"][0].ravel())
            theirs = (f["systems/values"][0], f["pattern/indices"][:], f["pattern/indptr"][:])
            difference = abs(a - csr_matrix(theirs, a.shape)).max() / abs(a).max()
            difference = max(difference, abs(peer.rhs - f["systems/rhs"][0]).max() / abs(peer.rhs).max())
        assert difference < 1e-12, difference
        title = f"darcy, n = {len(peer.free)}, HDF5 written; entries agree to {difference:.0e}"
        generate = lambda: peer.generate(args.peer_samples, f"{d}/p.h5")
        in_turns(title, generate, args.fempipe, "darcy.toml", args.samples, d)


if __name__ == "__main__":
    main()
