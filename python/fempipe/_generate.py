"""Making datasets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from . import _fempipe, _recipe
from ._dataset import Dataset


def generate(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    output: str | os.PathLike[str] | None = None,
    *,
    force: bool = False,
) -> Dataset:
    """Make the dataset of a recipe and open it. What is there already is kept: the same call again, after Ctrl-C or a
    crash, goes on where it stopped, and opens a file that is complete.

    Parameters
    ----------
    recipe : path, str or dict
        The path of a recipe file (TOML), a TOML text, or the same as a dictionary, e.g.
        ``{"family": "poisson", "samples": 100, "seed": 1, "poisson": {"level": 4}}``. Paths in it are relative to the
        file, or else to the current directory.
    output : path, optional
        The dataset to write (.h5); by default the recipe's own `output`, or beside the recipe's file.
    force : bool
        Replace a dataset of another recipe.

    Returns
    -------
    Dataset

    Raises
    ------
    RecipeError
        For a key that is unknown or out of its range.
    FileError
        If the output is there and of another recipe.
    ArgumentError
        If nothing says where the dataset goes.
    """
    path, text, json = _recipe.parts(recipe)
    where = None if output is None else os.fspath(output)
    return Dataset(_fempipe.generate(path, text, json, where, force))
