"""Datasets for PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ArgumentError

if TYPE_CHECKING:
    from ._dataset import Dataset
    from ._sample import Sample

_PARTS = ("A", "b", "x", "fields", "labels", "params")


def torch_dataset(dataset: Dataset, parts: Sequence[str], transform: Any) -> Any:
    """Return a `torch.utils.data.Dataset`, see `Dataset.torch`."""
    try:
        import torch
        import torch.utils.data
    except ImportError as e:
        raise ImportError("Dataset.torch() needs PyTorch, which is not installed: pip install torch") from e
    for part in parts:
        if part not in _PARTS:
            raise ArgumentError(f"parts: no part {part!r}, there are {', '.join(_PARTS)}")

    def tensor(array: np.ndarray) -> Any:
        # A tensor can always be written to: what cannot is copied.
        return torch.from_numpy(array if array.flags.writeable else array.copy())

    def matrix(sample: Sample) -> Any:
        a = sample.A
        return torch.sparse_csr_tensor(tensor(a.indptr), tensor(a.indices), tensor(a.data), size=a.shape)

    def item(sample: Sample, part: str) -> Any:
        value = matrix(sample) if part == "A" else getattr(sample, part)
        if isinstance(value, dict):
            return {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in value.items()}
        return tensor(value) if isinstance(value, np.ndarray) else value

    class Samples(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(dataset)

        def __getitem__(self, index: int) -> Any:
            sample = dataset[index]
            items = {part: item(sample, part) for part in parts}
            return items if transform is None else transform(items)

    return Samples()
