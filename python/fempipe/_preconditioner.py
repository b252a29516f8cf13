"""Preconditioners."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from . import _fempipe, _matrix
from .errors import ShapeError


class Preconditioner(LinearOperator):
    """z = M r with M ≈ A⁻¹, as a `scipy.sparse.linalg.LinearOperator` (n×n, float64).

    For SciPy: ``cg(A, b, M=M)``. For PETSc: ``pc.setType("python"); pc.setPythonContext(M)``. For `fempipe.solve`:
    ``solve(A, b, pc=M)``, any number of times with one setup.

    Attributes
    ----------
    name : str
        What made it.
    note : str or None
        What is worth knowing of the setup: a shift that was needed, a model's fallback.
    seconds : float
        Seconds of setup, a model's inference included.
    nnz : int
        Stored numbers.
    symmetric, positive_definite : bool
        What is promised of M; SciPy's `cg` needs both.
    """

    def __init__(self, operator: _fempipe.Operator, name: str, note: str | None, seconds: float):
        super().__init__(np.float64, operator.shape)
        self._operator = operator
        self.name, self.note, self.seconds = name, note, seconds
        self.nnz, self.symmetric = operator.nnz, operator.symmetric
        self.positive_definite = operator.positive_definite

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        if np.iscomplexobj(x):
            return self._matvec(x.real) + 1j * self._matvec(x.imag)
        return self._operator.apply(np.ascontiguousarray(x, dtype=np.float64).reshape(-1))

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        if not self.symmetric:
            raise NotImplementedError(f"{self.name} is not symmetric, and its transpose is not stored")
        return self._matvec(x)

    def _adjoint(self) -> LinearOperator:
        return self if self.symmetric else super()._adjoint()

    def apply(self, pc: Any, x: Any, y: Any) -> None:
        """y ← M x for petsc4py's vectors: what PETSc calls of a preconditioner of type "python"."""
        y.setArray(self._matvec(x.getArray(readonly=True)))

    def __repr__(self) -> str:
        kind = "spd" if self.positive_definite else "symmetric" if self.symmetric else "general"
        return f"<fempipe.Preconditioner {self.name}: {self.shape[0]}×{self.shape[1]}, {kind}, {self.nnz} entries>"


def preconditioner(A: Any, pc: str = "icc") -> Preconditioner:
    """Set a classical preconditioner up for A.

    Parameters
    ----------
    A : sparse matrix, (n, n), or Sample
        In any format of `scipy.sparse`; converted to float64 CSR. A dense array is taken too.
    pc : str
        Its name and options, with PETSc's names: "jacobi", "ssor", "icc", "icc(1)", "ict(0.01)", "ilu", "amg",
        "fsai", "bjacobi(8, inner = icc)", "cholesky", … (`fempipe preconditioners` lists all).

    Returns
    -------
    Preconditioner

    Raises
    ------
    ArgumentError
        For a name or option that there is not; a matrix that is none.
    ShapeError
        If A is not square.
    NumericError
        If A does not allow this preconditioner, or an entry is not finite.

    Examples
    --------
    >>> import scipy.sparse as sp, scipy.sparse.linalg as spla, numpy as np
    >>> A = sp.diags([-1, 2, -1], [-1, 0, 1], shape=(100, 100), format="csr")
    >>> M = fempipe.preconditioner(A, "icc")
    >>> x, info = spla.cg(A, np.ones(100), M=M)
    >>> info
    0
    """
    made = _fempipe.preconditioner(pc, _matrix.system(A))
    if made.preconditioner is None:
        raise ShapeError(f"{pc} makes no preconditioner")
    return Preconditioner(made.preconditioner, pc, made.note, made.seconds)
