# ruff: noqa: N803, N806  (B, N, D, P, E are the letters of the field)
import contextlib
import re
import threading
import time
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import score
import torch

from mmcourse import exercises
from mmcourse.exercises import running
from mmcourse.exercises.core import REGISTRY, Exercise, _describe
from mmcourse.exercises.values import same

EVERY = list(REGISTRY.values())
#: The least number of answers that each exercise is tried on.
RIGHT, WRONG, HELD_OUT = 6, 5, 5


@pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.id)
def test_reference_passes_twice_with_the_same_words(exercise: Exercise) -> None:
    first, second = exercise.grade(exercise.reference), exercise.grade(exercise.reference)
    assert first.passed, first.message
    assert first == second


@pytest.mark.parametrize("id", REGISTRY)
def test_every_known_mistake_is_refused_with_its_own_hint(id: str) -> None:
    exercise = REGISTRY[id]
    for hint, mistake in exercise.mistakes():
        if not hint.startswith("two things"):
            verdict = exercise.grade(mistake)
            assert not verdict.passed, hint
            assert verdict.named, (hint, verdict.message)
            assert hint in verdict.message, (hint, verdict.message)


@pytest.fixture(scope="module")
def judged() -> dict[str, list[score.Judged]]:
    return {kind: score.judge(kind) for kind in score.KINDS}


def test_every_exercise_was_tried_on_enough_answers(judged: dict[str, list[score.Judged]]) -> None:
    for kind, least in (("RIGHT", RIGHT), ("WRONG", WRONG), ("HELD_OUT", HELD_OUT)):
        counts = Counter(j.id for j in judged[kind])
        assert not {id: counts[id] for id in REGISTRY if counts[id] < least}, kind


def test_every_right_answer_passes_whatever_its_type(judged: dict[str, list[score.Judged]]) -> None:
    assert not [(j.id, j.what, j.verdict.message) for j in judged["RIGHT"] if not j.verdict.passed]


@pytest.mark.parametrize("kind", ["WRONG", "HELD_OUT"])
def test_every_wrong_answer_is_refused_and_most_hear_why(judged: dict[str, list[score.Judged]], kind: str) -> None:
    assert not [(j.id, j.what) for j in judged[kind] if j.verdict.passed]
    named = [j.verdict.named for j in judged[kind]]
    assert sum(named) >= 0.6 * len(named)
    for j in judged[kind]:
        assert "\n" not in j.verdict.message, j


@pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.id)
def test_every_exercise_names_mistakes_and_shows_a_card(exercise: Exercise) -> None:
    assert len({hint for hint, _ in exercise.mistakes()}) >= 5
    assert exercise.hints
    assert len(exercise.inputs()) >= 2
    card = exercises.card(exercise.id)
    assert card.html.count("<details") == len(exercise.hints)
    assert not any(hint in repr(card) for hint in exercise.hints)
    for needed in (exercise.id, "difficulty", "importance", f"{exercise.minutes} minutes", 'class="mm-exercise'):
        assert needed in card.html
    assert "def " in exercises.solution(exercise.id).html
    assert "mmcourse.transformer" not in exercises.solution(exercise.id).html


def test_every_chapter_has_four() -> None:
    chapters = [e.chapter for e in EVERY]
    assert all(chapters.count(c) >= 4 for c in set(chapters))
    assert chapters == sorted(chapters)


TENSORS = [e for e in EVERY if isinstance(e.inputs()[0][0], torch.Tensor) and e.inputs()[0][0].is_floating_point()]


@pytest.mark.parametrize("exercise", TENSORS, ids=lambda e: e.id)
def test_general_faults_are_named(exercise: Exercise) -> None:
    right = exercise.reference

    def in_place(*args):
        out = right(*args)
        args[0].add_(1)
        return out

    def random(*args):
        return right(*args) + 1e-3 * torch.rand(())

    def turned(*args):
        return right(*args).transpose(0, 1)

    def halved(*args):
        return right(*args).bfloat16()

    def off(*args):
        return right(*args) + 100

    for answer, words in (
        (in_place, "your function changed its input"),
        (random, "gave different results"),
        *([(turned, "the axes are transposed")] if right(*exercise.inputs()[0]).dim() > 1 else []),
        (halved, "too coarse" if right(*exercise.inputs()[0]).is_floating_point() else "a whole number"),
        (off, "every number is 100 too large"),
    ):
        verdict = exercise.grade(answer)
        assert not verdict.passed
        assert verdict.named
        assert words in verdict.message, (words, verdict.message)
        assert "\n" not in verdict.message


@pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.id)
def test_an_error_is_one_line_and_nothing_written_is_no_mistake(exercise: Exercise) -> None:
    def breaks(*args):
        raise RuntimeError("first line\nsecond line")

    def silent(*args):
        return None

    def later(*args):
        raise NotImplementedError

    verdict = exercise.grade(breaks)
    assert not verdict.passed
    assert "RuntimeError" in verdict.message
    assert 'raise RuntimeError("first line\\nsecond line")' in verdict.message
    assert "\n" not in verdict.message
    for nothing in (silent, later, None, ..., NotImplemented, lambda *args: NotImplemented):
        verdict = exercise.grade(nothing)
        assert not verdict.passed
        assert not verdict.written


def test_a_value_instead_of_a_function() -> None:
    assert "without calling it" in exercises.grade("01.index", 5).message
    assert "a tensor of shape (2, 3)" in exercises.grade("02.patchify", torch.zeros(2, 3)).message


def test_a_forgotten_return_in_one_branch() -> None:
    verdict = exercises.grade("01.doubling", lambda n: 16**n if n < 2 else None)
    assert "is a return missing?" in verdict.message


def test_wrong_shape_gives_letters_and_numbers() -> None:
    message = exercises.grade("02.patchify", lambda images, P: images.flatten(1)).message
    assert "(B, N, P·P·C) = (1, 4, 4)" in message
    assert "(1, 16)" in message


