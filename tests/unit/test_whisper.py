"""Whisper by itself: step by step as all at once, what it hears is read by many, it exports, bad input is one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mmcourse.generation import beam_search, generate
from mmcourse.models import Whisper, WhisperConfig

SMALL = WhisperConfig(
    bands=8, audio_context=20, text_context=16, vocab_size=330, width=24, encoder_layers=1, encoder_heads=2,
    encoder_mlp=32, decoder_layers=2, decoder_heads=3, decoder_mlp=40, eot=280, languages=("en", "fr"),
)  # fmt: skip


@pytest.fixture
def model() -> Whisper:
    torch.manual_seed(0)
    found = Whisper(SMALL).eval()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return found


MEL = torch.randn(2, 40, 8, generator=torch.Generator().manual_seed(1))
IDS = torch.randint(330, (2, 9), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("pieces", [[9], [1] * 9, [4, 1, 4]])
def test_one_step_at_a_time_is_all_at_once(model: Whisper, pieces: list[int]) -> None:
    cache = model.start(model.listen(MEL))
    with torch.no_grad():
        steps = torch.cat([model.step(ids, cache) for ids in IDS.split(pieces, 1)], 1)
        assert (steps - model(MEL, IDS)).abs().max() < 1e-4


def test_what_is_heard_once_is_read_by_beams_and_by_greedy(model: Whisper) -> None:
    start = torch.full((2, 1), model.special.sot)
    heard = model.listen(MEL)
    greedy = generate(model, start, 8, condition=heard, temperature=0, eos=model.special.eot)
    assert torch.equal(greedy, beam_search(model, start, 8, condition=MEL, beams=1, eos=model.special.eot).ids)
    wide = beam_search(model, start, 8, condition=heard, beams=4, eos=model.special.eot)
    each = [beam_search(model, start[:1], 8, condition=MEL[i : i + 1], beams=4, eos=280).ids[0] for i in range(2)]
    for row, alone in zip(wide.ids, each, strict=True):
        assert row[: len(alone)].tolist() == alone.tolist()[: len(row)]


def test_a_shorter_window_is_encoded_by_the_first_positions(model: Whisper) -> None:
    x = model.stem(MEL[:, :12]) + model.audio_positions[:6]
    assert torch.equal(model.encode(MEL[:, :12]), model.encoder(x))


def test_the_output_is_the_embedding_once_more(model: Whisper) -> None:
    hidden = torch.eye(24)
    assert torch.equal(model.logits(hidden), model.embedding.weight.T)
    assert not any("head" in name for name in model.state_dict())


def test_special_tokens_stand_where_the_published_ones_do() -> None:
    special = WhisperConfig.preset("whisper-tiny").special
    assert (special.sot, special.translate, special.transcribe, special.prev) == (50258, 50358, 50359, 50361)
    assert (special.no_speech, special.no_timestamps, special.first_timestamp) == (50362, 50363, 50364)
    assert special.size == 51865
    assert WhisperConfig.preset("whisper-large-v3").special.size == 51866
    english = WhisperConfig.preset("whisper-tiny.en").special
    assert (english.eot, english.sot, english.size) == (50256, 50257, 51864)
    assert special.name(special.language("fr")) == "<|fr|>"
    assert special.seconds(special.timestamp(1.08)) == pytest.approx(1.08)


def test_it_exports_and_has_a_shape_without_numbers(model: Whisper, tmp_path: Path) -> None:
    program = torch.export.export(model, (MEL, IDS)).module()
    with torch.no_grad():
        assert torch.allclose(program(MEL, IDS), model(MEL, IDS), atol=1e-5)
    with torch.device("meta"):
        logits = Whisper(SMALL)(torch.empty(2, 40, 8), torch.zeros(2, 9, dtype=torch.long))
    assert logits.shape == (2, 9, 330)
    model.save_pretrained(tmp_path / "w.safetensors")
    again = Whisper.from_pretrained(tmp_path / "w.safetensors")
    assert again.config == SMALL
    with torch.no_grad():
        assert torch.equal(again(MEL, IDS), model(MEL, IDS))


def test_a_sound_is_cut_or_filled_to_the_window(model: Whisper) -> None:
    long = torch.randn(8000)
    assert model.window(long).shape == (40, 8)
    assert torch.equal(model.window(long), model.window(long[:6400]))
    short = torch.nn.functional.pad(long[:3000], (0, 3400))
    assert torch.equal(model.window(long[:3000]), model.window(short))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m(MEL[:, :39], IDS), "even number"),
        (lambda m: m(MEL.mT, IDS), r"\(B, F, 8\)"),
        (lambda m: m(MEL, torch.zeros(2, 17, dtype=torch.long)), "16 a row"),
        (lambda m: m.start(), "log-mel"),
        (lambda m: m.check_ids(IDS + 300), "0 to 329"),
        (lambda m: m.prefix("de"), "choose one of: en, fr"),
        (lambda m: m.prefix("en", "summarise"), "transcribe, translate"),
        (lambda m: WhisperConfig(width=385), "385"),
        (lambda m: WhisperConfig(alignment_heads=((4, 0),)), "outside 4 layers"),
    ],
)
def test_bad_input_is_one_line(model: Whisper, call: Any, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        call(model)
    assert "\n" not in str(caught.value)
