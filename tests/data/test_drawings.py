"""Drawings: concepts in several styles and languages, and batches in which no text fits two pictures."""

from __future__ import annotations

import pickle

import pytest
import torch

from mmcourse.data import DataUnavailableError, emoji, load
from mmcourse.data import drawings as module
from mmcourse.data.augment import Flip
from mmcourse.data.drawings import DrawingDataset, DrawingPairs
from mmcourse.tokens.text import CaptionTokenizer, train_merges

MERGES = train_merges([" red heart", " blue heart"] * 3, 270)
TOKENIZER = CaptionTokenizer.from_merges(MERGES, 258 + len(MERGES), 12)
TEXTS = [[["a0", "b0"], ["c0"]], [["a0", "b0"], ["c0"]], [["a1"], []], [["a2", "b2"], ["c2"]]]
SMALL = DrawingDataset(
    "mine", "train", images=torch.arange(4, dtype=torch.uint8)[:, None, None, None].expand(4, 3, 8, 8).contiguous(),
    labels=torch.tensor([7, 7, 1, 5]), captions=[texts[0][0] for texts in TEXTS], texts=TEXTS, styles=[*"xyxx"],
)  # fmt: skip


def test_concepts_come_in_the_built_in_styles_with_names_in_four_languages() -> None:
    data = load("drawings", "test", style="twemoji+openmoji", size=32)
    assert isinstance(data, DrawingDataset)
    assert data.images.shape == (2 * 208, 3, 32, 32)
    assert sorted(set(data.styles)) == ["openmoji", "twemoji"]
    assert set(data.concepts or []) == set(emoji.parts()["test"])
    row = (data.captions or []).index("black cat")
    assert data.texts[row] == [["black cat"], ["gato preto"], ["gato negro"], ["chat noir"]]
    assert data.labels is not None
    assert data.classes[int(data.labels[row])] == "black cat"
    few = load("drawings", "test", style="twemoji", size=32, language="fr").subset([0, 1])
    assert [len(texts) for texts in few.texts] == [1, 1]  # type: ignore[attr-defined]
    assert few.fingerprint != data.subset([0, 1]).fingerprint


def test_a_style_that_cannot_be_fetched_is_left_out_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def pictures(style: str, size: int) -> tuple[list[str], torch.Tensor]:
        if style in emoji.FETCHED:
            raise DataUnavailableError(f"no {style} here")
        return list(emoji.parts()["test"][:5]), torch.zeros(5, 3, size, size, dtype=torch.uint8)

    monkeypatch.setattr(emoji, "pictures", pictures)
    assert sorted(module.drawings("test", size=8).styles) == 5 * ["openmoji"] + 5 * ["twemoji"]
    with pytest.raises(DataUnavailableError, match="no noto here"):
        module.drawings("test", style="twemoji+noto", size=8)


def test_a_batch_shows_no_concept_twice_and_draws_style_and_text_from_seed_and_step_alone() -> None:
    pairs = DrawingPairs(SMALL, TOKENIZER)
    seen: dict[int, set[tuple[int, str]]] = {}
    for step in range(60):
        batch = pairs.training_batch(step, 3, seed=0)
        labels = batch["labels"].tolist()
        assert sorted(labels) == [1, 5, 7]
        for label, image, caption in zip(labels, batch["images"], batch["captions"], strict=True):
            seen.setdefault(label, set()).add((round(float(image[0, 0, 0]) * 255), caption))
    assert {caption for _, caption in seen[7]} == {"a0", "b0", "c0"}
    assert {picture for picture, _ in seen[7]} == {0, 1}
    assert seen[1] == {(2, "a1")}  # the other language has no word for it
    again = pickle.loads(pickle.dumps(pairs)).training_batch(59, 3, seed=0)
    assert again["captions"] == batch["captions"]
    assert torch.equal(again["tokens"], TOKENIZER(batch["captions"]))
    assert [TOKENIZER.decode(row.tolist()[1:]) for row in batch["tokens"]] == batch["captions"]


def test_pairs_measure_with_names_and_change_pictures_only_in_training() -> None:
    pairs = DrawingPairs(SMALL, TOKENIZER)
    assert [len(batch["images"]) for batch in pairs.batches(3)] == [3, 1]
    assert pairs.batch([2])["captions"] == ["a1"]
    changed = pairs.augmented(Flip())
    assert len(changed) == 4
    assert changed.fingerprint != pairs.fingerprint != SMALL.fingerprint
    assert changed.training_batch(0, 2, 0)["tokens"].shape[0] == 2
    other = CaptionTokenizer.from_merges(MERGES[:-1], 257 + len(MERGES), 12)
    assert DrawingPairs(SMALL, other).fingerprint != pairs.fingerprint


def test_what_makes_no_drawings_is_one_line() -> None:
    with pytest.raises(ValueError, match="4 images but 3 styles"):
        DrawingDataset("a", "train", images=SMALL.images, texts=TEXTS, styles=["x"] * 3)
    bare = DrawingDataset("a", "train", images=SMALL.images, texts=TEXTS, styles=["x"] * 4)
    with pytest.raises(ValueError, match="no labels or no captions"):
        DrawingPairs(bare, TOKENIZER)
    with pytest.raises(ValueError, match="unknown emoji style"):
        load("drawings", style="apple")
    with pytest.raises(ValueError, match="unknown language"):
        load("drawings", language="en+xx")
    with pytest.raises(ValueError, match="names a style twice"):
        load("drawings", style="twemoji+twemoji")
    with pytest.raises(TypeError, match="it takes language, size, style"):
        load("drawings", colour="red")
