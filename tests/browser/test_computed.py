"""Figures that compute in the page: their numbers are Python's, and keys, touch and words work. Needs no built site."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Browser, Page

from mmcourse.models import ViT
from mmcourse.show import live, weights
from mmcourse.tokens.positions import sinusoidal_1d, sinusoidal_2d
from mmcourse.tokens.vq import VQTokenizer

CLOSE = 1e-4
ASK = {"question": "What will happen?", "answer": "This."}


@pytest.fixture(scope="module")
def maths(browser: Browser) -> Iterator[Callable[[str, Any], Any]]:
    """Run a function of the page's arithmetic on a value: ``maths("x => mm.softmax(x)", value)``."""
    page = browser.new_page()
    page.set_content("<!doctype html><title>blank</title>")
    page.add_script_tag(path=live.STATIC / "live-math.js")
    page.evaluate("() => { window.mm = mmLive.math; }")
    yield page.evaluate
    page.close()


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def same(given: Any, wanted: torch.Tensor) -> None:
    given = torch.tensor(given, dtype=torch.float64)
    assert given.shape == wanted.shape
    assert (given - wanted.double()).abs().max() <= CLOSE


def test_softmax_gelu_and_cosine(maths: Callable) -> None:
    x = 4 * draw(24, 9)
    same(maths("x => x.map((row) => mm.softmax(row))", x.tolist()), x.softmax(-1))
    same(maths("x => x.map((row) => row.map(mm.gelu))", x.tolist()), F.gelu(x))
    same(maths("x => x.map((row) => mm.cosine(row, x[0]))", x.tolist()), F.cosine_similarity(x, x[:1]))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_by_hand(maths: Callable, causal: bool) -> None:
    q, k, v = draw(20, 3, 4, seed=1), draw(20, 3, 4, seed=2), draw(20, 3, 2, seed=3)
    code = "([q, k, v, causal]) => q.map((_, i) => mm.attend(q[i], k[i], v[i], causal).output)"
    made = maths(code, [q.tolist(), k.tolist(), v.tolist(), causal])
    same(made, F.scaled_dot_product_attention(q, k, v, is_causal=causal))


