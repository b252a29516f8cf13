"""What a solve did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """Why a solve ended, and what it took. True where it converged.

    Attributes
    ----------
    reason : str
        PETSc's name: "CONVERGED_RTOL", "DIVERGED_ITS", "DIVERGED_INDEFINITE_MAT", …
    converged : bool
        Whether it is one of the converged reasons.
    advice : str
        What may be tried next; "" where it converged.
    iterations : int
        Iterations, those of `setup_iterations` included.
    setup_iterations : int
        Products with A that a model's features and guess took.
    residual, relative_residual : float
        ‖b − A x‖₂, recomputed from x, and the same divided by ‖b‖₂.
    history : (iterations + 1,) float64
        The residual norm before the first and after each iteration of the method; beyond a million of them that of
        every `history_every`-th.
    history_every : int
        1, or a power of two.
    inference_seconds, setup_seconds, solve_seconds : float
        A model's inference; the setup without it; the iterations.
    nnz : int
        Stored numbers of the preconditioner and a space.
    note : str or None
        What is worth knowing of the setup.
    """

    reason: str
    converged: bool
    advice: str
    iterations: int
    setup_iterations: int
    residual: float
    relative_residual: float
    history: np.ndarray
    history_every: int
    inference_seconds: float
    setup_seconds: float
    solve_seconds: float
    nnz: int
    note: str | None

    def __bool__(self) -> bool:
        return self.converged

    def __repr__(self) -> str:
        seconds = self.inference_seconds + self.setup_seconds + self.solve_seconds
        advice = f"; {self.advice}" if self.advice else ""
        return (
            f"<fempipe.Outcome {self.reason} after {self.iterations} iterations, relative residual "
            f"{self.relative_residual:.2e}, {seconds:.3g} s{advice}>"
        )
