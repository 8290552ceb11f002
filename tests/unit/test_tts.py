"""Text to speech by itself: codes of mel frames and back to a waveform, voices, the end, bad input in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmcourse.generation import generate
from mmcourse.models import TextToSpeech, TextToSpeechConfig
from mmcourse.speaking import speak, write_codes
from mmcourse.tokens.frames import FramesConfig, FrameTokenizer
from mmcourse.tokens.spectrogram import LogMelConfig

MEL = LogMelConfig(window_size=512, fft_size=512, hop=128, bands=40)
FRAMES = FramesConfig(log_mel=MEL, stride=3, width=16, encoder=1, decoder=1, codes=12, code_width=4, warm=0)
SMALL = TextToSpeechConfig(
    tokenizer=FRAMES, length=8, text_vocab_size=260, text_context=12, width=24, mlp=32, encoder_layers=1,
    decoder_layers=2, heads=3, merges=("a b",), voices=("high", "low"),
)  # fmt: skip
TEXTS = ["ab ab", "c"]


@pytest.fixture
def model() -> TextToSpeech:
    torch.manual_seed(0)
    found = TextToSpeech(SMALL).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return found


def test_frames_become_codes_and_as_many_frames_again() -> None:
    tokenizer = FrameTokenizer(FRAMES)
    sound = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0)) * 0.1
    mel = tokenizer.spectrogram(sound)
    assert mel.shape == (2, 33, 40)  # 4,000 samples are 31.25 frames, filled up to 11 codes
    found = tokenizer(mel)
    assert found.codes.shape == (2, 11)
    tokenizer.eval()
    assert tokenizer.decode(tokenizer.encode(mel)).shape == tokenizer(mel).mel.shape == mel.shape
    assert torch.allclose(tokenizer.decode(tokenizer.encode(mel)), tokenizer(mel).mel, atol=1e-5)
    assert FramesConfig().codes_per_second == pytest.approx(16000 / 384)


def test_a_tone_is_heard_again_after_its_spectrogram() -> None:
    tokenizer = FrameTokenizer(FRAMES)
    for hertz in (440.0, 1200.0):
        tone = 0.3 * (2 * torch.pi * hertz * torch.arange(8064) / 16000).sin()
        again = tokenizer.waveform(tokenizer.spectrogram(tone))
        assert again.shape == tone.shape
        peak = torch.fft.rfft(again[1000:7000]).abs().argmax() * 16000 / 6000
        assert abs(float(peak) - hertz) < 60  # the width of a mel band
        assert abs(float(again[1000:7000].std() / tone[1000:7000].std()) - 1) < 0.3
    assert tokenizer.waveform(torch.zeros(1, 1, 40)).shape == (1, 128)


@pytest.mark.parametrize("pieces", [[8], [1] * 8, [3, 1, 4]], ids=str)
def test_one_step_at_a_time_is_all_at_once(model: TextToSpeech, pieces: list[int]) -> None:
    model.double()
    codes = torch.randint(13, (2, 8), generator=torch.Generator().manual_seed(1))
    words = model.words(TEXTS, ["low", "high"])
    cache = model.start(words)
    steps = torch.cat([model.step(ids, cache) for ids in model.prompt(codes[:, :-1]).split(pieces, 1)], 1)
    assert torch.allclose(steps, model(words.ids, codes, words.padding), atol=1e-12)
    assert steps.shape[-1] == 13, "twelve codes and the end"


def test_a_voice_stands_before_the_text(model: TextToSpeech) -> None:
    words = model.words(TEXTS, ["low", "high"])
    assert words.ids[:, 0].tolist() == [259, 258]
    assert (words.ids == SMALL.eot).sum(1).tolist()[0] == 1
    assert model.words(TEXTS).ids[:, 0].tolist() == [258, 258]
    codes = torch.zeros(1, 3, dtype=torch.long)
    high, low = (model(model.words(TEXTS[:1], voice).ids, codes) for voice in ("high", "low"))
    assert not torch.allclose(high, low, atol=1e-3)


def test_what_is_written_ends_and_is_heard(model: TextToSpeech) -> None:
    first = torch.full((2, 1), model.start_id)
    whole = generate(model, first, 8, condition=model.words(TEXTS), temperature=0)
    found = write_codes(model, TEXTS, temperature=0)
    for row, codes in zip(whole.tolist(), found, strict=True):
        assert len(codes) >= 1
        assert (codes < model.end_id).all()
        if row[0] != model.end_id:
            assert codes.tolist() == row[: [*row, model.end_id].index(model.end_id)]
    sounds = speak(model, TEXTS, temperature=0, iterations=2)
    assert [len(sound) for sound in sounds] == [384 * len(codes) for codes in found]
    assert all(sound.isfinite().all() for sound in sounds)


def test_targets_are_codes_and_an_end(model: TextToSpeech) -> None:
    mels = [model.tokenizer.spectrogram(torch.randn(n) * 0.1) for n in (384 * 3, 384 * 20)]
    targets = model.targets(mels)
    assert targets.shape == (2, 8)
    assert targets[0, 3:].tolist() == [12, -1, -1, -1, -1]
    assert (targets[1] < 12).all(), "too long: cut, without an end"


def test_a_saved_model_says_the_same(model: TextToSpeech, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "t.safetensors")
    again = TextToSpeech.from_pretrained(tmp_path / "t.safetensors")
    assert again.config == SMALL
    one, two = (write_codes(which, TEXTS, "low", seed=4) for which in (model, again))
    assert [codes.tolist() for codes in one] == [codes.tolist() for codes in two]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.words(TEXTS, "deep"), "choose one of: high, low"),
        (lambda m: m.words(TEXTS, ["low"]), "2 texts and 1 voices"),
        (lambda m: m.words(TEXTS, 3), "voices are 3"),
        (lambda m: m.words(["c" * 11]), "say it shorter"),
        (lambda m: m.tokenizer.encode(torch.zeros(1, 4, 40)), "multiple of 3"),
        (lambda m: m.tokenizer.waveform(torch.zeros(5, 3)), "F, 40"),
        (lambda m: m.tokenizer.waveform(torch.full((5, 40), float("nan"))), "NaN"),
        (lambda m: m.tokenizer.spectrogram(torch.zeros(0)), "at least one sample"),
        (lambda m: FramesConfig(log_mel=LogMelConfig(fft_size=512)), "both of one size"),
        (lambda m: TextToSpeechConfig(voices=("a", "a")), "no name twice"),
        (lambda m: TextToSpeechConfig(length=0), "length"),
    ],
)
def test_bad_input_is_one_line(model: TextToSpeech, call: Any, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        call(model)
    assert "\n" not in str(caught.value)
