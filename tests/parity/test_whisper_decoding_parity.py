"""Decoding beside openai-whisper by the same random weights: the same tokens, segments and words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import whisper
from whisper.model import ModelDimensions

from mmcourse.models import Whisper
from mmcourse.pretrained import from_openai
from mmcourse.transcribe import Options, decode, hear_language, transcribe

RATE = 16_000


def pair(english: bool = False, seed: int = 0) -> tuple[Any, Whisper]:
    """A small Whisper of theirs and ours, drawn so that what it writes depends on the sound and on what it wrote."""
    size = 51864 if english else 51865
    theirs = whisper.Whisper(ModelDimensions(80, 1500, 64, 1, 1, size, 448, 64, 1, 2)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in theirs.named_parameters():
            scale = 1.0 if "embedding" in name else 0.3 if tensor.dim() > 1 else 0.1
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)
    return theirs, from_openai(theirs.state_dict())


def sound(seconds: float, seed: int = 0) -> torch.Tensor:
    """Tones and noise that change every half second."""
    generator = torch.Generator().manual_seed(seed)
    pieces = []
    for _ in range(int(2 * seconds)):
        pitch, loud = 80 + 900 * float(torch.rand(1, generator=generator)), float(torch.rand(1, generator=generator))
        time = torch.arange(RATE // 2) / RATE
        pieces.append(0.3 * loud * (6.28 * pitch * time).sin() + 0.02 * torch.randn(RATE // 2, generator=generator))
    return torch.cat(pieces)


def windows(model: Whisper, count: int = 2) -> torch.Tensor:
    return torch.stack([model.window(sound(20, seed)) for seed in range(count)])


@pytest.mark.parametrize("timestamps", [True, False])
@pytest.mark.parametrize("beams", [None, 3])
@pytest.mark.parametrize("prompt", ["", "names: Ana, Pedro"])
def test_a_window_gives_the_same_tokens(timestamps: bool, beams: int | None, prompt: str) -> None:
    theirs, ours = pair()
    mel = windows(ours)
    options = {"language": "fr", "task": "translate", "beam_size": beams, "prompt": prompt or None, "sample_len": 40}
    asked = whisper.DecodingOptions(without_timestamps=not timestamps, fp16=False, **options)
    expected = [theirs.decode(one, asked) for one in mel.mT]  # one by one: their beams do not take several windows
    given = Options("fr", "translate", timestamps, beams=beams, prompt=prompt, max_new_tokens=40)
    found = decode(ours, mel, given)
    for one, other in zip(found, expected, strict=True):
        assert one.ids == other.tokens
        assert len(set(one.ids)) > 3
        assert one.text == other.text
        assert one.mean_log_probability == pytest.approx(other.avg_logprob, abs=1e-4)
        assert one.no_speech == pytest.approx(other.no_speech_prob, abs=1e-5)
        assert one.compression == pytest.approx(other.compression_ratio)


def test_languages_have_the_same_chances() -> None:
    theirs, ours = pair()
    mel = windows(ours)
    _, expected = theirs.detect_language(mel.mT)
    for one, other in zip(hear_language(ours, mel), expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    heard = [one.language for one in decode(ours, mel, Options(max_new_tokens=2))]
    assert heard == [max(other, key=other.get) for other in expected]


@pytest.mark.parametrize(
    ("english", "words", "changes"),
    [
        (False, False, {}),
        (False, True, {"language": "es"}),
        (True, False, {"beam_size": 2, "condition_on_previous_text": False}),
    ],
)
def test_ten_minutes_give_the_same_segments(english: bool, words: bool, changes: dict[str, Any]) -> None:
    theirs, ours = pair(english)
    recording = sound(600 if not changes else 100)
    common = {"temperature": 0.0, "fp16": False, "sample_len": 30, "no_speech_threshold": None}
    expected = theirs.transcribe(recording, initial_prompt="hello", word_timestamps=words, **common, **changes)
    options = Options(
        changes.get("language"), temperatures=(0.0,), beams=changes.get("beam_size"), words=words, max_new_tokens=30,
        no_speech=None, prompt="hello", previous_text=changes.get("condition_on_previous_text", True),
    )  # fmt: skip
    found = transcribe(ours, recording, options)
    assert found.language == expected["language"]
    assert found.text == expected["text"]
    assert len(found.segments) > 3
    names = ("seek", "start", "end", "text", "tokens")
    for one, other in zip(found.to_dict()["segments"], expected["segments"], strict=True):
        assert {name: one[name] for name in names} == {name: pytest.approx(other[name]) if isinstance(
            other[name], float) else other[name] for name in names}  # fmt: skip
        said = [(w["word"], pytest.approx(w["start"]), pytest.approx(w["end"])) for w in other.get("words", [])]
        assert [(w["word"], w["start"], w["end"]) for w in one["words"]] == said
