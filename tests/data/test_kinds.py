"""Indexing that does what NumPy does or says no; kinds of data sets; augmentation that belongs to the data."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from mmcourse.data import Dataset, ImageDataset, PairDataset, SoundDataset, TextDataset, collate, load
from mmcourse.data.augment import Affine, Flip
from mmcourse.data.dataset import rows

N = 7
DATA = ImageDataset(
    "mine",
    "train",
    images=torch.arange(N, dtype=torch.uint8)[:, None, None, None].expand(N, 1, 2, 2).contiguous(),
    labels=torch.arange(N) % 3,
    classes=["a", "b", "c"],
    captions=[f"number {i}" for i in range(N)],
    concepts=[str(i) for i in range(N)],
)


def numbers(data: Dataset) -> list[int]:
    return [int(concept) for concept in data.concepts or []]


INDEX = st.one_of(
    st.slices(N),
    st.lists(st.integers(-N, N - 1)),
    st.lists(st.booleans(), min_size=N, max_size=N),
)


@settings(max_examples=300, deadline=None)
@given(INDEX, st.sampled_from(["plain", "numpy", "tensor"]))
def test_an_index_does_what_numpy_does(index: Any, form: str) -> None:
    kind = bool if not isinstance(index, slice) and index and isinstance(index[0], bool) else np.int64
    expected = np.arange(N)[index if isinstance(index, slice) else np.array(index, kind)].tolist()
    if not isinstance(index, slice) and form != "plain":
        array = np.array(index, kind)
        index = array if form == "numpy" else torch.from_numpy(array)
    assert numbers(DATA.subset(index)) == expected
    assert numbers(DATA[index]) == expected
    batch = DATA.batch(index)
    assert (batch["images"][:, 0, 0, 0] * 255).round().tolist() == expected
    assert batch["labels"].tolist() == [i % 3 for i in expected]
    assert batch["captions"] == [f"number {i}" for i in expected]


@pytest.mark.parametrize("three", [3, np.int64(3), np.uint8(3), torch.tensor(3), np.array(3)])
def test_every_whole_number_is_one(three: Any) -> None:
    assert numbers(DATA.subset(three)) == [0, 1, 2]
    assert DATA[three]["captions"] == "number 3"
    assert DATA[three]["labels"] == 0


@pytest.mark.parametrize(
    "bad",
    [
        100.0,
        3.0,
        torch.tensor(3.0),
        np.float32(3),
        True,
        np.bool_(True),
        torch.tensor(True),
        None,
        "3",
        [1.0, 2.0],
        np.array([1.0]),
        torch.tensor([[1, 2]]),
        np.array(["a"]),
        [[1], [2]],
        [1, None],
        torch.tensor([1, 0, 1], dtype=torch.uint8),
    ],
)
@pytest.mark.parametrize("how", ["subset", "batch", "item"])
def test_what_is_no_index_is_refused_in_one_line(bad: Any, how: str) -> None:
    with pytest.raises(TypeError) as caught:
        {"subset": DATA.subset, "batch": DATA.batch, "item": DATA.__getitem__}[how](bad)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [1, N - 1, N + 1])
def test_a_mask_of_another_length_is_refused(length: int) -> None:
    for mask in (torch.ones(length, dtype=torch.bool), np.ones(length, bool), [True] * length):
        with pytest.raises(ValueError, match=f"a mask of {length} truth values .* has 7 items"):
            DATA.batch(mask)


def test_a_mask_finds_every_three() -> None:
    digits = load("digits")
    assert digits.labels is not None
    threes = digits.batch(digits.labels == 3)
    assert len(threes["labels"]) == int((digits.labels == 3).sum()) > 100
    assert threes["labels"].unique().tolist() == [3]


def test_rows_are_never_negative() -> None:
    assert rows([-1, 0], 5).tolist() == [4, 0]
    assert rows(slice(None, None, -2), 5).tolist() == [4, 2, 0]


SOUNDS = SoundDataset(
    "tones",
    "train",
    sounds=[torch.linspace(-1, 1, n) for n in (3, 5, 2)],
    rate=16_000,
    labels=torch.tensor([0, 1, 0]),
    classes=["low", "high"],
)
TEXTS = TextDataset("words", "train", texts=["a", "bcd", "é"], padding=0)


def test_sounds_are_padded_and_say_how_long_they_are() -> None:
    batch = SOUNDS.batch([1, 2])
    assert batch["sounds"].shape == (2, 5)
    assert batch["sound_lengths"].tolist() == [5, 2]
    assert torch.equal(batch["sounds"][1, :2], SOUNDS.sounds[2])
    assert batch["sounds"][1, 2:].tolist() == [0, 0, 0]
    assert SOUNDS[2]["sounds"].tolist() == SOUNDS.sounds[2].tolist()  # an item has no padding
    assert SOUNDS[2]["sound_lengths"] == 2
    loaded = next(iter(DataLoader(SOUNDS, batch_size=2, collate_fn=collate)))
    first = SOUNDS.batch([0, 1])
    assert all(torch.equal(loaded[name], first[name]) for name in first)
    assert repr(SOUNDS) == "Dataset('tones', split='train': 3 sounds at 16,000 Hz)"


def test_texts_are_tokens_with_lengths() -> None:
    batch = TEXTS.batch()
    assert batch["tokens"].tolist() == [[97, 0, 0], [98, 99, 100], [195, 169, 0]]
    assert batch["token_lengths"].tolist() == [1, 3, 2]
    assert numbers(TEXTS.subset([])) == []


def test_pairs_hold_what_belongs_together() -> None:
    pairs = PairDataset("said", "train", parts=(SOUNDS, TEXTS))
    batch = pairs.subset([2, 0]).batch()
    assert batch["sound_lengths"].tolist() == [2, 3]
    assert batch["tokens"].tolist() == [[195, 169], [97, 0]]
    assert batch["labels"].tolist() == [0, 0]
    assert pairs[1]["tokens"].tolist() == [98, 99, 100]
    with pytest.raises(ValueError, match="a pair needs one of each"):
        PairDataset("mine", "train", parts=(SOUNDS, TEXTS.subset(2)))
    with pytest.raises(ValueError, match="give 'sounds'"):
        PairDataset("mine", "train", parts=(SOUNDS, SOUNDS))


@pytest.mark.parametrize("data", [DATA, SOUNDS, TEXTS, PairDataset("both", "train", parts=(SOUNDS, TEXTS))])
def test_every_kind_pickles_and_has_a_fingerprint_of_its_content(data: Dataset) -> None:
    again = pickle.loads(pickle.dumps(data))
    assert again.fingerprint == data.fingerprint
    assert data.subset(2).fingerprint != data.fingerprint
    assert data.subset([1, 0]).fingerprint != data.subset([0, 1]).fingerprint
    assert len(data[0:2]) == 2
    assert next(len(next(iter(b.values()))) for b in data.batches(2)) == 2


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(ValueError, match="3 sounds but 2 labels"):
        SoundDataset("s", "train", sounds=SOUNDS.sounds, rate=1, labels=torch.zeros(2))
    with pytest.raises(ValueError, match="of one channel is needed"):
        SoundDataset("s", "train", sounds=[torch.zeros(2, 100)], rate=1)


def test_an_augmented_set_changes_training_batches_alone() -> None:
    digits = load("digits").subset(32)
    turned = digits.augmented(Affine(degrees=20))
    step = [turned.training_batch(step, 8, seed=0) for step in (0, 0, 1)]
    assert torch.equal(step[0]["images"], step[1]["images"])
    assert torch.equal(step[0]["labels"], digits.training_batch(0, 8, 0)["labels"])
    assert not torch.equal(step[0]["images"], digits.training_batch(0, 8, 0)["images"])
    assert torch.equal(turned.batch()["images"], digits.batch()["images"])
    assert len(turned) == 32
    assert turned.labels is digits.labels
    assert len({turned.fingerprint, digits.fingerprint, digits.augmented(Affine(degrees=21)).fingerprint}) == 3
    assert str(Affine(degrees=20)) in repr(turned)
    assert pickle.loads(pickle.dumps(turned)).fingerprint == turned.fingerprint
    with pytest.raises(ValueError, match="finds nothing"):
        TEXTS.augmented(Flip()).training_batch(0, 2, 0)
