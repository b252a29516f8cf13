"""Finite-element systems in, learned solvers out.

>>> import fempipe
>>> data = fempipe.generate({"family": "poisson", "samples": 10, "poisson": {"level": 3}}, output="p3.h5")
>>> sample = data["test"][0]
>>> x, outcome = fempipe.solve(sample.A, sample.b, ksp="cg", pc="icc")
>>> outcome.reason
'CONVERGED_RTOL'

A trained model beside SciPy's own solver:

>>> model = fempipe.load("training/run")                                   # doctest: +SKIP
>>> x, info = scipy.sparse.linalg.cg(A, b, M=model.preconditioner(A))      # doctest: +SKIP

Matrices are `scipy.sparse` matrices or arrays of any format, vectors NumPy arrays; all computations are in double
precision but for the inference of models. Work runs without the interpreter's lock, and Ctrl-C ends it. Errors are
subclasses of `fempipe.Error`.
"""

from ._dataset import Dataset
from ._evaluate import evaluate
from ._fempipe import __version__
from ._generate import generate
from ._mesh import Mesh
from ._model import Model, load
from ._outcome import Outcome
from ._preconditioner import Preconditioner, preconditioner
from ._sample import Sample
from ._solve import solve
from ._threads import get_num_threads, set_num_threads
from .errors import (
    ArgumentError,
    Error,
    FileError,
    InternalError,
    IoError,
    NotFoundError,
    NumericError,
    PredictionError,
    RecipeError,
    ShapeError,
    UnsuitableError,
)

__all__ = [
    "ArgumentError",
    "Dataset",
    "Error",
    "FileError",
    "InternalError",
    "IoError",
    "Mesh",
    "Model",
    "NotFoundError",
    "NumericError",
    "Outcome",
    "Preconditioner",
    "PredictionError",
    "RecipeError",
    "Sample",
    "ShapeError",
    "UnsuitableError",
    "__version__",
    "evaluate",
    "generate",
    "get_num_threads",
    "load",
    "preconditioner",
    "set_num_threads",
    "solve",
]
