"""Solving and classical preconditioners: the command line's counts, options, callbacks, errors."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.sparse.linalg as spla

import fempipe


def laplace(n=30):
    line = sp.diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(n, n))
    one = sp.identity(n)
    return (sp.kron(line, one) + sp.kron(one, line)).tocsr()


@pytest.mark.parametrize("pc", ["none", "jacobi", "ssor", "icc", "icc(1)", "ict(0.01)", "amg", "fsai", "cholesky"])
def test_as_many_iterations_as_the_command_line(workshop, darcy, pc):
    sample, said = darcy[4], workshop.solve("darcy", 4, "--pc", pc)
    x, outcome = fempipe.solve(sample, pc=pc)
    assert (outcome.iterations, outcome.reason) == (said["iterations"], said["reason"])
    assert np.allclose(outcome.history, said["history"], rtol=1e-6)
    assert np.linalg.norm(sample.A @ x - sample.b) <= 1.01e-8 * np.linalg.norm(sample.b)
    # The matrix alone, in other solvers' hands.
    m = fempipe.preconditioner(sample.A, pc)
    assert m.shape == sample.A.shape and m.dtype == np.float64 and m.positive_definite and m.seconds > 0
    assert abs(iterations_of_scipy(sample.A, sample.b, m) - said["iterations"]) <= 1
    assert abs(fempipe.solve(sample.A, sample.b, pc=m)[1].iterations - said["iterations"]) <= 1
    assert np.allclose(m.T @ sample.b, m @ sample.b) and m.matmat(np.eye(len(x))[:, :2]).shape == (len(x), 2)


def iterations_of_scipy(a, b, m, rtol=1e-8):
    """Iterations of scipy.sparse.linalg.cg; older versions call the tolerance tol."""
    count = []
    try:
        x, info = spla.cg(a, b, M=m, rtol=rtol, atol=0.0, callback=count.append)
    except TypeError:
        x, info = spla.cg(a, b, M=m, tol=rtol, atol=0.0, callback=count.append)
    assert info == 0 and np.linalg.norm(a @ x - b) <= 1.1 * rtol * np.linalg.norm(b)
    return len(count)


@pytest.mark.parametrize("ksp", ["cg", "fcg", "minres", "gmres(20)", "fgmres", "bcgs", "gcrodr"])
def test_every_method_solves(ksp):
    a, b = laplace(), np.ones(900)
    x, outcome = fempipe.solve(a, b, ksp=ksp, pc="jacobi", rtol=1e-10)
    assert outcome and outcome.reason == "CONVERGED_RTOL"
    assert np.linalg.norm(a @ x - b) <= 1.01e-10 * np.linalg.norm(b)
    assert outcome.history[-1] <= 1e-10 * outcome.history[0] * 1.01 and outcome.residual > 0
    assert "CONVERGED_RTOL after" in repr(outcome)


def test_options_of_a_solve():
    a, b = laplace(), np.ones(900)
    exact, _ = fempipe.solve(a, b, pc="cholesky")
    x, outcome = fempipe.solve(a, b, x0=exact)
    assert outcome.iterations == 0 and np.allclose(x, exact)
    x, outcome = fempipe.solve(a, b, pc="none", max_it=3)
    assert not outcome and outcome.reason == "DIVERGED_ITS" and outcome.iterations == 3 and "more" in outcome.advice
    assert fempipe.solve(a, b, atol=1.0)[1].reason == "CONVERGED_ATOL"
    assert fempipe.solve(a, b, norm="natural")[1].converged
    assert fempipe.solve(a, b, pc_side="symmetric")[1].converged
    assert fempipe.solve(a, b, ksp="gmres", pc_side="left", norm="preconditioned")[1].converged
    with pytest.raises(fempipe.ArgumentError, match="space"):
        fempipe.solve(a, b, space_as="two-level")
    assert fempipe.solve(a, np.zeros(900))[1].converged


def test_callbacks():
    a, b = laplace(), np.ones(900)
    seen = []
    _, outcome = fempipe.solve(a, b, callback=lambda k, r: seen.append((k, r)))
    assert [k for k, _ in seen] == list(range(outcome.iterations + 1))
    assert np.allclose([r for _, r in seen], outcome.history)

    def stop(k, _):
        if k == 4:
            raise StopIteration

    x, outcome = fempipe.solve(a, b, callback=stop)
    assert outcome.reason == "DIVERGED_ITS" and outcome.iterations == 4 and x.any()

    def fail(k, _):
        raise RuntimeError(f"at {k}")

    with pytest.raises(RuntimeError, match="at 0"):
        fempipe.solve(a, b, callback=fail)
    # Work within work: a callback may solve and apply, on one thread as on several.
    m = fempipe.preconditioner(a, "icc")
    for threads in (1, 2):
        fempipe.set_num_threads(threads)
        assert fempipe.get_num_threads() == threads
        inner = []
        fempipe.solve(a, b, callback=lambda k, r: inner.append(fempipe.solve(a, m @ b)[1].iterations), max_it=3)
        assert len(inner) == 4
    with pytest.raises(fempipe.ArgumentError, match="from 1 to 1024"):
        fempipe.set_num_threads(0)


def test_any_kind_of_matrix_is_converted_rightly():
    a, b = laplace(6), np.arange(36.0)
    exact = np.linalg.solve(a.toarray(), b)
    formats = [a.asformat(f) for f in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")]
    # A 32-bit and an integer matrix hold the same numbers; 64-bit indices; a dense array; the new sparse arrays.
    long = a.copy()
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    others = [a.astype(np.float32), a.astype(np.int64), a.astype(np.int8), long, a.toarray(), np.asmatrix(a.toarray())]
    others += [sp.csr_array(a), sp.coo_array(a)]
    # Unsorted columns, and entries in two parts.
    reverse = np.concatenate([np.arange(s, e)[::-1] for s, e in zip(a.indptr, a.indptr[1:])])
    unsorted = sp.csr_matrix((a.data[reverse], a.indices[reverse], a.indptr), shape=a.shape)
    doubled = sp.csr_matrix(
        (np.repeat(a.data / 2, 2), np.repeat(a.indices, 2), 2 * a.indptr), shape=a.shape
    )
    lying = unsorted.copy()
    lying.has_sorted_indices = True
    lying.has_canonical_format = True
    fixed = a.copy()
    for array in (fixed.data, fixed.indices, fixed.indptr):
        array.flags.writeable = False
    for matrix in [*formats, *others, unsorted, doubled, lying, fixed]:
        before = matrix.copy()
        x, outcome = fempipe.solve(matrix, b, rtol=1e-12)
        assert outcome and np.allclose(x, exact), type(matrix)
        assert np.abs((sp.csr_matrix(before) - sp.csr_matrix(matrix)).toarray()).max() == 0
    assert unsorted.indices.tolist() == a.indices[reverse].tolist()
    for vector in (b.astype(np.float32), b.astype(int), b[:, None], b[None, :], list(b), np.repeat(b, 2)[::2]):
        assert np.allclose(fempipe.solve(a, vector, rtol=1e-12)[0], exact)


@pytest.mark.parametrize(
    ("a", "b", "error", "says"),
    [
        (sp.identity(4, format="csr") * 1j, np.ones(4), fempipe.ArgumentError, "complex128.*real numbers"),
        (sp.csr_matrix((3, 4)), np.ones(3), fempipe.ShapeError, r"\(3, 4\): A of a linear system must be square"),
        (sp.csr_matrix((0, 0)), np.ones(0), fempipe.ShapeError, r"\(0, 0\)"),
        (np.ones(3), np.ones(3), fempipe.ArgumentError, "two-dimensional"),
        (np.ones((2, 2, 2)), np.ones(2), fempipe.ArgumentError, "two-dimensional"),
        ("matrix", np.ones(3), fempipe.ArgumentError, "A is"),
        (None, np.ones(3), fempipe.ArgumentError, "A must be"),
        (object(), np.ones(3), fempipe.ArgumentError, "A must be"),
        (laplace(2), np.ones(5), fempipe.ShapeError, r"b has the shape \(5,\): must have 4 entries"),
        (laplace(2), np.ones((2, 2)), fempipe.ShapeError, "b has the shape"),
        (laplace(2), np.ones(4) * 1j, fempipe.ArgumentError, "b has the type complex128"),
        (laplace(2), ["a"] * 4, fempipe.ArgumentError, "b has the type"),
        (laplace(2), [1, 2, np.nan, 3], fempipe.NumericError, r"b\[2\] is nan"),
        (sp.diags([1.0, np.inf, 2.0]), np.ones(3), fempipe.NumericError, r"A\[1, 1\] is inf"),
        (sp.csr_matrix([[1.0, 2.0], [0.0, 1.0]]), np.ones(2), fempipe.UnsuitableError, "symmetric"),
    ],
)
def test_systems_that_do_not_fit(a, b, error, says):
    with pytest.raises(error, match=says):
        fempipe.solve(a, b, pc="jacobi")


def test_index_arrays_that_lie():
    for change in (lambda m: m.indices.__setitem__(3, 99), lambda m: m.indices.__setitem__(3, -1),
                   lambda m: m.indptr.__setitem__(2, 50), lambda m: m.indptr.__setitem__(0, 1)):
        a = laplace(3)
        change(a)
        with pytest.raises((fempipe.ArgumentError, fempipe.ShapeError)):
            fempipe.solve(a, np.ones(9))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"ksp": "cgs"}, fempipe.ArgumentError, "cgs"),
        ({"ksp": "gmres(0)"}, fempipe.Error, "restart"),
        ({"pc": "iic"}, fempipe.ArgumentError, "iic"),
        ({"pc": "icc(-1)"}, fempipe.Error, "levels"),
        ({"pc": 3}, TypeError, "pc is a int"),
        ({"pc": "sor"}, fempipe.ArgumentError, "cg"),
        ({"rtol": -1.0}, fempipe.ArgumentError, "rtol = -1"),
        ({"rtol": 2.0}, fempipe.ArgumentError, "below 1"),
        ({"atol": float("nan")}, fempipe.ArgumentError, "atol"),
        ({"max_it": -1}, OverflowError, "negative"),
        ({"norm": "energy"}, fempipe.ArgumentError, "norm"),
        ({"pc_side": "middle"}, fempipe.ArgumentError, "side"),
        ({"space_as": "x"}, fempipe.ArgumentError, "two-level"),
        ({"x0": np.ones(3)}, fempipe.ShapeError, "x0 has the shape"),
        ({"x0": [np.inf] * 900}, fempipe.NumericError, r"x0\[0\] is inf"),
        ({"callback": 3}, TypeError, "callable"),
    ],
)
def test_options_that_cannot_be_used(options, error, says):
    with pytest.raises(error, match=says):
        fempipe.solve(laplace(), np.ones(900), **options)


def test_breakdowns_are_told():
    indefinite = sp.diags([1.0, -1.0, 2.0]).tocsr()
    with pytest.raises(fempipe.UnsuitableError, match="definite"):
        fempipe.solve(indefinite, np.ones(3), pc="none")
    saddle = sp.csr_matrix(np.array([[2.0, 3.0], [3.0, 2.0]]))
    _, outcome = fempipe.solve(saddle, np.array([1.0, -1.0]), pc="none")
    assert outcome.reason == "DIVERGED_INDEFINITE_MAT" and "minres" in outcome.advice
    zero = sp.csr_matrix((np.array([0.0, 1.0]), np.array([0, 1]), np.array([0, 1, 2])), shape=(2, 2))
    with pytest.raises(fempipe.NumericError, match="diagonal"):
        fempipe.preconditioner(zero, "jacobi")
    general = fempipe.preconditioner(sp.csr_matrix([[2.0, 1.0], [0.0, 1.0]]), "ilu")
    assert not general.symmetric
    with pytest.raises(NotImplementedError, match="not symmetric"):
        general.rmatvec(np.ones(2))
    with pytest.raises(ValueError):
        general @ np.ones(3)
    assert np.iscomplexobj(general @ np.array([1.0, 1.0j]))
