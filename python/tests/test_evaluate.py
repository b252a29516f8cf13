"""Evaluations as records."""

import csv

import pytest

import fempipe


def recipe(workshop):
    rows = [{"ksp": "cg", "pc": "icc"}, {"ksp": "cg", "model": workshop.run("spai-gnn")}, {"ksp": "cg", "pc": "none"}]
    keys = {"rtol": [1e-8], "samples": 3, "condition_samples": 1, "trivial": False}
    return {"data": [workshop / "darcy.h5"], **keys, "row": rows}


def test_records_say_what_the_files_say(workshop, tmp_path):
    records = fempipe.evaluate(recipe(workshop), output=tmp_path / "e")
    assert len(records) == 3 and [r["failures"] for r in records] == [0, 0, 0]
    assert all(isinstance(r["iterations_mean"], float) for r in records)
    lines = list(csv.DictReader(open(tmp_path / "e" / "summary.csv")))
    assert [float(line["iterations_mean"]) for line in lines] == [r["iterations_mean"] for r in records]
    assert list(lines[0]) == list(records[0])
    assert (tmp_path / "e" / "report.html").is_file()
    # The same call again measures nothing anew.
    assert fempipe.evaluate(recipe(workshop), output=tmp_path / "e") == records
    with pytest.raises(fempipe.FileError, match="another evaluation.*as output, or replace it with force=True"):
        fempipe.evaluate({**recipe(workshop), "rtol": [1e-4]}, output=tmp_path / "e")
    fempipe.evaluate({**recipe(workshop), "rtol": [1e-4]}, output=tmp_path / "e", force=True)


def test_what_a_network_has_to_beat_stands_beside_it(workshop):
    kinds = [r["kind"] for r in fempipe.evaluate({**recipe(workshop), "trivial": True})]
    assert sorted(kinds) == ["classical", "classical", "constant", "learned", "untrained"]


def test_solves_are_those_of_the_solver(workshop, darcy):
    solves = fempipe.evaluate(recipe(workshop), solves=True)
    assert len(solves) == 9
    first = [s for s in solves if s["row"] == solves[0]["row"]]
    assert len(first) == 3 and all(s["converged"] is True for s in first)
    for solve in first:
        assert fempipe.solve(darcy[solve["sample"]], pc="icc")[1].iterations == solve["iterations"]


def test_texts_and_files(workshop):
    text = 'data = ["darcy.h5"]\nsamples = 2\ncondition_samples = 0\n[[row]]\nksp = "cg"\npc = "icc"\n'
    (workshop / "e.toml").write_text(text)
    of_file = fempipe.evaluate(workshop / "e.toml")
    assert of_file[0]["solves"] == 2 and not (workshop / "e").exists()
    of_text = fempipe.evaluate(text.replace("darcy.h5", str(workshop / "darcy.h5")))
    assert of_text[0]["iterations_mean"] == of_file[0]["iterations_mean"]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"rows": 3}, fempipe.RecipeError, "rows"),
        ({"rtol": [2.0]}, fempipe.RecipeError, "rtol"),
        ({"data": ["nowhere.h5"]}, FileNotFoundError, "nowhere.h5"),
        ({"split": "tset"}, fempipe.FileError, "no split 'tset'"),
        ({"row": [{"ksp": "cg", "pc": "sor"}]}, fempipe.ArgumentError, "sor"),
    ],
)
def test_recipes_that_cannot_be_used(workshop, change, error, says):
    with pytest.raises(error, match=says):
        fempipe.evaluate({**recipe(workshop), **change})