@pytest.mark.parametrize("strides", [(1,), (2,), (2, 2, 2), (1, 2, 1), (2, 1, 1, 2)])
@pytest.mark.parametrize("size", [(7, 7), (24, 24), (9, 14)])
def test_a_tower_of_convolutions_and_what_one_of_its_tokens_sees(
    maths: Callable, strides: tuple[int, ...], size: tuple[int, int]
) -> None:
    x, kernel = draw(*size, seed=3), draw(3, 3, seed=4)
    code = """([values, height, width, kernel, strides]) => {
      let map = { values, height, width };
      strides.forEach((s, l) => { map = mm.slide(map, kernel, s, l < strides.length - 1); });
      const fields = [map.height >> 1, map.width >> 1].map((i) => mm.field(strides, i));
      return [[...map.values], map.height, map.width, ...fields];
    }"""
    given = [x.flatten().tolist(), *size, kernel.flatten().tolist(), list(strides)]
    values, rows, columns, tall, wide = maths(code, given)
    x.requires_grad_()
    map_, reach = x[None, None], x[None, None]
    for i, stride in enumerate(strides):
        map_ = F.conv2d(map_, kernel[None, None], stride=stride, padding=1)
        map_ = map_.relu() if i < len(strides) - 1 else map_
        reach = F.conv2d(reach, torch.ones(1, 1, 3, 3, dtype=x.dtype), stride=stride, padding=1)
    same(values, map_[0, 0].detach().flatten())
    assert (rows, columns) == tuple(map_.shape[-2:])
    (moved,) = torch.autograd.grad(reach[0, 0, rows // 2, columns // 2], x)
    seen = moved.nonzero()
    for (first, last), axis in ((tall, 0), (wide, 1)):
        inside = [max(first, 0), min(last, size[axis] - 1)]
        assert inside == [int(seen[:, axis].min()), int(seen[:, axis].max())]


def test_one_step_of_kmeans(maths: Callable) -> None:
    code = """([points, centres]) => points.map((p, i) => {
      const codes = mm.assign(p, centres[i]);
      return { codes, moved: mm.move(p, codes, centres[i]), distortion: mm.distortion(p, codes, centres[i]) };
    })"""
    points, centres = draw(20, 40, 3), draw(20, 5, 3, seed=9)
    for p, c, made in zip(points, centres, maths(code, [points.tolist(), centres.tolist()]), strict=True):
        distance, codes = torch.cdist(p, c).square().min(1)
        assert made["codes"] == codes.tolist()
        same(made["distortion"], distance.mean())
        means = torch.stack([p[codes == k].mean(0) if (codes == k).any() else c[k] for k in range(5)])
        same(made["moved"], means)


def test_temperature_top_k_entropy_and_draws(maths: Callable) -> None:
    logits = 3 * draw(20, 12)
    settings = [(0.25 + 0.1 * i, i % 13) for i in range(20)]
    made = maths("([x, s]) => x.map((row, i) => mm.temper(row, ...s[i]))", [logits.tolist(), settings])
    for row, (T, k), p in zip(logits, settings, made, strict=True):  # noqa: N806 (T is the temperature)
        kept = row if not k else row.masked_fill(row < row.topk(k).values[-1], -torch.inf)
        same(p, (kept / T).softmax(-1))
        same(
            maths("p => mm.entropy(p)", p),
            torch.special.entr((kept / T).softmax(-1)).sum() / torch.log(torch.tensor(2.0)),
        )
    # Drawn 4,000 times, each choice comes as often as it should, within five standard deviations.
    drawn = maths("p => { const r = mm.random(7); return Array.from({length: 4000}, () => mm.draw(p, r())); }", made[3])
    for choice, p in enumerate(made[3]):
        assert abs(drawn.count(choice) - 4000 * p) <= 5 * (4000 * p * (1 - p)) ** 0.5 + 1e-9


def test_cost_is_the_formula_of_chapter_two(maths: Callable) -> None:
    cases = [(side, p, c, d) for side in (28, 56, 224) for p in (7, 14, 28) for c, d in ((1, 64), (3, 768), (3, 192))]
    code = """(all) => all.map(([side, patch, channels, dim]) => mm.cost({
      height: side, width: side, channels, patch, dim, heads: 4, layers: 3, hidden: 4 * dim }))"""
    for (side, p, c, d), made in zip(cases, maths(code, cases), strict=True):
        m = (side // p) ** 2
        n = m + 1
        assert made == {
            "patches": m,
            "tokens": n,
            "bytes": 3 * 4 * n * n * 4,
            "embedding": 2 * m * p * p * c * d,
            "matrices": 3 * 2 * n * (4 * d * d + 2 * d * 4 * d),
            "attention": 3 * 4 * n * n * d,
        }


def test_sinusoids(maths: Callable) -> None:
    same(maths("() => mm.waves('sinusoidal_1d', 6, 5, 24).map((r) => [...r])", None), sinusoidal_1d(30, 24))
    same(maths("() => mm.waves('sinusoidal_2d', 6, 5, 24).map((r) => [...r])", None), sinusoidal_2d(6, 5, 24))


def as_on_the_page(name: str) -> ViT:
    """A checkpoint with the rounded weights that the page has, in float64."""
    model = ViT.from_pretrained(name)
    model.load_state_dict({**model.state_dict(), **weights.rounded(name)})
    return model.double()


MODELS = [
    "pixels-digits",
    "patches-p7",
    "patches-p14",
    "positions-none",
    "positions-sinusoidal_1d",
    "positions-sinusoidal_2d",
]


@pytest.mark.parametrize("name", MODELS)
def test_the_vision_transformer_answers_as_in_python(maths: Callable, name: str) -> None:
    model = as_on_the_page(name)
    side = model.config.image_size
    images = torch.rand(20, 1, side, side, generator=torch.Generator().manual_seed(3))
    script = weights.script(name)
    code = """([script, images]) => {
      let file;
      new Function("mmLive", script)({ put: (name, data) => { file = data; } });
      const model = new mm.ViT(file);
      return images.map((x) => {
        const { logits, maps } = model.forward(Float32Array.from(x));
        return { logits, map: maps.at(-1) };
      });
    }"""
    made = maths(code, [script, images.flatten(1).tolist()])
    with torch.no_grad():
        same([m["logits"] for m in made], model(images.double()))
        same([m["map"] for m in made], model.attention_maps(images.double())[-1])


def test_the_decoder_of_codes_draws_as_in_python(maths: Callable) -> None:
    name = "vq-emoji-64codes"
    model = VQTokenizer.from_pretrained(name).eval()
    model.load_state_dict({**model.state_dict(), **weights.rounded(name)})
    codes = torch.randint(64, (20, 16), generator=torch.Generator().manual_seed(4))
    code = """([script, codes]) => {
      let file;
      new Function("mmLive", script)({ put: (name, data) => { file = data; } });
      const decoder = new mm.CodeDecoder(file);
      return codes.map((row) => [...decoder.decode(row).data]);
    }"""
    made = maths(code, [weights.script(name), codes.tolist()])
    with torch.no_grad():
        same(made, model.decode(codes).flatten(1))


# ---- what a reader does ----

DIGITS = torch.arange(128).reshape(2, 1, 8, 8) / 128
MNIST = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(5))
EMOJI = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
TONE = 0.5 * torch.sin(torch.arange(2400) ** 1.4 / 90)
LOGITS = {name: 3 * draw(8, seed=i) for i, name in enumerate(("sky", "edge"))}
FIGURES: dict[str, Callable[[], live.Live]] = {
    "digit": lambda: live.draw_digit("pixels-digits", DIGITS, **ASK),
    "attention": lambda: live.attention("patches-p7", MNIST, **ASK),
    "maps": lambda: live.attention(maps=draw(2, 2, 17, 17).softmax(-1), images=MNIST[0], **ASK),
    "positions": lambda: live.positions({"learned": draw(49, 8), "waves": ("sinusoidal_2d", 8)}, (7, 7), **ASK),
    "tokens": lambda: live.positions({"CNN": draw(16, 8), "patch": draw(16, 8, seed=2)}, (4, 4), image=EMOJI[0], **ASK),
    "convolution": lambda: live.convolution(EMOJI[0], {"edge": SOBEL, "blur": [[1] * 3] * 3}, strides=(2, 2, 0), **ASK),
    "sum": lambda: live.convolution(torch.eye(5), {"edge": SOBEL}, strides=(2,), **ASK),
    "kmeans": lambda: live.kmeans(EMOJI[0].flatten(1).T[:60], image=EMOJI[0], **ASK),
    "temperature": lambda: live.temperature(LOGITS, colours=torch.rand(8, 3).double(), **ASK),
    "cut": lambda: live.cut(EMOJI[0], (4, 8, 16), width=64, heads=4, layers=3, **ASK),
    "overlap": lambda: live.overlap(torch.rand(60, 24), patch=8, stride=5, **ASK),
    "rows": lambda: live.attention(
        maps=draw(2, 2, 2, 8, 8).softmax(-1), images=MNIST, prefix=2, grid=(2, 3), names=["a", "b"], **ASK
    ),
    "shuffle": lambda: live.shuffle({"with": "patches-p4", "without": "positions-none"}, MNIST, **ASK),
    "hand": lambda: live.by_hand([[1, 0.5], [0.5, 2]], [[1, 1], [0.5, 2]], [[1, 0], [0, 1]], **ASK),
    "codes": lambda: live.codes("vq-emoji-64codes", torch.randint(64, (2, 16)), EMOJI, **ASK),
    "vit": lambda: live.vit("patches-p7", MNIST, **ASK),
    "aliasing": lambda: live.aliasing(**ASK),
    "stft": lambda: live.stft({"a tone": (TONE, 8000), "the same, quiet": (TONE / 9, 8000)}, **ASK),
    "mel": lambda: live.mel(TONE, 16000, **ASK),
    "microphone": lambda: live.microphone(TONE, 16000, **ASK),
}
#: What is seen of a figure: its words, its shades, its pictures.
SEEN = """(root) => [root.querySelector(".mm-stage").innerHTML,
  ...[...root.querySelectorAll("canvas")].map((c) => c.toDataURL())].join()"""


@pytest.fixture(params=FIGURES)
def figure(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page with one figure, as a notebook would show it, at a telephone's width."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    made = FIGURES[request.param]()
    page.set_content(f"<!doctype html><title>one figure</title><main>{made.alone()}{made.html}</main>")
    page.wait_for_selector(".mm-live[data-live=on]", timeout=20_000)
    yield page
    page.close()
    assert not faults


def changes(page: Page, act: Callable[[], None]) -> bool:
    """Whether the figure looks different afterwards, and says so."""
    root = page.locator(".mm-live")
    before, said = root.evaluate(SEEN), root.locator(".mm-said").inner_text()
    act()
    page.wait_for_timeout(450)
    return bool(root.evaluate(SEEN) != before and root.locator(".mm-said").inner_text() != said)


def test_every_control_works_by_keyboard_and_is_announced(figure: Page) -> None:
    root = figure.locator(".mm-live")
    tried = 0
    for slide in root.locator("input[type=range]").all():
        slide.focus()
        key = "Home" if slide.input_value() != slide.get_attribute("min") else "End"
        assert changes(figure, lambda key=key: figure.keyboard.press(key))
        assert slide.get_attribute("aria-valuetext")
        tried += 1
    for group in root.locator("fieldset").all():
        name = group.locator("legend").inner_text()
        group.locator("input:checked").focus()
        key = "End" if not group.locator("input").last.is_checked() else "Home"
        figure.keyboard.press(key)
        figure.wait_for_timeout(350)
        assert group.locator("input").last.is_checked() == (key == "End"), name
        tried += 1
    if root.locator(".mm-board").count():
        root.locator(".mm-board [tabindex='0']").first.focus()
        keys = ["ArrowRight", "ArrowDown", "End", "Home"]
        moved = [
            changes(figure, lambda key=key: figure.keyboard.press(key)) for key in (*keys, "Enter", "ArrowUp", "Enter")
        ]
        assert any(moved)
        tried += 1
    for handle in root.locator(".mm-handle").all():
        handle.focus()
        assert changes(figure, lambda: figure.keyboard.press("ArrowLeft"))
        tried += 1
    for field in root.locator("input[type=number]").all():
        field.focus()
        assert changes(figure, lambda: figure.keyboard.press("ArrowUp"))
        tried += 1
    assert tried
    assert root.locator(".mm-seen").get_attribute("open") is not None, "the answer opens after the first change"


def test_every_control_has_a_name_and_room_for_a_finger(figure: Page) -> None:
    poor = figure.eval_on_selector_all(
        ".mm-live :is(button, input, [role=gridcell], [role=grid], [role=slider])",
        """all => all.filter((el) => {
          const target = el.type === "radio" ? el.parentElement : el;
          const { width, height } = target.getBoundingClientRect();
          const labels = [...(el.labels ?? [])].map((label) => label.textContent).join("");
          const name = el.getAttribute("aria-label") || el.textContent.trim() || labels;
          return !name.trim() || width < 23.9 || height < 23.9;
        }).map((el) => `${el.outerHTML.slice(0, 90)} ${JSON.stringify(el.getBoundingClientRect())}`)""",
    )
    assert not poor
    assert figure.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "it pushes a telephone's page sideways"
    )
    small = figure.eval_on_selector_all(
        ".mm-live :is(p, span, td, th, label, button, li, strong, text)",
        "all => all.filter((el) => el.textContent.trim() && parseFloat(getComputedStyle(el).fontSize) < 9).length",
    )
    assert not small


def test_buttons_change_what_is_seen(figure: Page) -> None:
    buttons = figure.locator(".mm-live button").all()
    if not buttons:  # this figure has none: its other controls are tried above
        assert figure.locator(".mm-live :is(input, [role=gridcell])").count()
        return
    for slide in figure.locator(".mm-live input[type=range]").all()[:1]:  # so that there is something to put back
        slide.focus()
        figure.keyboard.press("ArrowLeft")
        figure.wait_for_timeout(350)
    worked = [changes(figure, button.click) for button in buttons]
    assert any(worked)


def test_drawing_with_a_finger_leaves_ink(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    made = live.draw_digit("pixels-digits", torch.zeros(1, 1, 8, 8), **ASK)
    page.set_content(f"<!doctype html><title>paper</title>{made.alone()}{made.html}")
    page.wait_for_selector(".mm-live[data-live=on]")
    page.locator("[role=gridcell]").nth(20).tap()
    page.wait_for_timeout(400)
    assert page.locator("[role=gridcell]").nth(20).get_attribute("aria-label") == "row 3, column 5, ink"
    assert "It reads a" in page.locator(".mm-said").inner_text()
    context.close()


def test_a_model_that_does_not_come_leaves_the_first_frame(browser: Browser) -> None:
    page = browser.new_page()
    made = FIGURES["attention"]()
    page.set_content("<!doctype html><title>no weights</title>")
    page.evaluate("body => { document.body.innerHTML = body; }", made.body)
    page.add_script_tag(path=live.STATIC / "live-math.js")
    script = (live.STATIC / "live.js").read_text(encoding="utf-8")
    page.add_script_tag(content=script.replace("const here = ", "const here = 'http://127.0.0.1:9/' || ", 1))
    page.wait_for_selector(".mm-trouble")
    assert page.locator(".mm-stage img").is_visible()
    assert "did not come" in page.locator(".mm-trouble").inner_text()
    page.close()


def test_the_page_fetches_script_and_weights_from_beside_it_even_from_a_file(browser: Browser, tmp_path: Path) -> None:
    static = tmp_path / "_static"
    shutil.copytree(live.STATIC, static)
    (static / "models").mkdir()
    made = FIGURES["attention"]()
    for name in made.models:
        (static / "models" / f"{name}.js").write_text(weights.script(name), encoding="utf-8")
    (tmp_path / "notebooks").mkdir()
    file = tmp_path / "notebooks" / "page.html"
    room = '<div style="height:3000px"></div>'
    head = '<title>page</title><script defer src="../_static/live.js"></script>'
    file.write_text(f"<!doctype html><meta charset=utf-8>{head}{room}{made.html}", encoding="utf-8")
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rsplit("/", 1)[-1]))
    page.goto(file.as_uri())
    page.wait_for_timeout(500)
    assert "live-math.js" not in asked, "what is far away waits"
    page.locator(".mm-live").scroll_into_view_if_needed()
    page.wait_for_selector(".mm-live[data-live=on]")
    assert {"live-math.js", "patches-p7.js"} <= set(asked)
    page.close()


def test_without_scripts_the_first_frame_and_the_question_stand(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for name, make in FIGURES.items():
        page.set_content(f"<!doctype html><title>{name}</title>{make().html}")
        assert page.get_by_text("Guess first.").is_visible()
        assert page.locator(".mm-stage :is(img, svg, table, ol)").first.is_visible(), name
        assert page.get_by_text("once scripts run").is_visible()
    context.close()
