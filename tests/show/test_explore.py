import json
import re

import ipywidgets as widgets
import pytest
import torch
from ipywidgets.embed import dependency_state, embed_data

from mmcourse import show

GREY = {v: torch.full((1, 8, 8), v / 10) for v in range(8)}


def state(widget: widgets.Widget) -> dict:
    return embed_data(views=[widget], state=dependency_state([widget]))["manager_state"]["state"]


def kinds(widget: widgets.Widget) -> list[str]:
    return [m["model_name"] for m in state(widget).values()]


def frames(widget: widgets.Widget) -> list[str]:
    return [m["state"]["value"] for m in state(widget).values()
            if m["model_name"] == "HTMLModel" and "<style>" not in m["state"]["value"]]  # fmt: skip


def test_only_widgets_of_the_static_page_are_used_and_every_link_is_in_the_browser() -> None:
    many = show.explore(GREY, label="grey (tenths)", alt=lambda v: f"grey {v}")
    few = show.explore({k: GREY[k] for k in (1, 2)}, label="grey (tenths)", alt="a grey square")
    for widget in (many, few):
        assert set(kinds(widget)) <= {
            "VBoxModel", "HBoxModel", "StackModel", "HTMLModel", "LayoutModel", "SelectionSliderModel", "PlayModel",
            "ToggleButtonsModel", "LinkModel", "SliderStyleModel", "ToggleButtonsStyleModel", "DescriptionStyleModel",
            "HTMLStyleModel",
        }  # fmt: skip
    assert kinds(many).count("LinkModel") == 2  # player to slider, slider to frames
    assert kinds(few).count("LinkModel") == 1
    assert "ToggleButtonsModel" in kinds(few)


def test_state_is_json_and_small() -> None:
    widget = show.explore(
        {P: show.patches(torch.rand(1, 28, 28), P) for P in (2, 4, 7, 14)}, label="P (pixels)", alt="cut"
    )
    text = json.dumps(state(widget))
    assert json.loads(text)
    assert len(text) < 150_000
    assert widget.bytes < len(text)


def test_each_frame_has_its_own_alternative_text() -> None:
    widget = show.explore(GREY, label="v", alt=lambda v: f"a <grey> of {v}")
    alts = [re.search(r'alt="([^"]*)"', f).group(1) for f in frames(widget)]  # type: ignore[union-attr]
    assert alts == [f"a &lt;grey&gt; of {v}" for v in GREY]
    by_dict = show.explore({1: GREY[1], 2: GREY[2]}, alt={1: "one", 2: "two"})
    assert 'alt="two"' in frames(by_dict)[1]
    by_text = show.explore({1: GREY[1], 2: GREY[2]}, label="v", alt="grey")
    assert 'alt="grey, v = 2"' in frames(by_text)[1]


def test_two_controls_nest_stacks() -> None:
    widget = show.explore(
        {(a, b): GREY[a + b] for b in (0, 1, 2) for a in (0, 1)},
        label=("row", "column"),
        alt=lambda a, b: f"grey at {a}, {b}",
        start=(1, 2),
    )
    stacks = [m["state"] for m in state(widget).values() if m["model_name"] == "StackModel"]
    assert sorted(len(s["children"]) for s in stacks) == [2, 3, 3]
    assert sorted(s["selected_index"] for s in stacks) == [1, 2, 2]
    assert kinds(widget).count("LinkModel") == 3
    assert repr(widget) == "explore: row = 0, 1; column = 0, 1, 2"


def test_kernel_side_control_moves_through_every_frame() -> None:
    widget = show.explore(GREY, label="v", alt="grey", start=3)
    stack = next(w for w in widget.children if isinstance(w, widgets.Stack))
    assert stack.selected_index == 3
    assert len(stack.children) == len(GREY)


def test_sound_text_markup_and_figure_in_one_frame() -> None:
    fig, ax = show.figure(width=3, height=2)
    ax.plot([0, 1])
    tone = show.Audio(0.5 * torch.sin(torch.arange(800) / 3), 8000)
    table = show.table([(1,)], ["n"], caption="c")
    widget = show.explore({1: [fig, tone, "with `code`", table]}, alt="a line and its tone")
    (only,) = frames(widget)
    assert only.count('alt="a line and its tone"') == 1
    assert 'aria-label="a line and its tone"' in only
    assert "<code>code</code>" in only
    assert "<script" not in only
    assert "data:audio/wav;base64,UklGR" in only


def test_text_is_short_and_the_same_on_every_machine() -> None:
    widget = show.explore(GREY, label="grey (tenths)", alt="grey")
    assert repr(widget) == "explore: grey (tenths) = 0, 1, 2, 3, 4, 5, 6, 7"
    assert widget._repr_mimebundle_()["text/plain"] == repr(widget)


def test_nothing_asks_the_network() -> None:
    text = json.dumps(state(show.explore(GREY, alt="grey")))
    assert not re.findall(r"https?://", text)


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
        (lambda: show.Audio(torch.zeros(2, 5), 8000), "one channel"),
        (lambda: show.Audio(torch.full((5,), 3.0), 8000), r"outside \[-1, 1\]"),
        (lambda: show.Audio(torch.zeros(0), 8000), "at least 1"),
    ],
)
def test_bad_input_is_one_clear_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
