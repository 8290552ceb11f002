import base64
import io
import re
import sys
import wave

import numpy as np
import pytest
import torch

from mmcourse import show
from mmcourse.show import live
from mmcourse.show.sound import levels_of

TONE = 0.5 * torch.sin(torch.arange(1600) / 3)


def test_a_player_holds_the_sound_its_outline_and_its_name() -> None:
    made = show.sound(TONE, 16000, "a <tone>", picture=torch.rand(10, 8), top="8 kHz", alt="a line")
    file = base64.b64decode(re.search(r"audio/wav;base64,([^\"]+)", made.body).group(1))  # type: ignore[union-attr]
    with wave.open(io.BytesIO(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16000, 1, 2)
        back = np.frombuffer(sound.readframes(1600), "<i2") / 32767
    assert np.abs(back - TONE.numpy()).max() < 1e-4
    assert 'aria-label="Play: a &lt;tone&gt;"' in made.body
    assert 'preload="none"' in made.body
    assert 'alt="a line"' in made.body
    assert "8 kHz" in made.body
    assert 'width="10" height="8"' in made.body
    assert repr(made) == "Sound of 0.10 s at 16,000 Hz: a <tone>"
    named = show.sound(TONE, 16000, "a tone", picture=torch.rand(10, 3), rows=["a<", "b", "c"])
    assert re.findall(r"<b>(.*?)</b>", named.body) == ["a&lt;", "b", "c"]


def test_an_outline_reaches_as_far_as_the_sound() -> None:
    quiet, loud = (show.sound(level * TONE, 16000, "tone").body for level in (0.1, 2.0))

    def height(body: str) -> float:
        path = re.search(r' d="M([^"]+)Z"', body).group(1)  # type: ignore[union-attr]
        ys = [float(pair) for pair in path.split()[1::2]]
        return max(ys) - min(ys)

    assert height(loud) > 55
    assert height(quiet) < 5


def test_a_spectrogram_stands_with_low_frequencies_below_and_time_to_the_right() -> None:
    table = torch.zeros(4, 3)
    table[3, 0] = 1.0  # last frame, lowest band
    levels = levels_of(table)
    assert levels.shape == (3, 4)
    assert levels[2, 3] == 255
    assert int(levels.astype(int).sum()) == 255
    assert levels_of(torch.full((2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]


def test_script_and_style_come_where_somebody_runs_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    made = show.sound(TONE, 16000, "tone")
    assert "<script" not in made.html
    monkeypatch.setattr(sys.modules["mmcourse.show.sound"], "somebody_runs_this", lambda: True)
    assert "mmSound" in made.html
    assert ".mm-sound" in made.html


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: show.sound(torch.zeros(2, 5), 8000, "x"), "one channel"),
        (lambda: show.sound(torch.full((5,), 3.0), 8000, "x"), r"outside \[-1, 1\]"),
        (lambda: show.sound(torch.tensor([0.0, torch.nan]), 8000, "x"), "NaN"),
        (lambda: show.sound(torch.zeros(0), 8000, "x"), "at least 1"),
        (lambda: show.sound(TONE, 8000, "x", picture=torch.rand(4, 3), rows=["a"]), "1 names for a picture of 3 rows"),
        (lambda: show.sound(TONE, 8000, " "), "no label"),
        (lambda: show.sound(TONE, 0, "x"), "rate"),
        (lambda: show.sound(TONE, 8000, "x", picture=torch.zeros(3)), "frames by bands"),
        (lambda: live.aliasing(tone=9000, question="?"), "tone=9000; choose 100 to 8000"),
        (lambda: live.stft({}, question="?"), "at least one sound"),
        (lambda: live.stft({"a": (TONE, 8000)}, sizes=(64, 96), start=64, question="?"), "powers of two"),
        (lambda: live.stft({"a": (TONE[:100], 8000)}, question="?"), "more than 1024 are needed"),
        (lambda: live.mel(TONE, 16000, bands=3, question="?"), "choose 4 to 128"),
        (lambda: live.mel(TONE[:100], 16000, question="?"), "longer"),
    ],
)
def test_bad_input_is_one_clear_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
