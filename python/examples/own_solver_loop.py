"""A preconditioner in a loop of one's own; progress and an early end by a callback."""

import numpy as np
import scipy.sparse as sp

import fempipe

# %% A heat equation: one matrix, many right-hand sides. The setup is made once.
n = 64
line = sp.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(n, n)) * (n + 1) ** 2
A = sp.identity(n * n) + 1e-3 * (sp.kron(line, sp.identity(n)) + sp.kron(sp.identity(n), line))
M = fempipe.preconditioner(A, "icc")
u = np.zeros(n * n)
u[n * n // 2 + n // 2] = 1.0
total = 0
for step in range(10):
    u, outcome = fempipe.solve(A, u, pc=M, x0=u)
    total += outcome.iterations
print("10 steps,", total, "iterations; the heat that is left:", u.sum())
assert 0.0 < u.sum() < 1.0

# %% Told of each iteration; StopIteration ends the solve
b = np.ones(n * n)


def watch(iteration, residual):
    print(f"{iteration:3d} {residual:.3e}")
    if residual < 1e-3:
        raise StopIteration


x, outcome = fempipe.solve(A, b, pc=M, callback=watch, rtol=1e-12)
print(outcome)

# %% Richardson's iteration by hand: M is a LinearOperator as any other
x = np.zeros_like(b)
for iteration in range(100):
    r = b - A @ x
    if np.linalg.norm(r) <= 1e-8 * np.linalg.norm(b):
        break
    x += M @ r
print("Richardson with icc:", iteration, "iterations")
assert iteration < 100
