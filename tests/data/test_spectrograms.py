"""Spectrograms kept for training: made once, mixed by share, and changed as if by strangers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mmcourse.data import SoundDataset
from mmcourse.data.augment_spectrogram import Stranger
from mmcourse.data.instruments import FAMILIES
from mmcourse.data.spectrograms import Mixture, SpectrogramDataset, spectrograms
from mmcourse.recipes import RECIPES
from mmcourse.recipes.ch09_ast import VOICE, SoundRecipe, digits, learned_from_synthesizers, learned_from_words
from mmcourse.recipes.sound_studies import MODELS, STUDIES, points
from mmcourse.tokens.spectrogram import LogMelConfig


def made(count: int, value: float, label: int) -> SpectrogramDataset:
    held = torch.full((count, 20, 16), value, dtype=torch.float16)
    return SpectrogramDataset("made", "train", labels=torch.full((count,), label), spectrograms=held)


def test_sounds_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    sounds = SoundDataset("some", "train", sounds=[torch.rand(50), torch.rand(70)], rate=8000, labels=torch.arange(2))
    read = []

    def preprocess(sound: torch.Tensor, rate: int) -> torch.Tensor:
        read.append((len(sound), rate))
        return sound[:40].view(1, 8, 5)

    first = spectrograms(sounds, preprocess, "how")
    again = spectrograms(sounds, preprocess, "how")
    assert read == [(50, 8000), (70, 8000)]
    assert first.fingerprint == again.fingerprint
    torch.testing.assert_close(again[1]["spectrograms"], sounds[1]["sounds"][:40].view(8, 5), atol=1e-3, rtol=0)
    assert again[1]["labels"] == 1
    spectrograms(sounds, preprocess, "another way")
    assert len(read) == 4


def test_each_part_has_its_share_of_every_batch() -> None:
    mixed = Mixture([made(3, 0.0, 0), made(100, 1.0, 1)], [3, 1])
    batch = mixed.training_batch(5, 16, 0)
    assert batch["labels"].tolist().count(0) == 12
    assert torch.equal(batch["spectrograms"][:, 0, 0], batch["labels"].float())
    assert torch.equal(mixed.training_batch(5, 16, 0)["labels"], batch["labels"])
    assert not torch.equal(mixed.training_batch(6, 16, 0)["labels"], batch["labels"])
    assert mixed.fingerprint != Mixture(mixed.parts, [1, 1]).fingerprint
    with pytest.raises(ValueError, match="one share for each part"):
        Mixture([made(3, 0.0, 0)], [1, 2])


def test_a_stranger_says_the_same_elsewhere() -> None:
    torch.manual_seed(0)
    change = Stranger(VOICE)
    x = torch.randn(6, 96, 46) * 0.3
    one = change(x, torch.Generator().manual_seed(1))
    assert one.shape == x.shape
    assert torch.equal(one, change(x, torch.Generator().manual_seed(1)))
    assert not torch.equal(one, change(x, torch.Generator().manual_seed(2)))
    power = (one * 2 * VOICE.deviation + VOICE.mean).exp()
    torch.testing.assert_close(power.mean((1, 2)), torch.ones(6), atol=1e-2, rtol=0)
    silence = torch.full((2, 96, 46), -1.05)
    assert change(silence, torch.Generator().manual_seed(1)).isfinite().all()
    with pytest.raises(ValueError, match="'relative'"):
        Stranger(LogMelConfig())


def test_a_short_word_stays_where_it_is_without_strength() -> None:
    x = torch.full((1, 96, 46), -1.05)
    x[:, 38:58, 15:25] = 1.0
    still = Stranger(VOICE, strength=0)(x.expand(8, -1, -1), torch.Generator().manual_seed(0))
    loud = still.mean(0) - still.mean(0).mean()
    assert int(loud.mean(1).argmax()) in range(36, 60)
    assert int(loud.mean(0).argmax()) in range(13, 27)


def test_nothing_is_added_where_only_the_voice_changes() -> None:
    x = torch.full((4, 96, 46), -1.0526)  # silence
    x[:, 38:58, 15:25] = 1.0
    changed = Stranger(VOICE, 0.5, elsewhere=False)(x, torch.Generator().manual_seed(0))
    assert float(changed[:, :20].max()) < -1, "no noise before the word"
    assert not torch.equal(changed[0], changed[1])
    assert "noise" in str(Stranger(VOICE))
    assert "noise" not in str(Stranger(VOICE, elsewhere=False))


def test_notes_start_from_words_with_a_head_of_their_own() -> None:
    notes, words = learned_from_words(), learned_from_synthesizers()
    assert notes.grid[0] > words.grid[0]
    assert notes.head.out_features == len(FAMILIES)
    assert torch.equal(notes.tokens.project.weight, words.tokens.project.weight)
    assert torch.equal(notes.positions.table[:2], words.positions.table[:2])


def test_without_people_one_line_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MMCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr("mmcourse.recipes.ch09_ast.SoundRecipe.load", lambda self, split: made(4, 0.0, 1))
    monkeypatch.setattr("mmcourse.recipes.ch09_ast.accuracy", lambda model, data, of: len(data))
    recipe = digits("george")
    assert recipe.evaluate(recipe.model()) == {"voices never heard": 4}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all("GCompris-voices" in line for line in said)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_stored_study_has_no_point_twice_and_says_what_it_measured(name: str) -> None:
    study, found = STUDIES[name], points(name)
    assert len({(p.model, p.speaker, p.seed) for p in found}) == len(found)
    for point in found:
        assert point.model in study.models
        assert point.speaker in study.speakers
        assert point.steps == study.steps
        assert 0 < point.correct <= point.total


def test_the_rivals_are_of_a_size() -> None:
    ast, cnn = MODELS["AST"]().parameter_count(), MODELS["CNN"]().parameter_count()
    assert 0.1 < cnn / ast < 1.5
    assert MODELS["CNN"]()(torch.randn(2, 96, 46)).shape == (2, 10)


def test_settings_are_chosen_without_the_held_speaker(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(self: object, name: str, split: str, voices: tuple[str, ...] = (), **options: object) -> object:
        asked.append((name, split, voices))
        return made(4, 0.0, 1)

    monkeypatch.setattr("mmcourse.recipes.ch09_ast.SoundRecipe.read", read)
    learn, held = digits("george+theo+lucas").validation()
    assert ("fsdd", "george+lucas", ()) in asked
    assert asked[-1] == ("fsdd", "theo", ())
    assert len(held) == 4
    assert len(learn) == 12


def test_a_part_may_take_some_voices_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    heard = [torch.rand(8000) for _ in range(3)]
    data = SoundDataset(
        "some", "train", sounds=heard, rate=16000, labels=torch.arange(3), concepts=["f1", "flite:slt", "flite:rms"]
    )
    monkeypatch.setattr("mmcourse.recipes.ch09_ast.load", lambda name, split, **options: data)
    recipe = RECIPES["ast-digits-synthetic"]
    assert isinstance(recipe, SoundRecipe)
    assert recipe.read("some", "train", ("flite:",)).labels.tolist() == [1, 2]
    assert recipe.read("some", "train").labels.tolist() == [0, 1, 2]
