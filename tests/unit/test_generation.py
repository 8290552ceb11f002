"""The sampler: the cache changes nothing, settings do what they say, beams find what exhaustive search finds."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmcourse.generation import beam_search, generate, keep_top_k, keep_top_p
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.transformer import Cache

NOTHING = torch.empty(2, 0, dtype=torch.long)


def model(seed: int = 0, colours: int = 11) -> ImageGPT:
    torch.manual_seed(seed)
    made = ImageGPT(
        ImageGPTConfig(image_size=6, colours=colours, width=32, layers=2, heads=4, mlp=64, position_std=0.5)
    )
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return made.eval()


class Fixed:
    """Says the same logits whatever was said before."""

    def __init__(self, logits: list[float]) -> None:
        self.logits = torch.tensor(logits)

    def new_cache(self) -> Cache:
        return Cache(1)

    def next_logits(self, tokens: torch.Tensor, cache: Cache | None = None) -> torch.Tensor:
        return self.logits.expand(len(tokens), -1)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {}, {"top_k": 3}, {"top_p": 0.8, "temperature": 1.3}], ids=str
)
def test_the_cache_changes_no_token(settings: dict[str, float]) -> None:
    tokens = [generate(model(), NOTHING, 36, seed=5, cached=cached, **settings) for cached in (True, False)]
    assert tokens[0].shape == (2, 36)
    assert torch.equal(*tokens)


def test_a_prefix_is_kept_and_continued_as_the_model_would() -> None:
    prefix = torch.randint(11, (3, 17), generator=torch.Generator().manual_seed(0))
    tokens = generate(model(), prefix, 19, temperature=0)
    assert torch.equal(tokens[:, :17], prefix)
    with torch.no_grad():
        assert torch.equal(model()(tokens)[:, 17:].argmax(-1), tokens[:, 17:])


def test_seeds_repeat_and_differ() -> None:
    first, again, other = (generate(model(), NOTHING, 20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sampling_follows_the_probabilities() -> None:
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    many = torch.empty(20_000, 0, dtype=torch.long)
    drawn = torch.bincount(generate(Fixed(share.log().tolist()), many, 1).flatten(), minlength=4) / 20_000
    assert (drawn - share).abs().max() < 0.015
    sharper = torch.bincount(generate(Fixed(share.log().tolist()), many, 1, temperature=0.5).flatten(), minlength=4)
    assert (sharper / 20_000 - share.square() / share.square().sum()).abs().max() < 0.015


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9, unique=True), st.floats(0.05, 1.0))
def test_top_p_keeps_the_fewest_that_suffice(logits: list[float], p: float) -> None:
    row = torch.tensor([logits])
    kept = keep_top_p(row, p).isfinite()[0]
    share = row.softmax(-1)[0].sort(descending=True).values
    assert share[: int(kept.sum())].sum() >= p - 1e-5
    assert share[: int(kept.sum()) - 1].sum() < p + 1e-5
    assert row[0][kept].min() >= row[0][~kept].max() if (~kept).any() else True


def test_top_k_keeps_k() -> None:
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    assert keep_top_k(logits, 3).isfinite().sum(1).tolist() == [3] * 4
    assert torch.equal(keep_top_k(logits, 99), logits)


def test_guidance_goes_from_the_free_to_the_conditioned_and_beyond() -> None:
    conditioned, free = Fixed([0.0, 1.0, 0.9]), Fixed([0.0, 0.8, 0.0])
    say = lambda scale: int(generate(conditioned, NOTHING[:1], 1, temperature=0, without=free, guidance=scale))  # noqa: E731
    assert [say(0.0), say(1.0), say(3.0)] == [1, 1, 2]  # 0.8 + 3 · 0.2 = 1.4 against 0 + 3 · 0.9 = 2.7


def test_after_the_stop_comes_only_the_stop() -> None:
    tokens = generate(Fixed([0.0, 0.0, 0.0]), torch.empty(50, 0, dtype=torch.long), 30, stop=2)
    for row in tokens.tolist():
        assert 2 not in row or set(row[row.index(2) :]) == {2}
    assert generate(Fixed([0.0, 0.0, 9e9]), NOTHING, 30, stop=2).tolist() == [[2], [2]]


def test_beams_find_what_exhaustive_search_finds() -> None:
    small = model(3, colours=4)
    prefix = torch.randint(4, (2, 5), generator=torch.Generator().manual_seed(0))
    found = beam_search(small, prefix, 4, beams=64)
    for row, tokens, score in zip(prefix, found.tokens, found.scores, strict=True):
        every = torch.tensor([[*row.tolist(), *rest] for rest in itertools.product(range(4), repeat=4)])
        with torch.no_grad():
            said = small(every).log_softmax(-1)[:, 5:].gather(2, every[:, 5:, None]).sum((1, 2))
        assert score.item() == pytest.approx(said.max().item(), abs=1e-4)
        assert torch.equal(tokens, every[said.argmax()])


def test_one_beam_is_greedy_and_more_are_never_worse() -> None:
    start = torch.tensor([[1], [2]])
    greedy = generate(model(), start, 12, temperature=0)
    scores = [beam_search(model(), start, 12, beams=beams).scores for beams in (1, 5)]
    assert torch.equal(beam_search(model(), start, 12, beams=1).tokens, greedy)
    assert (scores[1] >= scores[0] - 1e-4).all()


def test_an_ended_beam_stays_ended() -> None:
    found = beam_search(Fixed([0.1, 0.0, 0.3]), NOTHING, 5, beams=3, stop=2)
    assert found.tokens.tolist() == [[2, 2, 2], [2, 2, 2]] or found.tokens[:, 0].tolist() == [2, 2]
    assert torch.allclose(found.scores, torch.tensor([0.1, 0.0, 0.3]).log_softmax(0)[2].expand(2))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: generate(model(), NOTHING, 3, temperature=-1), "negative"),
        (lambda: generate(model(), NOTHING, 3, top_k=0), "top_k=0"),
        (lambda: generate(model(), NOTHING, 3, top_p=0), "top_p=0"),
        (lambda: generate(model(), torch.zeros(3), 3), "give \\(B, n\\)"),
        (lambda: generate(Fixed([float("nan"), 0.0]), NOTHING, 3), "NaN after 0 tokens"),
        (lambda: beam_search(model(), NOTHING, 3, beams=0), "at least 1"),
    ],
)
def test_bad_settings_are_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
