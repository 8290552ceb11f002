"""k-means and palettes: against scikit-learn, against the definition, and against bad input."""

import itertools
import re
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.data import load
from mmcourse.tokens.palette import (
    Palette,
    PaletteConfig,
    byte_colours,
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


def test_colours_of_bytes_become_one_number_and_others_do_not() -> None:
    number = byte_colours(torch.tensor([[0, 1, 255], [7, 0, 128]]) / 255)
    assert number is not None
    assert number[:, None].view(torch.uint8)[:, :3].tolist() == [[0, 1, 255], [7, 0, 128]]
    assert byte_colours(torch.tensor([[0.5, 0.5, 0.5]])) is None
    assert byte_colours(torch.tensor([[256 / 255, 0.0, 0.0]])) is None


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
    assert torch.equal(palette.decode(codes, (4, 6)), palette(images))
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
        (lambda: kmeans(torch.rand(9, 3), 2, starts=0), "starts is 0; it must be a whole number of at least 1"),
        (lambda: fit_palette(torch.rand(1, 3, 4, 4), 512), "16 different points"),
        (lambda: Palette(PaletteConfig(0)), "at least 1"),
        (lambda: Palette(PaletteConfig(4)).encode(torch.rand(1, 1, 4, 4)), "1 channels"),
        (lambda: kmeans(torch.randint(9, (9, 3)), 2), "give points.float()"),
        (lambda: kmeans(torch.rand(9, 3), 2.0), "k is 2.0"),
        (lambda: kmeans(torch.rand(9, 3), 2, weights=torch.zeros(9)), "nothing but 0"),
        (lambda: kmeans(torch.rand(9, 3), 2, weights=-torch.ones(9)), "a negative number"),
        (lambda: kmeans(torch.rand(9, 3), 2, weights=torch.ones(8)), "(9,)"),
        (lambda: kmeans(torch.rand(9, 3), 3, weights=torch.eye(9)[0]), "of 1 different points"),
        (
            lambda: kmeans(torch.rand(9, 3), 2, tolerance=float("nan")),
            "tolerance is nan; it must be a number at least 0",
        ),
        (lambda: Palette(PaletteConfig(4)).encode(torch.rand(1, 3, 4, 4) * 255), "images / 255"),
        (lambda: Palette(PaletteConfig(4)).encode(torch.full((1, 3, 4, 4), float("inf"))), "NaN or infinite"),
        (lambda: fit_palette(torch.rand(1, 3, 4, 4) * 255, 4), "images / 255"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 6, dtype=torch.long)), "give size=(rows, columns)"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 7, dtype=torch.long), (2, 3)), "2 rows of 3"),
        (
            lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 4, dtype=torch.long), (-2, -2)),
            "size is -2; it must be a whole number of at least 1",
        ),
        (lambda: Palette(PaletteConfig(4)).decode(torch.full((1, 4), 4)), "from 4 to 4; there are 4, 0 to 3"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.full((1, 4), -1)), "from -1 to -1"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(4, dtype=torch.long)), "codes[None]"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 4, dtype=torch.uint8)), "codes.long()"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 4)), "codes.long()"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(0, 4, dtype=torch.long)), "holds no code"),
        (lambda: Palette(PaletteConfig(4)).decode(torch.zeros(1, 0, dtype=torch.long)), "0 rows of 0"),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        call()
    assert "\n" not in str(error.value)


def test_nearest_centre_agrees_with_distances_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcourse.tokens import palette

    monkeypatch.setattr(palette, "CHUNK", 7)
    points, centres = torch.rand(50, 3), torch.rand(9, 3)
    assert torch.equal(nearest_centre(points, centres), torch.cdist(points, centres).argmin(1))


