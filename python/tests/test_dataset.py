"""Datasets: indices, slices, splits, samples, pickling, forking, PyTorch."""

import multiprocessing
import pickle
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import fempipe


def test_a_dataset_is_a_sequence(poisson):
    assert len(poisson) == 40 and poisson.family == "poisson"
    assert poisson[0].index == 0 and poisson[-1].index == 39 and poisson[np.int64(3)].index == 3
    assert [s.index for s in poisson[2:8:3]] == [2, 5]
    assert [s.index for s in poisson[::-1][:2]] == [39, 38]
    assert [s.index for s in poisson[[5, -1, 5]]] == [5, 39, 5]
    assert len(poisson[[]]) == 0 and len(poisson[40:]) == 0
    assert poisson[poisson.table["n"] > 0].ids.tolist() == list(range(40))
    assert len(list(poisson)) == 40
    for wrong in (40, -41):
        with pytest.raises(IndexError, match=f"no sample {wrong}, there are 40"):
            poisson[wrong]
    for wrong in (1.5, True, None, [0.5], (1, 2.5)):
        with pytest.raises(TypeError):
            poisson[wrong]
    with pytest.raises(IndexError, match="mask of 3"):
        poisson[[True, False, True]]


def test_splits_are_subsets(poisson):
    assert sorted(poisson.splits) == ["test", "train", "validation"]
    parts = [poisson[name] for name in poisson.splits]
    assert [len(p) for p in parts] == [8, 24, 8]
    assert sorted(np.concatenate([p.ids for p in parts])) == list(range(40))
    test = poisson["test"]
    assert test[0].index == test.ids[0] and test[-1].index == test.ids[-1]
    assert len(test["train"]) == 0 and len(test["test"]) == 8
    assert "8 of 40 samples" in repr(test)
    with pytest.raises(KeyError, match="no split 'tset'.*test, train, validation"):
        poisson["tset"]


def test_a_sample_is_the_system_of_the_file(darcy):
    sample = darcy[7]
    n = len(sample.b)
    assert isinstance(sample.A, sp.csr_matrix) and sample.A.shape == (n, n) and sample.A.dtype == np.float64
    assert np.linalg.norm(sample.A @ sample.x - sample.b) < 1e-10 * np.linalg.norm(sample.b)
    assert sample.fields["w"].shape == (18, 18) or sample.fields["w"].ndim == 2
    assert sample.locations["w"] == "grid"
    assert sample.labels["eigenvectors"].size == 3 * n
    assert sample.mesh is darcy.mesh and sample.mesh.points.shape[1] == 2
    assert len(sample.mesh.free_dofs) == n and sample.mesh.cells.max() < len(sample.mesh.points)
    assert "fields: w" in repr(sample) and "in 2 dimensions" in repr(sample.mesh)


def test_the_grid_of_a_field_lies_on_the_mesh(darcy):
    """The 5-point stencil with arithmetic means couples two neighbours by the mean of w at both: rows are y."""
    sample = darcy[0]
    w, mesh = sample.fields["w"], sample.mesh
    side = w.shape[0]
    x, y = mesh.points[mesh.free_dofs].T
    step = 1.0 / (side - 1)
    at = [w[round(b / step), round(a / step)] for a, b in zip(x, y)]
    rows, columns = sample.A.nonzero()
    off = rows != columns
    means = np.array([(at[i] + at[j]) / 2 for i, j in zip(rows[off], columns[off])])
    values = -np.asarray(sample.A[rows[off], columns[off]]).ravel()
    ratio = values / means
    assert np.allclose(ratio, ratio[0])


def test_samples_share_what_is_shared_and_own_the_rest(poisson):
    a, b = poisson[0], poisson[1]
    assert np.shares_memory(a.A.indices, b.A.indices) and not np.shares_memory(a.A.data, b.A.data)
    a.A.data[:] = 0.0
    a.b[0] = 7.0
    assert poisson[0].A.data.any() and poisson[0].b[0] != 7.0
    with pytest.raises(ValueError, match="read-only"):
        b.A.indices[0] = 3
    c = b.A.copy()
    c.data[0] = 0.0
    c.eliminate_zeros()
    assert c.nnz == b.A.nnz - 1


