"""Figures of sounds: their numbers are Python's, a player plays, and a microphone is drawn. Needs no built site."""

from __future__ import annotations

import math
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import ARGUMENTS, bring
from playwright.sync_api import Browser, Page

from mmcourse import show
from mmcourse.show import live
from mmcourse.tokens.spectrogram import hann, hz_to_mel, mel_filters, mel_to_hz, stft

CLOSE = 1e-9
ASK = {"question": "What will happen?", "answer": "This."}
RATE = 8000
TONE = 0.5 * torch.sin(2 * math.pi * 1000 * torch.arange(4000, dtype=torch.float64) / RATE)


@pytest.fixture(scope="module")
def maths(browser: Browser) -> Iterator[Callable[[str, Any], Any]]:
    page = browser.new_page()
    page.set_content("<!doctype html><title>blank</title>")
    page.add_script_tag(path=live.STATIC / "live-sound.js")
    page.evaluate("() => { window.mm = mmLive.sound; }")
    yield page.evaluate
    page.close()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def same(given: Any, wanted: torch.Tensor) -> None:
    given = torch.tensor(given, dtype=torch.float64)
    assert given.shape == wanted.shape
    assert (given - wanted).abs().max() <= CLOSE * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 25, 64, 100, 400, 1024])
def test_the_fourier_transform_of_any_length(maths: Callable, size: int) -> None:
    re_, im = noise(3, size, seed=1), noise(3, size, seed=2)
    made = maths("([re, im]) => re.map((r, i) => mm.fft(r, im[i]).map((a) => [...a]))", [re_.tolist(), im.tolist()])
    wanted = torch.fft.fft(torch.complex(re_, im))
    same(made, torch.stack([wanted.real, wanted.imag], 1))


@pytest.mark.parametrize(("size", "hop"), [(32, 8), (64, 32), (256, 64), (400, 160), (512, 512)])
def test_power_of_windowed_frames(maths: Callable, size: int, hop: int) -> None:
    x = noise(20, 700, seed=size)
    made = maths("([x, S, hop]) => x.map((row) => mm.stft(row, S, hop).map((r) => [...r]))", [x.tolist(), size, hop])
    same(made, stft(x, hann(size), hop).abs().square())


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("equal", [True, False])
def test_mel_bands_and_their_logarithm(maths: Callable, scale: Any, equal: bool) -> None:
    for bands in (4, 23, 80, 128):
        made = maths(
            "([m, scale, equal]) => mm.filters(m, 400, 16000, scale, equal).map((r) => [...r])", [bands, scale, equal]
        )
        same(made, mel_filters(bands, 400, 16000, scale=scale, equal_area=equal).T)
    rows, triangles = noise(20, 30, 201).square(), mel_filters(40, 400, 16000, scale=scale, equal_area=equal)
    code = """([rows, scale, equal]) => rows.map((r) =>
      mm.logarithm(mm.gather(r, mm.filters(40, 400, 16000, scale, equal)), 3).map((v) => [...v]))"""
    level = (rows @ triangles).clamp(min=1e-10).log10()
    same(maths(code, [rows.tolist(), scale, equal]), torch.maximum(level, level.amax((-2, -1), keepdim=True) - 3))
    hertz = torch.linspace(0, 8000, 50, dtype=torch.float64)
    same(maths("([f, s]) => f.map((v) => mm.hzToMel(v, s))", [hertz.tolist(), scale]), hz_to_mel(hertz, scale))
    mel = torch.linspace(0, 40, 50, dtype=torch.float64)
    same(maths("([m, s]) => m.map((v) => mm.melToHz(v, s))", [mel.tolist(), scale]), mel_to_hz(mel, scale))


def test_an_alias_has_the_samples_of_the_tone(maths: Callable) -> None:
    for f in range(150, 8000, 350):
        for r in (1000, 3300, 6000, 16000):
            heard = maths("([f, r]) => mm.alias(f, r)", [f, r])
            assert abs(heard) <= r / 2
            t = torch.arange(40, dtype=torch.float64) / r
            same(torch.sin(2 * math.pi * heard * t).tolist(), torch.sin(2 * math.pi * f * t))


# ---- what a reader does ----

SIZE = "(() => { const c = document.querySelector('canvas'); return [c.width, c.height]; })()"
INK = """(() => {
  const c = document.querySelector("canvas");
  return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 === 3 && v > 200);
})()"""


def opened(browser: Browser, made: Any, **options: Any) -> Page:
    page = browser.new_page(viewport={"width": 390, "height": 844}, **options)
    page.set_content(f"<!doctype html><title>one figure</title><main>{made.alone()}{made.html}</main>")
    return page


