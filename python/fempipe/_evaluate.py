"""Evaluations."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from . import _fempipe, _recipe


def evaluate(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    output: str | os.PathLike[str] | None = None,
    *,
    solves: bool = False,
    force: bool = False,
) -> list[dict[str, Any]]:
    """Solve held-out systems by every row of a recipe, and measure iterations, failures and seconds.

    Parameters
    ----------
    recipe : path, str or dict
        The path of a recipe file (TOML), a TOML text, or the same as a dictionary, e.g.
        ``{"data": ["d.h5"], "rtol": [1e-8], "row": [{"ksp": "cg", "pc": "icc"}, {"ksp": "cg", "model": "run"}]}``.
        Paths in it are relative to the file, or else to the current directory.
    output : path, optional
        Directory for results.csv, summary.csv, report.html and the plots, from which the same call goes on after
        Ctrl-C. Without one nothing is written.
    solves : bool
        Return a record for every solve, not for every row.
    force : bool
        Measure again, over whatever evaluation is in `output`.

    Returns
    -------
    list of dict
        A record for each row, dataset and tolerance (the columns of summary.csv), or for each solve (those of
        results.csv): ready for `pandas.DataFrame`. Seconds are seconds; None where there is no value. A solve that
        failed counts with the iterations that were allowed.

    Raises
    ------
    RecipeError
        For a key that is unknown or out of its range.
    FileError, NotFoundError
        If a dataset or a model cannot be read.
    ArgumentError
        If a method, preconditioner or model does not fit the systems.
    """
    path, text, as_json = _recipe.parts(recipe)
    where = None if output is None else os.fspath(output)
    records = _fempipe.evaluate(path, text, as_json, where, force, solves)
    return [dict(record) for record in json.loads(records)]
