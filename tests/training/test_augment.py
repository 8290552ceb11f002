"""Augmentations do what they say, and the same generator gives the same pictures."""

import pytest
import torch

from mmcourse.data.augment import Affine, Augmentation, Compose, Elastic, Flip, Halve, OnWhite, Outline, Recolour

PICTURES = torch.rand(64, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def run(augment: Augmentation, images: torch.Tensor = PICTURES, seed: int = 0) -> torch.Tensor:
    return augment(images, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "augment", [Flip(), Recolour(), Outline(), Affine(20, 0.1, 0.2), Elastic(0.05), OnWhite(Affine(20))]
)
def test_a_seed_decides_and_pixels_stay_in_range(augment: Augmentation) -> None:
    assert torch.equal(run(augment), run(augment))
    assert not torch.equal(run(augment), run(augment, seed=1))
    assert run(augment).min() >= -1e-6
    assert run(augment).max() <= 1 + 1e-6


def test_flip_mirrors_some_and_leaves_the_others() -> None:
    mirrored = [torch.equal(a, b.flip(-1)) for a, b in zip(run(Flip()), PICTURES, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(run(Flip()), PICTURES, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 16 < sum(mirrored) < 48


def test_recolour_exchanges_channels_and_makes_negatives() -> None:
    plain = run(Recolour(0.0))
    assert torch.allclose(plain.sum(1), PICTURES.sum(1))
    assert not torch.equal(plain, PICTURES)
    negative = run(Recolour(1.0))
    assert torch.allclose(negative.sum(1), 3 - PICTURES.sum(1), atol=1e-5)


def test_outline_darkens_edges_and_nothing_else() -> None:
    half = torch.ones(32, 3, 8, 8)
    half[..., 4:] = 0.3
    drawn = run(Outline(1.0), half)
    assert torch.equal(drawn[..., :3], half[..., :3])
    assert torch.equal(drawn[..., 6:], half[..., 6:])
    assert (drawn[..., 3] < 1).float().mean() > 0.9
    assert torch.equal(run(Outline(0.0), half), half)


def test_white_stays_white_and_halving_is_the_mean() -> None:
    assert torch.allclose(run(OnWhite(Affine(30, 0.3, 0.3, 10)), torch.ones(4, 3, 8, 8)), torch.ones(4, 3, 8, 8))
    small = run(Compose(Halve()))
    assert torch.allclose(small[5, 1, 2, 3], PICTURES[5, 1, 4:6, 6:8].mean())
