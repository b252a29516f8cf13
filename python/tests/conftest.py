"""Small datasets and models that all tests share, made by the command line that comes with the package."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

import fempipe

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"

#: Settings of each model that train in a second or two on the dataset of this name.
MODELS = {
    "mlp": ("poisson", '[mlp]\nhidden = [16, 16, 16]\nloss = "rate"\nprobes = 2\nsteps = 2\n'),
    "stencil-mlp": ("poisson", "[stencil-mlp]\nhidden = [8, 8]\ninput_radius = 1\nprobes = 2\nsteps = 2\n"),
    "nsls": ("darcy", "[nsls]\nwidth = 6\nblocks = 2\niterates = 3\n"),
    "precorrector": ("darcy", "[precorrector]\nwidth = 4\nrounds = 2\npairs = 2\n"),
    "factor-gnn": (
        "darcy",
        '[factor-gnn]\nnode = "mpnn"\nwidth = 8\nrounds = 2\ntarget = "icc"\nscaling = "jacobi"\n[optimizer]\nlr = 1e-2\n',
    ),
    "gcvae": ("darcy", "[gcvae]\nwidth = 4\nlayers = 2\nlatent = 2\nvectors = 2\nextra = 0.5\n"),
    "spai-gnn": ("darcy", "[spai-gnn]\nwidth = 4\nrounds = 2\nvectors = 2\n"),
    "neurkitt": ("darcy", "[neurkitt]\nwidth = 3\nlayers = 2\nmodes = 2\nhead = 4\ndim = 3\n"),
}


#: What an entry of a factor is takes longer to learn than that its diagonal is positive.
EPOCHS = {"factor-gnn": 40}

#: With what each is validated, but fgmres, which takes any preconditioner.
KSP = {"neurkitt": "cg"}


class Workshop:
    """A directory, and the command line in it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        binary = os.environ.get("FEMPIPE_BINARY")
        self._command = [binary] if binary else [sys.executable, "-m", "fempipe"]
        self._models = {}

    def __truediv__(self, name):
        return self.directory / name

    def cli(self, *args):
        """Run a command, which must succeed; return what it prints."""
        done = subprocess.run([*self._command, *map(str, args)], cwd=self.directory, capture_output=True, text=True)
        assert done.returncode == 0, (args, done.stderr)
        return done.stdout

    def solve(self, data, sample, *args):
        """Return what `fempipe solve --json` says of a sample."""
        return json.loads(self.cli("solve", self / f"{data}.h5", "--sample", sample, "--json", *args))

    def run(self, kind):
        """Return the run directory of a small model of this kind."""
        if kind not in self._models:
            data, settings = MODELS[kind]
            recipe = self / f"{kind}.toml"
            head = f'model = "{kind}"\ndata = "{data}.h5"\nepochs = {EPOCHS.get(kind, 2)}\nbatch_size = 8\n'
            recipe.write_text(f'{head}[validation]\nksp = "{KSP.get(kind, "fgmres")}"\n{settings}')
            self.cli("train", recipe, "-o", self / f"run-{kind}", "--quiet")
            self._models[kind] = self / f"run-{kind}"
        return self._models[kind]

    def model(self, kind):
        return fempipe.load(self.run(kind))


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    place = Workshop(tmp_path_factory.mktemp("workshop"))
    split = {"train": 24, "validation": 8, "test": 8}
    fempipe.generate(
        {"family": "poisson", "samples": 40, "seed": 5, "split": split, "poisson": {"level": 3}},
        output=place / "poisson.h5",
    )
    fempipe.generate(
        {
            "family": "darcy",
            "samples": 40,
            "split": split,
            "darcy": {"cells": 17, "discretisation": "fd"},
            "labels": {"eigenpairs": 3},
        },
        output=place / "darcy.h5",
    )
    return place


@pytest.fixture(scope="session")
def darcy(workshop):
    return fempipe.Dataset(workshop / "darcy.h5")


@pytest.fixture(scope="session")
def poisson(workshop):
    return fempipe.Dataset(workshop / "poisson.h5")
