"""Trained models."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import scipy.sparse as sp

from . import _fempipe, _matrix
from ._preconditioner import Preconditioner
from .errors import PredictionError


class Model:
    """A trained model: see `fempipe.load`. What it predicts depends on its kind; asked for something else it raises
    `PredictionError`, which says what there is.

    ============== ==================================== ================
    predicts       models                               method
    ============== ==================================== ================
    M ≈ A⁻¹        mlp, stencil-mlp, precorrector,      `preconditioner`
                   factor-gnn, gcvae, spai-gnn
    L Lᵀ ≈ A       precorrector, factor-gnn             `factor`
    G Gᵀ + D ≈ A⁻¹ gcvae, spai-gnn                      `inverse_factor`
    x              nsls                                 `guess`
    slow modes     neurkitt                             `space`
    ============== ==================================== ================

    In all methods A is a `scipy.sparse` matrix (n, n) in any format, or a `Sample`, which models that look at fields
    and meshes (`neurkitt`) need. Each raises `UnsuitableError` or `ArgumentError` where the system is not what the
    model is for, e.g. of another size than that of its training.

    Attributes
    ----------
    name : str
        Its kind, as recipes have it.
    parameters : int
        Numbers that were trained.
    path : str
        Where it was loaded from.
    """

    def __init__(self, path: str | os.PathLike[str], device: str = "cpu"):
        self.path = os.fspath(path)
        self._raw = _fempipe.Model(self.path, device)
        self.name, self.parameters = self._raw.name, self._raw.parameters

    def __repr__(self) -> str:
        return f"<fempipe.Model {self.name} of {self.path!r}, {self.parameters} parameters>"

    def preconditioner(
        self, A: Any, *, symmetrize: bool = False, filter: float = 0.0, draws: int = 0, unguarded: bool = False
    ) -> Preconditioner:
        """Predict M ≈ A⁻¹ as a `scipy.sparse.linalg.LinearOperator`.

        Parameters
        ----------
        A : sparse matrix, (n, n), or Sample
        symmetrize : bool
            Take (M + Mᵀ)/2 of an explicit inverse (`mlp`), for `cg`.
        filter : float
            Drop entries of an explicit inverse below it.
        draws : int
            Of a generative model (`gcvae`): 0 takes the mean, 1 a draw, more the best of so many draws.
        unguarded : bool
            Take what the network says even where it is worse than what it started from.

        Returns
        -------
        Preconditioner
        """
        options = {"symmetrize": symmetrize, "filter": filter, "draws": draws, "unguarded": unguarded}
        predicted = self._predict(_matrix.system(A), **options)
        if predicted.preconditioner is None:
            raise self._other(predicted, "a preconditioner")
        return Preconditioner(predicted.preconditioner, self.name, predicted.note, predicted.seconds)

    def guess(self, A: Any, b: Any = None) -> np.ndarray:
        """Predict x for A x = b.

        Parameters
        ----------
        A : sparse matrix, (n, n), or Sample
        b : (n,) array
            That of a `Sample` where none is given, or else ones.

        Returns
        -------
        (n,) float64
        """
        predicted = self._predict(_matrix.system(A, b))
        if predicted.guess is None:
            raise self._other(predicted, "an initial guess")
        return predicted.guess

    def space(self, A: Any) -> np.ndarray:
        """Predict the columns of a space of slow modes, for deflation.

        Parameters
        ----------
        A : Sample, or sparse matrix (n, n)

        Returns
        -------
        (n, k) float64
        """
        predicted = self._predict(_matrix.system(A))
        if predicted.space is None:
            raise self._other(predicted, "a subspace")
        return predicted.space

    def factor(self, A: Any, *, unguarded: bool = False) -> sp.csr_matrix:
        """Predict L, lower triangular with positive diagonal and L Lᵀ ≈ A (up to a factor for `factor-gnn`).

        Parameters
        ----------
        A : sparse matrix, (n, n), or Sample
        unguarded : bool
            Take what the network says even where it is worse than what it started from.

        Returns
        -------
        scipy.sparse.csr_matrix, (n, n) float64
        """
        predicted = self._predict(_matrix.system(A), unguarded=unguarded)
        made = predicted.factor()
        if made is None:
            raise self._other(predicted, "a factor of A")
        n = len(made[2]) - 1
        return sp.csr_matrix(made, shape=(n, n))

    def inverse_factor(self, A: Any, *, draws: int = 0) -> tuple[sp.csr_matrix, np.ndarray]:
        """Predict G and the diagonal of D with M = G Gᵀ + D ≈ A⁻¹.

        Parameters
        ----------
        A : sparse matrix, (n, n), or Sample
        draws : int
            As in `preconditioner`.

        Returns
        -------
        G : scipy.sparse.csr_matrix, (n, n) float64
        d : (n,) float64
        """
        predicted = self._predict(_matrix.system(A), draws=draws)
        made = predicted.inverse_factor()
        if made is None:
            raise self._other(predicted, "a factor of the inverse")
        arrays, diagonal, columns = made
        return sp.csr_matrix(arrays, shape=(len(diagonal), columns)), diagonal

    def _predict(self, system: _fempipe.System, **options: Any) -> _fempipe.Acceleration:
        return self._raw.predict(system, **options)

    def _other(self, predicted: _fempipe.Acceleration, wanted: str) -> PredictionError:
        ways = []
        if predicted.preconditioner is not None:
            ways.append("preconditioner")
            ways += ["factor"] if predicted.factor() is not None else []
            ways += ["inverse_factor"] if predicted.inverse_factor() is not None else []
        ways += ["guess"] if predicted.guess is not None else []
        ways += ["space"] if predicted.space is not None else []
        methods = " or ".join(f".{way}(…)" for way in ways)
        return PredictionError(f"{self.name} predicts {predicted.parts}, not {wanted}: take {methods}")


def load(path: str | os.PathLike[str], device: str = "cpu") -> Model:
    """Load a trained model.

    Parameters
    ----------
    path : path
        Run directory of `fempipe train` (its best checkpoint is taken), or a checkpoint (.safetensors).
    device : str
        Where it predicts: "cpu", or "cuda" where the package was built with it.

    Returns
    -------
    Model

    Raises
    ------
    FileError
        If there is no checkpoint, or it is damaged.
    ArgumentError
        If the device is not at hand.
    """
    return Model(path, device)
