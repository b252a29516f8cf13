"""Train a preconditioner, use it in SciPy's cg on a matrix that fempipe has never seen."""

import subprocess
import sys
import time

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import fempipe

# %% Data and a training recipe. The command line comes with the package: `fempipe train …` in a shell is the same.
fempipe.generate({"family": "elliptic", "samples": 40, "elliptic": {"mesh": {"area": 0.002}}}, output="elliptic.h5")
with open("precorrector.toml", "w") as file:
    file.write('model = "precorrector"\ndata = "elliptic.h5"\nepochs = 4\nbatch_size = 4\n[validation]\nksp = "cg"\n')
command = [sys.executable, "-m", "fempipe", "train", "precorrector.toml", "-o", "run", "--force", "--quiet"]
subprocess.run(command, check=True)
model = fempipe.load("run")
print(model)

# %% A matrix of our own: −∇·(k ∇u) on a grid by finite volumes, k piecewise constant
n = 40
k = np.where(np.add.outer(np.arange(n), np.arange(n)) % 16 < 8, 1.0, 50.0)
right, down = 2 / (1 / k[:, 1:] + 1 / k[:, :-1]), 2 / (1 / k[1:] + 1 / k[:-1])
index = np.arange(n * n).reshape(n, n)
rows = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
columns = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
couplings = sp.coo_matrix((np.concatenate([right.ravel(), down.ravel()]), (rows, columns)), shape=(n * n, n * n))
couplings = couplings + couplings.T
A = (sp.diags(np.asarray(couplings.sum(axis=1)).ravel() + 1e-2) - couplings).tocsr()
b = np.ones(n * n)

# %% In SciPy's cg
clock = time.perf_counter()
M = model.preconditioner(A)
print(f"{M}: {time.perf_counter() - clock:.1e} s", M.note or "")
iterations = []
x, info = spla.cg(A, b, M=M, callback=iterations.append)
assert info == 0
print("scipy.sparse.linalg.cg:", len(iterations), "iterations")

# %% What it is worth: the incomplete factor that it started from, in the same solver
plain = []
spla.cg(A, b, M=fempipe.preconditioner(A, "icc"), callback=plain.append)
print("with icc alone:", len(plain), "iterations")

# %% The factor itself
L = model.factor(A)
print("L:", L.nnz, "entries; ‖L Lᵀ − A‖ / ‖A‖ =", spla.norm(L @ L.T - A) / spla.norm(A))
