"""Settings that make no sense are refused; weight decay goes by the kind of module; the running mean is its formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from mmcourse.data import ImageDataset, SoundDataset, load
from mmcourse.models import ViT, ViTConfig
from mmcourse.recipes import RECIPES
from mmcourse.training import Classification, NextColour, Settings, accuracy, fit, linear_probe
from mmcourse.training.loop import decayed, make_optimizer, running_mean

NAN, INF = math.nan, math.inf
DIGITS = load("digits").subset(16)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("steps", [0, -1, 2.0, True, "3", None]),
        ("batch_size", [0, -1, 2.5, True]),
        ("cycles", [0, 2, 1.5, True]),
        ("seed", [-1, 0.5, True, None]),
        ("learning_rate", [0, 0.0, -1e-3, NAN, INF, None, "1e-3", True]),
        ("warmup", [-1, -0.1, 1.1, NAN, None]),
        ("weight_decay", [-1, NAN, INF, None]),
        ("max_grad_norm", [0, 0.0, -1, NAN, INF, True]),
        ("ema_decay", [-1, 1, 1.0, NAN, None]),
        ("save_seconds", [-1, NAN, INF]),
        ("precision", ["16", None, 32]),
    ],
)
def test_numbers_that_make_no_sense_are_one_line(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=name) as caught:
            Settings(**{"steps": 1, name: value})
        assert "\n" not in str(caught.value)
        assert repr(value) in str(caught.value)


def test_without_a_limit_the_gradient_is_whole() -> None:
    ends = {}
    for limit in (None, 1e9, 1e-3):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
        fit(model, DIGITS, Classification(), Settings(2, 8, max_grad_norm=limit), progress=False)
        ends[limit] = model[1].weight.detach().clone()
    assert torch.equal(ends[None], ends[1e9])
    assert not torch.equal(ends[None], ends[1e-3])


REAL = ["pixels-digits", "tokens-resnet", "vit-mnist5k", "vq-emoji-64codes", "imagegpt-mnist5k"]


@pytest.mark.parametrize("name", REAL)
def test_weight_decay_goes_by_the_kind_of_module(name: str) -> None:
    model = RECIPES[name].model()
    pulled = decayed(model)
    for path, module in model.named_modules():
        for kind, parameter in module.named_parameters(recurse=False):
            full = f"{path}.{kind}" if path else kind
            expected = kind == "weight" and isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
            assert (full in pulled) is expected, full
            assert full not in pulled or parameter.dim() > 1
    weights, others = make_optimizer(model, Settings(1)).param_groups
    assert (weights["weight_decay"], others["weight_decay"]) == (Settings(1).weight_decay, 0.0)
    assert {id(p) for p in weights["params"]} == {id(p) for p in pulled.values()}
    assert len(weights["params"]) + len(others["params"]) == len(list(model.parameters()))


def test_what_is_tied_to_an_embedding_is_not_decayed() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(5, 4), "head": nn.Linear(4, 5), "free": nn.Linear(4, 4)})
    model["head"].weight = model["embedding"].weight
    assert list(decayed(model)) == ["free.weight"]


def test_a_model_with_nothing_to_train_is_one_line() -> None:
    for model in (nn.Flatten(), nn.Linear(2, 2).requires_grad_(False)):
        with pytest.raises(ValueError, match="has no parameter to train") as caught:
            fit(model, DIGITS, Classification(), Settings(1, 4), progress=False)
        assert "\n" not in str(caught.value)


def test_labels_beyond_the_model_and_data_without_labels_are_one_line() -> None:
    model = ViT(ViTConfig(image_size=16, patch_size=8, channels=3, classes=10, width=8, layers=1, heads=1, mlp=8))
    with pytest.raises(ValueError, match="logits for 10 classes"):
        fit(model, load("emoji", "test", size=16), Classification(), Settings(1, 64), progress=False)
    bare = ImageDataset("mine", "train", images=torch.zeros(4, 3, 16, 16, dtype=torch.uint8))
    with pytest.raises(ValueError, match="Classification needs 'labels', and the data gives images"):
        fit(model, bare, Classification(), Settings(1, 4), progress=False)
    tones = SoundDataset("tones", "train", sounds=[torch.zeros(3)] * 4, rate=1)
    with pytest.raises(ValueError, match="NextColour needs 'images'"):
        fit(model, tones, NextColour(), Settings(1, 4), progress=False)
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        Classification(math.nan)


def test_accuracy_over_nothing_is_one_line() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for data in (DIGITS.subset(0), ImageDataset("mine", "t", images=DIGITS.images)):
        with pytest.raises(ValueError, match="accuracy counts") as caught:
            accuracy(model, data)
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="both are needed"):
        linear_probe(torch.zeros(0, 2), torch.zeros(0), torch.zeros(1, 2), torch.zeros(1))
    with pytest.raises(ValueError, match="nothing to learn from"):
        fit(model, DIGITS.subset(0), Classification(), Settings(1, 4), progress=False)


def test_the_running_mean_is_its_formula_for_weights_and_buffers() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    mean = running_mean(model, 0.9)
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for n in range(1, 200):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        model(torch.randn(4, 3))
        mean.update_parameters(model)
        keep = min(0.9, n / (9 + n))
        for name, tensor in model.state_dict().items():
            expected[name] = expected[name].lerp(tensor, 1 - keep) if tensor.is_floating_point() else tensor.clone()
    assert all(torch.equal(expected[name], tensor) for name, tensor in mean.module.state_dict().items())
    assert not any(parameter.requires_grad for parameter in mean.parameters())
