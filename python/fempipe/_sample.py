"""Samples of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from . import _fempipe
from ._mesh import Mesh
from .errors import ShapeError


@dataclass(eq=False, repr=False)
class Sample:
    """One linear system A x = b with what made it. `fempipe.solve` and models take it in the place of A.

    Attributes
    ----------
    A : scipy.sparse.csr_matrix, (n, n) float64
        Where all samples of the dataset have one pattern, they share its index arrays, which therefore cannot be
        written to (`A.copy()` can); the values are the sample's own.
    b : (n,) float64
        Right-hand side.
    x : (n,) float64 or None
        Solution, where the dataset has it.
    fields : dict of str to ndarray, float64
        What made the system. By where they live: (rows, columns) on a grid, y first; (points,), (cells,) or (n,) by
        points, cells or unknowns of the mesh; with a last axis where there are several components.
    params : dict of str to float
        Drawn numbers.
    labels : dict of str to ndarray, float64
        What a model may learn beside x: eigenvectors, factors. Shaped like fields.
    mesh : Mesh or None
        The mesh of the dataset.
    index : int
        Its place in the dataset: with the seed it decides the sample.
    """

    A: sp.csr_matrix
    b: np.ndarray
    x: np.ndarray | None
    fields: dict[str, np.ndarray]
    params: dict[str, float]
    labels: dict[str, np.ndarray]
    mesh: Mesh | None
    index: int
    _props: str = "general"
    _places: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    _mesh: _fempipe.Mesh | None = None

    def __repr__(self) -> str:
        n, fields = self.A.shape[0], ", ".join(self.fields) or "none"
        return f"<fempipe.Sample {self.index}: n = {n}, {self.A.nnz} entries, {self._props}, fields: {fields}>"

    @property
    def locations(self) -> dict[str, str]:
        """Where each field lives: "points", "cells", "dofs", "grid" or "sample"."""
        return {name: place[0] for name, place in self._places.items()}

    def _fields(self) -> list[tuple[str, str, int, np.ndarray]]:
        """Return the fields as the compiled part takes them."""
        parts: list[tuple[str, str, int, np.ndarray]] = []
        for name, (location, components, size) in self._places.items():
            values = np.ascontiguousarray(self.fields[name], dtype=np.float64)
            if values.size != size:
                raise ShapeError(f"fields[{name!r}] has {values.size} values, the sample was made with {size}")
            parts.append((name, location, components, values.reshape(-1)))
        return parts

    def __reduce__(self) -> Any:
        # What only the compiled part can read stays behind: the pickled sample is for reading.
        parts = (self.A, self.b, self.x, self.fields, self.params, self.labels, self.mesh, self.index, self._props)
        return Sample, parts
