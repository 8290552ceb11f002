import base64
import json
import re

import numpy as np
import pytest
import torch

from mmcourse import show
from mmcourse.checkpoint import find, load
from mmcourse.data import load as data
from mmcourse.models import ViT
from mmcourse.show import live, weights

ASK = {"question": "What will happen?"}
DIGITS = torch.arange(128).reshape(2, 1, 8, 8) / 128
MNIST = torch.arange(28 * 28).reshape(1, 1, 28, 28) / 784
CODES = torch.arange(64)[None]
EMOJI = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
TABLE = torch.randn(49, 8, generator=torch.Generator().manual_seed(0))
EDGE = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
TONE = 0.5 * torch.sin(torch.arange(2000) / 3)
SHEET = torch.arange(60 * 24).reshape(60, 24) / 1440
LOGITS = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64)

FIGURES = {
    "digit": lambda: live.draw_digit("pixels-digits", DIGITS, **ASK),
    "attention": lambda: live.attention("patches-p7", MNIST, **ASK),
    "positions": lambda: live.positions({"learned": TABLE, "waves": ("sinusoidal_2d", 8)}, (7, 7), **ASK),
    "convolution": lambda: live.convolution(EMOJI[0], {"edge": EDGE}, **ASK),
    "kmeans": lambda: live.kmeans(EMOJI[0].flatten(1).T[:100], image=EMOJI[0], **ASK),
    "temperature": lambda: live.temperature(LOGITS, colours=torch.eye(3), **ASK),
    "cut": lambda: live.cut(EMOJI[0], (4, 8), width=64, heads=4, layers=3, **ASK),
    "overlap": lambda: live.overlap(SHEET, patch=8, stride=5, **ASK),
    "shuffle": lambda: live.shuffle({"with": "patches-p4", "without": "positions-none"}, MNIST, **ASK),
    "hand": lambda: live.by_hand([[1, 0], [0, 2]], [[1, 1], [0, 1]], [[1, 0], [0, 1]], **ASK),
    "codes": lambda: live.codes("vq-emoji-64codes", CODES, EMOJI, **ASK),
    "vit": lambda: live.vit("patches-p7", MNIST, equations={"embed": "(5.1)"}, **ASK),
    "aliasing": lambda: live.aliasing(**ASK),
    "stft": lambda: live.stft({"a tone": (TONE, 8000)}, **ASK),
    "mel": lambda: live.mel(TONE, 16000, **ASK),
    "microphone": lambda: live.microphone(TONE, 16000, **ASK),
}


def stored(figure: live.Live) -> dict:
    return json.loads(re.search(r'class="mm-data">(.*?)</script>', figure.body, re.S).group(1))  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", FIGURES)
def test_a_figure_asks_first_and_stands_without_scripts(kind: str) -> None:
    figure = FIGURES[kind]()
    assert f'data-figure="{kind}"' in figure.body
    assert "<strong>Guess first.</strong> What will happen?" in figure.body
    before = figure.body.split('class="mm-stage">')[1].split('<p class="mm-still">')[0]
    assert re.search(r"<(img|svg|table|ol)\b", before), "the first frame shows something"
    assert not re.findall(r'<img(?![^>]*alt="[^"]+)', figure.body)
    assert 'role="status"' in figure.body
    assert len(figure.html) < live.BUDGET
    assert figure.html == FIGURES[kind]().html, "the same twice, since stored outputs are compared"
    assert "\n" not in repr(figure)


def test_the_page_brings_the_script_and_a_kernel_with_a_reader_gets_it_from_the_output(monkeypatch) -> None:
    figure = FIGURES["digit"]()
    assert "class ViT" not in figure.html
    monkeypatch.setattr(live, "somebody_runs_this", lambda: True)
    assert "class ViT" in figure.html
    assert 'mmLive.put("pixels-digits"' in figure.html


def test_every_script_may_stand_inside_a_page() -> None:
    for path in live.STATIC.glob("*.js"):
        assert "</script" not in path.read_text(encoding="utf-8").lower()
    figure = live.temperature({"</script>": LOGITS}, **ASK)
    assert figure.body.count("</script>") == 1
    assert stored(figure)["contexts"][0]["name"] == "</script>"


def test_weights_are_small_and_what_the_page_unpacks_is_what_python_rounds() -> None:
    text = weights.script("pixels-digits")
    assert len(text) < 300_000
    name, about = re.match(r'mmLive\.put\("([^"]+)",(.*)\);\n', text).groups()  # type: ignore[union-attr]
    file = json.loads(about)
    raw, at = base64.b64decode(file["data"]), 0
    mine = weights.rounded(name)
    for key, shape, kind in file["tensors"]:
        size = int(np.prod(shape))
        if kind == "f32":
            assert at % 4 == 0
            value = np.frombuffer(raw, "<f4", size, at).reshape(shape)
            at += 4 * size
        else:
            scale = np.frombuffer(raw, "<f4", shape[0], at)
            whole = np.frombuffer(raw, "i1", size, at + 4 * shape[0]).reshape(shape[0], -1)
            value = (whole * scale[:, None]).reshape(shape)
            at += 4 * shape[0] + size
        assert np.array_equal(value, mine[key].numpy())
    assert at == len(raw)


def test_int8_does_not_change_what_the_digit_model_reads() -> None:
    test = data("digits", "test")
    images = test.images.float() / (255 if test.images.dtype == torch.uint8 else 1)
    exact, small = ViT.from_pretrained("pixels-digits"), ViT.from_pretrained("pixels-digits")
    small.load_state_dict({**small.state_dict(), **weights.rounded("pixels-digits")})
    with torch.no_grad():
        assert (exact(images).argmax(1) == small(images).argmax(1)).float().mean() > 0.99


