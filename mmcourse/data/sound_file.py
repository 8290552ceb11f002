"""Anybody's recording, wav, flac, ogg or mp3, as mono samples of one rate: whole, or block by block.

Reading is libsndfile's work (package soundfile), resampling torchaudio's (a Hann-windowed sinc). Both go block by
block, so an hour at 96 kHz in stereo needs no more memory than its mono 16 kHz.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import torch
from torch import Tensor

from mmcourse import checks
from mmcourse.files import reason

if TYPE_CHECKING:
    import soundfile

RATE = 16_000
"""Samples a second that AST and Whisper hear."""

_STREAMED = 0x7FFF_F000  # a header written before the length was known says about this, or more
_WIDTH = 6  # zero crossings of the resampling filter at each side, torchaudio's default


class SoundFileError(ValueError):
    """A file that cannot be heard; one line says which and why."""


def read(source: str | os.PathLike[str] | BinaryIO, rate: int = RATE) -> Tensor:
    """A recording as mono samples: (T,) float32, at ``rate`` samples a second. Channels are averaged.

    Args:
        source: a file's path, or an open file.
        rate: samples a second that are wanted.

    Raises:
        SoundFileError: no such file, no sound, shorter than it says, no sample, or NaN or infinity in it.
    """
    parts = list(blocks(source, rate))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def blocks(source: str | os.PathLike[str] | BinaryIO, rate: int = RATE, seconds: float = 30.0) -> Iterator[Tensor]:
    """The same samples as :func:`read`, as pieces of about ``seconds`` that follow each other without a seam.

    Args:
        source: a file's path, or an open file.
        rate: samples a second that are wanted.
        seconds: of each piece; the last is shorter.

    Raises:
        SoundFileError: as :func:`read`, some of it only where the fault is met.
    """
    checks.whole("rate", rate)
    checks.real("seconds", seconds, above=True)
    name = _name(source)
    with _opened(source, name) as file:
        yield from _resampled(_mono(file, name, seconds), file.samplerate, rate)


def duration(source: str | os.PathLike[str] | BinaryIO) -> float:
    """Seconds that a recording lasts by its own header, without decoding it.

    Raises:
        SoundFileError: no such file, or no sound.
    """
    with _opened(source, _name(source)) as file:
        return file.frames / file.samplerate


def _name(source: object) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else str(getattr(source, "name", "the sound"))


def _opened(source: str | os.PathLike[str] | BinaryIO, name: str) -> soundfile.SoundFile:
    import soundfile

    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if not path.is_file():
            raise SoundFileError(f"{name} is no file; give a wav, flac, ogg or mp3 of this machine.")
        try:
            with open(path, "rb") as file:
                _check_length(file, path.stat().st_size, name)
        except OSError as error:
            raise SoundFileError(f"{name} cannot be read ({reason(error)}).") from error
        source = os.fspath(path)
    try:
        return soundfile.SoundFile(source)
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise SoundFileError(
            f"{name} holds no sound that can be read ({_why(error)}); give a wav, flac, ogg or mp3 file."
        ) from error


def _why(error: BaseException) -> str:
    return str(getattr(error, "error_string", "") or reason(error)).rstrip(". ")


def _check_length(file: BinaryIO, size: int, name: str) -> None:
    """A wav whose header promises more than the file holds was copied in part: libsndfile would not say so."""
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return
    at = 12
    while len(chunk := file.read(8)) == 8:
        length = int.from_bytes(chunk[4:], "little")
        at += 8
        if chunk[:4] == b"data":
            if size - at < length < _STREAMED:
                raise SoundFileError(
                    f"{name} says that it holds {length:,} bytes of sound, but {size - at:,} are there; "
                    "copy it again, whole."
                )
            return
        at += length + length % 2
        file.seek(at)


def _mono(file: soundfile.SoundFile, name: str, seconds: float) -> Iterator[Tensor]:
    """Channels averaged, block by block, at the file's own rate; what is no sound is refused."""
    import soundfile

    size = max(1, round(seconds * file.samplerate))
    count = 0
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.SoundFileError, OSError) as error:
            raise SoundFileError(
                f"{name} is damaged {count / file.samplerate:.1f} s from its start ({_why(error)}); copy it again."
            ) from error
        if not len(block):
            break
        samples = torch.from_numpy(block).mean(1)
        if not bool(torch.isfinite(samples).all()):
            raise SoundFileError(f"{name} holds NaN or infinity; write it anew from the recording.")
        count += len(samples)
        yield samples
    if not count:
        raise SoundFileError(f"{name} holds 0 samples; give a recording that is not empty.")
    if count < file.frames < 2**60 and file.format != "MP3":  # an mp3's length may be an estimate
        raise SoundFileError(
            f"{name} says that it holds {file.frames:,} samples, but {count:,} are there; copy it again, whole."
        )


def _resampled(parts: Iterator[Tensor], old: int, new: int) -> Iterator[Tensor]:
    """Pieces at another rate, equal to resampling the whole: each is heard with what comes before and after it."""
    from torchaudio.functional import resample

    if old == new:
        yield from parts
        return
    step = old // math.gcd(old, new)  # this many samples become a whole number of new ones
    reach = step * (math.ceil(_WIDTH * max(1.0, old / new) / 0.99) // step + 2)  # what a new sample is made of
    before, waiting = torch.zeros(0), torch.zeros(0)  # heard already; not heard yet, but for what follows it
    for part in parts:
        waiting = torch.cat([waiting, part])
        done = (len(waiting) - reach) // step * step
        if done <= 0:
            continue
        heard = torch.cat([before, waiting[: done + reach]])
        first = len(before) // step * (new * step // old)
        yield resample(heard, old, new, lowpass_filter_width=_WIDTH)[first : first + done // step * (new * step // old)]
        before = torch.cat([before, waiting[:done]])[-reach:]
        before = before[len(before) % step :]
        waiting = waiting[done:]
    first = len(before) // step * (new * step // old)
    last = resample(torch.cat([before, waiting]), old, new, lowpass_filter_width=_WIDTH)[first:]
    if len(last):
        yield last
