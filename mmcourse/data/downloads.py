"""Public image sets through torchvision's own download code, in the same shape as the embedded ones."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import sys
import tarfile
import time
import urllib.request
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

EMBEDDED = ("digits", "mnist5k", "emoji", "drawings", "photos", "people-samples")
CONNECT_SECONDS = 20.0
WATCH_SECONDS = 30.0
SLOWEST = 1000.0  # bytes a second


class DataUnavailableError(RuntimeError):
    """A set that has to be downloaded is not on this machine and could not be fetched. One line."""


@dataclass(frozen=True)
class Source:
    """How one of torchvision's sets becomes a Dataset.

    Attributes:
        torchvision: The class in ``torchvision.datasets``.
        parts: The arguments that give each official part: training and test, or all as training.
        sizes: The number of pictures in each official part.
        place: What lies in the data folder once the set is there.
        shape: (C, H, W), or None where pictures differ in size and are resized.
        validation: The share of the training part that is set apart.
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
        train = self.sizes["train"]
        test = round(train * self.test) if self.test else self.sizes["test"]
        validation = round(train * self.validation)
        left = train - validation - (test if self.test else 0)
        return {"train": left, "validation": validation, "test": test}


_TRAIN: dict[str, dict[str, Any]] = {"train": {"train": True}, "test": {"train": False}}
_GREY = (1, 28, 28)
_SMALL = (3, 32, 32)
_MNIST = {"train": 60000, "test": 10000}
_CIFAR = {"train": 50000, "test": 10000}
SOURCES: dict[str, Source] = {
    "mnist": Source("MNIST", _TRAIN, _MNIST, "MNIST/raw/*-ubyte", _GREY),
    "fashion-mnist": Source("FashionMNIST", _TRAIN, _MNIST, "FashionMNIST/raw/*-ubyte", _GREY),
    "cifar10": Source("CIFAR10", _TRAIN, _CIFAR, "cifar-10-batches-py/", _SMALL),
    "cifar100": Source("CIFAR100", _TRAIN, _CIFAR, "cifar-100-python/", _SMALL),
    "stl10": Source("STL10", {"train": {"split": "train"}, "test": {"split": "test"}},
                    {"train": 5000, "test": 8000}, "stl10_binary/", (3, 96, 96)),
    "eurosat": Source("EuroSAT", {"train": {}}, {"train": 27000}, "eurosat/", test=0.2),
    "imagenette": Source("Imagenette", {"train": {"split": "train"}, "test": {"split": "val"}},
                         {"train": 9469, "test": 3925}, "imagenette2-160/", extra={"size": "160px"}),
    "oxford-pets": Source("OxfordIIITPet", {"train": {"split": "trainval"}, "test": {"split": "test"}},
                          {"train": 3680, "test": 3669}, "oxford-iiit-pet/"),
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
    if part == "test" and "test" in source.parts:
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
    arguments = {**source.extra, **source.parts[part], "download": False}
    try:
        with _quiet():
            return make(str(folder), **arguments)
    except Exception as error:  # a damaged file fails in as many ways as there are formats
        missing = isinstance(error, OSError) or "not found" in str(error)
        state = f"is not in {folder}" if missing else f"is damaged in {folder} ({_line(error)})"
    why = _fetch(make, folder, {**arguments, "download": True}, name)
    if not why:
        with _quiet():
            return make(str(folder), **arguments)
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
        with FileLock(folder / f".{name}.lock"), _safely(), _quiet(progress=sys.stderr.isatty()):
            make(str(folder), **arguments)
    except Exception as error:  # no network, a full disk, a changed address, a broken archive
        return _line(error)
    finally:
        socket.setdefaulttimeout(before)
    return ""


@contextlib.contextmanager
def _safely() -> Iterator[None]:
    """torchvision's own download code, with a watch on its speed and archives that stay inside their folder."""
    from torchvision.datasets import utils

    retrieve, before = utils._urlretrieve, tarfile.TarFile.__dict__.get("extraction_filter")
    utils._urlretrieve = _retrieve
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        utils._urlretrieve = retrieve
        if before is None:
            del tarfile.TarFile.extraction_filter
        else:
            tarfile.TarFile.extraction_filter = before


def _retrieve(url: str, filename: str | os.PathLike[str], chunk_size: int = 2**15) -> None:
    """Write what an address gives to a file; a server that sends almost nothing is given up.

    Raises:
        OSError: no answer, or fewer than ``SLOWEST`` bytes a second over ``WATCH_SECONDS``.
    """
    from tqdm.auto import tqdm

    request = urllib.request.Request(url, headers={"User-Agent": "mmcourse"})
    with (
        urllib.request.urlopen(request, timeout=CONNECT_SECONDS) as response,
        open(filename, "wb") as file,
        tqdm(total=response.length, unit="B", unit_scale=True) as bar,
    ):
        since, arrived = time.monotonic(), 0
        while chunk := response.read1(chunk_size):
            file.write(chunk)
            bar.update(len(chunk))
            arrived += len(chunk)
            seconds = time.monotonic() - since
            if seconds >= WATCH_SECONDS:
                if arrived < SLOWEST * seconds:
                    raise TimeoutError(f"the server sends only {arrived / seconds:.0f} bytes a second")
                since, arrived = time.monotonic(), 0


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
            return _resized(name, whole, size)

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
    return images, torch.as_tensor(np.asarray(targets)).long()


def _resized(name: str, whole: Any, size: int) -> dict[str, Tensor]:
    from PIL import ImageOps
    from PIL.Image import Resampling

    images = torch.empty(len(whole), 3, size, size, dtype=torch.uint8)
    labels = torch.empty(len(whole), dtype=torch.long)
    for index in range(len(whole)):
        try:
            picture, label = whole[index]
            square = ImageOps.fit(picture.convert("RGB"), (size, size), Resampling.LANCZOS)
        except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken files
            raise DataUnavailableError(
                f"picture {index} of {name!r} is damaged in {data_folder()} ({_line(error)}): delete the set there and "
                "load it again"
            ) from error
        images[index] = torch.from_numpy(np.array(square).transpose(2, 0, 1).copy())
        labels[index] = int(label)
    return {"images": images, "labels": labels}