def test_a_player_plays_walks_and_stands_without_scripts(browser: Browser) -> None:
    made = show.sound(TONE, RATE, "a tone", picture=torch.rand(20, 10))
    page = opened(browser, made)
    button, place = page.get_by_role("button", name="Play: a tone"), page.get_by_role("slider")
    assert not page.locator("audio").is_visible()
    place.focus()
    page.keyboard.press("ArrowRight")
    assert place.get_attribute("aria-valuenow") == "0.03"
    page.keyboard.press("End")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.45")
    page.keyboard.press("Home")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.1")
    page.wait_for_function("document.querySelector('audio').ended")
    assert page.get_by_role("button", name="Play: a tone").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    assert page.locator(".mm-outline").is_visible()
    assert not page.locator("audio, .mm-play").first.is_visible()
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(f"<style>{(live.STATIC / 'sound.css').read_text(encoding='utf-8')}</style>{made.html}")
    assert page.locator("audio").is_visible()
    assert not page.locator(".mm-play").is_visible()
    context.close()


def test_what_is_heard_is_the_alias(browser: Browser) -> None:
    page = opened(browser, live.aliasing(tone=3000, rate=4000, **ASK))
    page.wait_for_selector(".mm-live[data-live=on]")
    assert "samples of a tone of 1,000 Hz" in page.locator(".mm-words").inner_text()
    page.evaluate("""() => {
      const start = OscillatorNode.prototype.start;
      OscillatorNode.prototype.start = function (...all) { window.oscillator = this; return start.apply(this, all); };
    }""")
    page.get_by_role("button", name="Hear its samples").click()
    page.wait_for_function("Math.abs(window.oscillator.frequency.value - 1000) < 2")
    page.get_by_role("button", name="Hear the tone").click()
    page.wait_for_function("Math.abs(window.oscillator.frequency.value - 3000) < 2")
    page.get_by_role("button", name="Silence").click()
    assert page.get_by_role("button", name="Silence").count() == 0
    page.close()


def test_the_window_trades_columns_for_rows(browser: Browser) -> None:
    page = opened(browser, live.stft({"a tone": (TONE, RATE)}, **ASK))
    page.wait_for_selector(".mm-live[data-live=on]")
    sizes = []
    for key in ("Home", "End"):
        page.locator("input[type=range]").focus()
        page.keyboard.press(key)
        page.wait_for_timeout(100)
        sizes.append(
            page.evaluate("(() => { const c = document.querySelector('canvas'); return [c.width, c.height]; })()")
        )
    assert sizes == [[1 + 4000 // 8, 17], [1 + 4000 // 512, 1025]]
    # The tone stands at 1,000 Hz: an eighth of the sample rate, a quarter of the way up.
    peak = page.evaluate("""() => {
      const c = document.querySelector("canvas"), d = c.getContext("2d").getImageData(3, 0, 1, c.height).data;
      let best = 0;
      for (let y = 0; y < c.height; y++) if (d[4 * y + 3] > d[4 * best + 3]) best = y;
      return c.height - 1 - best;
    }""")
    assert peak == 256
    page.close()


def microphone(wav: Path) -> list[str]:
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    return [*ARGUMENTS, *fake, f"--use-file-for-fake-audio-capture={wav}"]


def test_the_readers_microphone_is_drawn_and_can_be_stopped(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "tone.wav"
    with wave.open(str(file), "wb") as out:
        out.setparams((1, 2, 48000, 0, "NONE", "not compressed"))
        tone = 0.6 * torch.sin(2 * math.pi * 2000 * torch.arange(96000, dtype=torch.float64) / 48000)
        out.writeframes((tone * 32767).round().to(torch.int16).numpy().tobytes())
    made = live.microphone(TONE, RATE, **ASK)
    with browser.browser_type.launch(executable_path=bring(), headless=True, args=microphone(file)) as heard:
        page = heard.new_page()
        (tmp_path / "page.html").write_text(
            f"<!doctype html><meta charset=utf-8><title>mic</title><main>{made.alone()}{made.html}</main>", "utf-8"
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".mm-live[data-live=on]")
        page.get_by_role("button", name="Start the microphone").click()
        page.wait_for_function("Math.abs(+document.querySelector('.mm-live').dataset.peak - 2000) < 60", timeout=20_000)
        assert page.evaluate(INK), "the tone left a line"
        page.get_by_role("button", name="Stop").click()
        assert page.get_by_role("button", name="Start the microphone").get_attribute("aria-pressed") == "false"
        assert len(asked) == 1, "nothing leaves the page"


@pytest.mark.parametrize(
    ("error", "words"), [("NotAllowedError", "was refused"), ("NotFoundError", "No microphone"), ("", "no microphone")]
)
def test_without_a_microphone_there_is_one_clear_line(browser: Browser, error: str, words: str) -> None:
    page = opened(browser, live.microphone(TONE, RATE, **ASK))
    page.wait_for_selector(".mm-live[data-live=on]")
    gives = f"{{ getUserMedia: async () => {{ throw new DOMException('', '{error}'); }} }}" if error else "undefined"
    page.evaluate(f"Object.defineProperty(navigator, 'mediaDevices', {{ value: {gives}, configurable: true }})")
    page.get_by_role("button", name="Start the microphone").click()
    page.wait_for_timeout(400)
    said = page.locator(".mm-said").inner_text()
    assert re.search(words, said)
    assert "\n" not in said
    page.close()
