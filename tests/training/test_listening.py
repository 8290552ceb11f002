"""How a Whisper is taught: tokens of each task, frames that fit them, strangers made of known voices."""

from __future__ import annotations

import itertools
import random

import pytest
import torch

from mmcourse.data.augment_mel import Strangers
from mmcourse.data.dataset import SpeechDataset
from mmcourse.models import Whisper
from mmcourse.recipes.ch10_whisper import course_config
from mmcourse.recipes.listening import IGNORED, Hearing, Lessons, Said, joined, word_error

NONE = Strangers(0, 0, 0, 0, 0, 0, 0, False)


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    generator = torch.Generator().manual_seed(0)
    sounds = [0.1 * torch.randn(8000 + 500 * i, generator=generator) for i in range(12)]
    data = SpeechDataset(
        "tiny", "train", sounds=sounds, rate=16_000, labels=torch.arange(12) % 4, classes=["en", "pt", "es", "fr"],
        captions=["Um gato azul."] * 12, translations=["A blue cat."] * 12, concepts=["x"] * 12,
    )  # fmt: skip
    digits = [Said(sounds[i], f"{i}", "", "fr", i, "somebody") for i in range(10)]
    return Lessons(data, digits, course_config())


def test_a_batch_follows_from_its_step_alone(lessons: Lessons) -> None:
    noisy = lessons.augmented(Strangers())
    first, again, other = (noisy.training_batch(step, 8, 0) for step in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["mel"], other["mel"])
    assert first["mel"].isfinite().all()
    assert first["mel"].shape[1] % 2 == 0
    assert noisy.fingerprint != lessons.fingerprint


def test_tokens_say_language_task_and_text(lessons: Lessons) -> None:
    special, tokenizer = lessons.config.special, lessons.tokenizer
    seen = set()
    pieces = [(id, 0.2 + first, 0.2 + last) for id, first, last in lessons.pieces("Um gato.", [], 0.8)]
    for seed in range(40):
        (ids, targets), centres = lessons.tokens(pieces, "A cat.", "pt", 0.2, 1.0, False, random.Random(seed))
        assert len(ids) == len(targets) == len(centres)
        assert targets[0] == special.language("pt")
        assert targets[-1] == special.eot
        said = tokenizer.decode([id for id in targets if id >= 0])
        assert said == (" A cat." if special.translate in ids else " Um gato.")
        known = [centre for centre in centres if centre >= 0]
        assert known == sorted(known)
        assert all(0.2 <= centre * special.seconds_per_token <= 1.0 for centre in known)
        stamps = [special.seconds(id) for id in targets if id >= special.first_timestamp]
        assert stamps == ([] if special.no_timestamps in ids else pytest.approx([0.2, 1.0]))
        for i, target in enumerate(targets[:-1]):  # what is said next is what is read next
            assert target in (IGNORED, ids[i + 1])
        seen.add((special.translate in ids, bool(stamps)))
    assert len(seen) == 4
    assert lessons.tokens([], "", "pt", 0, 1, True, random.Random(0))[0] == ([special.sot], [special.no_speech])


def test_pieces_are_said_where_their_words_begin(lessons: Lessons) -> None:
    pieces = lessons.pieces("Um gato azul.", [(0, 0.0), (3, 0.5), (8, 2.0)], 3.0)
    text = [lessons.tokenizer.decode([id]) for id, *_ in pieces]
    assert "".join(text) == " Um gato azul."
    begin = {piece: first for piece, (_, first, _) in zip(text, pieces, strict=True)}
    assert begin[next(piece for piece in text if piece.startswith(" g"))] == pytest.approx(0.5, abs=0.2)
    assert begin[next(piece for piece in text if piece.startswith(" a"))] == pytest.approx(2.0, abs=0.4)
    assert all(a[2] == b[1] for a, b in itertools.pairwise(pieces))
    assert pieces[-1][2] == pytest.approx(2.95)
    special = lessons.config.special
    batch = lessons.batch(torch.arange(3))
    assert batch["now"].shape == (3, batch["mel"].shape[1] // 2)
    for row, ids in zip(batch["now"], batch["ids"], strict=True):
        said = [id for id in row.unique_consecutive().tolist() if id != special.no_speech]
        assert said
        if special.transcribe in ids:
            assert set(said) <= set(ids.tolist())


def test_an_objective_leads_attention_only_while_it_is_asked_to(lessons: Lessons) -> None:
    torch.manual_seed(0)
    model = Whisper(lessons.config)
    early, late = lessons.training_batch(0, 4, 0), lessons.training_batch(lessons.led_steps, 4, 0)
    loss, report = Hearing()(model, early)
    assert float(loss.detach()) == pytest.approx(
        float(report["next"] + 0.5 * report["astray"] + 0.5 * report["said"]), abs=1e-4
    )
    assert "astray" not in Hearing()(model, late)[1]
    centres = torch.tensor([[-1.0, 2.0, 8.0]])
    ideal = torch.zeros(1, 1, 3, 10)
    ideal[0, 0, :, 2], ideal[0, 0, 2] = 1.0, torch.nn.functional.one_hot(torch.tensor(8), 10).float()
    assert float(Hearing().astray([ideal], centres)) == pytest.approx(0.0)
    assert float(Hearing().astray([ideal.flip(-1)], centres)) > 5


def test_strangers_without_changes_are_the_voices_themselves() -> None:
    power = torch.rand(2, 30, 12)
    generator = torch.Generator().manual_seed(0)
    assert torch.allclose(NONE(power, torch.ones(2), generator), power, atol=1e-5)
    slower = NONE(power[:, :15], torch.tensor([2.0, 2.0]), generator)
    assert torch.allclose(slower[:, ::2], power[:, :8], atol=1e-5)
    assert torch.equal(NONE.cover(power, generator), power)
    changed = Strangers()(power, torch.ones(2), generator)
    assert (changed >= 0).all()
    assert not torch.allclose(changed, power)


def test_strings_of_digits_are_written_as_they_are_said(lessons: Lessons) -> None:
    sound, text, begun = joined(lessons.people, random.Random(1), 3)
    assert len(text.split()) == 3
    assert [text[:first].count(" ") for first, _ in begun] == [0, 1, 2]
    assert 0 < begun[0][1] < begun[1][1] < begun[2][1] < len(sound) / 16_000
    assert len(sound) > 24_000
    assert word_error(["Um gato, azul!"], ["um gato verde"]).value == pytest.approx(100 / 3)
