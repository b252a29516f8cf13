"""Samples per second of the family `elliptic` (P1, Delaunay mesh, n about 1870): fempipe beside scikit-fem and dolfinx.

    python benches/peers/elliptic.py target/release/fempipe [--samples 2000] [--peer-samples 300]

The work of a sample: draw the polynomials f (made positive) and g, assemble stiffness and load on the mesh of fempipe's
dataset, eliminate the boundary, factorise and solve, write matrix, right-hand side, solution and f into an HDF5 file.
Meshes, bases, monomials at quadrature points and symbolic factorisations (where the peer can keep them) are made once.
First, scikit-fem assembles fempipe's sample 0 from the terms in its file: the entries must agree. Then the programs run in
turn, three times; the ratio is of the best rates. fempipe's time is the whole process, start and forcing the file to the
disk included; files go where TMPDIR says.

dolfinx runs if FEMPIPE_DOLFINX is a command for a Python that has it, e.g. /usr/bin/python3.
"""

import argparse
import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np
import skfem
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import splu

from turns import in_turns, ours, written

DEGREE, CONTRAST = 3, 10.0
POWERS = [(t - j, j) for t in range(DEGREE + 1) for j in range(t + 1)]


@skfem.BilinearForm
def stiffness(u, v, w):
    return w.f * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])


@skfem.LinearForm
def load(v, w):
    return w.g * v


class ScikitFem:
    def __init__(self, mesh):
        p, t = np.array(mesh["points"]).T, np.array(mesh["cells"]).T
        self.free = np.array(mesh["free"])
        self.basis = skfem.Basis(skfem.MeshTri(p, t), skfem.ElementTriP1(), intorder=4)
        x, y = np.asarray(self.basis.global_coordinates())
        self.table = np.stack([x**a * y**b for a, b in POWERS])

    def assemble(self, f, g):
        at = lambda c: np.tensordot(c, self.table, 1)
        a = stiffness.assemble(self.basis, f=at(f)).tocsr()[self.free][:, self.free]
        return a, load.assemble(self.basis, g=at(g))[self.free]

    def generate(self, samples, path):
        rng = np.random.default_rng(1)

        def sample():
            f, g = rng.standard_normal((2, len(POWERS)))
            at = np.tensordot(f, self.table, 1)
            f *= (CONTRAST - 1) / (at.max() - at.min())
            f[0] += 1 - np.tensordot(f, self.table, 1).min()
            matrix, rhs = self.assemble(f, g)
            return matrix, rhs, splu(matrix.tocsc()).solve(rhs), np.tensordot(f, self.table, 1).mean(1)

        return written(path, samples, sample, ("rhs", "solution", "coefficient"))


def dolfinx(command, mesh, samples):
    """Its own rate; starting Python and compiling forms do not count."""
    script = str(Path(__file__).with_name("dolfinx_peer.py"))
    task = {"task": "generate", "samples": samples, "powers": POWERS, "contrast": CONTRAST} | mesh
    run = subprocess.run(
        shlex.split(command) + ["-c", Path(script).read_text()],
        input=json.dumps(task),
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(run.stdout.splitlines()[-1])["rate"]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("fempipe")
    args.add_argument("--samples", type=int, default=2000)
    args.add_argument("--peer-samples", type=int, default=300)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as d:
        ours(args.fempipe, "elliptic.toml", 2, 1, f"{d}/first.h5")
        with h5py.File(f"{d}/first.h5") as f:
            mesh = {
                "points": f["mesh/points"][:].tolist(),
                "cells": f["mesh/cells"][:].tolist(),
                "free": f["mesh/free_dofs"][:].tolist(),
            }
            peer = ScikitFem(mesh)
            terms = [f[f"systems/fields/{name}_terms"][0] for name in ("coefficient", "source")]
            a, b = peer.assemble(*terms)
            pattern = (f["pattern/data"][:], f["pattern/indices"][:], f["pattern/indptr"][:])
            difference = abs(a - csr_matrix(pattern, a.shape)).max() / abs(a).max()
            difference = max(difference, abs(b - f["systems/rhs"][0]).max() / abs(b).max())
        assert difference < 1e-12, difference
        more = {}
        if command := os.environ.get("FEMPIPE_DOLFINX"):
            more["dolfinx + PETSc + h5py"] = lambda: dolfinx(command, mesh, args.peer_samples)
        title = f"elliptic, n = {len(mesh['free'])}, HDF5 written; entries agree to {difference:.0e}"
        generate = lambda: peer.generate(args.peer_samples, f"{d}/p.h5")
        in_turns(title, generate, args.fempipe, "elliptic.toml", args.samples, d, more)


if __name__ == "__main__":
    main()
