"""k-means and palettes: against scikit-learn, against the definition, and against bad input."""

import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.data import load
from mmcourse.tokens.palette import (
    Palette,
    PaletteConfig,
    fit_palette,
    kmeans,
    kmeans_steps,
    merge_equal,
    nearest_centre,
)


def pixels(count: int = 40) -> torch.Tensor:
    return load("emoji", "train", size=32).images[:count].movedim(1, -1).reshape(-1, 3).float() / 255


@pytest.mark.parametrize("k", [2, 8, 64])
def test_inertia_is_within_a_percent_of_scikit_learn(k: int) -> None:
    """Of the mean of 20 single starts each, since one start of either varies by several percent."""
    from sklearn.cluster import KMeans

    points, counts = merge_equal(pixels(300))
    ours = [kmeans(points, k, weights=counts, starts=1, seed=seed).inertia for seed in range(20)]
    x, weights = points.numpy(), counts.numpy()
    theirs = [KMeans(k, n_init=1, random_state=seed).fit(x, sample_weight=weights).inertia_ for seed in range(20)]
    assert sum(ours) <= 1.01 * sum(theirs)
    assert min(ours) <= 1.01 * min(theirs)


def test_from_the_same_start_both_end_in_the_same_place() -> None:
    from sklearn.cluster import KMeans

    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    ours = kmeans(points, 6, starts=1, tolerance=0.0)
    start = next(kmeans_steps(points, 6)).centres
    theirs = KMeans(6, init=start.numpy(), n_init=1, tol=0.0).fit(points.numpy())
    assert torch.allclose(ours.centres, torch.from_numpy(theirs.cluster_centers_), atol=1e-5)
    assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_inertia_never_rises(seed: int, k: int) -> None:
    points = torch.rand(60, 2, generator=torch.Generator().manual_seed(seed))
    seen = []
    for now in kmeans_steps(points, k, seed=seed):
        seen.append(now.inertia)
        direct = torch.cdist(points, now.centres).square().amin(1).sum()
        assert now.inertia == pytest.approx(float(direct), rel=1e-3, abs=1e-4)
        if now.step == 8:
            break
    assert all(b <= a * (1 + 1e-5) + 1e-6 for a, b in itertools.pairwise(seen))


def test_a_cloud_far_from_zero_is_clustered_as_well() -> None:
    points = torch.rand(400, 3, generator=torch.Generator().manual_seed(4))
    near, far = kmeans(points, 40), kmeans(points + 200, 40)
    assert far.inertia == pytest.approx(near.inertia, rel=0.02)


def test_weights_count_as_repetitions() -> None:
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(1))
    counts = torch.randint(1, 5, (50,), generator=torch.Generator().manual_seed(2))
    weighted = kmeans(points, 5, weights=counts)
    repeated = kmeans(points.repeat_interleave(counts, 0), 5)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=0.05)
    moved = torch.stack([
        (points * counts[:, None])[weighted.nearest == j].sum(0) / counts[weighted.nearest == j].sum() for j in range(5)
    ])  # fmt: skip
    assert torch.allclose(moved, weighted.centres, atol=0.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 60), st.integers(1, 4))
def test_equal_points_are_merged_as_unique_does(seed: int, channels: int, count: int, levels: int) -> None:
    g = torch.Generator().manual_seed(seed)
    points = torch.randint(-levels, levels, (count, channels), generator=g).float() / 7
    ours, often = merge_equal(points)
    theirs, counts = points.unique(dim=0, return_counts=True)
    assert {(*p, n) for *p, n in torch.cat([ours, often[:, None]], 1).tolist()} == {
        (*p, n) for *p, n in torch.cat([theirs, counts[:, None]], 1).tolist()
    }
    assert len(ours) == len(theirs)


def test_an_empty_cluster_gets_the_point_that_is_worst_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcourse.tokens import palette

    points = torch.tensor([[0.0], [0.1], [1.0], [5.0]])
    monkeypatch.setattr(palette, "start_centres", lambda *_: torch.tensor([[0.0], [100.0], [200.0]]))
    steps = kmeans_steps(points, 3)
    next(steps)
    assert sorted(next(steps).centres.flatten().tolist()) == pytest.approx([1.0, 1.525, 5.0])


def test_codes_are_the_nearest_colours_in_raster_order() -> None:
    palette = fit_palette(load("emoji", "train", size=16).images[:20], 12)
    images = torch.rand(2, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    codes = palette.encode(images)
    assert codes.shape == (2, 24)
    assert codes[1, 9] == (palette.colours - images[1, :, 1, 3]).square().sum(1).argmin()
    assert torch.equal(palette.decode(codes, 4), palette(images))
    assert torch.equal(palette.encode(palette(images)), codes)


def test_as_many_colours_as_there_are_is_no_loss() -> None:
    images = torch.randint(0, 3, (2, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float() / 2
    palette = fit_palette(images, 3)
    assert torch.allclose(palette(images), images, atol=1e-6)


def test_a_palette_is_kept_like_a_model(tmp_path: Path) -> None:
    palette = fit_palette(torch.rand(1, 3, 8, 8), 5)
    palette.save_pretrained(tmp_path / "p.safetensors")
    assert torch.equal(Palette.from_pretrained(tmp_path / "p.safetensors").colours, palette.colours)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kmeans(torch.zeros(9, 3), 2), "1 different points"),
        (lambda: kmeans(torch.rand(9, 3), 0), "choose 1 to 9"),
        (lambda: kmeans(torch.rand(9), 2), "(M, C)"),
        (lambda: kmeans(torch.tensor([[0.0], [float("nan")]]), 1), "NaN"),
        (lambda: kmeans(torch.rand(9, 3), 2, starts=0), "at least once"),
        (lambda: fit_palette(torch.rand(1, 3, 4, 4), 512), "16 different points"),
        (lambda: Palette(PaletteConfig(0)), "at least 1"),
        (lambda: Palette(PaletteConfig(4)).encode(torch.rand(1, 1, 4, 4)), "1 channels"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 7, dtype=torch.long), 2), "give height"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.full((1, 4), 4)), "no colour of a palette of 4"),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says.replace("(", r"\(").replace(")", r"\)")) as error:
        call()
    assert "\n" not in str(error.value)


def test_nearest_centre_agrees_with_distances_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcourse.tokens import palette

    monkeypatch.setattr(palette, "CHUNK", 7)
    points, centres = torch.rand(50, 3), torch.rand(9, 3)
    assert torch.equal(nearest_centre(points, centres), torch.cdist(points, centres).argmin(1))


def test_bytes_and_floats_give_the_same_palette() -> None:
    images = load("emoji", "train", size=16).images[:10]
    assert torch.equal(fit_palette(images, 9).colours, fit_palette(images.float() / 255, 9).colours)