def test_distances_are_never_computed_in_half_precision() -> None:
    images = load("emoji", "train", size=16).images[:20].float() / 255
    palette = fit_palette(images, 64)
    fractions = images * 0.999  # no bytes, so that every pixel goes through the search
    codes = palette.encode(fractions)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(palette.encode(fractions), codes)
        assert torch.equal(palette.encode(images), palette.encode(images))
        assert torch.equal(nearest_centre(fractions.movedim(1, -1), palette.colours).flatten(1), codes)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([torch.float32, torch.float64]))
def test_pictures_of_bytes_are_read_as_others_are(seed: int, channels: int, dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(seed)
    palette = Palette(PaletteConfig(20, channels))
    palette.colours.copy_(torch.rand(20, channels, generator=g))
    images = torch.randint(256, (2, channels, 5, 7), generator=g).to(dtype) / 255
    pixels = images.flatten(2).transpose(1, 2)
    expected = (pixels[:, :, None] - palette.colours).square().sum(-1).argmin(-1)
    assert torch.equal(palette.encode(images), expected)
    images[0, 0, 0, 0] = 0.1234  # and one that is none
    assert torch.equal(palette.encode(images)[1], expected[1])


@pytest.mark.parametrize("height", [1, 2, 3, 6])
def test_pictures_that_are_not_square_keep_their_shape(height: int) -> None:
    palette = Palette(PaletteConfig(6))
    images = palette.colours[torch.randperm(6)].T.reshape(1, 3, height, 6 // height)
    assert torch.equal(palette.decode(palette.encode(images), (height, 6 // height)), images)


def test_one_point_is_its_own_centre() -> None:
    point = torch.tensor([[0.25, 0.5]])
    found = kmeans(point, 1)
    assert torch.equal(found.centres, point)
    assert found.nearest.tolist() == [0]
    assert found.inertia == 0


def test_points_that_do_not_count_are_no_centres() -> None:
    points, weights = torch.arange(6.0)[:, None], torch.tensor([1.0, 0, 0, 2, 0, 1])
    found = kmeans(points, 3, weights=weights)
    assert found.centres.flatten().sort().values.tolist() == [0, 3, 5]
    assert found.nearest.shape == (6,)


def test_checks_stand_before_the_work() -> None:
    """30,000 numbers in a row became a table of 30,000 x 30,000 before they were refused; these would need 36 TB."""
    with pytest.raises(ValueError, match=r"\(3000000,\)"):
        kmeans(torch.rand(3_000_000), 2)


def test_a_palette_traces_and_needs_no_values() -> None:
    palette = fit_palette(torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)), 9)
    images = torch.rand(2, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    exported = torch.export.export(palette, (images,)).module()
    assert torch.equal(exported(images), palette(images))
    compiled = torch.compile(palette, fullgraph=True, backend="eager")
    assert torch.equal(compiled(images), palette(images))
    assert palette.to("meta")(images.to("meta")).shape == images.shape


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 90), st.sampled_from([1.0, 4080.0]), st.booleans())
def test_sorted_blocks_find_the_same_centres(seed: int, channels: int, k: int, scale: float, few: bool) -> None:
    """Many points are sorted first, and each block looks among the centres near it: which changes no answer."""
    from mmcourse.tokens import palette

    g = torch.Generator().manual_seed(seed)
    points = torch.rand(700, channels, generator=g, dtype=torch.float64) * scale
    points = (points * 3 / scale).round() * scale / 3 if few else points
    centres = torch.rand(k, channels, generator=g, dtype=torch.float64) * scale
    with pytest.MonkeyPatch.context() as patch:
        plain = nearest_centre(points, centres)
        patch.setattr(palette, "MANY", 0)
        found = nearest_centre(points, centres)
    assert torch.equal(found, plain)
    assert torch.allclose((points - centres[found]).square().sum(1), torch.cdist(points, centres).square().amin(1))


def test_bytes_and_floats_give_the_same_palette() -> None:
    images = load("emoji", "train", size=16).images[:10]
    assert torch.equal(fit_palette(images, 9).colours, fit_palette(images.float() / 255, 9).colours)
