"""The sampler: equal to a plain reference, one row at a time and without a cache; settings do what they say."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mmcourse.cache import Cache
from mmcourse.generation import LogitFilter, MinLength, Suppress, Temperature, TopK, TopP, beam_search, generate
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.transformer import Decoder, TransformerConfig

K, EOS = 9, 8
NOTHING = torch.empty(0, dtype=torch.long)


class Teller(nn.Module):
    """A small decoder that reads a memory (B, M, 16): the shape of Whisper and Parti. It says 9 ids and reads 10."""

    vocab_size, context_length = K, 40

    def __init__(self, seed: int = 0, layers: int = 2) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(K + 1, 16)
        self.positions = nn.Parameter(torch.randn(40, 16))
        self.decoder = Decoder(TransformerConfig(16, 4, layers, 32, cross_attention=True))
        self.head = nn.Linear(16, K)
        nn.init.normal_(self.head.weight, std=0.5)
        self.double().eval()

    def check_ids(self, ids: Tensor) -> None:
        if not 0 <= int(ids.min()) <= int(ids.max()) <= K:
            raise ValueError("no such id")

    def start(self, condition: Any = None, *, padding: Tensor | None = None) -> Cache:
        return self.decoder.start(condition, padding=padding)

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        x = self.embedding(ids) + self.positions[cache.places(ids.shape[1])]
        return self.head(self.decoder(x, cache=cache))

    def alone(self, ids: list[int], memory: Tensor) -> Tensor:
        """Logits (K,) after these ids: one row, nothing remembered, no padding."""
        x = self.embedding(torch.tensor(ids)) + self.positions[: len(ids)]
        return self.head(self.decoder(x[None], memory[None]))[0, -1]


class Fixed:
    """Says the same logits whatever was said before; a condition replaces them."""

    context_length = 100

    def __init__(self, logits: Sequence[float], dtype: torch.dtype = torch.float32) -> None:
        self.logits, self.said, self.vocab_size = torch.tensor(logits, dtype=dtype), None, len(logits)
        self.steps = 0

    def check_ids(self, ids: Tensor) -> None:
        pass

    def start(self, condition: Any = None, *, padding: Tensor | None = None) -> Cache:
        cache = Cache(1)
        cache.said = self.logits if condition is None else torch.tensor(condition)  # type: ignore[attr-defined]
        return cache

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        self.steps += 1
        return cache.said.expand(*ids.shape, -1)  # type: ignore[attr-defined]


PREFIXES = {
    "one length": torch.tensor([[9, 1], [9, 4], [9, 0]]),
    "several lengths": [torch.tensor([9, 1, 3, 3, 0]), torch.tensor([9]), torch.tensor([9, 4, 2])],
}
MEMORY = torch.randn(3, 5, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
FILTERS: dict[str, list[LogitFilter]] = {
    "free": [],
    "filtered": [Suppress((3, 5)), MinLength(4, EOS), TopK(5)],
}


def ask(model: Teller, ids: list[int], row: int, guidance: float | None) -> Tensor:
    said = model.alone(ids, MEMORY[row])
    if guidance is None:
        return said
    free = model.alone(ids, MEMORY.flip(0)[row])
    return free + guidance * (said - free)


def reference_greedy(
    model: Teller, prefix: list[int], row: int, n: int, filters: Sequence[LogitFilter], guidance: float | None
) -> list[int]:
    added: list[int] = []
    while len(added) < n and EOS not in added:
        logits = ask(model, prefix + added, row, guidance)[None]
        for rule in filters:
            logits = rule(logits, torch.tensor([added], dtype=torch.long))
        added.append(int(logits.argmax()))
    return added


def reference_beams(
    model: Teller,
    prefix: list[int],
    row: int,
    n: int,
    filters: Sequence[LogitFilter],
    guidance: float | None,
    beams: int,
    alpha: float | None,
    patience: float,
) -> tuple[list[int], float]:
    """Beam search as openai/whisper describes it, with lists and dictionaries."""
    alive: dict[tuple[int, ...], float] = {(): 0.0}
    pool: dict[tuple[int, ...], float] = {}
    wanted = round(beams * patience)
    for _ in range(n):
        candidates = {}
        for added, score in alive.items():
            logits = ask(model, [*prefix, *added], row, guidance)[None]
            for rule in filters:
                logits = rule(logits, torch.tensor([added], dtype=torch.long))
            for i, value in enumerate(logits[0].log_softmax(-1).tolist()):
                candidates[(*added, i)] = score + value
        alive = {}
        for added in sorted(candidates, key=lambda a: -candidates[a]):
            if math.isinf(candidates[added]):
                continue
            if added[-1] == EOS:
                if len(pool) < wanted:
                    pool[added] = candidates[added]
            else:
                alive[added] = candidates[added]
            if len(alive) == beams:
                break
        if len(pool) >= wanted:
            break
    for added, score in alive.items():
        if len(pool) < beams:
            pool[added] = score

    def ranked(added: tuple[int, ...]) -> float:
        length = len(added) - (added[-1] == EOS)
        return pool[added] / (max(1, length) if alpha is None else ((5 + length) / 6) ** alpha)

    best = max(pool, key=ranked)
    return list(best), ranked(best)


def ended(row: list[int]) -> list[int]:
    return row[: row.index(EOS) + 1] if EOS in row else row


@pytest.mark.parametrize("guidance", [None, 2.5])
@pytest.mark.parametrize("rules", FILTERS)
@pytest.mark.parametrize("lengths", PREFIXES)
@pytest.mark.parametrize("cached", [True, False])
def test_greedy_is_the_reference(lengths: str, rules: str, guidance: float | None, cached: bool) -> None:
    for seed in range(3):
        model, prefix, filters = Teller(seed), PREFIXES[lengths], FILTERS[rules]
        found = generate(
            model,
            prefix,
            12,
            condition=MEMORY,
            unconditional=MEMORY.flip(0),
            guidance=guidance,
            temperature=0,
            filters=filters,
            eos=EOS,
            cached=cached,
        )
        for row, ids in enumerate(found.tolist()):
            assert ended(ids) == reference_greedy(model, prefix[row].tolist(), row, 12, filters, guidance)
            assert set(ids[len(ended(ids)) :]) <= {EOS}


@pytest.mark.parametrize("guidance", [None, 1.7])
@pytest.mark.parametrize("rules", FILTERS)
@pytest.mark.parametrize("lengths", PREFIXES)
@pytest.mark.parametrize(("beams", "alpha", "patience"), [(3, 0.0, 1.0), (4, None, 2.0), (2, 1.4, 0.5), (12, 0.6, 1.0)])
def test_beams_are_the_reference(
    lengths: str, rules: str, guidance: float | None, beams: int, alpha: float | None, patience: float
) -> None:
    for seed in range(3):
        model, prefix, filters = Teller(seed, layers=1 + seed % 2), PREFIXES[lengths], FILTERS[rules]
        found = beam_search(
            model,
            prefix,
            9,
            condition=MEMORY,
            unconditional=MEMORY.flip(0),
            guidance=guidance,
            filters=filters,
            eos=EOS,
            beams=beams,
            length_penalty=alpha,
            patience=patience,
        )
        for row, (ids, score) in enumerate(zip(found.ids.tolist(), found.scores.tolist(), strict=True)):
            expected, value = reference_beams(
                model, prefix[row].tolist(), row, 9, filters, guidance, beams, alpha, patience
            )
            # What has not ended is filled with the end where another row is longer.
            assert ids[: len(expected)] == expected
            assert set(ids[len(expected) :]) <= {EOS}
            assert score == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("lengths", PREFIXES)
@pytest.mark.parametrize(
    "settings", [{}, {"filters": [TopK(3)]}, {"filters": [TopP(0.8)], "temperature": 1.3}], ids=str
)
def test_the_cache_changes_no_sample(settings: dict[str, Any], lengths: str) -> None:
    prefix = PREFIXES[lengths]
    found = [generate(Teller(), prefix, 20, condition=MEMORY, seed=5, cached=c, **settings) for c in (True, False)]
    assert found[0].shape == (3, 20)
    assert torch.equal(*found)


def test_cross_keys_are_computed_once_for_all_beams_and_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls, seen = Teller(), [], []
    for block in model.decoder.blocks:
        block.cross_attention.key.register_forward_hook(lambda *_: calls.append(1))
        block.cross_attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1][0].data_ptr()))
    beam_search(model, PREFIXES["one length"], 9, condition=MEMORY, beams=4)
    assert len(calls) == 2  # layers
    assert len(seen) == 18
    assert len(set(seen)) == 2


def image_model(seed: int = 0, colours: int = 11) -> ImageGPT:
    torch.manual_seed(seed)
    made = ImageGPT(
        ImageGPTConfig(image_size=6, colours=colours, width=32, layers=2, heads=4, mlp=64, position_std=0.5)
    )
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return made.eval()


def test_a_picture_is_continued_as_the_model_would() -> None:
    model = image_model()
    codes = torch.randint(11, (3, 17), generator=torch.Generator().manual_seed(0))
    added = generate(model, model.prompt(codes), 19, temperature=0)
    with torch.no_grad():
        assert torch.equal(model(torch.cat([codes, added], 1))[:, 17:].argmax(-1), added)
    assert generate(model, model.prompt(codes), 0).shape == (3, 0)


def test_seeds_repeat_and_differ() -> None:
    model = image_model()
    first, again, other = (generate(model, torch.full((2, 1), 11), 20, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sampling_follows_the_probabilities() -> None:
    share = torch.tensor([0.5, 0.3, 0.15, 0.05])
    many = torch.zeros(20_000, 1, dtype=torch.long)
    for temperature in (1.0, 0.5):
        drawn = generate(Fixed(share.log().tolist()), many, 1, temperature=temperature).flatten()
        wanted = share ** (1 / temperature)
        assert (drawn.bincount(minlength=4) / 20_000 - wanted / wanted.sum()).abs().max() < 0.015


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9, unique=True), st.floats(0.05, 1.0))
def test_top_p_keeps_the_fewest_that_suffice(logits: list[float], p: float) -> None:
    row = torch.tensor([logits])
    kept = TopP(p)(row, NOTHING).isfinite()[0]
    share = row.softmax(-1)[0].sort(descending=True).values
    assert share[: int(kept.sum())].sum() >= p - 1e-5
    assert share[: int(kept.sum()) - 1].sum() < p + 1e-5
    assert row[0][kept].min() >= row[0][~kept].max() if (~kept).any() else True


def test_top_k_keeps_k() -> None:
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    for k in (1, 3):
        kept = TopK(k)(logits, NOTHING)
        assert kept.isfinite().sum(1).tolist() == [k] * 4
        assert torch.equal(kept.argmax(-1), logits.argmax(-1))
    assert torch.equal(TopK(99)(logits, NOTHING), logits)


def test_nothing_is_added_where_nothing_is_asked_for() -> None:
    start = torch.tensor([[11, 1], [11, 2]])
    assert generate(image_model(), start, 0).shape == (2, 0)
    with pytest.raises(ValueError, match="at least 1"):
        beam_search(image_model(), start, 0, beams=2)


def test_the_likeliest_alone_is_greedy_whatever_the_seed() -> None:
    start = torch.tensor([[11, 1], [11, 2]])
    greedy = generate(image_model(), start, 6, temperature=0)
    for seed in range(3):
        assert torch.equal(generate(image_model(), start, 6, filters=[TopK(1)], seed=seed), greedy)


def test_rules_act_in_their_order() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0]])
    sharp_first = TopP(0.95)(Temperature(0.5)(logits, NOTHING), NOTHING)
    assert sharp_first.isfinite().tolist() == [[True, True, False]]  # shares 0.87, 0.12, 0.02
    assert TopP(0.95)(logits, NOTHING).isfinite().all()  # 0.67, 0.24, 0.09


def test_guidance_goes_from_the_free_to_the_conditioned_and_beyond() -> None:
    model, start = Fixed([0.0, 0.0, 0.0]), torch.zeros(1, 1, dtype=torch.long)

    def say(scale: float) -> int:
        conditions = {"condition": [0.0, 1.0, 0.9], "unconditional": [0.0, 0.8, 0.0]}
        return int(generate(model, start, 1, temperature=0, guidance=scale, **conditions))

    assert [say(0.0), say(1.0), say(3.0)] == [1, 1, 2]  # 0.8 + 3 · 0.2 = 1.4 against 0 + 3 · 0.9 = 2.7


def test_after_the_end_comes_only_the_end() -> None:
    ids = generate(Fixed([0.0, 0.0, 0.0]), torch.zeros(50, 1, dtype=torch.long), 30, eos=2)
    for row in ids.tolist():
        assert 2 not in row or set(row[row.index(2) :]) == {2}
    assert generate(Fixed([0.0, 0.0, 9e9]), torch.zeros(2, 1, dtype=torch.long), 30, eos=2).tolist() == [[2], [2]]


@pytest.mark.parametrize("temperature", [1e-6, 1e-4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_cold_sampler_is_greedy(temperature: float, dtype: torch.dtype) -> None:
    cold = generate(Fixed([1.0, 1.5, -60.0], dtype), torch.zeros(4, 1, dtype=torch.long), 3, temperature=temperature)
    assert cold.tolist() == [[1, 1, 1]] * 4


def test_beams_find_what_exhaustive_search_finds() -> None:
    small = image_model(3, colours=4)
    prefix = small.prompt(torch.randint(4, (2, 5), generator=torch.Generator().manual_seed(0)))
    found = beam_search(small, prefix, 4, beams=64)
    for row, ids, score in zip(prefix, found.ids, found.scores, strict=True):
        every = torch.tensor([[*row[1:].tolist(), *rest] for rest in itertools.product(range(4), repeat=4)])
        with torch.no_grad():
            said = small(every).log_softmax(-1)[:, 5:].gather(2, every[:, 5:, None]).sum((1, 2))
        assert score.item() == pytest.approx(said.max().item(), abs=1e-4)
        assert torch.equal(ids, every[said.argmax(), 5:])


def test_one_beam_is_greedy_and_more_are_never_worse() -> None:
    start = torch.tensor([[11, 1], [11, 2]])
    greedy = generate(image_model(), start, 12, temperature=0)
    one, five = (beam_search(image_model(), start, 12, beams=beams) for beams in (1, 5))
    assert torch.equal(one.ids, greedy)
    assert (five.scores >= one.scores - 1e-4).all()


def test_a_length_penalty_outweighs_an_early_end() -> None:
    """Ids 0 (likely) and 1 (the end, a little likelier): alone the end wins, with a penalty the longest that ends."""
    model, start = Fixed([0.0, 0.1]), torch.zeros(2, 1, dtype=torch.long)
    short, long = (beam_search(model, start, 5, beams=4, eos=1, length_penalty=a, patience=9) for a in (0.0, 4.0))
    log = torch.tensor([0.0, 0.1]).log_softmax(0)
    assert short.ids.tolist() == [[1], [1]]
    assert torch.allclose(short.scores, log[1].expand(2))
    assert long.ids.tolist() == [[0, 0, 0, 0, 1]] * 2
    assert torch.allclose(long.scores, ((4 * log[0] + log[1]) / (9 / 6) ** 4).expand(2))


START = torch.zeros(2, 1, dtype=torch.long)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("search", [generate, beam_search])
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"model": Fixed([NAN, 0.0])}, "NaN after 0 added"),
        ({"model": Fixed([INF, 0.0])}, "infinity after 0 added"),
        ({"model": Fixed([-INF, -INF])}, "no choice after 0 added"),
        ({"filters": [Suppress((0, 1))]}, "filters left no choice"),
        ({"filters": [Suppress((7,))]}, "ids 0 to 1"),
        ({"prefix": torch.zeros(3)}, "int64 ids"),
        ({"prefix": torch.zeros(3, 2)}, "int64 ids"),
        ({"prefix": torch.zeros(3, 0, dtype=torch.long)}, "n of at least 1"),
        ({"prefix": []}, "empty list"),
        ({"prefix": [torch.zeros(2, 2, dtype=torch.long)]}, "list of"),
        ({"eos": 2}, "eos=2 is outside"),
        ({"eos": -1}, "eos is -1"),
        ({"max_new_tokens": 101}, "add at most 100"),
        ({"max_new_tokens": -1}, "max_new_tokens is -1"),
        ({"guidance": NAN}, "guidance is nan; it must be a finite"),
    ],
)
def test_bad_input_is_one_line_of_both(search: Callable[..., object], settings: dict[str, Any], says: str) -> None:
    model = settings.get("model", Fixed([0.0, 1.0]))
    model.steps = 0
    arguments = {"model": model, "prefix": START, "max_new_tokens": 3} | settings
    with pytest.raises(ValueError, match=says) as error:
        search(**arguments)
    assert "\n" not in str(error.value)
    assert model.steps <= 1


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: generate(Fixed([0.0]), START, 3, temperature=-1), "temperature is -1"),
        (lambda: generate(Fixed([0.0]), START, 3, temperature=1e-40), "temperature is 1e-40; give 0"),
        (lambda: generate(Fixed([0.0]), START, 3, temperature=NAN), "temperature is nan"),
        (lambda: generate(Fixed([0.0]), START, 3, temperature=INF), "temperature is inf"),
        (lambda: Temperature(NAN), "temperature is nan"),
        (lambda: TopK(0), "k of TopK is 0"),
        (lambda: TopP(0), "above 0"),
        (lambda: TopP(1.1), "up to 1"),
        (lambda: TopK(2.0), "whole number"),  # type: ignore[arg-type]
        (lambda: Suppress(3), "Suppress\\(\\(3,\\)\\)"),  # type: ignore[arg-type]
        (lambda: Suppress((-1,)), "id of Suppress is -1"),
        (lambda: MinLength(2, -1), "eos of MinLength is -1"),
        (lambda: MinLength(-1, 0), "n of MinLength is -1"),
        (lambda: TopP(NAN), "above 0"),
        (lambda: beam_search(Fixed([0.0]), START, 3, beams=0), "at least 1"),
        (lambda: beam_search(Fixed([0.0]), START, 3, length_penalty=NAN), "length_penalty is nan; it must be a finite"),
        (lambda: beam_search(Fixed([0.0]), START, 3, patience=NAN), "patience is nan"),
        (lambda: generate(image_model(), torch.full((1, 1), 12), 3), "palette has 11"),
        (lambda: generate(image_model(), torch.full((1, 1), 11), 37), "add at most 36"),
        (lambda: generate(Teller(), START, 3, condition=MEMORY), "2 rows of tokens"),
    ],
)
def test_bad_settings_are_one_line(call: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
