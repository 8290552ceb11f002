import io
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from mmcourse import show
from mmcourse.show.pictures import encode, pixels


def drawn(picture) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that collapses or a missing letter is a fault
        data = picture._repr_png_()
    return Image.open(io.BytesIO(data))


IMAGE = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: show.images(torch.rand(5, 1, 8, 8)),
        lambda: show.images([torch.zeros(8, 8), np.zeros((9, 7, 3), np.uint8)], titles=["a", "b\nc"], columns=1),
        lambda: show.images(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), titles="One title", columns=2),
        lambda: show.heatmap(torch.randn(4, 6), title="t", x="x", y="y", bar="b", centre=True),
        lambda: show.heatmap(torch.rand(3, 3), numbers=True),
        lambda: show.heatmap(torch.zeros(2, 20)),
        lambda: show.patches(IMAGE, 8, title="t"),
        lambda: show.patches(IMAGE, 2),
        lambda: show.patches(IMAGE, 32),
        lambda: show.sequence(torch.randn(40, 6), title="t"),
        lambda: show.sequence(torch.randn(3, 6), labels=["[class]", "1", "2"]),
        lambda: show.attention_overlay(IMAGE, torch.rand(2, 4, 4), titles=["a", "b"]),
        lambda: show.attention_overlay(IMAGE[:1], torch.zeros(4, 4)),
        lambda: show.similarity_grid(torch.randn(12, 5), (3, 4), title="t"),
    ],
)
def test_every_picture_is_drawn_without_a_warning(make) -> None:
    picture = make()
    image = drawn(picture)
    assert image.width <= 900
    assert repr(picture).startswith("<Picture size ")


def test_a_picture_fits_the_column_and_is_one_size_for_every_patch() -> None:
    sizes = {drawn(show.patches(IMAGE, P)).size for P in (2, 4, 8, 16)}
    assert len(sizes) == 1


def test_pixels_reads_every_layout() -> None:
    for image in (torch.zeros(4, 6), torch.zeros(1, 4, 6), np.zeros((4, 6, 1)), Image.new("L", (6, 4))):
        assert pixels(image).shape == (4, 6)
    for image in (torch.zeros(3, 4, 6), np.zeros((4, 6, 3)), torch.zeros(4, 4, 6), Image.new("RGBA", (6, 4))):
        assert pixels(image).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: show.images([]), "empty batch"),
        (lambda: show.images(torch.zeros(2, 1, 4, 4), titles=["a"]), "2 images and 1 titles"),
        (lambda: show.images([torch.full((4, 4), 2.0)]), "must be in"),
        (lambda: show.images([torch.full((4, 4), float("nan"))]), "NaN"),
        (lambda: show.images([torch.zeros(2, 4, 4)]), r"\(2, 4, 4\)"),
        (lambda: show.images([torch.zeros(1, 0, 4)]), "empty image"),
        (lambda: show.patches(IMAGE, 5), "32x32 and P = 5"),
        (lambda: show.heatmap(torch.zeros(3)), "matrix"),
        (lambda: show.heatmap(torch.tensor([[float("inf")]])), "NaN"),
        (lambda: show.sequence(torch.zeros(3, 2), labels=["a"]), "3 tokens and 1 labels"),
        (lambda: show.attention_overlay(IMAGE, torch.rand(5, 5)), "5x5 grid"),
        (lambda: show.similarity_grid(torch.zeros(50, 4), (7, 7)), "class token"),
    ],
)
def test_bad_input_is_one_clear_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_encoding_keeps_what_the_eye_sees() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    back = np.asarray(Image.open(io.BytesIO(encode(Image.fromarray(noise)))).convert("RGB"))
    assert np.array_equal(back, noise)  # too many colours for a palette: kept exactly
    digit = Image.fromarray(np.linspace(0, 255, 64, dtype=np.uint8).reshape(8, 8))
    assert len(encode(digit)) < 600


def test_ipython_shows_a_picture_once() -> None:
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(show.images(torch.zeros(1, 1, 4, 4)))
    assert set(data) == {"text/plain", "image/png"}
