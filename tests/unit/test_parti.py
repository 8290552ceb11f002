"""Parti by itself: published sizes, step by step as all at once, guidance as written, pictures of texts in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmcourse.drawing import draw, rerank
from mmcourse.generation import generate
from mmcourse.models import Parti, PartiConfig
from mmcourse.tokens.text import VocabularyError
from mmcourse.tokens.vq import VQConfig

MERGES = ("a b", "c d", "ab cd")
SMALL = PartiConfig(
    tokenizer=VQConfig(stride=4, width=8, encoder=1, decoder=1, codes=11, code_width=4), grid=(2, 3),
    text_vocab_size=260, text_context=9, width=24, mlp=32, encoder_layers=2, decoder_layers=2, heads=3, merges=MERGES,
)  # fmt: skip
TEXTS = ["abcd ab", "c", ""]
CODES = torch.randint(11, (3, 6), generator=torch.Generator().manual_seed(2))


@pytest.fixture
def model() -> Parti:
    torch.manual_seed(0)
    found = Parti(SMALL).eval().double()
    with torch.no_grad():
        for parameter in found.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    return found


@pytest.mark.parametrize(
    ("name", "millions"), [("parti-350m", 350), ("parti-750m", 750), ("parti-3b", 3000), ("parti-20b", 20_000)]
)
def test_published_sizes_have_their_parameters(name: str, millions: int) -> None:
    """12 D² in a layer that reads and 16 D² in one that writes are what the published names count."""
    with torch.device("meta"):
        model = Parti(PartiConfig.preset(name))
    c = model.config
    counted = sum(p.numel() for half in (model.encoder, model.decoder) for p in half.parameters())
    matrices = (12 * c.encoder_layers + 16 * c.decoder_layers) * c.width**2
    assert counted == pytest.approx(matrices, rel=2e-3)  # biases and norms
    assert counted / 1e6 == pytest.approx(millions, rel=0.025)
    assert (model.vocab_size, model.context_length, c.text_context) == (8192, 1024, 128)


@pytest.mark.parametrize("pieces", [[6], [1] * 6, [2, 1, 3]], ids=str)
def test_one_step_at_a_time_is_all_at_once(model: Parti, pieces: list[int]) -> None:
    words = model.words(TEXTS)
    whole = model(words.ids, CODES, words.padding)
    cache = model.start(model.read(words))
    steps = torch.cat([model.step(ids, cache) for ids in model.prompt(CODES[:, :-1]).split(pieces, 1)], 1)
    assert torch.allclose(steps, whole, atol=1e-12)
    for i, text in enumerate(TEXTS):  # and what fills a shorter text changes nothing
        alone = model.words([text])
        assert torch.allclose(model(alone.ids, CODES[i : i + 1]), whole[i : i + 1], atol=1e-12)


def test_cached_and_uncached_decoding_draw_the_same(model: Parti) -> None:
    first = torch.full((3, 1), model.start_id)
    options: dict[str, Any] = {"condition": TEXTS, "unconditional": ["", "", ""], "guidance": 2.0}
    one, two = (generate(model, first, 6, cached=cached, **options) for cached in (True, False))
    assert torch.equal(one, two)


def test_guidance_is_the_written_out_formula(model: Parti) -> None:
    """G(z) + lambda (G(z, c) - G(z)) at every step, by hand and without a cache."""
    scale, ids = 3.0, torch.empty(3, 0, dtype=torch.long)
    words, empty = model.words(TEXTS), model.words([""] * 3)
    with torch.no_grad():
        for _ in range(6):
            asked = torch.nn.functional.pad(ids, (0, 1))
            given = model(words.ids, asked, words.padding)[:, -1]
            free = model(empty.ids, asked, empty.padding)[:, -1]
            ids = torch.cat([ids, (free + scale * (given - free)).argmax(-1, keepdim=True)], 1)
    assert torch.equal(draw(model, TEXTS, guidance=scale, temperature=0).codes[:, 0], ids)
    unguided = draw(model, TEXTS, temperature=0).codes
    assert torch.equal(draw(model, TEXTS, guidance=1.0, temperature=0).codes, unguided)
    free = draw(model, TEXTS, guidance=0.0, temperature=0).codes
    assert torch.equal(free, free[2:].expand(3, -1, -1)), "without a caption all rows are one"


def test_several_pictures_of_a_text_are_ordered_by_a_judge(model: Parti) -> None:
    drawn = draw(model, TEXTS, samples=4, seed=1)
    assert drawn.images.shape == (3, 4, 3, 8, 12)
    assert torch.equal(drawn.images[1], model.decode(drawn.codes[1]))
    assert torch.equal(drawn.codes, draw(model, TEXTS, samples=4, seed=1).codes)
    assert len(drawn.codes[0].unique(dim=0)) > 1

    def bright(images: Tensor, texts: list[str]) -> Tensor:
        assert len(set(texts)) == 1
        return images.flatten(1).mean(1)

    order = rerank(drawn.images, TEXTS, bright)
    for images, places in zip(drawn.images, order, strict=True):
        values = images[places].flatten(1).mean(1)
        assert values.tolist() == sorted(values.tolist(), reverse=True)


def test_likelihoods_of_all_pictures_sum_to_one() -> None:
    torch.manual_seed(0)
    config = PartiConfig.from_dict(vars(SMALL) | {"grid": 2, "tokenizer": VQConfig(codes=3, width=8)})
    model = Parti(config).double().eval()
    torch.nn.init.normal_(model.head.weight)
    every = torch.cartesian_prod(*[torch.arange(3)] * 4)
    with torch.no_grad():
        nats = model.negative_log_likelihood(["abcd"] * len(every), every)
    assert nats.neg().exp().sum().item() == pytest.approx(1.0)


def test_the_tokenizer_is_not_trained_with_the_rest_and_travels_with_it(model: Parti, tmp_path: Path) -> None:
    assert not any(p.requires_grad for p in model.tokenizer.parameters())
    pictures = torch.rand(2, 3, 8, 12, dtype=torch.float64)
    assert model.encode(pictures).shape == (2, 6)
    model.save_pretrained(tmp_path / "p.safetensors")
    again = Parti.from_pretrained(tmp_path / "p.safetensors")
    assert again.config == SMALL
    assert torch.equal(again.encode(pictures), model.encode(pictures))
    assert torch.equal(draw(again, TEXTS).codes, draw(model, TEXTS).codes)


def test_it_exports_and_has_a_shape_without_numbers(model: Parti) -> None:
    words = model.words(TEXTS)
    program = torch.export.export(model, (words.ids, CODES, words.padding)).module()
    with torch.no_grad():
        assert torch.allclose(program(words.ids, CODES, words.padding), model(words.ids, CODES, words.padding))
    with torch.device("meta"):
        logits = Parti(SMALL)(torch.zeros(2, 4, dtype=torch.long), torch.zeros(2, 6, dtype=torch.long))
    assert logits.shape == (2, 6, 11)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda m: m.words("abcd"), "list of them"),
        (lambda m: m.words([]), "list of them"),
        (lambda m: m.words(["c " * 20]), "this model reads 9"),
        (lambda m: m.start(), "list of texts"),
        (lambda m: m.check_ids(CODES + 3), "0 to 10, and 11 starts"),
        (lambda m: m(m.words(["c"]).ids, CODES[:1].float()), "int64"),
        (lambda m: m(m.words(["c"]).ids, torch.zeros(1, 8, dtype=torch.long)), "6 a row"),
        (lambda m: m(torch.zeros(1, 10, dtype=torch.long), CODES[:1]), "9 a row"),
        (lambda m: m.encode(torch.rand(1, 3, 8, 8).double()), "8 x 12"),
        (lambda m: draw(m, TEXTS, samples=0), "samples"),
        (lambda m: rerank(torch.rand(2, 1, 3, 8, 8), TEXTS, lambda i, t: i), "one text a row"),
        (lambda m: rerank(torch.rand(3, 2, 3, 8, 8), TEXTS, lambda i, t: i), "one number each"),
        (lambda m: PartiConfig(grid=0), "grid"),
        (lambda m: PartiConfig(tokenizer=None), "VQConfig"),  # type: ignore[arg-type]
        (lambda m: PartiConfig(heads=3), "heads"),
    ],
)
def test_bad_input_is_one_line(model: Parti, call: Any, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as caught:
        call(model)
    assert "\n" not in str(caught.value)


def test_a_published_size_has_no_vocabulary_here() -> None:
    with torch.device("meta"):
        model = Parti(PartiConfig.preset("parti-350m"))
    with pytest.raises(VocabularyError, match="give the model its merges"):
        model.words(["a cat"])
