"""What makes a run what it is: another objective, model, augmentation, setting or data is another run."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from torch import nn

from mmcourse import checkpoint
from mmcourse.data import load
from mmcourse.data.augment import Affine, Flip
from mmcourse.identity import describe, differences
from mmcourse.models import ViT, ViTConfig
from mmcourse.training import Classification, Settings, fit

TINY = ViTConfig(image_size=8, patch_size=4, channels=1, classes=10, width=8, layers=1, heads=1, mlp=8)
DIGITS = load("digits").subset(32)
SETTINGS = Settings(3, 8, save_seconds=0.0)


def start(
    folder: Path, *, model: Any = TINY, data: Any = DIGITS, objective: Any = None, settings: Any = SETTINGS
) -> None:
    torch.manual_seed(0)
    net = ViT(model) if isinstance(model, ViTConfig) else model()
    fit(net, data, objective or Classification(), settings, folder=folder, progress=False)


def plain(model: nn.Module, batch: Any) -> Any:
    return nn.functional.cross_entropy(model(batch["images"]), batch["labels"]), {}


def halved(model: nn.Module, batch: Any) -> Any:
    return nn.functional.cross_entropy(model(batch["images"]), batch["labels"]) / 2, {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"objective": Classification(0.1)}, r"objective\.label_smoothing \(0\.0 there, 0\.1 here\)"),
        ({"objective": plain}, "objective"),
        ({"model": replace(TINY, heads=2)}, r"model\.config\.heads \(1 there, 2 here\)"),
        ({"model": replace(TINY, dropout=0.1)}, "dropout"),
        ({"model": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10))}, r"model\.class \(ViT there"),
        ({"data": DIGITS.augmented(Affine(5))}, "augmentation"),
        ({"data": load("digits").subset(31)}, r"data \("),
        ({"settings": replace(SETTINGS, seed=1)}, r"settings\.seed"),
        ({"settings": replace(SETTINGS, ema_decay=0.9)}, r"settings\.ema_decay"),
    ],
)
def test_another_run_is_refused_and_the_difference_named(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    start(tmp_path)
    before = (tmp_path / "resume.safetensors").read_bytes()
    with pytest.raises(ValueError, match=says) as caught:
        start(tmp_path, **change)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "resume.safetensors").read_bytes() == before


def test_how_often_it_is_saved_makes_no_other_run(tmp_path: Path) -> None:
    start(tmp_path)
    start(tmp_path, settings=replace(SETTINGS, save_seconds=1.0))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (plain, halved),
        (lambda x: x + 1, lambda x: x + 2),
        (functools.partial(plain, 1), functools.partial(plain, 2)),
        (Flip(), Affine()),
        (torch.zeros(2), torch.ones(2)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64)),
        (nn.Dropout(0.1), nn.Dropout(0.2)),
        ({"a": 1}, {"a": 1, "b": None}),
        ([1, 2], [2, 1]),
    ],
)
def test_different_things_are_described_differently(old: Any, new: Any) -> None:
    assert describe(old) != describe(new)
    assert describe(old) == describe(old)
    assert differences(describe(old), describe(old)) == []


def test_what_a_function_closes_over_belongs_to_it() -> None:
    def make(scale: float) -> Callable[[float], float]:
        return lambda x: scale * x

    assert describe(make(1.0)) == describe(make(1.0)) != describe(make(2.0))

    class Plain:
        def __init__(self, scale: float) -> None:
            self.scale = scale

    @dataclass
    class Scaled:
        scale: float

    assert describe(Plain(1.0)) == describe(Plain(1.0)) != describe(Plain(2.0))
    assert describe(Scaled(1.0)) != describe(Plain(1.0))
    assert differences(describe(Scaled(1.0)), describe(Scaled(2.0))) == ["scale (1.0 there, 2.0 here)"]


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({}, "no state of a run"),
        ({"identity": {}, "step": "x", "history": {}}, "no state of a run"),
        ({"identity": {}, "step": 1, "history": {"colour": 1}}, "no state of a run"),
        ({"identity": {}, "step": 1, "history": {}}, "another run"),
    ],
)
def test_a_foreign_state_is_one_line(tmp_path: Path, metadata: dict[str, Any], says: str) -> None:
    checkpoint.save(tmp_path / "resume.safetensors", {"x": torch.ones(1)}, metadata)
    with pytest.raises(ValueError, match=says) as caught:
        start(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("step", [4, -1])
def test_a_step_beyond_the_end_is_refused(tmp_path: Path, step: int) -> None:
    start(tmp_path)
    tensors, metadata = checkpoint.load(tmp_path / "resume.safetensors")
    checkpoint.save(tmp_path / "resume.safetensors", tensors, {**metadata, "step": step})
    with pytest.raises(ValueError, match=f"stands at step {step} of 3"):
        start(tmp_path)


@pytest.mark.parametrize("lost", ["model/head.weight", "optimizer/0/exp_avg", "average/head.weight"])
def test_a_state_with_a_tensor_missing_is_one_line(tmp_path: Path, lost: str) -> None:
    settings = replace(SETTINGS, ema_decay=0.9)
    start(tmp_path, settings=settings)
    tensors, metadata = checkpoint.load(tmp_path / "resume.safetensors")
    assert lost in tensors
    del tensors[lost]
    checkpoint.save(tmp_path / "resume.safetensors", tensors, {**metadata, "step": 1})
    with pytest.raises(ValueError, match="does not fit this model") as caught:
        start(tmp_path, settings=settings)
    assert "\n" not in str(caught.value)


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    found: list[Exception] = []

    def second() -> None:
        try:
            start(tmp_path)
        except ValueError as error:
            found.append(error)

    tmp_path.mkdir(exist_ok=True)
    with FileLock(tmp_path / ".lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another run is writing into" in str(found[0])


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".resume.safetensors.abc.part").write_bytes(b"half")
    start(tmp_path)
    assert not list(tmp_path.glob(".*.part"))


def test_a_folder_that_cannot_be_written_is_noticed_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    def never(model: nn.Module, batch: Any) -> Any:
        raise AssertionError

    with pytest.raises(ValueError, match="choose a folder"):
        start(tmp_path / "file" / "run", objective=never)
