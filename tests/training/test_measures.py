"""Objectives and metrics against their definitions; what validation sees; what weight decay leaves alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data import load
from mmcourse.training import Classification, NextToken, Settings, bits_per_dimension, fit, psnr
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
