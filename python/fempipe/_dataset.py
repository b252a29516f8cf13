"""Datasets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import scipy.sparse as sp

from . import _fempipe
from ._mesh import Mesh, _fixed
from ._sample import Sample
from .errors import ArgumentError

if TYPE_CHECKING:
    import torch.utils.data


class Dataset:
    """A dataset file (HDF5), or some of its samples. Samples are read when they are asked for, and each is checked
    against its digest.

    Parameters
    ----------
    path : str or path-like
        The file, as `fempipe.generate` or `fempipe generate` makes it.

    Raises
    ------
    NotFoundError
        If there is no such file.
    FileError
        If it is no dataset, or truncated or altered.

    Examples
    --------
    >>> data = fempipe.Dataset("d.h5")         # doctest: +SKIP
    >>> len(data), data.splits                 # doctest: +SKIP
    (1000, ['test', 'train', 'validation'])
    >>> sample = data[-1]                      # a Sample: .A, .b, .x, .fields, …
    >>> first = data[:10]                      # a Dataset of ten samples
    >>> train = data["train"]                  # a Dataset of the samples of a split
    >>> for sample in data["test"]:            # doctest: +SKIP
    ...     x, outcome = fempipe.solve(sample.A, sample.b)
    """

    def __init__(self, path: str | os.PathLike[str]):
        self._path = os.fspath(path)
        self._raw = _fempipe.Dataset(os.path.abspath(self._path))
        self._ids: np.ndarray | None = None
        self._shared = _Shared(self._raw)

    @property
    def path(self) -> str:
        """The file, as it was named."""
        return self._path

    @property
    def ids(self) -> np.ndarray:
        """(len,) int64: the place of each sample in the file."""
        return np.arange(len(self._raw)) if self._ids is None else self._ids.copy()

    @property
    def splits(self) -> list[str]:
        """Names of the sets that the file is divided into."""
        return self._raw.split_names()

    @property
    def family(self) -> str:
        """The family of the systems."""
        return self._shared.family

    @property
    def equation(self) -> str:
        """The equation in words."""
        return self._shared.equation

    @property
    def recipe(self) -> str:
        """The recipe (TOML) that made the file, every default written out; `fempipe.generate` makes it again."""
        return self._shared.recipe

    @property
    def mesh(self) -> Mesh | None:
        """The mesh that all samples share, where there is one."""
        return self._shared.mesh

    @property
    def table(self) -> dict[str, np.ndarray]:
        """Numbers of each sample, (len,) each, e.g. for `pandas.DataFrame`: id, n, nnz, residual, seconds (of making
        it), and the drawn parameters."""
        ids = self.ids
        return {"id": ids, **{name: column[ids] for name, column in self._raw.table()}}

    def __len__(self) -> int:
        return len(self._raw) if self._ids is None else len(self._ids)

    @overload
    def __getitem__(self, key: int) -> Sample: ...
    @overload
    def __getitem__(self, key: str | slice | Sequence[int] | np.ndarray) -> Dataset: ...
    def __getitem__(self, key: Any) -> Sample | Dataset:
        """Return sample `key`, counted from the end where it is negative; or the dataset of a slice, of a list of
        indices, of a mask, or of the split of that name.

        Raises
        ------
        IndexError
            If there is no such sample.
        KeyError
            If there is no split of that name.
        """
        if isinstance(key, str):
            if key not in self.splits:
                raise KeyError(f"no split {key!r} in {self._path}: there are {', '.join(self.splits)}")
            chosen = self._raw.split(key).astype(np.int64)
            return self._subset(chosen if self._ids is None else self._ids[np.isin(self._ids, chosen)])
        if isinstance(key, slice):
            return self._subset(self.ids[key])
        if isinstance(key, (bool, np.bool_)):
            raise TypeError("an index must be an integer, a slice, a list of integers, a mask or the name of a split")
        if hasattr(key, "__index__") and np.ndim(key) == 0:
            return self._sample(self._id(key.__index__()))
        keys = np.asarray(key)
        if keys.ndim != 1 or (keys.size > 0 and keys.dtype.kind not in "iub"):
            raise TypeError("an index must be an integer, a slice, a list of integers, a mask or the name of a split")
        if keys.dtype.kind == "b" and len(keys) != len(self):
            raise IndexError(f"a mask of {len(keys)} entries for {len(self)} samples")
        if keys.dtype.kind == "b":
            return self._subset(self.ids[keys])
        return self._subset(np.array([self._id(int(k)) for k in keys], dtype=np.int64))

    def __iter__(self) -> Iterator[Sample]:
        return (self._sample(int(i)) for i in self.ids)

    def __repr__(self) -> str:
        whole = "" if self._ids is None else f" of {len(self._raw)}"
        return f"<fempipe.Dataset {self._path!r}: {self.family}, {len(self)}{whole} samples>"

    def __reduce__(self) -> Any:
        return _restored, (os.path.abspath(self._path), self._ids)

    def torch(
        self, parts: Sequence[str] = ("A", "b", "x", "fields", "params"), transform: Any = None
    ) -> torch.utils.data.Dataset:
        """Return the samples as a `torch.utils.data.Dataset`, whose items are dictionaries of tensors.

        Parameters
        ----------
        parts : sequence of str
            "A" (a sparse CSR tensor, float64), "b", "x", "labels", "fields" and "params" (dictionaries). Without "A"
            PyTorch's own loader can put samples of one size together; with it, take `batch_size=None` or
            `collate_fn=list`, and `num_workers=0` where PyTorch is too old to send sparse tensors between processes
            (1.13 waits for ever).
        transform : callable, optional
            What is done to each dictionary.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ArgumentError
            For a part that there is not.
        """
        from ._torch import torch_dataset

        return torch_dataset(self, parts, transform)

    def _id(self, index: int) -> int:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"no sample {index}, there are {size}")
        index %= size
        return index if self._ids is None else int(self._ids[index])

    def _subset(self, ids: np.ndarray) -> Dataset:
        subset = object.__new__(Dataset)
        subset._path, subset._raw, subset._shared, subset._ids = self._path, self._raw, self._shared, ids
        return subset

    def _sample(self, i: int) -> Sample:
        data, own, b, x, fields, labels, params = self._raw.read(i)
        pattern = own or self._shared.pattern
        assert pattern is not None, "samples have a pattern of their own or share one"
        indices, indptr = pattern
        a = sp.csr_matrix((data, indices, indptr), shape=(len(b), len(b)), copy=False)
        a.has_canonical_format = True
        return Sample(
            A=a,
            b=b,
            x=x,
            fields={name: values for name, _, _, values in fields},
            params=dict(params),
            labels={name: values for name, _, _, values in labels},
            mesh=self._shared.mesh,
            index=i,
            _props=self._shared.props,
            _places={name: (location, components, values.size) for name, location, components, values in fields},
            _mesh=self._shared.raw_mesh,
        )


class _Shared:
    """What all samples of a file have in common."""

    def __init__(self, raw: _fempipe.Dataset):
        self.family, self.equation, _, _, _, self.props, self.recipe, _ = raw.description()
        self.pattern = raw.pattern()
        for array in self.pattern or ():
            _fixed(array)
        self.raw_mesh = raw.mesh()
        self.mesh = None if self.raw_mesh is None else Mesh._of(self.raw_mesh)


def _restored(path: str, ids: np.ndarray | None) -> Dataset:
    """Return a pickled dataset, opened again."""
    dataset = Dataset(path)
    if ids is not None and len(ids) > 0 and ids.max() >= len(dataset):
        raise ArgumentError(f"{path} has {len(dataset)} samples: it is not the file that was pickled")
    dataset._ids = ids
    return dataset