def test_missing_refusal_is_named() -> None:
    message = exercises.grade("02.split", lambda h, w, P: (h // max(P, 1), w // max(P, 1) + 0 * P)).message
    assert "must raise ValueError" in message


def test_grading_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    exercises.grade("05.attention", REGISTRY["05.attention"].reference)
    assert torch.equal(torch.rand(4), expected)


def test_check_prints_one_line_and_nothing_for_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def unwritten(row, column, width): ...

    exercises.check("01.index", lambda row, column, width: row * width + column)
    exercises.check("01.index", lambda row, column, width: column * width + row)
    exercises.check("01.index", ...)
    exercises.check("01.index", unwritten)
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines] == ["✓", "✗"]
    assert "row and column are swapped" in lines[1]


def test_hints_come_one_by_one(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercises, "_given", {})
    exercises.hint("02.patchify")
    exercises.hint("02.patchify")
    exercises.hint("02.patchify", 1)
    exercises.hint("02.patchify")
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["Hint 1", "Hint 2", "Hint 1", "Hint 2"]


def test_what_the_answer_prints_is_shown_for_the_input_in_question_only(capsys: pytest.CaptureFixture[str]) -> None:
    def talks(row, column, width):
        print("row is", row)
        return row * width + column + (row > 5)

    exercises.check("01.index", talks)
    assert capsys.readouterr().out.splitlines()[:-1] == ["  | row is 6"]

    def chatters(row, column, width):
        print("\n".join("noise" for _ in range(500)))
        return row

    exercises.check("01.index", chatters)
    assert len(capsys.readouterr().out.splitlines()) == 12

    exercises.check("01.index", lambda row, column, width: print("hello") or row * width + column)
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_an_endless_answer_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SECONDS", 0.3)
    before = threading.active_count()

    def endless(row, column, width):
        while True:
            with contextlib.suppress(Exception):
                row += 1

    def sleeps(row, column, width):
        time.sleep(0.05)
        return sleeps(row, column, width)

    for answer in (endless, sleeps):
        verdict = exercises.grade("01.index", answer)
        assert not verdict.passed
        assert "still running after 0.3 s on input (0, 0, 8)" in verdict.message
    time.sleep(0.2)
    assert threading.active_count() == before


def test_endless_recursion_exit_and_memory_are_one_clear_line() -> None:
    def deep(row, column, width):
        return deep(row, column, width)

    def leaves(row, column, width):
        raise SystemExit

    def greedy(row, column, width):
        return torch.zeros(10**15)

    for answer, words in (
        (deep, "calls itself without end"),
        (leaves, "ended the program"),
        (greedy, "more memory than the machine has"),
    ):
        verdict = exercises.grade("01.index", answer)
        assert not verdict.passed
        assert words in verdict.message
        assert "\n" not in verdict.message


def test_an_error_names_the_line_of_the_student() -> None:
    def attention(q, k, v, heads):
        scores = q @ k
        return scores @ v

    verdict = exercises.grade("05.attention", attention)
    assert "scores = q @ k" in verdict.message
    assert "is a transpose missing?" in verdict.message


def test_other_arguments_are_named_before_anything_runs() -> None:
    verdict = exercises.grade("01.index", lambda row, column: row + column)
    assert verdict.named
    assert verdict.message == "your function takes (row, column), it is called as (row, column, width)"


def test_an_answer_in_numpy_may_use_the_methods_of_arrays() -> None:
    def native(images, P):
        B, C, H, W = images.shape
        x = images.reshape(B, C, H // P, P, W // P, P).transpose(0, 2, 4, 3, 5, 1)
        return x.reshape(B, -1, P * P * C)

    def turned(images, P):
        return native(images, P).transpose(0, 2, 1)

    def block(z, norm1, attend, norm2, mlp):
        z = z + attend(norm1(z.astype(np.float32)))
        return z + mlp(norm2(z))

    assert exercises.grade("02.patchify", native).passed
    assert "axes are transposed" in exercises.grade("02.patchify", turned).message
    assert exercises.grade("05.block", block).passed


@pytest.mark.parametrize(
    "value", [256, 256.0, np.int64(256), np.float32(256), torch.tensor(256), Fraction(256), np.array(256)]
)
def test_a_factor_may_be_any_number(value: object) -> None:
    assert same(value, 256, 1e-5)


@pytest.mark.parametrize("value", [True, "256", None, [256], np.array([256]), 256 + 1j, {256}])
def test_a_factor_is_a_number(value: object) -> None:
    assert not same(value, 256, 1e-5)


def test_rows_of_several_lengths_are_said() -> None:
    verdict = exercises.grade("07.shift", lambda codes, start: [[start] * n for n in (1, 2)])
    assert "different shapes" in verdict.message


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("02.split", lambda h, w, P: (h // P, w // P) if not h * w % P**2 else 1 / 0, "a ValueError"),
        ("04.one-hot", lambda p, t: t[p], "read from the table by index"),
        (
            "06.straight-through",
            lambda z, c: z + c[torch.cdist(z, c).argmin(1)] - z.detach(),
            "the codebook gets a gradient too",
        ),
        ("07.mask", lambda s: s.masked_fill(torch.ones(s.shape[-2:]).triu().bool(), -torch.inf).softmax(-1), "itself"),
    ],
)
def test_what_was_accepted_or_misled_is_named(id: str, answer: object, words: str) -> None:
    verdict = exercises.grade(id, answer)
    assert not verdict.passed
    assert words in verdict.message


def test_equal_shapes_are_never_called_transposed() -> None:
    verdict = exercises.grade("01.sequence", lambda images: images.double().flatten(2).transpose(1, 2))
    assert verdict.passed, verdict.message


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match=re.escape("02.patchify")):
        exercises.grade("2.patchify", None)
    with pytest.raises(ValueError, match="ask for one from 1 to"):
        exercises.hint("01.index", 9)


def test_inputs_are_the_same_on_every_call() -> None:
    for e in EVERY:
        assert [_describe(c) for c in e.inputs()] == [_describe(c) for c in e.inputs()]


def test_own_layer_norm_agrees_with_torch() -> None:
    e = REGISTRY["05.layer-norm"]
    ours = e.grade(lambda x, g, b, eps: torch.nn.functional.layer_norm(x, (x.shape[-1],), g, b, eps))
    assert ours.passed, ours.message


def test_own_attention_agrees_with_torch() -> None:
    def fused(q, k, v, heads):
        q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)

    verdict = REGISTRY["05.attention"].grade(fused)
    assert verdict.passed, verdict.message


def test_patch_convolution_gives_the_same_numbers() -> None:
    patchify, convolution = REGISTRY["02.patchify"].reference, REGISTRY["02.convolution"].reference
    images, weight = torch.rand(2, 3, 8, 12), torch.randn(48, 5)
    by_matrix = patchify(images, 4) @ weight
    by_kernel = torch.nn.functional.conv2d(images, convolution(weight, 4), stride=4).flatten(2).transpose(1, 2)
    assert torch.allclose(by_matrix, by_kernel, atol=1e-5)


def test_not_a_number_equals_itself_and_nothing_else() -> None:
    nan = float("nan")
    assert same(nan, nan, 1e-5)
    assert same(torch.tensor([nan]), torch.tensor([nan]), 1e-5)
    assert not same(nan, 0.0, 1e-5)
    assert not same(0.0, nan, 1e-5)
