"""Meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import _fempipe


def _fixed(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Mesh:
    """The mesh that the samples of a dataset share; its arrays cannot be written to.

    Attributes
    ----------
    points : (points, dim) float64
        Coordinates.
    cells : (cells, k) uint32
        The points of each cell.
    cell_type : str
        "triangle", "triangle6", "quad", "tetra" or "line", as meshio has them.
    point_markers : (points,) uint32
        0 inside, 1 on the boundary; further numbers name parts of it.
    free_dofs : (n,) uint32
        Row i of A is the degree of freedom `free_dofs[i]` in the numbering before elimination; where there is one a
        point, the point.
    """

    points: np.ndarray
    cells: np.ndarray
    cell_type: str
    point_markers: np.ndarray
    free_dofs: np.ndarray

    def __repr__(self) -> str:
        (points, dim), cells = self.points.shape, len(self.cells)
        return f"<fempipe.Mesh of {points} points in {dim} dimensions, {cells} cells ({self.cell_type})>"

    @classmethod
    def _of(cls, raw: _fempipe.Mesh) -> Mesh:
        arrays = [_fixed(a) for a in (raw.points(), raw.cells(), raw.point_markers(), raw.free_dofs())]
        return cls(arrays[0], arrays[1], raw.cell_type, arrays[2], arrays[3])
