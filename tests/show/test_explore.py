import json
import re

import ipywidgets as widgets
import pytest
import torch

from mmcourse import show
from mmcourse.show.explore import pack

GREY = {v: torch.full((1, 8, 8), v / 10) for v in range(8)}
MANY = {v: torch.full((1, 8, 8), v / 20) for v in range(12)}


def data(figure: show.Explorer) -> dict:
    """What the page's script gets of a figure."""
    found = re.search(r'class="mm-data">(.*?)</script>', figure._repr_html_(), re.DOTALL)
    assert found
    return json.loads(found.group(1).replace("<\\/", "</"))


def unpacked(facts: dict, index: int) -> str:
    runs = facts["runs"][index]
    rows = [facts["lines"][at : at + count] for at, count in zip(runs[::2], runs[1::2], strict=True)]
    return "\n".join(row for part in rows for row in part).replace("%ALT%", facts["alts"][index])


def test_an_output_has_two_faces_and_a_short_text() -> None:
    bundle = show.explore(GREY, label="grey (tenths)", alt="grey")._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert bundle["text/plain"] == "explore: grey (tenths) = 0, 1, 2, 3, 4, 5, 6, 7"
    assert not re.findall(r"https?://(?!www\.w3\.org)", bundle["text/html"])


def test_the_page_gets_every_frame_with_its_own_alternative_text() -> None:
    figure = show.explore(GREY, label="v", alt=lambda v: f"a <grey> of {v}", start=3)
    facts = data(figure)
    assert facts["alts"] == [f"a <grey> of {v}" for v in GREY]
    assert facts["controls"] == [{"label": "v", "values": [str(v) for v in GREY], "start": 3}]
    for index in range(len(GREY)):
        assert unpacked(facts, index).replace("<grey>", "&lt;grey&gt;") == figure.frame(index)
    assert 'alt="a &lt;grey&gt; of 3"' in figure._repr_html_().split('class="mm-data"')[0]
    by_dict = show.explore({1: GREY[1], 2: GREY[2]}, alt={1: "one", 2: "two"})
    assert 'alt="two"' in by_dict.frame(1)
    assert 'alt="grey, v = 2"' in show.explore({1: GREY[1], 2: GREY[2]}, label="v", alt="grey").frame(1)


def test_two_controls_put_the_last_one_fastest_whatever_the_order_of_the_keys() -> None:
    figure = show.explore(
        {(a, b): GREY[a + b] for b in (0, 1, 2) for a in (0, 1)},
        label=("row", "column"),
        alt=lambda a, b: f"grey at {a}, {b}",
        start=(1, 2),
    )
    assert data(figure)["alts"] == [f"grey at {a}, {b}" for a in (0, 1) for b in (0, 1, 2)]
    assert 'alt="grey at 1, 2"' in figure.frame(1, 2)
    assert repr(figure) == "explore: row = 0, 1; column = 0, 1, 2"


def test_frames_share_their_lines() -> None:
    def chart(n: int):
        fig, ax = show.figure(1, 2)
        ax[0].plot([0, 1, n])
        ax[0].set_ylim(0, 30)
        return fig

    figure = show.explore({n: chart(n) for n in range(20)}, label="n", alt="a line")
    assert figure.bytes < sum(map(len, figure.frames)) / 4
    facts = data(figure)
    assert unpacked(facts, 7).replace('aria-label="a line, n = 7"', "") != unpacked(facts, 8)
    assert {len(frame) for frame in facts["runs"]} != {2}


def test_a_text_packed_is_a_text_unpacked() -> None:
    texts = ["a\nb\nc", "", "c\na\nb", "b\nb\nb", "a\nb\nc\nd"]
    lines, runs = pack(texts)
    assert len(set(lines)) == len(lines) == 5
    back = [[row for at, n in zip(r[::2], r[1::2], strict=True) for row in lines[at : at + n]] for r in runs]
    assert ["\n".join(rows) for rows in back] == texts


