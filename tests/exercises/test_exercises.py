# ruff: noqa: N803  (B, N, D, P, E are the letters of the field)
import itertools
import re

import pytest
import torch

from mmcourse import exercises
from mmcourse.exercises.core import REGISTRY, Exercise, _describe, same

EVERY = list(REGISTRY.values())
WRONG = [(e.id, hint) for e in EVERY for hint in e.wrong]


@pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.id)
def test_reference_passes_twice_with_the_same_words(exercise: Exercise) -> None:
    first, second = exercise.grade(exercise.reference), exercise.grade(exercise.reference)
    assert first.passed, first.message
    assert first == second


@pytest.mark.parametrize(("id", "hint"), WRONG, ids=[f"{i}-{n}" for n, (i, _) in enumerate(WRONG)])
def test_wrong_solution_gets_its_own_hint(id: str, hint: str) -> None:
    verdict = exercises.grade(id, REGISTRY[id].wrong[hint])
    assert not verdict.passed
    assert hint in verdict.message


@pytest.mark.parametrize("exercise", EVERY, ids=lambda e: e.id)
def test_every_exercise_names_mistakes_and_shows_a_card(exercise: Exercise) -> None:
    assert len(exercise.wrong) >= 3
    assert exercise.hints
    assert len(exercise.inputs()) >= 2
    card = exercises.card(exercise.id)
    for needed in (exercise.id, "difficulty", "importance", f"{exercise.minutes} minutes", 'class="mm-exercise'):
        assert needed in card.html
    assert "def " in exercises.solution(exercise.id).html
    assert "mmcourse.transformer" not in exercises.solution(exercise.id).html


def test_every_chapter_has_four() -> None:
    chapters = [e.chapter for e in EVERY]
    assert all(chapters.count(c) >= 4 for c in range(1, 8))
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

    def doubled(*args):
        out = right(*args)
        return out.half() if out.dtype != torch.float16 else out

    def off(*args):
        return right(*args) + 100

    for answer, words in (
        (in_place, "your function changed its input"),
        (random, "gave different results"),
        *([(turned, "the axes are transposed")] if right(*exercise.inputs()[0]).dim() > 1 else []),
        (doubled, "wrong dtype"),
        (off, "values are not"),
    ):
        verdict = exercise.grade(answer)
        assert not verdict.passed
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
    assert "\n" not in verdict.message
    for nothing in (silent, later, None, ..., NotImplemented, lambda *args: NotImplemented):
        verdict = exercise.grade(nothing)
        assert not verdict.passed
        assert not verdict.written
        assert "not written yet" in verdict.message


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


def test_check_and_hint_print_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    exercises.check("01.index", lambda row, column, width: row * width + column)
    exercises.check("01.index", lambda row, column, width: column * width + row)
    exercises.check("01.index", ...)
    exercises.hint("01.index", 1)
    lines = capsys.readouterr().out.splitlines()
    assert [line[0] for line in lines] == ["✓", "✗", "·", "H"]
    assert "row and column are swapped" in lines[1]


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ValueError, match=re.escape("02.patchify")):
        exercises.grade("2.patchify", None)
    with pytest.raises(ValueError, match="ask for one from 1 to"):
        exercises.hint("01.index", 9)


def test_no_two_hints_of_an_exercise_are_the_same_mistake() -> None:
    for e in EVERY:
        for (h1, f1), (h2, _) in itertools.combinations(e.wrong.items(), 2):
            assert h2 not in e.grade(f1).message, (e.id, h1, h2)


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
