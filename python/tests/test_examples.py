"""The example scripts run from an empty directory, and so do the examples of the docstrings."""

import doctest
import os
import runpy
import subprocess
import sys

import pytest
from conftest import EXAMPLES

import fempipe

SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_example(script, tmp_path):
    petsc = "petsc4py" in (EXAMPLES / script).read_text()
    if petsc and not os.environ.get("FEMPIPE_PETSC"):
        pytest.skip("FEMPIPE_PETSC is not set: another run of these tests has petsc4py")
    done = subprocess.run([sys.executable, EXAMPLES / script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example shows something"


def test_there_are_examples():
    assert len(SCRIPTS) >= 4 and runpy


def test_docstrings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = failed = 0
    for module in ("fempipe", "fempipe._solve", "fempipe._preconditioner"):
        result = doctest.testmod(sys.modules[module], extraglobs={"fempipe": fempipe}, optionflags=doctest.ELLIPSIS)
        run, failed = run + result.attempted, failed + result.failed
    assert failed == 0 and run > 5


def test_everything_public_is_documented():
    for name in fempipe.__all__:
        thing = getattr(fempipe, name)
        if callable(thing):
            assert thing.__doc__ and len(thing.__doc__) > 20, name
