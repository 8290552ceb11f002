"""What is handed out holds tasks and checkers, and nothing that gives an answer away; small pictures follow figures."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from handout import without_solutions  # noqa: E402
from polish import spoken, valid  # noqa: E402
from thumbnails import SIZE, picture, small  # noqa: E402

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def words(notebook: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_handout_keeps_the_tasks_and_no_solution(path: Path) -> None:
    whole = nbformat.read(path, as_version=4)
    checks, cards = words(whole).count("\ncheck("), words(whole).count("card(")
    given = without_solutions(whole)
    assert "solution(" not in words(given)
    assert "import solution" not in words(given)
    assert words(given).count("\ncheck(") == checks > 0
    assert words(given).count("card(") == cards > 0
    assert "A solution of" in nbformat.writes(nbformat.read(path, as_version=4))
    assert "A solution of" not in nbformat.writes(given)
    nbformat.validate(given)


def test_a_small_picture_takes_the_colours_of_its_page() -> None:
    svg = '<svg class="mm-svg" width="40" height="20" viewBox="0 0 40 20"><rect width="40" height="20" '
    svg += 'fill="var(--mm-fig-ink,#1d2129)"/></svg>'
    light, dark = (picture({"image/svg+xml": svg}, theme) for theme in ("light", "dark"))
    assert light
    assert dark
    middle = (light.width // 2, light.height // 2)
    assert sum(light.getpixel(middle)[:3]) < 200 < 500 < sum(dark.getpixel(middle)[:3])  # type: ignore[index]


def test_a_small_picture_keeps_its_shape_and_pixels() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, format="PNG")
    markup = f'<img src="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}">'
    shown = picture({"text/html": markup}, "light")
    assert shown
    made = Image.open(io.BytesIO(small(shown))).convert("RGBA")
    assert made.size == SIZE
    assert made.getbbox() == ((SIZE[0] - SIZE[1]) // 2, 0, (SIZE[0] + SIZE[1]) // 2, SIZE[1])


def test_what_shows_no_picture_has_none() -> None:
    assert picture({"text/plain": "42"}, "light") is None


def test_an_empty_head_is_a_cell_and_a_formula_as_an_answer_has_a_name() -> None:
    page = '<meta charset="utf-8" /><th class="head"><p></p></th><th class="head"><p>slide</p></th>'
    page += '<label class="mm-option"><input type="radio"><span><math><msqrt><mn>64</mn></msqrt></math></span></label>'
    mended = valid(page)
    assert '<td class="head"><p></p></td><th class="head"><p>slide</p></th>' in mended
    assert 'aria-label="√ 64"' in mended
    assert valid(mended).count("aria-label") == 1, "a name that is there stays alone"
    assert spoken("<mfrac><mn>1</mn><mn>2</mn></mfrac>") == "fraction 1 2"
