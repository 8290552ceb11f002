import base64
import io
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image

from mmcourse import show
from mmcourse.show.pictures import PHONE_TYPE, encode, pixels
from mmcourse.show.render import phone, svg, webp


def drawn(picture) -> Image.Image:
    """A figure drawn in all its forms: vectors, the variant for a telephone, pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that collapses or a missing letter is a fault
        bundle = picture._repr_mimebundle_()
    for kind in {"image/svg+xml", PHONE_TYPE} & set(bundle):
        ElementTree.fromstring(bundle[kind])
    return Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))


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


def test_pictures_of_other_modes_keep_their_greys_and_transparency_is_white() -> None:
    grey = np.array([[0, 16384, 65535]], np.uint16)
    assert pixels(Image.fromarray(grey)).tolist() == [[0, 64, 255]]
    assert pixels(Image.fromarray(grey.astype(np.int32))).tolist() == [[0, 64, 255]]
    assert pixels(grey).tolist() == [[0, 64, 255]]
    assert pixels(Image.fromarray(np.array([[0, 0.25, 1]], np.float32))).tolist() == [[0, 64, 255]]
    assert pixels(Image.fromarray(np.array([[0, 64, 255]], np.float32))).tolist() == [[0, 64, 255]]
    with pytest.raises(ValueError, match="0 to 255"):
        pixels(Image.fromarray(np.array([[300.0]], np.float32)))
    for mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        assert pixels(Image.new("RGBA", (2, 2), (0, 0, 0, 0)).convert("LA" if "L" in mode else "RGBA")).min() == 255
    half = np.zeros((1, 1, 4), np.uint8)
    half[..., 3] = 51
    assert pixels(half).tolist() == [[[204, 204, 204]]]
    assert pixels(torch.tensor([0.0, 0.0, 0.0, 0.2]).view(4, 1, 1)).tolist() == [[[204, 204, 204]]]
    indexed = Image.new("P", (1, 1), 0)
    indexed.putpalette([10, 20, 30])
    indexed.info["transparency"] = 0
    assert pixels(indexed).tolist() == [[[255, 255, 255]]]


def test_bfloat16_goes_into_every_function() -> None:
    half, matrix = IMAGE.bfloat16(), torch.rand(16, 16).bfloat16()
    drawn(show.images(half[None]))
    drawn(show.images([half]))
    drawn(show.patches(half, 8))
    drawn(show.heatmap(matrix))
    drawn(show.sequence(matrix))
    drawn(show.attention_overlay(half, matrix))
    drawn(show.similarity_grid(matrix, (4, 4)))
    assert show.explore({1: half}, alt="a").frame(0)
    assert show.sound(torch.zeros(8, dtype=torch.bfloat16), 8000, "silence").body
    assert repr(show.table([(matrix[0, 0],)], ["x"], caption="c"))


def test_a_vector_figure_speaks_the_pages_colours_and_is_the_same_each_time() -> None:
    def chart() -> str:
        fig, ax = show.figure()
        ax.plot([1, 2], [0.125, 3], color=show.COLOURS["blue"], label="energy")
        ax.set(xscale="log", title="A title")
        ax.legend()
        return svg(fig)

    text = chart()
    assert text == chart()
    assert "var(--mm-fig-blue,#0072b2)" in text
    assert "var(--mm-fig-paper,#fbfaf6)" in text
    assert "var(--mm-fig-ink,#1d2129)" in text
    assert not re.search(r"(?<!,)#(1d2129|fbfaf6|0072b2)", text, re.IGNORECASE)
    assert ">energy</text>" in text
    assert ">A title</text>" in text
    assert len(text) < 20_000


def test_a_picture_in_a_vector_figure_keeps_its_own_pixels() -> None:
    fig, ax = show.figure(width=3, height=3)
    ax.imshow((IMAGE.permute(1, 2, 0) * 255).byte())
    (data,) = re.findall(r'href="data:image/webp;base64,([^"]*)"', svg(fig))
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))
    assert np.array_equal(back, pixels((IMAGE * 255).byte()))
    assert len(webp(Image.new("RGB", (64, 64), "red"))) < 200


def test_on_a_telephone_charts_are_stacked_and_the_figure_is_left_as_it_was() -> None:
    fig, axes = show.figure(1, 2, height=2.4, sharey=True)
    for ax in axes:
        ax.plot([0, 1])
        ax.set_title("a title that is much too long to stand over half of a telephone's column")
    before = svg(fig)
    narrow = phone(fig)
    assert narrow
    box = [float(v) for v in re.search(r'viewBox="([^"]*)"', narrow).group(1).split()]  # type: ignore[union-attr]
    assert box[2] == pytest.approx(3.7 * 72, abs=1)
    assert box[3] > box[2]
    sizes = [float(v) for v in re.findall(r"font-size:([\d.]+)px", narrow)]
    assert min(sizes) * 96 / 72 * 355 / (3.7 * 96) >= 9  # on a telephone of 390 pixels
    assert svg(fig) == before
    assert phone(show.figure(width=4)[0]) is None
    kept = phone(fig, 0)
    assert kept
    assert float(re.search(r'viewBox="0 0 \S+ ([\d.]+)"', kept).group(1)) < box[3]  # type: ignore[union-attr]


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
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert np.asarray(Image.open(io.BytesIO(encode(clear))).convert("RGB")).min() == 255


def test_ipython_shows_a_picture_once() -> None:
    from IPython.core.formatters import DisplayFormatter

    data, _ = DisplayFormatter().format(show.images(torch.zeros(1, 1, 4, 4)))
    assert set(data) == {"text/plain", "image/svg+xml", "image/png"}  # 1.8 inches need no variant
