"""Sounds with a player: the waveform as a vector, a picture under it if there is one, and a mark that runs along."""

from __future__ import annotations

import base64
import html
import io
import itertools
import wave
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from mmcourse.checks import whole
from mmcourse.show.html import Html, inline, somebody_runs_this
from mmcourse.show.render import data_url, webp

STATIC = Path(__file__).parent / "static"
STEPS = 320
"""Steps in which a waveform is drawn; each shows its loudest and its lowest sample."""

MIDDLE_BLUE = "#2a8fd0"
"""A blue that is seen on the light page and on the dark one."""


@cache
def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def samples_of(waveform: Any, who: str) -> np.ndarray:
    """One channel of sound as doubles, (T,).

    Args:
        waveform: (T,) floats in [-1, 1].
        who: Whose input it is, for the error.

    Raises:
        ValueError: Not one channel, empty, NaN, or louder than 1.
    """
    sound = torch.as_tensor(waveform).detach().cpu().double().numpy()
    if sound.ndim != 1 or sound.size == 0:
        raise ValueError(f"{who} got samples of shape {sound.shape}: give one channel (T,), T at least 1")
    if not np.isfinite(sound).all() or np.abs(sound).max() > 1 + 1e-3:
        raise ValueError(f"{who} got samples that are NaN or outside [-1, 1]: divide by their largest value")
    return sound.clip(-1, 1)


def bytes_of(sound: np.ndarray) -> bytes:
    """Samples in [-1, 1] as 16-bit whole numbers, lowest byte first."""
    return (sound * 32767).round().astype("<i2").tobytes()


def outline(sound: np.ndarray) -> str:
    """A waveform as an SVG, as wide as there is room: it fills the band between its highest and lowest samples."""
    count = min(STEPS, len(sound))
    edges = np.linspace(0, len(sound), count + 1).astype(int)
    pieces = [sound[a:b] for a, b in itertools.pairwise(edges)]
    top = [round(30 - 29 * float(p.max()), 1) for p in pieces]
    low = [round(30 - 29 * float(p.min()), 1) for p in pieces]
    upper = " ".join(f"{i} {y - 0.3:g}" for i, y in enumerate(top))
    lower = " ".join(f"{i} {low[i] + 0.3:g}" for i in range(count - 1, -1, -1))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="mm-outline" viewBox="0 0 {max(1, count - 1)} 60" '
        f'preserveAspectRatio="none" aria-hidden="true"><path fill="#0072b2" d="M{upper} {lower}Z"/></svg>'
    )


def levels_of(picture: Any) -> np.ndarray:
    """A spectrogram as whole numbers 0 to 255, (rows, columns): time runs right, frequency upwards.

    Args:
        picture: (F, M), frames by bands, of any range.

    Raises:
        ValueError: No frames, no bands, or values that are not finite.
    """
    table = torch.as_tensor(picture).detach().cpu().double().numpy()
    if table.ndim != 2 or table.size == 0 or not np.isfinite(table).all():
        raise ValueError(f"a spectrogram of shape {table.shape}: give finite numbers (F, M), frames by bands")
    low, high = float(table.min()), float(table.max())
    share = (table - low) / (high - low) if high > low else np.zeros_like(table)
    # Four decimals first: what another processor adds in the last place must not move a pixel.
    return np.rint(np.round(share, 4) * 255).astype(np.uint8).T[::-1]


def spectrogram_image(picture: Any) -> Image.Image:
    """A spectrogram as a picture that is clear where nothing sounds, so that either theme serves.

    Args:
        picture: (F, M), frames by bands.
    """
    levels = levels_of(picture)
    rgba = np.empty((*levels.shape, 4), np.uint8)
    rgba[..., :3] = [round(255 * c) for c in to_rgb(MIDDLE_BLUE)]
    rgba[..., 3] = levels
    return Image.fromarray(rgba)


class Sound(Html):
    """A sound with its player; make it the last line of a cell, or a part of a figure to move.

    Args:
        body: The markup.
        plain: What ``repr`` says.
    """

    def __init__(self, body: str, plain: str) -> None:
        super().__init__(body, plain, css=False)

    @property
    def html(self) -> str:
        """The markup as the page gets it; where somebody runs the notebook, script and style come along."""
        return (self.alone() if somebody_runs_this() else "") + self.body

    def alone(self) -> str:
        """What the player needs where no page of the book is around it."""
        return f"<style>{_static('sound.css')}</style><script>{_static('sound.js')}</script>"


def sound(
    waveform: Any,
    rate: int,
    label: str,
    *,
    picture: Any = None,
    top: str = "",
    rows: Sequence[str] = (),
    alt: str = "",
) -> Sound:
    """A player: a button, the waveform, and a mark that runs along while it plays.

    The waveform can be walked through with the arrow keys. Without scripts the browser's own player stands there; a
    page fetches a sound when it is played, and print shows the waveform.

    Args:
        waveform: (T,) floats in [-1, 1].
        rate: Samples a second, in Hz.
        label: What is heard, in a few words.
        picture: (F, M), a spectrogram of the same sound, drawn under the waveform.
        top: What the picture's upper edge stands for, for example ``"8 kHz"``.
        rows: What each row of the picture stands for, from the top, where it is no spectrogram: for example the
            words that a model looked for.
        alt: What the picture shows.

    Raises:
        ValueError: Not one channel, empty, NaN, louder than 1, no label, or not a name for each row.
    """
    whole("rate", rate)
    if not label.strip():
        raise ValueError("sound() got no label: say in a few words what is heard")
    samples = samples_of(waveform, "sound()")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate))
        file.writeframes(bytes_of(samples))
    seconds = len(samples) / rate
    name = html.escape(label)
    drawn = outline(samples)
    if picture is not None:
        image = spectrogram_image(picture)
        words = html.escape(alt or f"Spectrogram: {label}")
        tall = f' style="height:{1.2 * image.height:.1f}rem"' if rows else ""
        mark = f'<span class="mm-top">{html.escape(top)}</span>' if top else ""
        if rows:
            if len(rows) != image.height:
                raise ValueError(f"sound() got {len(rows)} names for a picture of {image.height} rows: give one each")
            mark += f'<span class="mm-rows">{"".join(f"<b>{html.escape(name)}</b>" for name in rows)}</span>'
        drawn += (
            f'<span class="mm-spectrum"><img alt="{words}" width="{image.width}" height="{image.height}"{tall} '
            f'src="{data_url(webp(image), "image/webp")}">{mark}</span>'
        )
    length = f"{seconds:.2f}" if seconds < 1 else f"{seconds:.1f}"
    body = (
        f'<div class="mm-sound" data-seconds="{seconds:.4f}">'
        f'<button type="button" class="mm-play" aria-label="Play: {name}"></button>'
        f'<div class="mm-wave" role="slider" tabindex="0" aria-label="Place in: {name}" aria-valuemin="0" '
        f'aria-valuemax="{seconds:.2f}" aria-valuenow="0" aria-valuetext="0 s">{drawn}<i class="mm-now"></i></div>'
        f'<p class="mm-heard">{inline(label)} <span>{length} s</span></p>'
        f'<audio controls preload="none" aria-label="{name}" '
        f'src="data:audio/wav;base64,{base64.b64encode(out.getvalue()).decode()}"></audio></div>'
    )
    return Sound(body, f"Sound of {length} s at {rate:,} Hz: {label}")
