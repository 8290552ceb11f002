"""What stays: shapes, masks, the cache, and the written-out attention against the fused one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.transformer import (
    AttentionMaps,
    Cache,
    Decoder,
    Encoder,
    EncoderDecoder,
    ScaleNorm,
    TransformerConfig,
)


def config(**changes: object) -> TransformerConfig:
    return TransformerConfig(**{"width": 16, "heads": 4, "layers": 2, "mlp": 32, **changes})  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.sampled_from([1, 2, 4]), st.sampled_from(["layer", "scale"]))
def test_encoder_is_permutation_equivariant(batch: int, tokens: int, heads: int, norm: str) -> None:
    encoder = Encoder(config(heads=heads, norm=norm)).double()
    x = torch.randn(batch, tokens, 16, dtype=torch.float64)
    order = torch.randperm(tokens)
    assert torch.allclose(encoder(x)[:, order], encoder(x[:, order]), atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 10), st.data())
def test_cache_equals_no_cache(tokens: int, data: st.DataObject) -> None:
    """However a sequence is cut into pieces, the decoder says the same."""
    decoder = Decoder(config()).double()
    x = torch.randn(2, tokens, 16, dtype=torch.float64)
    cuts = sorted(data.draw(st.sets(st.integers(1, tokens - 1))))
    cache, pieces = Cache(2), []
    for start, end in zip([0, *cuts], [*cuts, tokens], strict=True):
        pieces.append(decoder(x[:, start:end], cache=cache))
    assert cache.length == tokens
    assert torch.allclose(torch.cat(pieces, 1), decoder(x), atol=1e-10)


def test_cache_grows_past_its_first_room() -> None:
    decoder = Decoder(config()).double()
    x = torch.randn(1, 150, 16, dtype=torch.float64)
    cache = Cache(2)
    steps = torch.cat([decoder(x[:, i : i + 1], cache=cache) for i in range(150)], 1)
    assert torch.allclose(steps, decoder(x), atol=1e-10)


def test_cache_follows_chosen_rows() -> None:
    decoder = Decoder(config(cross_attention=True)).double()
    x, memory = torch.randn(3, 5, 16, dtype=torch.float64), torch.randn(3, 4, 16, dtype=torch.float64)
    rows = torch.tensor([2, 0, 2])
    cache = Cache(2)
    decoder(x[:, :4], memory, cache=cache)
    cache.select(rows)
    step = decoder(x[rows, 4:], memory[rows], cache=cache)
    assert torch.allclose(step, decoder(x, memory)[rows, 4:], atol=1e-10)


def test_a_decoder_never_looks_ahead() -> None:
    decoder = Decoder(config()).double()
    x = torch.randn(1, 8, 16, dtype=torch.float64)
    changed = x.clone()
    changed[:, 5] = torch.randn(16, dtype=torch.float64)  # a constant alone would vanish in the norm
    before, after = decoder(x), decoder(changed)
    assert torch.equal(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_padding_is_not_read() -> None:
    encoder = Encoder(config()).double()
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    padding = torch.zeros(2, 6, dtype=torch.bool)
    padding[:, 4:] = True
    longer = x.clone()
    longer[:, 4:] = 99.0
    assert torch.allclose(encoder(longer, padding=padding)[:, :4], encoder(x[:, :4]), atol=1e-10)


def test_padding_in_front_of_a_decoder_gives_no_nan() -> None:
    decoder = Decoder(config()).double()
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    padding = torch.tensor([[True, True, False, False, False, False]])
    for maps in (None, AttentionMaps()):
        assert torch.allclose(decoder(x, padding=padding, maps=maps)[:, 2:], decoder(x[:, 2:]), atol=1e-10)


@pytest.mark.parametrize("cross", [False, True])
def test_maps_are_probabilities_and_change_nothing(cross: bool) -> None:
    decoder = Decoder(config(cross_attention=cross)).double()
    x = torch.randn(2, 5, 16, dtype=torch.float64)
    memory = torch.randn(2, 3, 16, dtype=torch.float64) if cross else None
    maps = AttentionMaps()
    with_maps = decoder(x, memory, maps=maps)
    assert torch.allclose(with_maps, decoder(x, memory), atol=1e-10)
    assert [tuple(m.shape) for m in maps.own] == [(2, 4, 5, 5)] * 2
    assert [tuple(m.shape) for m in maps.cross] == [(2, 4, 5, 3)] * (2 * cross)
    for weights in maps.own + maps.cross:
        assert torch.allclose(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert torch.equal(maps.own[0].triu(1), torch.zeros_like(maps.own[0]))


def test_encoder_decoder_reads_its_source() -> None:
    model = EncoderDecoder(config(), config(cross_attention=True))
    source, target = torch.randn(2, 7, 16), torch.randn(2, 5, 16)
    out = model(source, target)
    assert out.shape == (2, 5, 16)
    assert not torch.allclose(out, model(source + torch.randn_like(source), target))


def test_biases_can_be_left_out() -> None:
    options = dict.fromkeys(("query_bias", "key_bias", "value_bias", "out_bias", "mlp_bias"), False)
    names = [n for n, _ in Encoder(config(norm="scale", **options)).named_parameters()]
    assert not [n for n in names if n.endswith("bias")]


def test_scale_norm_keeps_the_mean() -> None:
    """ImageGPT's norm divides by the root mean square and subtracts nothing."""
    x = torch.full((1, 16), 3.0)
    assert torch.allclose(ScaleNorm(16, 1e-5)(x), torch.ones(1, 16), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"heads": 3}, "3 heads"),
        ({"layers": 0}, "layers is 0"),
        ({"activation": "relu6"}, "relu6"),
        ({"norm": "batch"}, "batch"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        config(**changes)
    assert "\n" not in str(caught.value)


def test_bad_calls_are_refused_in_one_line() -> None:
    encoder, decoder = Encoder(config()), Decoder(config(cross_attention=True))
    x = torch.randn(2, 5, 16)
    for call in (
        lambda: encoder(torch.randn(2, 5, 8)),
        lambda: encoder(x[:0]),
        lambda: encoder(x, padding=torch.zeros(2, 4, dtype=torch.bool)),
        lambda: decoder(x),
        lambda: decoder(x, x, cache=Cache(5)),
        lambda: Decoder(config())(x, x),
        lambda: Encoder(config(cross_attention=True)),
    ):
        with pytest.raises(ValueError, match=r"\S") as caught:
            call()
        assert "\n" not in str(caught.value)
