"""Matrices and vectors of the user as the compiled part takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from ._fempipe import System
from ._sample import Sample
from .errors import ArgumentError, NumericError, ShapeError

_MOST = 2**31 - 1


def real_vector(values: Any, n: int, name: str) -> np.ndarray:
    """Return the values as a contiguous float64 array of n entries; (n, 1) and (1, n) are taken too.

    Raises
    ------
    ArgumentError
        If they are no real numbers.
    ShapeError
        If there are not n of them.
    NumericError
        If one is not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ArgumentError(f"{name} has the type {array.dtype}: must be an array of real numbers")
    if array.size != n or array.ndim > 2 or (array.ndim == 2 and 1 not in array.shape):
        raise ShapeError(f"{name} has the shape {array.shape}: must have {n} entries, as A has rows")
    array = np.ascontiguousarray(array, dtype=np.float64).reshape(n)
    if not np.isfinite(array).all():
        at = int(np.argmin(np.isfinite(array)))
        raise NumericError(f"{name}[{at}] is {array[at]}: must be finite")
    return array


def csr(a: Any) -> sp.csr_matrix:
    """Return a square matrix in float64 rows of rising columns, each once; the user's own stays as it is.

    Raises
    ------
    ArgumentError
        If it is no matrix of real numbers, or its index arrays are damaged.
    ShapeError
        If it is not square, or has no rows.
    NumericError
        If an entry is not finite.
    """
    if not sp.issparse(a):
        a = np.asarray(a)
        if a.ndim != 2 or a.dtype.kind not in "biuf":
            raise ArgumentError(
                f"A is an array of type {a.dtype} and shape {a.shape}: must be a scipy.sparse matrix or a "
                "two-dimensional array of real numbers"
                if a.dtype != object
                else "A must be a scipy.sparse matrix, a two-dimensional array or a fempipe.Sample"
            )
    elif a.dtype.kind not in "biuf":
        raise ArgumentError(f"A has the type {a.dtype}: must be a matrix of real numbers")
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape[0] == 0:
        raise ShapeError(f"A has the shape {a.shape}: A of a linear system must be square")
    if a.shape[0] > _MOST or (sp.issparse(a) and a.nnz > _MOST):
        raise ArgumentError(f"A has {a.shape[0]} rows and {a.nnz} entries: at most {_MOST} of each can be indexed")
    try:
        rows = sp.csr_matrix(a)
        # A new object, which looks for itself whether columns rise: what SciPy remembers of that may be out of date.
        rows = sp.csr_matrix((np.asarray(rows.data, dtype=np.float64), rows.indices, rows.indptr), shape=rows.shape)
        rows.check_format(full_check=True)
    except ValueError as e:
        raise ArgumentError(f"A is no valid CSR matrix: {e}") from e
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    if not np.isfinite(rows.data).all():
        k = int(np.argmin(np.isfinite(rows.data)))
        i = int(np.searchsorted(rows.indptr, k, side="right")) - 1
        raise NumericError(f"A[{i}, {rows.indices[k]}] is {rows.data[k]}: entries must be finite")
    return rows


def system(a: Any, b: Any = None) -> System:
    """Return A x = b for the compiled part. Of a `Sample` all is known that its dataset says; b is its own, or ones."""
    known: dict[str, Any] = {}
    if isinstance(a, Sample):
        b = a.b if b is None else b
        known = {"props": a._props, "fields": a._fields(), "mesh": a._mesh, "index": a.index}
        a = a.A
    rows = csr(a)
    n = rows.shape[0]
    b = np.ones(n) if b is None else real_vector(b, n, "b")
    indices = np.ascontiguousarray(rows.indices, dtype=np.uint32)
    indptr = np.ascontiguousarray(rows.indptr, dtype=np.uint32)
    return System(np.ascontiguousarray(rows.data), indices, indptr, b, **known)
