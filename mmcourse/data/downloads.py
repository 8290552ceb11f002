"""Public image sets through torchvision's own download code, in the same shape as the embedded ones."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcourse.data.cache import cached, data_folder, key
from mmcourse.data.dataset import ImageDataset
from mmcourse.data.splits import parse, stratified

EMBEDDED = ("digits", "mnist5k", "emoji", "photos")
CONNECT_SECONDS = 20.0


class DataUnavailableError(RuntimeError):
    """A set that has to be downloaded is not on this machine and could not be fetched. One line."""


@dataclass(frozen=True)
class Source:
    """How one of torchvision's sets becomes a Dataset.

    Attributes:
        torchvision: The class in ``torchvision.datasets``.
        parts: The arguments that give each official part.
        sizes: The number of pictures in each official part.
        place: What lies in the data folder once the set is there.
        shape: (C, H, W), or None where pictures differ in size and are resized.
        validation: The share of the training part that is set apart, where there is no official one.
        test: The share set apart where the set has no official parts at all.
        extra: Further arguments of the class.
    """

    torchvision: str
    parts: dict[str, dict[str, Any]]
    sizes: dict[str, int]
    place: str
    shape: tuple[int, int, int] | None = None
    validation: float = 0.1
    test: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Pictures in each part as this package deals them."""
        sizes = dict(self.sizes)
        if len(sizes) == 3:
            return sizes
        train = sizes["train"]
        test = round(train * self.test) if self.test else sizes.get("test", 0)
        validation = round(train * self.validation)
        left = train - validation - (test if self.test else 0)
        return {"train": left, "validation": validation, "test": test}


