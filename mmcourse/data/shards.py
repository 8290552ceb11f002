"""Sets that do not fit into memory: tar shards in the WebDataset format, read as a stream by the same loop.

A shard is a tar file whose members go together by the name before the first dot: ``000017.png``, ``000017.cls`` and
``000017.txt`` are picture, label and caption of one item (Aizman, Maltby & Breuel, 2019, "High Performance I/O for
Large Scale Deep Learning"). Reading is done by the package webdataset; nothing in a shard is unpickled or run.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from mmcourse.checks import whole
from mmcourse.data.augment import Augmentation
from mmcourse.data.dataset import AugmentedDataset, Batch, Dataset, collate
from mmcourse.data.order import generator
from mmcourse.files import replacing

log = logging.getLogger(__name__)

PICTURES = ("png", "jpg", "jpeg", "webp")
MOST_PIXELS = 2**26  # of a picture in a shard; a small file can say that it holds far more
EDGE = 2**16  # bytes at each end of a shard that belong to its fingerprint


def opened(content: bytes) -> Image.Image:
    """The picture of a file, decoded; its size is looked at before its pixels are.

    Raises:
        ValueError: it cannot be decoded, or has more pixels than any picture of a training set.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is lower
            picture = Image.open(io.BytesIO(content))
        pixels = picture.width * picture.height
        if pixels <= MOST_PIXELS:
            picture.load()
            return picture
    except Exception as error:  # a broken file fails in as many ways as there are formats
        raise ValueError(f"its picture cannot be decoded: {' '.join(str(error).split())[:100]}") from error
    raise ValueError(f"{pixels:,} pixels, and {MOST_PIXELS:,} are the most: too large, or a decompression bomb")


