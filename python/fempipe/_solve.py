"""Solving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _fempipe, _matrix
from ._model import Model
from ._outcome import Outcome
from ._preconditioner import Preconditioner
from .errors import ArgumentError


def solve(
    A: Any,
    b: Any = None,
    *,
    ksp: str = "cg",
    pc: str | Preconditioner | Model | None = None,
    model: Model | None = None,
    x0: Any = None,
    rtol: float = 1e-8,
    atol: float = 1e-50,
    dtol: float = 1e5,
    max_it: int = 10_000,
    norm: str | None = None,
    pc_side: str | None = None,
    space_as: str = "deflation",
    callback: Callable[[int, float], object] | None = None,
) -> tuple[np.ndarray, Outcome]:
    """Solve A x = b by a Krylov method, with a classical preconditioner, what a model predicts, or both.

    Parameters
    ----------
    A : sparse matrix, (n, n), or Sample
        In any format of `scipy.sparse`; converted to float64 CSR. A dense array is taken too. A matrix that is
        symmetric with a positive diagonal is taken as positive definite until `cg` finds that it is not; of a `Sample`
        its dataset says what holds.
    b : (n,) array
        Right-hand side; that of a `Sample` where none is given.
    ksp : str
        The method, with PETSc's names: "cg", "fcg", "minres", "gmres(50)", "fgmres", "bcgs", "richardson(0.7)", …
        (`fempipe solvers` lists all).
    pc : str, Preconditioner or Model
        The preconditioner M ≈ A⁻¹: a specification such as "icc(1)" or "amg" (see `fempipe.preconditioner`), one that
        was made before, or a model that predicts one. By default "icc", or with `model` what that predicts.
    model : Model
        A model whose guess or space goes with the preconditioner.
    x0 : (n,) array
        Where x starts; by default zero, or where the model says.
    rtol, atol : float
        Stop at ‖b − A x‖₂ ≤ max(rtol ‖b‖₂, atol), the true residual; atol in the units of b.
    dtol : float
        Give up at ‖b − A x‖₂ > dtol max(‖b‖₂, ‖b − A x₀‖₂).
    max_it : int
        Iterations at most.
    norm : str
        Norm of the stopping rule: "unpreconditioned" (the default), "preconditioned", "natural" or "none".
    pc_side : str
        Where M stands: "left", "right" or "symmetric"; by default the method's own side.
    space_as : str
        What a model's space is for: "deflation", or the coarse level of a preconditioner, "two-level" or "additive".
    callback : callable(iteration, residual_norm)
        Called before the first and after each iteration. If it raises StopIteration the solve ends with what x is
        (reason "DIVERGED_ITS"); other exceptions end it and are raised.

    Returns
    -------
    x : (n,) float64
    outcome : Outcome
        Whether and why it converged, iterations, history, seconds. Not converging is no exception.

    Raises
    ------
    UnsuitableError
        If A is not what the method needs (`cg` of an A that is not symmetric).
    ArgumentError
        For an option that is unknown or out of its range, parts that do not go together (a guess and `x0`), an M that
        the method cannot use.
    ShapeError
        If A is not square, or b or x0 has not n entries.
    NumericError
        If an entry is not finite, or the preconditioner cannot be made.

    Examples
    --------
    >>> import scipy.sparse as sp, numpy as np
    >>> A = sp.diags([-1, 2, -1], [-1, 0, 1], shape=(100, 100))
    >>> x, outcome = fempipe.solve(A, np.ones(100), pc="jacobi")
    >>> outcome.converged, outcome.iterations
    (True, 50)
    """
    system = _matrix.system(A, b)
    n = system.n
    parts = None
    if isinstance(pc, Model):
        if model is not None:
            raise ArgumentError("pc and model are both models: take one of them, and a classical preconditioner as pc")
        pc, model = None, pc
    elif pc is None and model is None:
        pc = "icc"
    if model is not None:
        parts = model._predict(system)
    made = pc._operator if isinstance(pc, Preconditioner) else pc
    if made is not None and not isinstance(made, (str, _fempipe.Operator)):
        raise TypeError(
            f'pc is a {type(pc).__name__}: must be a text such as "icc(1)", a fempipe.Preconditioner or a fempipe.Model'
        )
    start = None if x0 is None else _matrix.real_vector(x0, n, "x0")
    x, said = _fempipe.solve(
        system, ksp, made, parts, start, rtol, atol, dtol, max_it, norm, pc_side, space_as, callback
    )
    return x, Outcome(**said)
