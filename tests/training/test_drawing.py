"""How a Parti and a text to speech are taught: captions said anew, codes kept, what is drawn and heard is marked."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmcourse.data import SoundDataset, load
from mmcourse.data.scene_captions import parse_caption
from mmcourse.data.scene_detector import Verdict, compare, detect
from mmcourse.data.splits import part_of
from mmcourse.models import Parti, PartiConfig, TextToSpeech, TextToSpeechConfig
from mmcourse.recipes import drawing, speaking
from mmcourse.recipes.ch11_parti import course_config
from mmcourse.recipes.drawing import Captioned, Translation, marked, numbers
from mmcourse.recipes.speaking import SEGMENT, FrameReconstruction, ReadAloud, Segments, right_words, said
from mmcourse.tokens.frames import FramesConfig, FrameTokenizer
from mmcourse.tokens.spectrogram import LogMelConfig
from mmcourse.tokens.vq import VQConfig
from mmcourse.training.metrics import Score


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))


@pytest.fixture
def captioned() -> Captioned:
    torch.manual_seed(0)
    book = VQConfig(width=8, encoder=1, decoder=1, codes=16, warm=0)
    sizes = {"width": 16, "mlp": 16, "encoder_layers": 1, "decoder_layers": 1, "heads": 2}
    config = PartiConfig.from_dict(vars(course_config()) | sizes | {"tokenizer": book})
    return Captioned(load("scenes", "train", count=30, language="en+pt"), Parti(config).eval())


def test_captions_are_said_anew_and_some_are_left_out(captioned: Captioned) -> None:
    first, again, other = (captioned.training_batch(step, 30, 0) for step in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["texts"].shape != other["texts"].shape or not torch.equal(first["texts"], other["texts"])
    text = captioned.model.tokenizer_of_text
    empty = 0
    for step in range(20):
        batch = captioned.training_batch(step, 30, 0)
        for ids, padding, codes in zip(batch["texts"], batch["text_padding"], batch["codes"], strict=True):
            caption = text.decode(ids[~padding].tolist())
            row = int((captioned.codes.long() == codes).all(1).nonzero()[0])
            meaning = captioned.meanings[row]
            empty += not caption
            if caption:
                known = {(one.shape, one.colour) for one in meaning.things}
                assert {(one.shape, one.colour) for one in parse_caption(caption).things} == known
    assert 30 < empty < 90  # a tenth of 600
    whole = captioned.batch(range(30))
    assert torch.equal(whole["codes"], captioned.model.encode(captioned.scenes.images / 255))
    loss, report = Translation()(captioned.model, whole)
    assert loss.isfinite()
    assert 0 <= float(report["accuracy"]) <= 1


def test_codes_are_made_once_for_a_tokenizer(captioned: Captioned, monkeypatch: pytest.MonkeyPatch) -> None:
    again = Captioned(captioned.scenes, captioned.model)
    assert again.fingerprint == captioned.fingerprint
    monkeypatch.setattr(captioned.model, "encode", lambda images: pytest.fail("codes are in the cache"))
    assert torch.equal(Captioned(captioned.scenes, captioned.model).codes, again.codes)
    with torch.no_grad():
        captioned.model.tokenizer.quantizer.codebook.add_(0.1)
    monkeypatch.undo()


def test_what_fills_a_short_sequence_counts_for_nothing(captioned: Captioned) -> None:
    batch = captioned.batch(range(4))
    codes = batch["codes"].clone()
    codes[:, 40:] = -1
    short = {**batch, "codes": batch["codes"][:, :40]}
    assert torch.allclose(Translation()(captioned.model, {**batch, "codes": codes})[0],
                          Translation()(captioned.model, short)[0], atol=1e-6)  # fmt: skip


def test_true_pictures_are_marked_right_and_shuffled_ones_wrong() -> None:
    data = load("scenes", "test", count=40)
    seen = detect(data.images / 255)
    said_ = [parse_caption(text) for text in data.captions or []]
    right = marked(numbers(data), [compare(*pair) for pair in zip(said_, seen, strict=True)])
    wrong = marked(numbers(data), [compare(*pair) for pair in zip(said_, seen[1:] + seen[:1], strict=True)])
    assert all(isinstance(score, Score) and score.correct == score.total for score in right.values())
    assert wrong["colours"].correct < 20  # type: ignore[union-attr]
    assert sum(right[name].total for name in right if name.startswith("all right")) == 40
    nothing = Verdict(number=False, colours=False, shapes=False, sizes=False, places=False)
    assert marked(["one"], [nothing])["all right, one shape"] == Score(0, 1)


def test_every_picture_is_marked_against_its_own_caption(captioned: Captioned, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load("scenes", "test", count=6)

    def true(model: Parti, texts: list[str], **how: object) -> object:
        places = [(data.captions or []).index(text) for text in texts]
        return type("Drawn", (), {"images": data.images[places][:, None] / 255})

    monkeypatch.setattr(drawing, "draw", true)
    assert all(one.all for one in drawing.drawn(captioned.model, list(data.captions or []), size=4))


# speech


def sounds(count: int = 5) -> SoundDataset:
    generator = torch.Generator().manual_seed(0)
    made = [0.1 * torch.randn(6000 + 3000 * i, generator=generator) for i in range(count)]
    return SoundDataset("spoken", "train", sounds=made, rate=16000, captions=["One two."] * count,
                        concepts=["a", "b", "a", "b", "a"][:count])  # fmt: skip


SMALL = FramesConfig(log_mel=LogMelConfig(window_size=512, fft_size=512, hop=128, bands=20), width=8, encoder=1,
                     decoder=1, codes=16, code_width=4, warm=0)  # fmt: skip


def test_sentences_are_in_one_part_each() -> None:
    parts = {part: {text for text, _ in said(part, 100)} for part in ("train", "validation", "test")}
    assert not parts["train"] & parts["test"]
    assert not parts["validation"] & (parts["train"] | parts["test"])
    assert said("test", 20) == said("test", 40)[:20]
    assert all(part_of(text.removesuffix(".").lower()) == part for part, texts in parts.items() for text in texts)


def test_segments_and_codes_follow_from_the_step() -> None:
    torch.manual_seed(0)
    segments = Segments(sounds(), FrameTokenizer(SMALL))
    batch = segments.training_batch(3, 4, 0)["mel"]
    assert batch.shape == (4, SEGMENT, 20)
    assert torch.equal(batch, segments.training_batch(3, 4, 0)["mel"])
    loss, report = FrameReconstruction()(FrameTokenizer(SMALL), {"mel": batch})
    assert loss.isfinite()
    assert float(report["error"]) > 0
    found = speaking.evaluate_frames(FrameTokenizer(SMALL).eval(), segments, lambda: segments)
    assert found["error of frames"].total == 5
    config = TextToSpeechConfig(
        tokenizer=SMALL, length=60, text_vocab_size=260, text_context=20, width=8, mlp=8, encoder_layers=1,
        decoder_layers=1, heads=2, merges=("a b",), voices=("a", "b"),
    )  # fmt: skip
    lesson = ReadAloud(sounds(), TextToSpeech(config).eval())
    first = lesson.training_batch(0, 3, 0)
    assert torch.equal(first["codes"], lesson.training_batch(0, 3, 0)["codes"])
    whole = lesson.batch(range(5))
    assert (whole["codes"] == 16).sum(1).tolist() == [1] * 5
    assert whole["texts"][:2, 0].tolist() == [258, 259]
    assert Translation()(lesson.model, whole)[0].isfinite()


def test_digits_and_colours_are_counted_in_their_order() -> None:
    assert right_words("Three red stars and two blue crosses.", "three red cars and two blue classes") == (4, 4)
    assert right_words("One two three.", "one three") == (2, 3)
    assert right_words("One two.", "two one") == (1, 2)
    assert right_words("Nine.", "") == (0, 1)
