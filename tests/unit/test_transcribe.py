"""Decoding as rules, windows and forms of output; on a small Whisper with a vocabulary and a window of its own."""

from __future__ import annotations

import io
import json
import math
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mmcourse.__main__ as command
from mmcourse.data import load
from mmcourse.generation import Likelihood, SuppressFirst, TimestampRules, generate
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.recipes.listening import word_error, written_by
from mmcourse.tokens.text import SpecialTokens, train_merges
from mmcourse.transcribe import Options, Segment, Transcript, Word, align, compression, decode, transcribe, warp

MERGES = train_merges([" one two three four five six seven"] * 3, 280)
SPECIAL = SpecialTokens(256 + len(MERGES), ("en", "fr"), 51)


@pytest.fixture(scope="module")
def model() -> Whisper:
    torch.manual_seed(1)
    found = Whisper(
        WhisperConfig(
            bands=20,
            audio_context=50,
            text_context=32,
            vocab_size=SPECIAL.size,
            width=32,
            encoder_layers=1,
            encoder_heads=2,
            encoder_mlp=32,
            decoder_layers=2,
            decoder_heads=2,
            decoder_mlp=32,
            eot=SPECIAL.eot,
            languages=SPECIAL.languages,
            merges=MERGES,
        )
    )
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return found.eval()


def noise(samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(samples))


def allowed(rule: Any, ids: list[int], size: int = 10) -> list[int]:
    """What a rule leaves of equal logits, text 0 to 4, end 5, timestamps 6 to 9."""
    logits = torch.zeros(1, size)
    logits[0, :6] = 9.0  # text and its end are likelier than all timestamps together
    left = rule(logits, torch.tensor([ids], dtype=torch.long))
    return [i for i in range(size) if left[0, i] > -math.inf]


@pytest.mark.parametrize(
    ("ids", "left"),
    [
        ([], [6, 7]),  # a timestamp first, and an early one
        ([6], [0, 1, 2, 3, 4, 5]),  # after the one that begins a piece: text
        ([6, 1], [0, 1, 2, 3, 4, 5, 7, 8, 9]),  # a piece lasts longer than nothing
        ([6, 1, 8], [5, 8, 9]),  # after the one that ends a piece: another, not earlier, or the end
        ([6, 1, 8, 8], [0, 1, 2, 3, 4, 5]),
        ([6, 1, 8, 8, 2], [0, 1, 2, 3, 4, 5, 9]),
    ],
)
def test_timestamps_come_in_pairs_and_never_fall(ids: list[int], left: list[int]) -> None:
    assert allowed(TimestampRules(6, 5, latest=1), ids) == left


def test_timestamps_together_beat_the_likeliest_text() -> None:
    logits = torch.zeros(1, 10)
    logits[0, 3] = 0.5  # less than log 3, the sum of the timestamps that may come
    left = TimestampRules(6, 5, never=(4,))(logits, torch.tensor([[6, 1]]))
    assert [i for i in range(10) if left[0, i] > -math.inf] == [7, 8, 9]


def test_some_ids_are_never_first() -> None:
    assert allowed(SuppressFirst((0, 5)), []) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert allowed(SuppressFirst((0, 5)), [1]) == list(range(10))


def test_the_likelihood_is_that_of_all_that_is_chosen(model: Whisper) -> None:
    mel = model.window(noise(30_000))[None]
    prefix = torch.tensor([model.prefix("en", timestamps=False)])
    tally = Likelihood(SPECIAL.eot)
    ids = generate(model, prefix, 6, condition=mel, temperature=0, filters=[tally], eos=SPECIAL.eot)
    with torch.no_grad():
        scores = model(mel, torch.cat([prefix, ids], 1)).log_softmax(-1)[:, prefix.shape[1] - 1 : -1]
    assert tally.of(ids).item() == pytest.approx(scores.gather(2, ids[:, :, None]).sum().item(), abs=1e-3)


def test_what_is_heard_once_serves_all_decodings(model: Whisper) -> None:
    windows = torch.stack([model.window(noise(n)) for n in (9000, 16_000, 20_000)])
    options = Options("fr", max_new_tokens=8)
    together = decode(model, windows, options)
    heard = model.listen(windows)
    assert together == decode(model, heard, options)
    for i, one in enumerate(together):
        assert decode(model, windows[i : i + 1], options)[0].ids == one.ids
    best = decode(model, heard, options, temperature=0.7)
    several = decode(model, heard, Options("fr", max_new_tokens=8, best_of=5, length_penalty=0.0), temperature=0.7)
    assert [one.language for one in several] == ["fr"] * 3
    total = [(one.mean_log_probability * (len(one.ids) + 1)) for one in several]
    assert sum(total) > sum(one.mean_log_probability * (len(one.ids) + 1) for one in best)


