"""Chapter 10: tokens of a task, cross-attention, alignment, word error, and when not to believe a text."""

# ruff: noqa: N803, N806  (Z, M, W are the letters of the chapter)
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


def prefix(ids: dict[str, int], language: str, task: str, timestamps: bool) -> Tensor:
    """Tokens that a decoder reads before it writes."""
    tokens = [ids["startoftranscript"], ids[language], ids[task]]
    return torch.tensor(tokens if timestamps else [*tokens, ids["notimestamps"]])


def cross_attention(Z: Tensor, M: Tensor, W_Q: Tensor, W_K: Tensor, W_V: Tensor) -> Tensor:
    """Tokens Z (N, D) read a memory M (A, D) with one head of size d: (N, d)."""
    scores = (Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5
    return scores.softmax(-1) @ (M @ W_V)


def align(weights: Tensor) -> Tensor:
    """The token of each moment, from weights (N, A), in order and with no token left out."""
    N, A = weights.shape
    best = torch.full((N, A), -torch.inf)
    best[0, 0] = weights[0, 0]
    for a in range(1, A):
        for n in range(N):
            before = max(float(best[n, a - 1]), float(best[n - 1, a - 1]) if n else -torch.inf)
            best[n, a] = weights[n, a] + before
    n, found = N - 1, [N - 1]
    for a in range(A - 1, 0, -1):
        if n and best[n - 1, a - 1] > best[n, a - 1]:
            n -= 1
        found.append(n)
    return torch.tensor(found[::-1])


def word_error(said: str, written: str) -> float:
    """Words to put in, take out or change, as a share of the words that were said."""
    truth, guess = said.split(), written.split()
    row = list(range(len(guess) + 1))
    for i, word in enumerate(truth, 1):
        above, row = row, [i]
        for j, other in enumerate(guess, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
    return row[-1] / len(truth)


def verdict(no_speech: float, log_probability: float, compression: float) -> int:
    """What to do with the text of a window: 0 keep it, 1 try it again, 2 skip the window."""
    if no_speech > 0.6 and log_probability < -1:
        return 2
    return int(log_probability < -1 or compression > 2.4)


def _cross_family(
    Z: Tensor,
    M: Tensor,
    W_Q: Tensor,
    W_K: Tensor,
    W_V: Tensor,
    *,
    no_scale: bool = False,
    full_scale: bool = False,
    no_softmax: bool = False,
    over_tokens: bool = False,
    raw_values: bool = False,
    values_as_keys: bool = False,
) -> Tensor:
    """Cross-attention with a switch for each mistake."""
    scores = (Z @ W_Q) @ (M @ W_K).T
    if not no_scale:
        scores = scores / (W_Q.shape[1] if full_scale else W_Q.shape[1] ** 0.5)
    weights = scores if no_softmax else scores.softmax(0 if over_tokens else -1)
    if raw_values:
        return weights @ M
    return weights @ (M @ (W_K if values_as_keys else W_V))


def _path(weights: Tensor, *, skips: bool = False, free_start: bool = False, free_end: bool = False) -> list[int]:
    """The best path that may, with a switch, leave tokens out, or begin or end anywhere."""
    N, A = weights.shape
    best = torch.full((N, A), -torch.inf)
    back = torch.zeros(N, A, dtype=torch.long)
    best[:, 0] = weights[:, 0]
    if not free_start:
        best[1:, 0] = -torch.inf
    for a in range(1, A):
        for n in range(N):
            earlier = range(n + 1) if skips else range(max(0, n - 1), n + 1)
            back[n, a] = max(earlier, key=lambda i: float(best[i, a - 1]))
            best[n, a] = weights[n, a] + best[back[n, a], a - 1]
    n = int(best[:, -1].argmax()) if free_end else N - 1
    found = [n]
    for a in range(A - 1, 0, -1):
        n = int(back[n, a])
        found.append(n)
    return found[::-1]


def _greedy(weights: Tensor) -> list[int]:
    N, A = weights.shape
    n, found = 0, [0]
    for a in range(1, A):
        must = N - 1 - n >= A - a  # every moment that is left is needed
        if n < N - 1 and (must or weights[n + 1, a] > weights[n, a]):
            n += 1
        found.append(n)
    return found


def _errors(
    substitution: int = 1, insertion: int = 1, deletion: int = 1, by: str = "said", letters: bool = False
) -> Callable[[str, str], float]:
    """Word error with other costs, or as a share of something else."""

    def rate(said: str, written: str) -> float:
        truth, guess = (list(said), list(written)) if letters else (said.split(), written.split())
        row = [insertion * j for j in range(len(guess) + 1)]
        for i, word in enumerate(truth, 1):
            above, row = row, [deletion * i]
            for j, other in enumerate(guess, 1):
                changed = above[j - 1] + substitution * (word != other)
                row.append(min(above[j] + deletion, row[j - 1] + insertion, changed))
        share = {"said": len(truth), "written": max(1, len(guess)), "longest": max(len(truth), len(guess)), "1": 1}
        return row[-1] / share[by]

    return rate


def _place_by_place(said: str, written: str) -> float:
    truth, guess = said.split(), written.split()
    same = sum(a == b for a, b in zip(truth, guess, strict=False))
    return (max(len(truth), len(guess)) - same) / len(truth)


def _memories(g: torch.Generator) -> list[Case]:
    return [
        tuple(torch.randn(*shape, generator=g) for shape in ((n, d), (a, d), (d, h), (d, h), (d, d if h == 2 else h)))
        for n, a, d, h in ((2, 3, 4, 3), (3, 5, 4, 2), (4, 6, 6, 4))
    ]


def _attention(g: torch.Generator) -> list[Case]:
    found: list[Case] = [(torch.tensor([[0.9, 0.1, 0.8], [0.1, 0.9, 0.2]]),)]
    for n, a in ((3, 6), (4, 9), (2, 5), (5, 12)):
        found.append(((2 * torch.randn(n, a, generator=g)).softmax(-1),))
    return found


_IDS = {
    "startoftranscript": 20,
    "en": 2,
    "pt": 3,
    "es": 4,
    "fr": 5,
    "translate": 6,
    "transcribe": 7,
    "notimestamps": 11,
}
"""Numbers of a small vocabulary."""

_TEXTS: list[Case] = [
    ("the fox sees the other fox", "the fox sees the other fox"),
    ("the fox sees the other fox", "the ox sees other fox"),
    ("one two three", "one one two three"),
    ("four", "nine nine nine"),
    ("a red bird sings in the garden", "bird sings in a garden today"),
    ("one two three four five six", "two three four five six one"),
    ("seven eight", ""),
    ("he runs", "he ran very fast"),
]

_OPEN: list[Case] = [
    (0.9, -1.5, 1.2),
    (0.9, -0.2, 1.2),
    (0.1, -1.5, 1.2),
    (0.1, -0.2, 3.1),
    (0.1, -0.2, 1.2),
    (0.9, -0.2, 3.1),
    (0.9, -1.5, 3.1),
    (0.6, -1.5, 2.4),
    (0.7, -1.0, 2.4),
]

register(
    Exercise(
        id="10.prefix",
        title="What is said to the decoder first",
        chapter=10,
        difficulty=1,
        importance=3,
        minutes=4,
        question="Write `prefix(ids, language, task, timestamps)`: the list of the numbers of the tokens that come "
        "before the text. `ids` gives the number of each by its name: `startoftranscript`, a language such as `pt`, a "
        "task, `transcribe` or `translate`, and, only where no timestamps are wanted, `notimestamps`; in this order.",
        reference=prefix,
        wrong={
            "the token that says there are none belongs where timestamps are not wanted, and nowhere else": (
                lambda ids, language, task, timestamps: prefix(ids, language, task, not timestamps)
            ),
            "the language comes before the task": (
                lambda ids, language, task, timestamps: [
                    ids["startoftranscript"],
                    ids[task],
                    ids[language],
                    *([] if timestamps else [ids["notimestamps"]]),
                ]
            ),
            "the start of the transcript is missing": (
                lambda ids, language, task, timestamps: prefix(ids, language, task, timestamps)[1:]
            ),
            "the language is that of the sound, also where English is written": (
                lambda ids, language, task, timestamps: prefix(
                    ids, "en" if task == "translate" else language, task, timestamps
                )
            ),
            "that no timestamps are wanted must be said, too: a token is missing": (
                lambda ids, language, task, timestamps: prefix(ids, language, task, True)
            ),
            "with timestamps there is one token fewer": (
                lambda ids, language, task, timestamps: prefix(ids, language, task, False)
            ),
            "the task is given, and is not always to transcribe": (
                lambda ids, language, task, timestamps: prefix(ids, language, "transcribe", timestamps)
            ),
            "the language is missing": (
                lambda ids, language, task, timestamps: [
                    ids["startoftranscript"],
                    *prefix(ids, language, task, timestamps)[2:],
                ]
            ),
            "the task is missing": (
                lambda ids, language, task, timestamps: [
                    ids["startoftranscript"],
                    ids[language],
                    *([] if timestamps else [ids["notimestamps"]]),
                ]
            ),
        },
        whole=True,
        shape="3 or 4 numbers",
        cases=lambda g: [
            (_IDS, "pt", "translate", False),
            (_IDS, "en", "transcribe", True),
            (_IDS, "fr", "transcribe", False),
            (_IDS, "es", "translate", True),
        ],
        hints=("Three tokens always, a fourth sometimes.", "`ids[language]` is the number of the language's token."),
    ),
    Exercise(
        id="10.cross",
        title="Reading a memory",
        chapter=10,
        difficulty=2,
        importance=3,
        minutes=7,
        question="Write `cross_attention(Z, M, W_Q, W_K, W_V)`: tokens of text Z, shape (N, D), ask; the memory M, "
        "shape (A, D), answers. One head: queries Z W_Q, keys M W_K, values M W_V, scores divided by the root of the "
        "keys' size, softmax, and the weighted sum of values.",
        reference=cross_attention,
        wrong={
            "queries come from the text, keys from the memory: here they are exchanged": (
                lambda Z, M, W_Q, W_K, W_V: (((M @ W_Q) @ (Z @ W_K).T / W_Q.shape[1] ** 0.5).softmax(-1).T) @ (M @ W_V)
            ),
            "this is self-attention: keys and values come from the memory": (
                lambda Z, M, W_Q, W_K, W_V: cross_attention(Z, Z, W_Q, W_K, W_V)
            ),
            "the memory reads itself: queries come from the text": (
                lambda Z, M, W_Q, W_K, W_V: cross_attention(M, M, W_Q, W_K, W_V)
            ),
            "divide by the root of the keys' size, not of the tokens' width D": (
                lambda Z, M, W_Q, W_K, W_V: ((Z @ W_Q) @ (M @ W_K).T / Z.shape[1] ** 0.5).softmax(-1) @ (M @ W_V)
            ),
            "these are the weights: the values must still be summed with them": (
                lambda Z, M, W_Q, W_K, W_V: ((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5).softmax(-1)
            ),
        },
        family=_cross_family,
        switches={
            "no_scale": "the scores are not divided by the root of the keys' size",
            "full_scale": "divide by the root of the keys' size, not by the size",
            "no_softmax": "the softmax is missing: weights must be positive and sum to 1",
            "over_tokens": "each token shares its attention among moments of the memory: softmax along the last axis",
            "raw_values": "values are M W_V, not the memory itself",
            "values_as_keys": "values have a matrix of their own, W_V",
        },
        shape="(N, d)",
        cases=_memories,
        hints=(
            "It is attention as in chapter 5, but keys and values are made of M.",
            "`((Z @ W_Q) @ (M @ W_K).T / W_Q.shape[1] ** 0.5).softmax(-1)` are the weights, (N, A).",
        ),
    ),
    Exercise(
        id="10.align",
        title="When each token was said",
        chapter=10,
        difficulty=3,
        importance=2,
        minutes=15,
        question="Write `align(weights)`: weights (N, A) say how well token n fits moment a, with N ≤ A. Give the list "
        "of A whole numbers that says which token each moment belongs to: the first moment to token 0, the last to "
        "token N − 1, from one moment to the next the same token or the one after it, and the sum of the weights on "
        "the way as large as possible.",
        reference=align,
        wrong={
            "each moment for itself: tokens must come in order and none may be left out": (
                lambda weights: weights.argmax(0).tolist()
            ),
            "that is a moment for each token: a token for each moment is asked for": (
                lambda weights: weights.argmax(1).tolist()
            ),
            "the way goes from the last moment to the first: turn it round": (lambda weights: align(weights).flip(0)),
            "weights are large where a token fits: take the largest sum, not the smallest": (
                lambda weights: align(-weights)
            ),
            "all tokens as long as one another, whatever the weights say": (
                lambda weights: [a * weights.shape[0] // weights.shape[1] for a in range(weights.shape[1])]
            ),
            "no token may be left out: from one moment to the next at most one further": (
                lambda weights: _path(weights, skips=True)
            ),
            "the first moment belongs to token 0": (lambda weights: _path(weights, free_start=True)),
            "the last moment belongs to the last token": (lambda weights: _path(weights, free_end=True)),
            "a choice for each moment alone is greedy: a step that looks good now can cost more later": (_greedy),
        },
        whole=True,
        shape="A numbers",
        cases=_attention,
        hints=(
            "The best sum up to (n, a) ends with token n or token n − 1 at the moment before.",
            "Fill a table of best sums from left to right, then walk back from its last corner.",
        ),
    ),
    Exercise(
        id="10.errors",
        title="Word error",
        chapter=10,
        difficulty=3,
        importance=3,
        minutes=12,
        question="Write `word_error(said, written)`: the smallest number of words that must be put in, taken out or "
        "changed so that the text `written` becomes the text `said`, divided by the number of words of `said`. Words "
        "are what spaces part.",
        reference=word_error,
        wrong={
            "a share of what was said: divide by its words, not by those that were written": _errors(by="written"),
            "a share of what was said: divide by its words, not by those of the longer text": _errors(by="longest"),
            "a share is asked for: divide by the number of words that were said": _errors(by="1"),
            "words are counted, not letters": _errors(letters=True),
            "a changed word is one mistake, not two": _errors(substitution=2),
            "a word too many counts, too": _errors(insertion=0),
            "a word that is missing counts, too": _errors(deletion=0),
            "one missing word must not make all later ones wrong: compare whole texts, not place by place": (
                _place_by_place,
                lambda said, written: (
                    sum(a != b for a, b in zip(said.split(), written.split(), strict=False)) / len(said.split())
                ),
            ),
            "that is the share of right words": lambda said, written: 1 - word_error(said, written),
            "the order of words counts, too": (
                lambda said, written: len(set(said.split()) ^ set(written.split())) / len(said.split()),
                lambda said, written: len(set(said.split()) - set(written.split())) / len(said.split()),
            ),
            "with words too many it goes above 1, and stays there": (
                lambda said, written: min(1.0, word_error(said, written))
            ),
            "in percent it is a hundred times too large: a share is asked for": (
                lambda said, written: 100 * word_error(said, written)
            ),
        },
        cases=lambda g: list(_TEXTS),
        hints=(
            "What does it cost to turn the first j words into the first i words? Three ways lead there.",
            "cost[i][j] = min(cost[i-1][j] + 1, cost[i][j-1] + 1, cost[i-1][j-1] + (said[i-1] != written[j-1]))",
        ),
    ),
    Exercise(
        id="10.verdict",
        title="When not to believe a text",
        chapter=10,
        difficulty=2,
        importance=2,
        minutes=5,
        question="Write `verdict(no_speech, log_probability, compression)`, a whole number: 2, skip it, for a window "
        "whose probability of silence is above 0.6 and whose text has a mean log-probability below −1; else 1, try it "
        "again, where the text has a mean log-probability below −1 or is compressed more than 2.4 times; else 0, keep "
        "it.",
        reference=verdict,
        wrong={
            "silence alone is no reason to skip: the text must be improbable as well": (
                lambda s, p, c: 2 if s > 0.6 else verdict(0.0, p, c)
            ),
            "an improbable text alone is tried again, not skipped": (
                lambda s, p, c: 2 if s > 0.6 or p < -1 else verdict(s, p, c)
            ),
            "a text that repeats itself is large before and small after compression: above 2.4 is the bad side": (
                lambda s, p, c: verdict(s, p, 4.8 - c)
            ),
            "a text that repeats itself must be tried again, too": lambda s, p, c: verdict(s, p, 0.0),
            "an improbable text must be tried again, too": (
                lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if c > 2.4 else 0
            ),
            "one reason is enough to try again: or, not and": (
                lambda s, p, c: 2 if s > 0.6 and p < -1 else 1 if p < -1 and c > 2.4 else 0
            ),
            "skipping goes before trying again: ask for it first": (
                lambda s, p, c: 1 if p < -1 or c > 2.4 else 2 if s > 0.6 and p < -1 else 0
            ),
            "the limits themselves are still good: above 0.6, below −1, above 2.4": (
                lambda s, p, c: 2 if s >= 0.6 and p <= -1 else 1 if p <= -1 or c >= 2.4 else 0
            ),
            "log-probabilities are negative: below −1 is improbable": (
                lambda s, p, c: 2 if s > 0.6 and p > -1 else 1 if p > -1 or c > 2.4 else 0
            ),
        },
        whole=True,
        cases=lambda g: list(_OPEN),
        hints=("Three outcomes, in the order in which the task names them.", "`if … and …`, then `if … or …`."),
    ),
)
