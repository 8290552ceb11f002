import html.parser
import re

import pytest

from mmcourse import show
from mmcourse.show import Question
from mmcourse.show.html import inline

VOID = {"img", "br", "input", "hr"}


class Balanced(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def balanced(markup: str) -> None:
    parser = Balanced()
    parser.feed(markup)
    assert not parser.open


QUIZ = [
    Question("How many tokens at `P < 4`?", ["28", "49"], 1, ["That is a <side>.", "7 · 7"]),
    Question("\\(n^2\\)?", ["attention", "the MLP", "neither"], 0, ["Pairs.", "One by one.", "One does."]),
]


def test_table_has_a_caption_headings_and_numbers_to_the_right() -> None:
    t = show.table([("pixels", 784, 1.23456), ("patches", 49, None)], ["tokens", "N", "time (s)"], caption="Cost")
    balanced(t.html)
    assert "<caption>Cost</caption>" in t.html
    assert t.html.count('scope="col"') == 3
    assert '<td class="mm-number">1.235</td>' in t.html
    assert '<td class="mm-short">pixels</td>' in t.html, "a short cell may not break into two lines"
    assert repr(t).splitlines() == [
        "Cost",
        "tokens     N  time (s)",
        "pixels   784     1.235",
        "patches   49         –",
    ]


def test_table_takes_dicts_and_escapes() -> None:
    t = show.table([{"a<b": "x & `y<z`", "n": 1234567}], caption="c")
    balanced(t.html)
    assert "a&lt;b" in t.html
    assert "x &amp; <code>y&lt;z</code>" in t.html
    assert "1,234,567" in t.html


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: show.table([], ["a"], caption="c"), "no rows"),
        (lambda: show.table([(1,)], ["a"]), "no caption"),
        (lambda: show.table([(1, 2)], ["a"], caption="c"), "2 cells"),
        (lambda: show.table([(1, 2)], caption="c"), "columns="),
        (lambda: show.quiz([]), "no questions"),
        (lambda: Question("q", ["a", "b"], 2, ["x", "y"]), "0 to 1"),
        (lambda: Question("q", ["a", "b"], 0, ["x"]), "one for each"),
        (lambda: Question("q", ["a", "b"], 0, "x"), "one for each"),
        (lambda: Question("q", ["a"], 0, ["x"]), "at least two"),
        (lambda: show.versions("tensorflow"), "knows no package"),
    ],
)
def test_bad_input_is_one_clear_line(call, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_quiz_explains_each_option_without_a_kernel() -> None:
    q = show.quiz(QUIZ)
    balanced(q.html)
    assert q.html.count('type="radio"') == 5
    assert q.html.count('data-right="yes"') == 2
    assert q.html.count('aria-live="polite"') == 2
    assert q.html.count("<legend>") == 2
    assert q.html.count("<details") == 1
    assert 'data-why="That is a &amp;lt;side&amp;gt;."' in q.html
    # A notebook that is not trusted loses attributes, but shows every text: none may stand beside its option.
    assert "That is a" not in re.sub(r'="[^"]*"', "", q.html)
    assert "http" not in q.html


def test_quiz_is_the_same_on_every_run_and_names_do_not_clash() -> None:
    assert show.quiz(QUIZ).html == show.quiz(QUIZ).html
    first = set(re.findall(r'name="([^"]+)"', show.quiz(QUIZ[:1]).html))
    assert not first & set(re.findall(r'name="([^"]+)"', show.quiz(QUIZ[1:]).html))


def test_versions_names_ranges_and_no_local_version() -> None:
    import torch

    text = repr(show.versions())
    assert "torch >=2.8, <2.13" in text
    assert torch.__version__ not in text
    assert "inside every range" in text


def test_inline_leaves_maths_alone() -> None:
    assert inline(r"\(a_1 * b\) **x** `y`") == r"\(a_1 * b\) <strong>x</strong> <code>y</code>"