_TRAIN: dict[str, dict[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
_SPLIT: dict[str, dict[str, Any]] = {"train": {"split": "train"}, "test": {"split": "test"}}
_THREE: dict[str, dict[str, Any]] = {
    "train": {"split": "train"}, "validation": {"split": "val"}, "test": {"split": "test"},
}  # fmt: skip
_WHOLE: dict[str, dict[str, Any]] = {"train": {}}


def _sizes(*counts: int) -> dict[str, int]:
    names = ("train", "test") if len(counts) == 2 else ("train", "validation", "test")
    return dict(zip(names, counts, strict=False))


_GREY = (1, 28, 28)
_SMALL = (3, 32, 32)
SOURCES: dict[str, Source] = {
    "mnist": Source("MNIST", _TRAIN, _sizes(60000, 10000), "MNIST/raw/*-ubyte", _GREY),
    "fashion-mnist": Source("FashionMNIST", _TRAIN, _sizes(60000, 10000), "FashionMNIST/raw/*-ubyte", _GREY),
    "kmnist": Source("KMNIST", _TRAIN, _sizes(60000, 10000), "KMNIST/raw/*-ubyte", _GREY),
    "emnist": Source("EMNIST", _TRAIN, _sizes(112800, 18800), "EMNIST/raw/emnist-balanced-*-ubyte", _GREY,
                     extra={"split": "balanced"}),
    "qmnist": Source("QMNIST", _TRAIN, _sizes(60000, 60000), "QMNIST/raw/qmnist-*", _GREY),
    "usps": Source("USPS", _TRAIN, _sizes(7291, 2007), "usps.bz2, usps.t.bz2", (1, 16, 16)),
    "semeion": Source("SEMEION", _WHOLE, {"train": 1593}, "semeion.data", (1, 16, 16), test=0.2),
    "cifar10": Source("CIFAR10", _TRAIN, _sizes(50000, 10000), "cifar-10-batches-py/", _SMALL),
    "cifar100": Source("CIFAR100", _TRAIN, _sizes(50000, 10000), "cifar-100-python/", _SMALL),
    "svhn": Source("SVHN", _SPLIT, _sizes(73257, 26032), "train_32x32.mat, test_32x32.mat", _SMALL),
    "stl10": Source("STL10", _SPLIT, _sizes(5000, 8000), "stl10_binary/", (3, 96, 96)),
    "caltech101": Source("Caltech101", _WHOLE, {"train": 8677}, "caltech101/", test=0.2),
    "caltech256": Source("Caltech256", _WHOLE, {"train": 30607}, "caltech256/", test=0.2),
    "country211": Source("Country211", {**_THREE, "validation": {"split": "valid"}},
                         _sizes(31650, 10550, 21100), "country211/"),
    "dtd": Source("DTD", _THREE, _sizes(1880, 1880, 1880), "dtd/"),
    "eurosat": Source("EuroSAT", _WHOLE, {"train": 27000}, "eurosat/", test=0.2),
    "fer2013": Source("FER2013", _SPLIT, _sizes(28709, 7178), "fer2013/icml_face_data.csv"),
    "fgvc-aircraft": Source("FGVCAircraft", _THREE, _sizes(3334, 3333, 3333), "fgvc-aircraft-2013b/"),
    "flowers102": Source("Flowers102", _THREE, _sizes(1020, 1020, 6149), "flowers-102/"),
    "food101": Source("Food101", _SPLIT, _sizes(75750, 25250), "food-101/"),
    "gtsrb": Source("GTSRB", _SPLIT, _sizes(26640, 12630), "gtsrb/"),
    "imagenette": Source("Imagenette", {"train": {"split": "train"}, "test": {"split": "val"}},
                         _sizes(9469, 3925), "imagenette2-160/", extra={"size": "160px"}),
    "oxford-pets": Source("OxfordIIITPet", {"train": {"split": "trainval"}, "test": {"split": "test"}},
                          _sizes(3680, 3669), "oxford-iiit-pet/"),
    "pcam": Source("PCAM", _THREE, _sizes(262144, 32768, 32768), "pcam/"),
    "rendered-sst2": Source("RenderedSST2", _THREE, _sizes(6920, 872, 1821), "rendered-sst2/"),
    "stanford-cars": Source("StanfordCars", _SPLIT, _sizes(8144, 8041), "stanford_cars/"),
    "sun397": Source("SUN397", _WHOLE, {"train": 108754}, "SUN397/", test=0.2),
}  # fmt: skip


def load_public(name: str, split: str, size: int | None) -> ImageDataset:
    """One of ``SOURCES`` as a Dataset, downloaded on first use. Their cards: :ref:`data-torchvision`.

    Args:
        name: A key of ``SOURCES``.
        split: As for ``mmcourse.data.load``.
        size: Side of the square pictures, for sets whose pictures differ in size (64 if None).

    Raises:
        ValueError: If the split is unknown, or a size is given for a set of fixed size.
        DataUnavailableError: If the files are not there and cannot be fetched.
    """
    source = SOURCES[name]
    if source.shape is not None and size is not None:
        raise ValueError(f"{name!r} has pictures of {source.shape[1]} pixels only; leave size out")
    if size is not None and not (isinstance(size, int) and 8 <= size <= 512):
        raise ValueError(f"{name!r} of size {size!r} was asked for; give whole pixels from 8 to 512")
    pieces = [_piece(name, source, part, size or 64) for part in parse(name, split, source.counts)]
    classes = pieces[0][2]
    images = torch.cat([piece[0] for piece in pieces]) if len(pieces) > 1 else pieces[0][0]
    labels = torch.cat([piece[1] for piece in pieces]) if len(pieces) > 1 else pieces[0][1]
    return ImageDataset(name, split, images=images, labels=labels, classes=classes)


def _piece(name: str, source: Source, part: str, size: int) -> tuple[Tensor, Tensor, list[str]]:
    official = part if part in source.parts else "train"
    whole = _open(name, source, official)
    classes = _classes(whole)
    images, labels = _tensors(name, source, official, whole, size)
    if not classes:
        classes = [str(label) for label in range(int(labels.max()) + 1)]
    if len(source.parts) == 3 or (part == "test" and "test" in source.parts):
        return images, labels, classes
    count = len(labels)
    test = round(count * source.test)
    validation = round(count * source.validation)
    sizes = {"train": count - test - validation, "validation": validation, "test": test}
    index = torch.tensor(stratified(labels.tolist(), sizes)[part], dtype=torch.long)
    return images[index], labels[index], classes


def _open(name: str, source: Source, part: str) -> Any:
    """The torchvision object: from the data folder if the files are there, else after a download."""
    import torchvision.datasets

    make: Callable[..., Any] = getattr(torchvision.datasets, source.torchvision)
    folder = data_folder()
    arguments = {**source.extra, **source.parts[part]}
    if source.torchvision != "FER2013":
        arguments["download"] = False
    try:
        with _quiet():
            return make(str(folder), **arguments)
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        missing = isinstance(error, OSError) or "not found" in str(error)
        state = f"is not in {folder}" if missing else f"is damaged in {folder} ({_line(error)})"
    if "download" in arguments:
        why = _fetch(make, folder, {**arguments, "download": True}, name)
        if not why:
            with _quiet():
                return make(str(folder), **arguments)
    else:
        why = "its authors offer no free address"
    advice = "connect to the network" if missing else "delete it there and connect to the network"
    raise DataUnavailableError(
        f"{name!r} {state} and could not be downloaded ({why}): {advice}, or put "
        f"{source.place} there by hand (another folder: MMCOURSE_DATA); "
        f"no download is needed for {', '.join(EMBEDDED)}"
    )


def _line(error: BaseException) -> str:
    """The last line of an error's reason, cut to a length that can be read."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()] or [type(error).__name__]
    return re.sub(r"^(<urlopen error )?(\[Errno -?\d+\] )?|>$", "", lines[-1])[:160]


def _fetch(make: Callable[..., Any], folder: Path, arguments: dict[str, Any], name: str) -> str:
    """Download under a lock; the reason in a few words where it fails, else an empty string."""
    from filelock import FileLock

    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_SECONDS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"), _quiet(progress=sys.stderr.isatty()):
            make(str(folder), **arguments)
    except Exception as error:  # no network, a full disk, a changed address, a broken archive
        return _line(error)
    finally:
        socket.setdefaulttimeout(before)
    return ""


@contextlib.contextmanager
def _quiet(progress: bool = False) -> Iterator[None]:
    """Keep torchvision's prints off the page; its progress bar stays in a terminal."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if not progress:
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield


def _classes(whole: Any) -> list[str]:
    found = getattr(whole, "classes", None) or getattr(whole, "categories", None) or []
    names = [item if isinstance(item, str) else ", ".join(item) for item in found]
    numbered = [name.split(" - ")[0] for name in names]  # MNIST calls its classes "0 - zero"
    return numbered if all(number.isdigit() for number in numbered) else names


def _tensors(name: str, source: Source, part: str, whole: Any, size: int) -> tuple[Tensor, Tensor]:
    """Pictures (N, C, H, W) uint8 and labels (N,) int64 of a torchvision object."""
    if source.shape is None:

        def make() -> dict[str, Tensor]:
            return _resized(whole, size)

        made = cached(key(f"{name}-{part}-{size}-{len(whole)}", "torchvision", "pillow"), make)
        return made["images"], made["labels"]
    pixels = np.asarray(whole.data)
    targets = whole.targets if hasattr(whole, "targets") else whole.labels
    images = torch.from_numpy(np.ascontiguousarray(pixels.astype(np.uint8, copy=False)))
    channels = source.shape[0]
    if images.ndim == 3:
        images = images.unsqueeze(1)
    elif images.shape[1] != channels and images.shape[-1] == channels:
        images = images.permute(0, 3, 1, 2).contiguous()
    if source.torchvision == "EMNIST":  # stored with rows and columns exchanged
        images = images.transpose(2, 3).contiguous()
    labels = torch.as_tensor(np.asarray(targets)).long()
    if labels.ndim == 2:  # QMNIST keeps a row of facts about each digit; the first is the class
        labels = labels[:, 0].contiguous()
    return images, labels


def _resized(whole: Any, size: int) -> dict[str, Tensor]:
    from PIL import ImageOps
    from PIL.Image import Resampling

    images = torch.empty(len(whole), 3, size, size, dtype=torch.uint8)
    labels = torch.empty(len(whole), dtype=torch.long)
    for index in range(len(whole)):
        picture, label = whole[index]
        square = ImageOps.fit(picture.convert("RGB"), (size, size), Resampling.LANCZOS)
        images[index] = torch.from_numpy(np.array(square).transpose(2, 0, 1).copy())
        labels[index] = int(label)
    return {"images": images, "labels": labels}
