"""Trained models in fempipe's, SciPy's and PETSc's solvers: the command line's counts; what each does not predict."""

import numpy as np
import pytest
import scipy.sparse as sp
from test_solve import iterations_of_scipy

import fempipe

METHODS = ("preconditioner", "factor", "inverse_factor", "guess", "space")
PREDICTS = {
    "mlp": {"preconditioner"},
    "stencil-mlp": {"preconditioner"},
    "nsls": {"guess"},
    "precorrector": {"preconditioner", "factor"},
    "factor-gnn": {"preconditioner", "factor"},
    "gcvae": {"preconditioner", "inverse_factor"},
    "spai-gnn": {"preconditioner", "inverse_factor"},
    "neurkitt": {"space"},
}


@pytest.mark.parametrize("kind", PREDICTS)
def test_what_each_model_predicts_and_what_not(workshop, kind):
    model = workshop.model(kind)
    assert model.name == kind and model.parameters > 0 and kind in repr(model)
    sample = fempipe.Dataset(workshop / ("poisson.h5" if "mlp" in kind else "darcy.h5"))["test"][0]
    for method in METHODS:
        if method in PREDICTS[kind]:
            assert getattr(model, method)(sample) is not None
        else:
            with pytest.raises(fempipe.PredictionError, match=f"{kind} predicts a.*take .*") as caught:
                getattr(model, method)(sample)
            for way in PREDICTS[kind]:
                assert f".{way}(" in str(caught.value)


@pytest.mark.parametrize("kind", ["stencil-mlp", "precorrector", "factor-gnn", "gcvae", "spai-gnn"])
def test_as_many_iterations_as_the_command_line(workshop, kind):
    data = "poisson" if kind == "stencil-mlp" else "darcy"
    i = 5
    said = workshop.solve(data, i, "--pc", workshop.run(kind), "--ksp", "cg")
    model, sample = workshop.model(kind), fempipe.Dataset(workshop / f"{data}.h5")[i]
    x, outcome = fempipe.solve(sample, pc=model)
    assert (outcome.iterations, outcome.reason) == (said["iterations"], said["reason"])
    assert outcome.inference_seconds > 0
    # In SciPy's hands the model sees the matrix alone.
    m = model.preconditioner(sample.A)
    assert m.shape == sample.A.shape and m.positive_definite and m.seconds > 0 and m.name == kind
    assert abs(iterations_of_scipy(sample.A, sample.b, m) - said["iterations"]) <= 1


def test_an_explicit_inverse(workshop, poisson):
    sample, model = poisson[3], workshop.model("mlp")
    m = model.preconditioner(sample.A)
    assert not m.symmetric
    with pytest.raises(fempipe.ArgumentError, match="fcg or gmres"):
        fempipe.solve(sample, pc=m)
    said = workshop.solve("poisson", 3, "--pc", workshop.run("mlp"), "--ksp", "gmres")
    assert fempipe.solve(sample, ksp="gmres", pc=m)[1].iterations == said["iterations"]
    symmetric = model.preconditioner(sample.A, symmetrize=True)
    assert symmetric.positive_definite
    assert model.preconditioner(sample.A, filter=0.5).nnz < m.nnz
    with pytest.raises(fempipe.ArgumentError, match="filter"):
        model.preconditioner(sample.A, filter=-1.0)
    with pytest.raises(fempipe.Error, match="49"):
        model.preconditioner(sp.identity(7))
    with pytest.raises(fempipe.UnsuitableError, match="symmetric"):
        workshop.model("spai-gnn").preconditioner(sp.csr_matrix([[1.0, 2.0], [0.0, 1.0]]))


def test_factors(workshop, darcy):
    sample = darcy[2]
    for kind in ("precorrector", "factor-gnn"):
        model = workshop.model(kind)
        lower = model.factor(sample.A)
        m = model.preconditioner(sample.A)
        assert isinstance(lower, sp.csr_matrix) and (sp.triu(lower, 1)).nnz == 0
        again = (lower @ lower.T) @ (m @ sample.b)
        assert np.allclose(again, sample.b), kind
    for kind in ("gcvae", "spai-gnn"):
        model = workshop.model(kind)
        g, d = model.inverse_factor(sample)
        assert np.allclose(g @ (g.T @ sample.b) + d * sample.b, model.preconditioner(sample) @ sample.b), kind


def test_guess_and_space_go_with_a_preconditioner(workshop, darcy):
    sample, nsls, neurkitt = darcy[6], workshop.model("nsls"), workshop.model("neurkitt")
    guess = nsls.guess(sample.A, sample.b)
    assert guess.shape == sample.b.shape and np.linalg.norm(sample.b - sample.A @ guess) < np.linalg.norm(sample.b)
    with pytest.raises(fempipe.ShapeError, match="b has the shape"):
        nsls.guess(sample.A, sample.b[1:])
    run = workshop.run("nsls")
    said = workshop.solve("darcy", 6, "--model", run, "--pc", "icc")
    _, outcome = fempipe.solve(sample, pc="icc", model=nsls)
    assert (outcome.iterations, outcome.setup_iterations) == (said["iterations"], said["setup_iterations"])
    assert outcome.setup_iterations > 0 and outcome.history[0] == pytest.approx(said["history"][0])
    assert fempipe.solve(sample, model=nsls)[1].iterations == workshop.solve("darcy", 6, "--model", run)["iterations"]
    with pytest.raises(fempipe.ArgumentError, match="both give an initial guess"):
        fempipe.solve(sample, model=nsls, x0=guess)
    with pytest.raises(fempipe.ArgumentError, match="both models"):
        fempipe.solve(sample, model=nsls, pc=neurkitt)

    space = neurkitt.space(sample)
    assert space.shape == (len(sample.b), 3) and np.linalg.matrix_rank(space) == 3
    said = workshop.solve("darcy", 6, "--model", workshop.run("neurkitt"), "--pc", "jacobi")
    assert fempipe.solve(sample, pc="jacobi", model=neurkitt)[1].iterations == said["iterations"]
    assert fempipe.solve(sample, pc="icc", model=neurkitt, space_as="two-level")[1].converged
    with pytest.raises(fempipe.ArgumentError, match="mesh"):
        neurkitt.space(sample.A)
    # What the user changes in a sample is what the model sees.
    other = darcy[6]
    other.fields["w"] = np.exp(other.fields["w"])
    assert not np.allclose(neurkitt.space(other), space)
    other.fields["w"] = np.ones(3)
    with pytest.raises(fempipe.ShapeError, match="fields"):
        neurkitt.space(other)


def test_what_is_no_model(workshop, tmp_path):
    with pytest.raises(fempipe.FileError, match="no such run directory"):
        fempipe.load(tmp_path / "run")
    (tmp_path / "c.safetensors").write_bytes(b"no checkpoint")
    with pytest.raises(fempipe.FileError, match="checkpoint"):
        fempipe.load(tmp_path / "c.safetensors")
    assert fempipe.load(workshop.run("mlp") / "best.safetensors").name == "mlp"
    with pytest.raises(fempipe.ArgumentError, match="cuda"):
        fempipe.load(workshop.run("mlp"), device="cuda")
    with pytest.raises(fempipe.ArgumentError, match='"cpu" or "cuda"'):
        fempipe.load(workshop.run("mlp"), device="gpu")
