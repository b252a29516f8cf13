"""Milliseconds of one assembly of ∫ f ∇φ_i · ∇φ_j (P1, f given at the nodes): fempipe beside scikit-fem and dolfinx.

    python benches/peers/assembly.py target/release/examples/assembly [--cells 500]

The unit square in cells x cells squares cut along a diagonal (500: 251,001 nodes), one quadrature point, one thread, what
depends on the mesh alone made before: the least of several runs. fempipe's figure is both steps, nodal f to quadrature points and assembly.
The programs run in turn, twice; sums of |a_ij| must agree. dolfinx runs if FEMPIPE_DOLFINX is a command for a Python that
has it.
"""

import argparse
import json
import os
import shlex
import subprocess
import time
from pathlib import Path

import numpy as np
import skfem


@skfem.BilinearForm
def stiffness(u, v, w):
    return w.f * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1])


def scikit_fem(n):
    grid = np.linspace(0, 1, n + 1)
    mesh = skfem.MeshTri.init_tensor(grid, grid)
    basis = skfem.Basis(mesh, skfem.ElementTriP1(), intorder=1)
    x, y = mesh.p
    f, times = 1 + x * y, []
    for _ in range(8):
        start = time.perf_counter()
        a = stiffness.assemble(basis, f=basis.interpolate(f))
        times.append(time.perf_counter() - start)
    return {"ms": 1e3 * min(times), "sum": float(abs(a).sum())}


def fempipe(binary, n, kind):
    return json.loads(subprocess.run([binary, str(n), kind], check=True, capture_output=True, text=True).stdout)


def dolfinx(command, n):
    script = Path(__file__).with_name("dolfinx_peer.py").read_text()
    task = json.dumps({"task": "assembly", "cells": n})
    run = subprocess.run(shlex.split(command) + ["-c", script], input=task, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("example")
    args.add_argument("--cells", type=int, default=500)
    args = args.parse_args()
    command = os.environ.get("FEMPIPE_DOLFINX")
    best, details = {}, {}
    for turn in range(2):
        runs = {"scikit-fem": scikit_fem(args.cells)}
        if command:
            runs["dolfinx"] = dolfinx(command, args.cells)
        for kind in ("natural", "rcm", "delaunay"):
            run = fempipe(args.example, args.cells, kind)
            run["ms"] = run["coefficient_ms"] + run["assembly_ms"]
            runs[f"fempipe, {kind}"] = run
        for name, run in runs.items():
            if run["ms"] < best.get(name, np.inf):
                best[name], details[name] = run["ms"], run
    ours = best["fempipe, natural"]
    print(f"P1 stiffness, {(args.cells + 1) ** 2} nodes; best of 2 turns")
    for name, ms in best.items():
        d = details[name]
        rest = ""
        if "triad_ms" in d:
            rest = f"  (assembly alone {d['assembly_ms']:.1f}; a triad over as many bytes {d['triad_ms']:.1f})"
        print(f"  {name:20s} {ms:8.1f} ms   {ms / ours:5.1f}x{rest}")
        if "delaunay" not in name:
            assert abs(d["sum"] / details["scikit-fem"]["sum"] - 1) < 1e-10, name


if __name__ == "__main__":
    main()