def test_patterns_of_their_own(tmp_path):
    recipe = {"family": "frame", "samples": 3, "frame": {"cells": [[2, 5], [2, 3], [2, 5]]}}
    frames = fempipe.generate(recipe, output=tmp_path / "f.h5")
    for sample in frames:
        assert np.linalg.norm(sample.A @ sample.x - sample.b) < 1e-6 * np.linalg.norm(sample.b)
    assert not np.shares_memory(frames[0].A.indices, frames[1].A.indices)
    assert len(set(frames.table["n"])) > 1 and frames[0].params


def test_the_table_is_ready_for_pandas(poisson):
    table = poisson["test"].table
    assert list(table)[:4] == ["id", "n", "nnz", "residual"]
    assert all(len(column) == 8 for column in table.values()) and (table["n"] == 49).all()


def test_pickled_and_forked_datasets_read_the_same(darcy):
    again = pickle.loads(pickle.dumps(darcy["test"]))
    assert again.ids.tolist() == darcy["test"].ids.tolist()
    assert np.array_equal(again[0].b, darcy["test"][0].b)
    sample = pickle.loads(pickle.dumps(darcy[3]))
    assert np.array_equal(sample.A.data, darcy[3].A.data) and np.array_equal(sample.fields["w"], darcy[3].fields["w"])
    expected = [float(s.b.sum()) for s in darcy[:6]]
    for method in ("fork", "spawn"):
        if method in multiprocessing.get_all_start_methods():
            with multiprocessing.get_context(method).Pool(2) as pool:
                found = pool.map_async(_sum, [(darcy, i) for i in range(6)]).get(timeout=60)
            assert found == expected, method


def _sum(of):
    dataset, i = of
    sample = dataset[i]
    x, outcome = fempipe.solve(sample)
    assert outcome.converged
    return float(sample.b.sum())


def test_a_dataset_used_before_a_fork_reads_on_after_it(darcy):
    """The object itself crosses the fork, with its open file and a pool of threads that stay behind."""
    darcy[0]
    fempipe.solve(darcy[0])
    context = multiprocessing.get_context("fork")
    queue = context.Queue()

    def work():
        queue.put((float(darcy[5].b.sum()), fempipe.solve(darcy[5])[1].iterations))

    child = context.Process(target=work)
    child.start()
    assert queue.get(timeout=60) == (float(darcy[5].b.sum()), fempipe.solve(darcy[5])[1].iterations)
    child.join(60)


def test_files_that_are_no_datasets(tmp_path, poisson):
    with pytest.raises(FileNotFoundError, match="nowhere.h5") as caught:
        fempipe.Dataset(tmp_path / "nowhere.h5")
    assert isinstance(caught.value, fempipe.Error)
    (tmp_path / "text.h5").write_text("no dataset")
    with pytest.raises(fempipe.FileError, match="text.h5"):
        fempipe.Dataset(tmp_path / "text.h5")
    whole = open(poisson.path, "rb").read()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(fempipe.FileError, match="cut.h5"):
        fempipe.Dataset(tmp_path / "cut.h5")
    altered = bytearray(whole)
    value = poisson[3].b.tobytes()
    at = whole.index(value)
    altered[at] ^= 1
    (tmp_path / "altered.h5").write_bytes(altered)
    with pytest.raises(fempipe.FileError, match="sample 3 was altered"):
        fempipe.Dataset(tmp_path / "altered.h5")[3]


def test_samples_for_torch(poisson):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its download is not worth a test's while")
    data = poisson["train"].torch()
    item = data[0]
    assert len(data) == 24 and item["A"].layout == torch.sparse_csr
    assert torch.allclose(item["A"].to_dense() @ item["x"], item["b"])
    dense = poisson.torch(parts=("b", "x"))
    batch = next(iter(torch.utils.data.DataLoader(dense, batch_size=4, num_workers=2)))
    assert batch["b"].shape == (4, 49)
    loader = torch.utils.data.DataLoader(data, batch_size=None)
    assert sum(1 for _ in loader) == 24
    with pytest.raises(fempipe.ArgumentError, match="no part 'y'"):
        poisson.torch(parts=("y",))


def test_torch_missing_is_told_whether_or_not_it_is_there(poisson, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="pip install torch"):
        poisson.torch()
