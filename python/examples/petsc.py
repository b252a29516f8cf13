"""A preconditioner of fempipe in PETSc's solvers, through petsc4py (Debian: python3-petsc4py)."""

import numpy as np
from petsc4py import PETSc

import fempipe

# %% A system
data = fempipe.generate({"family": "darcy", "samples": 10, "darcy": {"cells": 32}}, output="darcy.h5")
A, b = data[0].A, data[0].b
n = len(b)

# %% PETSc's cg with a shell preconditioner: the operator is its own context
matrix = PETSc.Mat().createAIJ((n, n), csr=(A.indptr, A.indices, A.data))
ksp = PETSc.KSP().create()
ksp.setOperators(matrix)
ksp.setType("cg")
ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
ksp.setTolerances(rtol=1e-8)
ksp.getPC().setType("python")
ksp.getPC().setPythonContext(fempipe.preconditioner(A, "icc"))  # or fempipe.load("run").preconditioner(A)
x = matrix.createVecRight()
ksp.solve(PETSc.Vec().createWithArray(b), x)
iterations, reason = ksp.getIterationNumber(), ksp.getConvergedReason()
print("PETSc:", iterations, "iterations, reason", reason)
x = x.getArray().copy()
ksp.destroy()  # by hand: petsc4py 3.18 does it after the end of Python, and crashes

# %% The same here
_, outcome = fempipe.solve(A, b, pc="icc")
print("fempipe:", outcome.iterations, "iterations")
assert abs(outcome.iterations - iterations) <= 1
assert np.linalg.norm(A @ x - b) < 1.1e-8 * np.linalg.norm(b)
