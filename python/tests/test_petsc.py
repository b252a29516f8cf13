"""In PETSc's solvers, through petsc4py: runs where FEMPIPE_PETSC is set, as .ci/wheel does for Debian's Python."""

import os
import subprocess
import sys

import numpy as np
import pytest

import fempipe

if not os.environ.get("FEMPIPE_PETSC"):
    pytest.skip("FEMPIPE_PETSC is not set: another run of these tests has petsc4py", allow_module_level=True)

from petsc4py import PETSc  # noqa: E402


def iterations_of_petsc(a, b, m, rtol=1e-8):
    n = len(b)
    matrix = PETSc.Mat().createAIJ((n, n), csr=(a.indptr, a.indices, a.data), comm=PETSc.COMM_SELF)
    ksp = PETSc.KSP().create(PETSc.COMM_SELF)
    ksp.setOperators(matrix)
    ksp.setType("cg")
    ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    ksp.setTolerances(rtol=rtol, atol=1e-50, max_it=10_000)
    ksp.getPC().setType("python")
    ksp.getPC().setPythonContext(m)
    x = matrix.createVecRight()
    ksp.solve(PETSc.Vec().createWithArray(b, comm=PETSc.COMM_SELF), x)
    assert ksp.getConvergedReason() > 0
    assert np.linalg.norm(a @ x.getArray() - b) <= 1.1 * rtol * np.linalg.norm(b)
    return ksp.getIterationNumber()


@pytest.mark.parametrize("first", ["petsc4py.PETSc", "fempipe"])
def test_each_keeps_to_its_own_hdf5(workshop, first):
    """PETSc brings an HDF5 of its own, built for MPI, with the names of ours."""
    code = f"import {first}, fempipe, petsc4py.PETSc; print(len(fempipe.Dataset('darcy.h5')[3].b))"
    done = subprocess.run([sys.executable, "-c", code], cwd=workshop.directory, capture_output=True, text=True)
    assert done.returncode == 0 and int(done.stdout) > 100, done.stderr


@pytest.mark.parametrize("pc", ["icc", "ssor", "amg"])
def test_classical_preconditioners(workshop, darcy, pc):
    sample = darcy[4]
    m = fempipe.preconditioner(sample.A, pc)
    assert abs(iterations_of_petsc(sample.A, sample.b, m) - workshop.solve("darcy", 4, "--pc", pc)["iterations"]) <= 1


@pytest.mark.parametrize("kind", ["precorrector", "spai-gnn", "factor-gnn"])
def test_models(workshop, darcy, kind):
    sample = darcy[5]
    m = workshop.model(kind).preconditioner(sample.A)
    said = workshop.solve("darcy", 5, "--pc", workshop.run(kind))
    assert abs(iterations_of_petsc(sample.A, sample.b, m) - said["iterations"]) <= 1