def test_no_row_is_further_off_than_half_a_step() -> None:
    tensors, _ = load(find("patches-p7"))
    page = weights.rounded("patches-p7")
    for key, value in tensors.items():
        there = page[key]
        rows = value.flatten(1) if value.ndim > 1 else value[None]
        step = rows.abs().amax(1) / 127
        assert ((there.reshape(rows.shape) - rows).abs().amax(1) <= step * 0.5001 + 1e-9).all()


def test_maps_keep_their_weights_to_a_quarter_percent() -> None:
    maps = torch.rand(2, 3, 17, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).softmax(-1)
    about = stored(live.attention(maps=maps, images=MNIST[0], **ASK))["maps"][0]
    whole = np.frombuffer(base64.b64decode(about["values"]), np.uint8).reshape(about["shape"])
    back = whole / 255 * np.array(about["tops"]).reshape(2, 3, 17, 1)
    assert np.abs(back - maps.numpy()).max() < 0.0025 * maps.max()


def test_maps_of_several_pictures_keep_their_grid_of_any_shape() -> None:
    maps = torch.rand(2, 1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).softmax(-1)
    about = stored(live.attention(maps=maps, images=torch.rand(2, 1, 4, 6), prefix=2, grid=(2, 3), **ASK))
    assert about["grid"] == [2, 3]
    assert [one["shape"] for one in about["maps"]] == [[1, 3, 8, 8]] * 2
    assert about["maps"][0]["values"] != about["maps"][1]["values"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: live.draw_digit("pixels-digits", DIGITS, question=" "), "got no question"),
        (lambda: live.draw_digit("pixels-digits", MNIST, **ASK), "the model reads 8 x 8"),
        (lambda: live.draw_digit("vq-emoji", DIGITS, **ASK), "give the name of a ViT"),
        (lambda: live.draw_digit("tokens-resnet", MNIST, **ASK), "ViT on pixels or patches"),
        (lambda: live.attention(images=MNIST, **ASK), "either the name of a model or maps="),
        (lambda: live.attention(maps=torch.rand(1, 1, 17, 17), images=MNIST[0], **ASK), r"model\.double"),
        (
            lambda: live.attention(maps=torch.rand(1, 1, 9, 9).double(), images=MNIST[0], grid=(2, 3), **ASK),
            "2 x 3 needs 6",
        ),
        (
            lambda: live.attention(maps=torch.rand(2, 1, 1, 5, 5).double(), images=MNIST, **ASK),
            "maps of 2 pictures and 1 pictures",
        ),
        (lambda: live.overlap(SHEET, patch=25, **ASK), "stride <= patch <= bands and frames"),
        (lambda: live.overlap(SHEET, frames=61, **ASK), "choose 16 to 60"),
        (lambda: live.positions({"a": TABLE}, (8, 8), **ASK), "leave the class token out"),
        (lambda: live.positions({"a": ("rotary", 8)}, (7, 7), **ASK), "choose one of: sinusoidal_1d"),
        (lambda: live.convolution(EMOJI[0], {"a": [[1, 2], [3, 4]]}, **ASK), "3 rows of 3 numbers"),
        (lambda: live.convolution(EMOJI[0], {"a": EDGE}, strides=(3,), **ASK), "strides 0 to 2"),
        (lambda: live.convolution(torch.rand(3, 64, 64), {"a": EDGE}, **ASK), "at most 40 pixels"),
        (lambda: live.kmeans(torch.rand(5, 2), **ASK), r"give \(n, 3\)"),
        (lambda: live.temperature(torch.rand(5), **ASK), r"model\.double"),
        (lambda: live.temperature(LOGITS, names=["a"], **ASK), "1 names for 3 logits"),
        (lambda: live.cut(EMOJI[0], (5,), width=8, heads=1, layers=1, **ASK), "P must divide both"),
        (lambda: live.shuffle({"a": "patches-p4", "b": "patches-p7"}, MNIST, **ASK), "models that share them"),
        (lambda: live.by_hand([[1]], [[1]], [[1]], **ASK), "2 to 4 rows"),
        (lambda: live.codes("vq-emoji-64codes", CODES + 1, EMOJI, **ASK), "the book has 64"),
        (lambda: live.codes("patches-p7", CODES, EMOJI, **ASK), "give the name of a VQTokenizer"),
        (lambda: live.vit("patches-p7", MNIST, patch=16, **ASK), "there are 16, from 0"),
        (lambda: live.draw_digit("pixels-digits", DIGITS, names=["one"], **ASK), "2 pictures and 1 names"),
        (lambda: weights.script("imagegpt-emoji"), "the page can compute ViT and VQTokenizer"),
    ],
)
def test_mistakes_get_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_show_passes_them_on() -> None:
    assert show.live.by_hand is live.by_hand


def test_the_site_finds_which_weights_its_pages_ask_for(monkeypatch) -> None:
    monkeypatch.syspath_prepend(live.STATIC.parents[2] / "book" / "tools")
    from live_weights import asked

    page = FIGURES["shuffle"]().body + FIGURES["hand"]().body
    assert asked(page) == {"patches-p4", "positions-none"}
    listing = '<span>&lt;div class=&quot;mm-live&quot;</span> data-weights="</span><span>"'
    assert asked(page.replace("<", "&lt;") + listing) == set()
