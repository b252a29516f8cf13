"""What a recipe is given as."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .errors import RecipeError

Recipe = "str | os.PathLike[str] | Mapping[str, Any]"


def parts(recipe: Any) -> tuple[str | None, str | None, str | None]:
    """Return the recipe as (path of a file, TOML text, dictionary as JSON), two of which are None.

    A text with a line break or "=" is TOML, any other one is a path.
    """
    if isinstance(recipe, Mapping):
        try:
            return None, None, json.dumps(dict(recipe), default=_plain, allow_nan=False)
        except (TypeError, ValueError) as e:
            raise RecipeError(f"recipe: {e}: values must be numbers, texts, booleans, lists or dictionaries") from e
    if isinstance(recipe, str) and ("\n" in recipe or "=" in recipe):
        return None, recipe, None
    if isinstance(recipe, (str, os.PathLike)):
        return os.fspath(recipe), None, None
    raise TypeError(f"a recipe must be a path, a TOML text or a dictionary, not {type(recipe).__name__}")


def _plain(value: Any) -> Any:
    """Return paths and what NumPy has as what JSON has."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} has no meaning in a recipe")