def test_a_kernel_shows_the_same_frames_and_opens_the_answer() -> None:
    for frames in (GREY, MANY):
        figure = show.explore(frames, label="v", alt="grey", start=3, question="Darker?", answer="Lighter.")
        box = figure.widget
        control = next(w for w in box.children if hasattr(w, "index"))
        assert isinstance(control, widgets.ToggleButtons if frames is GREY else widgets.SelectionSlider)
        texts = [w for w in box.children if isinstance(w, widgets.HTML)]
        shown = next(w for w in texts if "<img" in w.value)
        answer = next(w for w in texts if "Lighter." in w.value)
        assert "Guess first" in texts[0].value
        assert "v = 3" in shown.value
        assert answer.layout.display == "none"
        control.index = 5
        assert shown.value == figure.frame(5)
        assert answer.layout.display is None


def test_a_kernel_computes_any_value_asked_for_and_only_those_not_stored() -> None:
    asked = []

    def compute(v: int) -> torch.Tensor:
        asked.append(v)
        return torch.full((1, 8, 8), v / 100)

    stored = {v: torch.full((1, 8, 8), v / 100) for v in (10, 20, 30)}
    figure = show.explore(stored, label="v", alt=lambda v: f"{v} hundredths", compute=compute, values=range(101))
    control = next(w for w in figure.widget.children if hasattr(w, "index"))
    shown = next(w for w in figure.widget.children if isinstance(w, widgets.HTML) and "<img" in w.value)
    assert control.index == 10
    control.index = 20
    assert asked == []
    control.index = 57
    assert asked == [57]
    assert 'alt="57 hundredths"' in shown.value
    assert data(figure)["controls"][0]["values"] == ["10", "20", "30"]


def test_question_and_answer_stand_in_the_page_the_answer_folded() -> None:
    html = show.explore(GREY, alt="g", question="What of `n`?", answer="It **grows**.")._repr_html_()
    assert "What of <code>n</code>?" in html
    assert "<details" in html
    assert "<details open" not in html
    assert "It <strong>grows</strong>." in html


def test_sound_text_markup_and_figure_in_one_frame() -> None:
    fig, ax = show.figure(width=3, height=2)
    ax.plot([0, 1])
    tone = show.sound(0.5 * torch.sin(torch.arange(800) / 3), 8000, "a tone")
    table = show.table([(1,)], ["n"], caption="c")
    figure = show.explore({1: [fig, tone, "with `code`", table]}, alt="a line and its tone")
    only = figure.frame(0)
    assert only.count('aria-label="a line and its tone"') == 1
    assert only.count('aria-label="a tone"') == 1
    assert "<code>code</code>" in only
    assert "<script" not in only
    assert "data:audio/wav;base64,UklGR" in only
    # Untrusted notebooks strip vectors down to their words: the first frame stands there as a picture.
    before = figure._repr_html_().split('class="mm-data"')[0]
    assert "<svg" not in before
    assert 'src="data:image/svg+xml;base64,' in before


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: show.explore({}), "no frames"),
        (lambda: show.explore({1: GREY[1]}), "no alternative text"),
        (lambda: show.explore(GREY, alt={1: "one"}), "frame 0 has no alternative text"),
        (lambda: show.explore({1: torch.zeros(4, 4), 2: torch.zeros(4, 5)}, alt="a"), "in one size"),
        (lambda: show.explore({(0, 0): "a", (1, 1): "b"}, label=("a", "b")), "every pair"),
        (lambda: show.explore({0: "a"}, label=("a", "b")), "must be a pair"),
        (lambda: show.explore({0: "a"}, start=5), "no frame"),
        (lambda: show.explore({0: "a" * 100}, budget=50), "budget"),
        (lambda: show.explore({0: "a"}, compute=str), "compute= and values= together"),
        (lambda: show.explore({0: "a"}, compute=str, values=(1, 2)), "frame for 0, which is not among values"),
    ],
)
def test_bad_input_is_one_clear_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
