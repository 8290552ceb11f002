"""Objectives and metrics against their definitions; what validation sees; what weight decay leaves alone."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from torch import nn

from mmcourse.data import load
from mmcourse.recipes.measures import colour_codes
from mmcourse.training import (
    Classification,
    NextToken,
    Score,
    Settings,
    accuracy,
    bits_per_dimension,
    device_of,
    fit,
    loop,
    psnr,
)
from mmcourse.training.loop import make_optimizer


class Tiny(nn.Module):
    """Logits from 64 pixels, with something for every rule of weight decay."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 10)
        self.words, self.table = nn.Embedding(3, 4), nn.Parameter(torch.zeros(2, 4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        unused = 0 * (self.words.weight.sum() + self.table.sum())
        return self.head(self.norm(images.flatten(1))) + unused


def test_only_matrices_decay() -> None:
    model = Tiny()
    decayed, others = make_optimizer(model, Settings(1)).param_groups
    assert [id(p) for p in decayed["params"]] == [id(model.head.weight)]
    assert decayed["weight_decay"] > 0 == others["weight_decay"]
    assert len(others["params"]) == len(list(model.parameters())) - 1


def test_validation_sees_the_average_and_changes_nothing() -> None:
    data, seen = load("digits").subset(64), []

    def validate(model: nn.Module) -> dict[str, float]:
        assert not model.training
        torch.rand(3)  # draws of its own do not move the run
        seen.append({n: t.clone() for n, t in model.state_dict().items()})
        return {"score": float(len(seen))}

    settings = Settings(5, 8, learning_rate=0.1, ema_decay=0.9)
    plain, watched = Tiny(), Tiny()
    fit(plain, data, Classification(), settings, progress=False)
    history = fit(watched, data, Classification(), settings, progress=False, validate=validate, validate_steps=2)
    assert [(row["step"], row["score"]) for row in history.rows if "score" in row] == [(1, 1), (3, 2), (4, 3)]
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, watched.state_dict()[name])
        assert torch.equal(tensor, seen[-1][name])  # what was measured last is what is kept
    assert not torch.equal(seen[0]["head.weight"], seen[1]["head.weight"])


def test_label_smoothing_is_its_definition() -> None:
    images, labels, model = torch.rand(6, 1, 8, 8), torch.arange(6), Tiny()
    spread = 0.9 * F.one_hot(labels, 10) + 0.01
    expected = -(spread * model(images).log_softmax(-1)).sum(-1).mean()
    assert torch.allclose(Classification(0.1)(model, {"images": images, "labels": labels})[0], expected)


def test_next_token_counts_only_what_is_there() -> None:
    tokens = torch.tensor([[0, 1, 2], [2, 1, -1]])
    logits = torch.zeros(2, 3, 4)
    logits[0, 0, 0] = 9.0  # one sure and right, the others undecided (argmax 0)
    loss, report = NextToken()(nn.Identity(), {"inputs": logits, "targets": tokens})
    sure = math.log(1 + 3 * math.exp(-9.0))
    assert float(loss) == pytest.approx((sure + 4 * math.log(4)) / 5, rel=1e-5)
    assert float(report["accuracy"]) == pytest.approx(1 / 5)
    with pytest.raises(ValueError, match="are needed"):
        NextToken()(nn.Identity(), {"inputs": logits, "targets": tokens[:, :2]})


def test_psnr_and_bits() -> None:
    black, grey = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.1)
    assert psnr(grey, black).tolist() == pytest.approx([20.0, 20.0], abs=1e-4)
    assert psnr(black, black).tolist() == [math.inf] * 2
    assert bits_per_dimension(math.log(512)) == pytest.approx(9.0)
    assert bits_per_dimension(torch.tensor(math.log(256)) * 12, 12) == pytest.approx(8.0)
    with pytest.raises(ValueError, match="give pairs"):
        psnr(black, grey[:1])
    with pytest.raises(ValueError, match="at least 1"):
        bits_per_dimension(1.0, 0)


def test_half_precision_learns_and_keeps_full_weights() -> None:
    model = Tiny()
    settings = Settings(30, 16, learning_rate=3e-2, precision="bf16")
    history = fit(model, load("digits").subset(64), Classification(), settings, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    assert {p.dtype for p in model.parameters()} == {torch.float32}


class Elsewhere(nn.Module):
    """A model on a device that is not the CPU's: its inputs must come to it, and its answers are fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, device="meta"))
        self.seen: list[torch.device] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images.device)
        return torch.zeros(len(images), 10)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(images.device)
        return torch.zeros(len(images), 4, dtype=torch.long)


def test_measures_bring_the_data_to_the_model() -> None:
    data = load("digits", "test")
    model = Elsewhere()
    assert accuracy(model, data) == Score(int((data.labels == 0).sum()), len(data))
    colours = Elsewhere()
    colours.palette = colours
    assert sum(len(codes) for codes in colour_codes(colours, data, 100)) == len(data)  # type: ignore[arg-type]
    assert {device.type for device in (*model.seen, *colours.seen)} == {"meta"}
    assert device_of(nn.Flatten()) == torch.device("cpu")


def test_the_loop_brings_batches_to_the_model_and_leaves_it_where_it_was_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A Fabric whose device is another one: nothing may reach the model, or its running mean, that did not go there."""
    moved: list[str] = []

    class Watched(Fabric):
        def to_device(self, obj: object) -> object:
            moved.append(type(obj).__name__)
            found = super().to_device(obj)
            if isinstance(found, dict):
                found["images"] = found["images"].double()  # the mark of having been there
            return found

        def setup(self, module: nn.Module, *others: object, **options: object) -> object:
            moved.append("model")
            return super().setup(module.double(), *others, **options)

    def objective(model: nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        assert batch["images"].dtype == torch.float64
        return Classification()(model, batch)

    def validate(kept: nn.Module) -> dict[str, float]:
        assert {p.dtype for p in kept.parameters()} == {torch.float64}
        return {}

    monkeypatch.setattr(loop, "make_fabric", lambda precision: Watched(accelerator="cpu"))
    model = Tiny()
    for _ in range(2):  # the second time from the saved state
        settings = Settings(2, 8, ema_decay=0.9, save_seconds=0.0)
        data = load("digits").subset(16)
        fit(model, data, objective, settings, folder=tmp_path, progress=False, validate=validate)
        assert {p.dtype for p in model.parameters()} == {torch.float64}
    assert moved[0] == "model"
    assert "dict" in moved
