"""A dataset, its samples, a first solve: `python first_steps.py` in any directory."""

import numpy as np

import fempipe

# %% A dataset: 40 Darcy systems with a coefficient of contrast 100. Run again, it is only opened.
recipe = {
    "family": "darcy",
    "samples": 40,
    "seed": 1,
    "darcy": {"cells": 32, "contrast": 100.0},
}
data = fempipe.generate(recipe, output="darcy.h5")
print(data)
print("splits:", {name: len(data[name]) for name in data.splits})

# %% One sample: A (SciPy), b and x (NumPy), the coefficient on its grid, the mesh
sample = data["test"][0]
print(sample)
print("A:", repr(sample.A))
print("w on its grid:", sample.fields["w"].shape, "from", sample.fields["w"].min(), "to", sample.fields["w"].max())
print("‖A x − b‖ / ‖b‖ =", np.linalg.norm(sample.A @ sample.x - sample.b) / np.linalg.norm(sample.b))

# %% Solve it, as PETSc would: every method and preconditioner of `fempipe solvers` and `fempipe preconditioners`
for pc in ("none", "jacobi", "icc", "icc(1)", "amg"):
    x, outcome = fempipe.solve(sample.A, sample.b, ksp="cg", pc=pc, rtol=1e-8)
    print(f"cg + {pc:8s} {outcome.reason} in {outcome.iterations:3d} iterations, {outcome.solve_seconds:.2e} s")
    assert outcome.converged

# %% The history is there to be drawn: plt.semilogy(outcome.history)
assert len(outcome.history) == outcome.iterations + 1