def test_a_path_through_costs_never_goes_back() -> None:
    cost = np.ones((3, 6))
    for row, column in ((0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 5)):
        cost[row, column] = 0
    rows, columns = warp(cost)
    assert list(zip(rows, columns, strict=True)) == [(0, 0), (0, 1), (1, 2), (1, 3), (2, 4), (2, 5)]


def test_words_follow_each_other_in_time(model: Whisper) -> None:
    ids = model.tokenizer.encode(" one two three")
    timed = align(model, model.listen(model.window(noise(16_000))[None]), ids, model.prefix("en"), "en", 50)
    assert [one.text for one in timed] == [" one", " two", " three"]
    ends = [0.0] + [time for one in timed for time in (one.start, one.end)]
    assert ends == sorted(ends)
    assert ends[-1] <= 1.0
    assert all(0 < one.probability < 1 for one in timed)


@pytest.mark.parametrize("samples", [1, 15_999, 16_000, 70_000])
def test_recordings_of_any_length_are_gone_through(model: Whisper, samples: int) -> None:
    sound = noise(samples)
    options = Options("en", temperatures=(0.0,), no_speech=None, max_new_tokens=10, words=samples > 50_000)
    found = transcribe(model, sound, options)
    assert found == transcribe(model, sound.split(5000), options)
    assert all(segment.end <= samples / 16_000 + 1 for segment in found.segments)
    starts = [segment.seek for segment in found.segments]
    assert starts == sorted(starts)


def test_where_nobody_speaks_nothing_is_written(model: Whisper) -> None:
    options = Options("en", temperatures=(0.0,), no_speech=0.0, log_probability=0.0, max_new_tokens=5)
    assert transcribe(model, noise(40_000), options).segments == []


def test_a_text_that_is_not_trusted_is_written_at_the_next_temperature(model: Whisper) -> None:
    options = Options("en", temperatures=(0.0, 0.5, 1.0), log_probability=0.0, no_speech=None, max_new_tokens=5)
    assert {one.temperature for one in transcribe(model, noise(20_000), options).segments} == {1.0}
    assert compression("la " * 50) > 2.4 > compression("The owl waits at the station.")


def test_forms_of_output() -> None:
    segment = Segment(0, 0.0, 61.25, " Hello --> you.", [1], 0.0, -0.1, 1.0, 0.0, [Word(" Hello", 0.0, 0.5, 0.9)])
    found = Transcript(" Hello --> you.", [segment, Segment(0, 62.0, 62.0, "", [], 0.0, -0.1, 1.0, 0.0)], "en")
    assert found.written() == "Hello --> you."
    assert found.written("srt") == "1\n00:00:00,000 --> 00:01:01,250\nHello -> you.\n"
    assert found.written("vtt") == "WEBVTT\n\n00:00:00.000 --> 00:01:01.250\nHello -> you.\n"
    assert json.loads(found.written("json"))["segments"][0]["words"][0]["word"] == " Hello"
    with pytest.raises(ValueError, match="did you mean 'srt'"):
        found.written("srtt")


@pytest.mark.parametrize(
    ("sound", "says"),
    [
        (torch.zeros(0), "0 samples"),
        (torch.full((100,), math.nan), "NaN"),
        (torch.zeros(2, 100), "mono"),
        (torch.zeros(100, dtype=torch.int16), "floats"),
        ("nowhere.wav", "no file"),
    ],
)
def test_what_cannot_be_heard_is_one_line(model: Whisper, sound: Any, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        transcribe(model, sound)
    assert "\n" not in str(caught.value)


def test_the_command_writes_a_file(model: Whisper, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, path = str(tmp_path / "w.safetensors"), tmp_path / "eight.wav"
    model.save_pretrained(weights)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((3000 * torch.randn(8000, 2)).to(torch.int16).numpy().tobytes())
    path.write_bytes(buffer.getvalue())
    common = ["transcribe", str(path), "--model", weights, "--form", "json", "--language"]
    assert command.main([*common, "fr"]) == 0
    assert json.loads(capsys.readouterr().out)["language"] == "fr"
    assert command.main([*common, "de"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    path.write_text("no sound", encoding="utf-8")
    assert command.main([*common, "fr"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_courses_model_is_taken_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, data = Whisper.from_pretrained("whisper-course").float(), load("speech", "test", count=24)
    written, heard = written_by(own, list(data.sounds), None)
    measured = own.metadata["metrics"]
    assert word_error(data.captions, written).value < measured["word error"]["value"] + 15
    assert sum(data.classes[i] == code for i, code in zip(data.labels.tolist(), heard, strict=True)) > 18
    path = tmp_path / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((32767 * data.sounds[1].clamp(-1, 1)).to(torch.int16).numpy().tobytes())
    assert command.main(["transcribe", str(path)]) == 0
    assert capsys.readouterr().out.strip()
