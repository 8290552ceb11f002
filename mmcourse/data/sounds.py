"""Sounds that need not lie in memory one by one: packed into one file of int16, or left in the files they are in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from mmcourse.data import sound_file
from mmcourse.data.cache import WAIT_SECONDS, cache_folder, notice
from mmcourse.files import reason, replacing


class Sounds(Sequence[Tensor]):
    """N waveforms (T,), made when they are asked for; ``sounds[i]`` is one, ``sounds.take(index)`` are some."""

    def take(self, index: Tensor) -> Sounds:
        """The sounds of these rows (M,), as they are kept."""
        raise NotImplementedError

    def content(self) -> Iterator[bytes]:
        """Bytes that change when a sound does: what a fingerprint is of."""
        raise NotImplementedError

    @overload
    def __getitem__(self, row: int) -> Tensor: ...
    @overload
    def __getitem__(self, row: slice) -> Sounds: ...
    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return self.take(torch.arange(len(self))[row])
        if not -len(self) <= row < len(self):
            raise IndexError(f"sound {row} was asked for; there are {len(self)}")
        return self._one(row % len(self))

    def _one(self, row: int) -> Tensor:
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class PackedSounds(Sounds):
    """All sounds one after the other in one array, in memory or mapped from a file; each is given as float32.

    Attributes:
        samples: (S,) int16; 32,768 is 1.
        starts: (N,) int64, the first sample of each sound.
        ends: (N,) int64, one after the last.
        file: where the samples lie, so that another process can map them too, or None.
    """

    samples: np.ndarray
    starts: Tensor
    ends: Tensor
    file: Path | None = None

    @classmethod
    def mapped(cls, file: Path, lengths: Tensor) -> PackedSounds:
        """Sounds of these lengths (N,) from a file of int16 samples and nothing else."""
        ends = lengths.cumsum(0)
        return cls(np.memmap(file, dtype="<i2", mode="r"), ends - lengths, ends, file)

    @classmethod
    def packed(cls, sounds: Sequence[Tensor]) -> PackedSounds:
        """Sounds (T,) of floats, rounded to int16 in memory."""
        lengths = torch.tensor([len(sound) for sound in sounds], dtype=torch.long)
        ends = lengths.cumsum(0)
        joined = torch.cat(list(sounds)) if len(sounds) else torch.zeros(0)
        return cls(to_int16(joined), ends - lengths, ends)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> Tensor:
        """(N,) int64, samples of each."""
        return self.ends - self.starts

    def take(self, index: Tensor) -> PackedSounds:
        """The sounds of these rows; no sample is copied."""
        return PackedSounds(self.samples, self.starts[index], self.ends[index], self.file)

    def content(self) -> Iterator[bytes]:
        """Lengths and samples."""
        yield self.lengths.numpy().tobytes()
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            yield self.samples[start:end].tobytes()

    def _one(self, row: int) -> Tensor:
        piece = np.array(self.samples[int(self.starts[row]) : int(self.ends[row])], dtype=np.float32)
        return torch.from_numpy(piece) / 32768

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "samples": None if self.file else self.samples}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["samples"] is None:
            state["samples"] = np.memmap(state["file"], dtype="<i2", mode="r")
        self.__dict__.update(state)


@dataclass(frozen=True, eq=False)
class SoundFiles(Sounds):
    """Recordings that stay in their files and are read, mono and resampled, when they are asked for.

    Attributes:
        paths: N files.
        rate: samples a second that are given.
        kept: what was read before, or None where it would not fit into memory.
    """

    paths: list[Path]
    rate: int = sound_file.RATE
    kept: dict[Path, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, index: Tensor) -> SoundFiles:
        """The recordings of these rows."""
        return SoundFiles([self.paths[i] for i in index.tolist()], self.rate, self.kept)

    def content(self) -> Iterator[bytes]:
        """The SHA-256 of every file: as they are, not as they are heard."""
        for path in self.paths:
            with open(path, "rb") as file:
                yield hashlib.file_digest(file, "sha256").digest()

    def _one(self, row: int) -> Tensor:
        path = self.paths[row]
        if self.kept is None:
            return sound_file.read(path, self.rate)
        if path not in self.kept:
            self.kept[path] = sound_file.read(path, self.rate)
        return self.kept[path]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": None if self.kept is None else {}}


def to_int16(samples: Tensor) -> np.ndarray:
    """Floats in [-1, 1] as int16; what is louder is cut."""
    return (samples * 32768).round().clamp(-32768, 32767).to(torch.int16).numpy()


QUIET = 0.002  # of full scale: what is softer at both ends is cut off,
MARGIN = sound_file.RATE // 20  # but for a twentieth of a second


def trimmed(sound: Tensor, quiet: float = QUIET, margin: int = MARGIN, relative: float = 0.0) -> Tensor:
    """A sound (T,) without the silence at its ends, but for a margin; what is silent all through stays.

    Args:
        sound: (T,).
        quiet: largest sample that counts as silence.
        margin: samples that are kept at each end.
        relative: as ``quiet``, as a share of the loudest sample; the larger of both counts.
    """
    loud = (sound.abs() > max(quiet, relative * float(sound.abs().max()))).nonzero()
    if not len(loud):
        return sound
    return sound[max(0, int(loud[0]) - margin) : int(loud[-1]) + margin]


Pieces = Iterable[tuple[np.ndarray, list[int]]]
"""int16 samples of some sounds, one after the other, and the length of each; and so on."""


def kept(name: str, described: str, count: int, make: Callable[[], Pieces]) -> PackedSounds:
    """Sounds that were made before, mapped from the cache folder, or made now and kept there.

    Args:
        name: begins the file's name.
        described: everything that the sounds depend on; another description is another file.
        count: how many sounds there are.
        make: makes them, piece by piece, in order. Where the folder cannot be written, they stay in memory.
    """
    from filelock import FileLock

    digest = hashlib.sha256(described.encode()).hexdigest()[:16]
    folder = cache_folder()
    file, index = folder / f"{name}-{digest}.int16", folder / f"{name}-{digest}.lengths.npy"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}-{digest}.lock", timeout=20 * WAIT_SECONDS):
            found = _mapped(file, index, count)
            if found is None:
                lengths: list[int] = []
                with replacing(file) as temporary, open(temporary, "wb") as out:
                    for samples, piece in make():
                        out.write(samples.astype("<i2").tobytes())
                        lengths += piece
                with replacing(index) as temporary, open(temporary, "wb") as out:
                    np.save(out, np.array(lengths, dtype=np.int64))
                found = PackedSounds.mapped(file, torch.tensor(lengths))
            return found
    except (OSError, NotImplementedError) as error:
        notice(f"the cache folder {folder} cannot be written ({reason(error)}): sounds are made anew each time")
    pieces = list(make())
    ends = torch.tensor([length for _, piece in pieces for length in piece]).cumsum(0)
    joined = np.concatenate([samples for samples, _ in pieces])
    return PackedSounds(joined, torch.cat([torch.zeros(1, dtype=torch.long), ends[:-1]]), ends)


def _mapped(file: Path, index: Path, count: int) -> PackedSounds | None:
    """What is kept, if it is whole."""
    try:
        lengths = torch.from_numpy(np.load(index, allow_pickle=False))
        if len(lengths) == count and file.stat().st_size == 2 * int(lengths.sum()):
            return PackedSounds.mapped(file, lengths)
    except (OSError, ValueError, TypeError):
        pass
    return None
