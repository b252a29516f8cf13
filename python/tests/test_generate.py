"""Recipes as files, texts and dictionaries."""

import pathlib

import numpy as np
import pytest

import fempipe

TEXT = 'family = "poisson"\nsamples = 6\n[poisson]\nlevel = 2\n'
DICT = {"family": "poisson", "samples": np.int64(6), "poisson": {"level": 2}}


def test_file_text_and_dictionary_make_the_same(tmp_path):
    (tmp_path / "r.toml").write_text(TEXT)
    beside = fempipe.generate(tmp_path / "r.toml")
    assert beside.path == str(tmp_path / "r.h5") and (tmp_path / "r.h5").is_file()
    of_text = fempipe.generate(TEXT, output=tmp_path / "t.h5")
    of_dict = fempipe.generate(DICT, output=str(tmp_path / "d.h5"))
    again = fempipe.generate(beside.recipe, output=tmp_path / "again.h5")
    for other in (of_text, of_dict, again):
        assert np.array_equal(beside[5].A.data, other[5].A.data)
    inside = fempipe.generate({**DICT, "output": pathlib.Path(tmp_path / "inside.h5")})
    assert inside.path == str(tmp_path / "inside.h5")


def test_what_is_there_stays(tmp_path):
    fempipe.generate(TEXT, output=tmp_path / "d.h5")
    before = (tmp_path / "d.h5").stat().st_mtime_ns
    fempipe.generate(TEXT, output=tmp_path / "d.h5")
    assert (tmp_path / "d.h5").stat().st_mtime_ns == before
    other = {**DICT, "samples": 7}
    with pytest.raises(fempipe.FileError, match="another recipe.*choose another output, or force=True"):
        fempipe.generate(other, output=tmp_path / "d.h5")
    assert len(fempipe.generate(other, output=tmp_path / "d.h5", force=True)) == 7


@pytest.mark.parametrize(
    ("recipe", "error", "says"),
    [
        ({**DICT, "sampels": 3}, fempipe.RecipeError, "unknown key 'sampels'"),
        ({**DICT, "poisson": {"level": 99}}, fempipe.RecipeError, "level"),
        ({"family": "none"}, fempipe.RecipeError, "none"),
        ({}, fempipe.RecipeError, "'family' is missing"),
        ({**DICT, "seed": object()}, fempipe.RecipeError, "no meaning in a recipe"),
        ({**DICT, "seed": float("nan")}, fempipe.RecipeError, "recipe"),
        ("family = ", fempipe.RecipeError, "line 1"),
        ("nowhere.toml", FileNotFoundError, "nowhere.toml"),
        (3, TypeError, "must be a path, a TOML text or a dictionary"),
    ],
)
def test_recipes_that_cannot_be_used(recipe, error, says, tmp_path):
    with pytest.raises(error, match=says):
        fempipe.generate(recipe, output=tmp_path / "d.h5")
    assert list(tmp_path.iterdir()) == []


def test_the_output_must_be_known():
    with pytest.raises(fempipe.ArgumentError, match="output"):
        fempipe.generate(DICT)