def decode(sample: dict[str, bytes]) -> Batch:
    """An item from the files of a sample: a picture, a waveform (``.npy``), a label (``.cls``), a caption (``.txt``).

    Raises:
        ValueError: a file cannot be read, or there is none of these.
    """
    item: Batch = {}
    for ending, content in sample.items():
        if ending in PICTURES:
            picture = opened(content)
            pixels = np.array(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
            planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
            item["images"] = torch.from_numpy(planes.copy()).float() / 255
        elif ending == "npy":
            item["sounds"] = torch.from_numpy(np.load(io.BytesIO(content), allow_pickle=False)).float()
            item["sound_lengths"] = len(item["sounds"])
        elif ending == "cls":
            item["labels"] = int(content)
        elif ending == "txt":
            item["captions"] = content.decode("utf-8")
    if not item:
        raise ValueError(f"no picture, sound, label or text among {', '.join(sample) or 'nothing'}")
    return item


class ShardedDataset(IterableDataset[Batch]):
    """A stream of items from tar shards, shuffled as well as a stream can be, the same for the same (seed, step).

    Every epoch reads all shards once, in an order of its own; items wait in a buffer from which the next one is drawn
    by chance. A sample that cannot be read is skipped and noted in ``skipped``. Every process of a run reads all
    shards and takes its share of each batch, so that several processes learn what one learns.

    Args:
        shards: paths of local ``.tar`` files, or a folder that holds them.
        decode: files of a sample, by ending, to an item.
        buffer: how many items wait; 1 keeps the order of the shards.
        name: for messages.

    Attributes:
        skipped: what could not be read so far, and why.

    Raises:
        ValueError: no such file, or no shard in the folder.
    """

    def __init__(
        self,
        shards: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        decode: Callable[[dict[str, bytes]], Batch] = decode,
        buffer: int = 1000,
        name: str = "shards",
    ) -> None:
        if isinstance(shards, str | os.PathLike):
            folder = Path(shards)
            self.shards = sorted(folder.glob("*.tar")) if folder.is_dir() else [folder]
        else:
            self.shards = [Path(shard) for shard in shards]
        missing = next((shard for shard in self.shards if not shard.is_file()), None)
        if missing is not None or not self.shards:
            raise ValueError(f"{missing or shards} is no shard; give .tar files of this machine, or their folder")
        if isinstance(buffer, bool) or not isinstance(buffer, int) or buffer < 1:
            raise ValueError(f"buffer={buffer!r}: a whole number, at least 1, is needed")
        self.decode, self.buffer, self.name = decode, buffer, name
        self.skipped: dict[str, str] = {}
        self._names: tuple[str, ...] | None = None
        self._count: int | None = None
        self._next: tuple[int, int, int] | None = None  # seed, batch size and step that the stream stands at
        self._stream: Iterator[Batch] = iter(())

    def augmented(self, augmentation: Augmentation, of: str = "images") -> AugmentedDataset:
        """The same stream with an augmentation of its training batches."""
        return AugmentedDataset(self, augmentation, of)

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from. A run that goes on reads up to its place again: two epochs at most.

        Raises:
            ValueError: no sample can be read, or pictures differ in size.
        """
        whole("step", step, 0)
        whole("batch_size", batch_size)
        if self._next != (seed, batch_size, step):
            self._stream = self._from(step * batch_size, seed)
        items = [next(self._stream) for _ in range(batch_size)]
        self._next = (seed, batch_size, step + 1)
        try:
            return collate(items)
        except ValueError as error:
            raise ValueError(f"the items of {self.name!r} differ in shape ({error}); decode can mend it") from error

    def __iter__(self) -> Iterator[Batch]:
        """Every item once, in the order of the shards, which the workers of a ``DataLoader`` share."""
        worker = get_worker_info()
        mine = self.shards if worker is None else self.shards[worker.id :: worker.num_workers]
        return (item for item in map(self._decoded, self._samples(mine)) if item is not None)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over name, size, beginning and end of every shard: reading all of a large set would take too long."""
        digest = hashlib.sha256()
        for shard in self.shards:
            size = shard.stat().st_size
            digest.update(f"{shard.name} {size}\n".encode())
            with open(shard, "rb") as file:
                digest.update(file.read(EDGE))
                file.seek(max(0, size - EDGE))
                digest.update(file.read(EDGE))
        return digest.hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_stream": iter(()), "_next": None}

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}: a stream of {len(self.shards):,} shards)"

    def _from(self, place: int, seed: int) -> Iterator[Batch]:
        """The stream of all epochs, from an item on."""
        epoch = 0
        while True:
            if self._count:
                epoch, place = epoch + place // self._count, place % self._count
            seen = 0
            for item in self._epoch(epoch, seed):
                seen += 1
                if place:
                    place -= 1
                else:
                    yield item
            if not seen:
                reason = next(iter(self.skipped.values()), "they are empty")
                raise ValueError(f"no sample of {self!r} can be read ({reason})")
            self._count, epoch = seen, epoch + 1

    def _epoch(self, epoch: int, seed: int) -> Iterator[Batch]:
        order = torch.randperm(len(self.shards), generator=generator(seed, epoch, 1)).tolist()
        draw, waiting = generator(seed, epoch, 4), list[Batch]()
        for sample in self._samples([self.shards[i] for i in order]):
            item = self._decoded(sample)
            if item is None:
                continue
            waiting.append(item)
            if len(waiting) >= self.buffer:
                yield self._drawn(waiting, draw)
        while waiting:
            yield self._drawn(waiting, draw)

    def _drawn(self, waiting: list[Batch], draw: torch.Generator) -> Batch:
        chosen = int(torch.randint(len(waiting), (), generator=draw))
        waiting[chosen], waiting[-1] = waiting[-1], waiting[chosen]
        return waiting.pop()

    def _samples(self, shards: Sequence[Path]) -> Iterator[dict[str, Any]]:
        from webdataset.tariterators import group_by_keys, tar_file_expander

        for shard in shards:

            def broken(error: Exception, shard: Path = shard) -> bool:
                self._skip(shard.name, error)
                return True

            with open(shard, "rb") as stream:
                files = tar_file_expander([{"url": shard.name, "stream": stream}], handler=broken)
                yield from group_by_keys(files, handler=broken)

    def _decoded(self, sample: dict[str, Any]) -> Batch | None:
        where = f"{sample['__url__']}/{sample['__key__']}"
        try:
            item = self.decode({ending: content for ending, content in sample.items() if not ending.startswith("__")})
            names = tuple(sorted(item))
            if self._names is None:
                self._names = names
            if names != self._names:
                raise ValueError(f"it has {', '.join(names)}, and others {', '.join(self._names)}")
        except Exception as error:  # a broken file fails in as many ways as there are formats
            self._skip(where, error)
            return None
        return item

    def _skip(self, where: str, error: Exception) -> None:
        if where not in self.skipped:
            self.skipped[where] = " ".join(str(error).split())[:200] or type(error).__name__
            log.warning("%s is skipped: %s", where, self.skipped[where])


def write_shards(data: Dataset, folder: str | os.PathLike[str], per_shard: int = 1000) -> list[Path]:
    """Write a data set of pictures or sounds as shards ``NAME-000000.tar`` ..., and give their paths.

    Pictures become PNG, sounds ``.npy`` of float32, labels ``.cls``, captions ``.txt``.
    """
    from webdataset import TarWriter

    whole("per_shard", per_shard)
    paths = []
    for first in range(0, len(data), per_shard):
        path = Path(folder) / f"{data.name}-{first // per_shard:06d}.tar"
        with replacing(path) as temporary, open(temporary, "wb") as stream, TarWriter(stream, encoder=False) as writer:
            for index in range(first, min(first + per_shard, len(data))):
                item = data[index]
                sample: dict[str, str | bytes] = {"__key__": f"{index:08d}"}
                if "images" in item:
                    pixels = (item["images"] * 255).round().byte().numpy()
                    picture = io.BytesIO()
                    Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(picture, "PNG")
                    sample["png"] = picture.getvalue()
                if "sounds" in item:
                    sound = io.BytesIO()
                    np.save(sound, item["sounds"].numpy())
                    sample["npy"] = sound.getvalue()
                if "labels" in item:
                    sample["cls"] = str(item["labels"]).encode()
                if "captions" in item:
                    sample["txt"] = item["captions"].encode("utf-8")
                writer.write(sample)
        paths.append(path)
    return paths
