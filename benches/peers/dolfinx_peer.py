"""What dolfinx (0.5) does beside fempipe: run by elliptic.py and assembly.py, which give the task as JSON on stdin.

Prints one line of JSON: {"rate": samples/s} or {"ms": milliseconds of one assembly}.
"""

import json
import os
import sys
import tempfile
import time

import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from petsc4py import PETSc


def generate(task):
    """f and g are polynomials whose coefficients are constants of the compiled forms; PETSc's Cholesky keeps its analysis."""
    import h5py

    points, cells = np.array(task["points"]), np.array(task["cells"], dtype=np.int64)
    shape = ufl.Mesh(ufl.VectorElement("Lagrange", "triangle", 1))
    domain = mesh.create_mesh(MPI.COMM_SELF, cells, points, shape)
    space = fem.FunctionSpace(domain, ("Lagrange", 1))
    u, v, x = ufl.TrialFunction(space), ufl.TestFunction(space), ufl.SpatialCoordinate(domain)
    powers = task["powers"]
    constants = [fem.Constant(domain, PETSc.ScalarType(np.zeros(len(powers)))) for _ in "fg"]
    f, g = (sum(c[k] * x[0] ** a * x[1] ** b for k, (a, b) in enumerate(powers)) for c in constants)
    dx = lambda degree: ufl.dx(metadata={"quadrature_degree": degree})
    a = fem.form(f * ufl.inner(ufl.grad(u), ufl.grad(v)) * dx(3))
    rhs = fem.form(g * v * dx(4))
    domain.topology.create_connectivity(1, 2)
    facets = mesh.exterior_facet_indices(domain.topology)
    bc = fem.dirichletbc(PETSc.ScalarType(0), fem.locate_dofs_topological(space, 1, facets), space)
    middles = domain.geometry.x[:, :2][domain.geometry.dofmap.array.reshape(-1, 3)].mean(1)
    table = np.stack([middles[:, 0] ** a * middles[:, 1] ** b for a, b in powers])
    A, b = fem.petsc.create_matrix(a), fem.petsc.create_vector(rhs)
    solution = b.duplicate()
    ksp = PETSc.KSP().create(MPI.COMM_SELF)
    ksp.setOperators(A)
    ksp.setType("preonly")
    ksp.getPC().setType("cholesky")
    rng, out, samples = np.random.default_rng(1), None, task["samples"]
    with tempfile.TemporaryDirectory() as d, h5py.File(os.path.join(d, "d.h5"), "w") as file:
        start = time.perf_counter()
        for s in range(samples):
            cf, cg = rng.standard_normal((2, len(powers)))
            at = cf @ table
            cf *= (task["contrast"] - 1) / (at.max() - at.min())
            cf[0] += 1 - (cf @ table).min()
            constants[0].value[:], constants[1].value[:] = cf, cg
            A.zeroEntries()
            fem.petsc.assemble_matrix(A, a, bcs=[bc])
            A.assemble()
            with b.localForm() as local:
                local.set(0)
            fem.petsc.assemble_vector(b, rhs)
            fem.petsc.set_bc(b, [bc])
            ksp.setOperators(A)
            ksp.solve(b, solution)
            values = A.getValuesCSR()[2]
            row = (values, b.array, solution.array, cf @ table)
            if out is None:
                names = ["values", "rhs", "solution", "coefficient"]
                make = lambda n, w: file.create_dataset(n, (samples, w.size), chunks=(1, w.size), dtype="f8")
                out = [make(n, w) for n, w in zip(names, row)]
            for dataset, w in zip(out, row):
                dataset[s] = w
        return {"rate": samples / (time.perf_counter() - start)}


def assembly(task):
    """Stiffness with f in P1 on the square, into a matrix made once: the least time."""
    n = task["cells"]
    domain = mesh.create_unit_square(MPI.COMM_SELF, n, n)
    space = fem.FunctionSpace(domain, ("Lagrange", 1))
    u, v, f = ufl.TrialFunction(space), ufl.TestFunction(space), fem.Function(space)
    f.interpolate(lambda x: 1 + x[0] * x[1])
    dx = ufl.dx(metadata={"quadrature_degree": 1})
    form = fem.form(f * ufl.inner(ufl.grad(u), ufl.grad(v)) * dx)
    A, times = fem.petsc.create_matrix(form), []
    for _ in range(12):
        start = time.perf_counter()
        A.zeroEntries()
        fem.petsc.assemble_matrix(A, form)
        A.assemble()
        times.append(time.perf_counter() - start)
    return {"ms": 1e3 * min(times), "sum": float(abs(A.getValuesCSR()[2]).sum())}


if __name__ == "__main__":
    task = json.load(sys.stdin)
    print(json.dumps({"generate": generate, "assembly": assembly}[task["task"]](task)))
