"""ViT: its switches, other picture sizes, and the maps."""

import dataclasses

import pytest
import torch

from mmcourse.models import ViT, ViTConfig, attention_rollout

TINY = ViTConfig(image_size=16, patch_size=4, channels=1, classes=3, width=16, layers=2, heads=2, mlp=16, features=4)


def random_head(model: ViT) -> ViT:
    torch.nn.init.normal_(model.head.weight)  # type: ignore[arg-type]
    return model.eval()


@pytest.mark.parametrize("tokens", ["patches", "pixels", "resnet"])
@pytest.mark.parametrize("positions", ["learned", "sinusoidal_1d", "sinusoidal_2d", "none"])
@pytest.mark.parametrize("pool", ["class", "mean"])
def test_every_switch_gives_logits_for_two_sizes(tokens: str, positions: str, pool: str) -> None:
    changes = {"tokens": tokens, "positions": positions, "pool": pool}
    model = random_head(ViT(dataclasses.replace(TINY, **changes)))  # type: ignore[arg-type]
    for side in (16, 24):
        assert model(torch.rand(2, 1, side, side)).shape == (2, 3)


@pytest.mark.parametrize(("positions", "same"), [("none", True), ("learned", False), ("sinusoidal_2d", False)])
def test_only_positions_tell_a_shuffled_picture(positions: str, same: bool) -> None:
    model = random_head(ViT(dataclasses.replace(TINY, positions=positions)).double())  # type: ignore[arg-type]
    image = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    flipped = image.unflatten(-1, (4, 4)).flip(-2).flatten(-2)  # columns of patches in reverse order
    assert torch.allclose(model(image), model(flipped), atol=1e-10) is same


def test_rollout_rows_sum_to_one() -> None:
    maps = ViT(TINY).eval().attention_maps(torch.rand(3, 1, 16, 16))
    assert maps.shape == (2, 3, 2, 17, 17)
    rollout = attention_rollout(maps)
    assert torch.allclose(rollout.sum(-1), torch.ones(3, 17), atol=1e-5)
    assert torch.allclose(attention_rollout(maps, residual=1.0), torch.eye(17).expand(3, -1, -1))
    last_first = (0.5 * torch.eye(17) + 0.5 * maps[1].mean(1)) @ (0.5 * torch.eye(17) + 0.5 * maps[0].mean(1))
    assert torch.allclose(rollout, last_first, atol=1e-6)


def test_a_fresh_head_keeps_the_body() -> None:
    model = ViT(TINY)
    other = model.with_classes(7)
    assert other(torch.rand(1, 1, 16, 16)).shape == (1, 7)
    assert torch.equal(other.encoder.norm.weight, model.encoder.norm.weight)
    assert all(torch.equal(a, b) for a, b in zip(other.encoder.parameters(), model.encoder.parameters(), strict=True))


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"patch_size": 5}, "choose a P"), ({"tokens": "words"}, "words"), ({"pool": "max"}, "max")],
)
def test_bad_configurations(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        dataclasses.replace(TINY, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("images", "word"),
    [
        (torch.rand(1, 1, 18, 18), "cannot be cut"),
        (torch.rand(1, 3, 16, 16), "3 channels"),
        (torch.rand(0, 1, 16, 16), "no pixel"),
    ],
)
def test_bad_pictures(images: torch.Tensor, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        ViT(TINY)(images)
