"""Self-tests that answer at once on the static page, in a live notebook, and with JavaScript switched off."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmcourse.show.html import Html, inline

# One handler a question, on the fieldset: a change in any of its radio buttons bubbles up to it.
_ON_CHANGE = (
    "const o=event.target.closest('.mm-option'),f=this.querySelector('.mm-feedback'),y=o.dataset.right;"
    "f.dataset.right=y;f.innerHTML='<strong>'+(y==='yes'?'✓ Right. ':'✗ Not this one. ')+'</strong>'"
    "+o.dataset.why"
)


@dataclass(frozen=True)
class Question:
    r"""One question with one right option.

    Args:
        text: The question. `` `code` ``, ``**bold**`` and ``\( maths \)`` are understood, here and below.
        options: Two or more answers.
        answer: Position of the right one, from 0.
        why: One explanation an option, in the same order: what makes it right, or what makes it tempting and wrong.
    """

    text: str
    options: Sequence[str]
    answer: int
    why: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.why, str) or len(self.why) != len(self.options) or not all(self.why):
            count = 1 if isinstance(self.why, str) else len(self.why)
            raise ValueError(
                f"Question {self.text!r} has {len(self.options)} options and {count} explanations: give one for each"
            )
        if len(self.options) < 2:
            raise ValueError(f"Question {self.text!r} has {len(self.options)} option: give at least two")
        if not 0 <= self.answer < len(self.options):
            raise ValueError(
                f"Question {self.text!r}: answer={self.answer}, but the options are 0 to {len(self.options) - 1}"
            )


def _name(text: str) -> str:
    """A name for an option that is nothing but a formula: what reads pages aloud may not read it."""
    words = re.sub(r"\\\(.*?\\\)", "", text).strip(" .,;")
    return "" if words else f' aria-label="{html.escape(re.sub(chr(92) * 2 + "[()]", "", text))}"'


def quiz(questions: Sequence[Question], title: str = "Check yourself") -> Html:
    """A quiz: choose by mouse, touch or keyboard; each option says at once why it is right or wrong.

    Needs no kernel. Without JavaScript the answers are in the fold at the end.

    Args:
        questions: At least one.
        title: The line above them.

    Raises:
        ValueError: No question given.
    """
    if not questions:
        raise ValueError("quiz() got no questions: give a list of Question(text, options, answer, why)")
    mark = hashlib.sha256("\n".join(q.text for q in questions).encode()).hexdigest()[:8]
    parts = []
    for i, q in enumerate(questions):
        options = "".join(
            # The explanation is no text beside its option: a notebook that is not trusted yet would show it there.
            f'<label class="mm-option" data-right="{"yes" if j == q.answer else "no"}" '
            f'data-why="{html.escape(inline(why))}">'
            f'<input type="radio" name="mm-{mark}-{i}" value="{j}"{_name(text)}><span>{inline(text)}</span></label>'
            for j, (text, why) in enumerate(zip(q.options, q.why, strict=True))
        )
        parts.append(
            f'<fieldset class="mm-question" onchange="{html.escape(_ON_CHANGE)}">'
            f"<legend>{i + 1}. {inline(q.text)}</legend>{options}"
            f'<output class="mm-feedback" aria-live="polite"></output></fieldset>'
        )
    answers = "".join(
        f"<li>{inline(q.options[q.answer])} <span>{inline(q.why[q.answer])}</span></li>" for q in questions
    )
    markup = (
        f'<div class="mm-quiz mathjax_process" role="group" aria-label="{html.escape(title)}">'
        f'<p class="mm-title"><strong>{inline(title)}</strong></p>{"".join(parts)}'
        f'<details class="mm-answers"><summary>All answers</summary><ol>{answers}</ol></details></div>'
    )
    count = len(questions)
    return Html(markup, f"{title}: {count} question{'s' if count > 1 else ''}")
