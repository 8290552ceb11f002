"""What stays: shapes, masks, the cache, and the written-out attention against the fused one."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.transformer import (
    AttentionMaps,
    Cache,
    Decoder,
    Encoder,
    TransformerConfig,
    make_norm,
)


def config(**changes: object) -> TransformerConfig:
    return TransformerConfig(**{"width": 16, "heads": 4, "layers": 2, "mlp": 32, **changes})  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.sampled_from([1, 2, 4]), st.sampled_from(["layer", "rms"]))
def test_encoder_is_permutation_equivariant(batch: int, tokens: int, heads: int, norm: str) -> None:
    encoder = Encoder(config(heads=heads, norm=norm)).double()
    x = torch.randn(batch, tokens, 16, dtype=torch.float64)
    order = torch.randperm(tokens)
    assert torch.allclose(encoder(x)[:, order], encoder(x[:, order]), atol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 10), st.integers(1, 2), st.data())
def test_cache_equals_no_cache(tokens: int, layers: int, data: st.DataObject) -> None:
    """However a sequence is cut into pieces, the decoder says the same; one layer is enough for a cache."""
    decoder = Decoder(config(layers=layers)).double()
    x = torch.randn(2, tokens, 16, dtype=torch.float64)
    cuts = sorted(data.draw(st.sets(st.integers(1, tokens - 1))))
    cache, pieces = decoder.start(), []
    for start, end in zip([0, *cuts], [*cuts, tokens], strict=True):
        pieces.append(decoder(x[:, start:end], cache=cache))
    assert cache.length == tokens
    assert torch.allclose(torch.cat(pieces, 1), decoder(x), atol=1e-10)


def test_cache_grows_past_its_first_room() -> None:
    decoder = Decoder(config()).double()
    x = torch.randn(1, 150, 16, dtype=torch.float64)
    cache = decoder.start()
    steps = torch.cat([decoder(x[:, i : i + 1], cache=cache) for i in range(150)], 1)
    assert torch.allclose(steps, decoder(x), atol=1e-10)


def test_what_is_read_is_added_to_what_was_there() -> None:
    """With the last weights of all sub-layers 0 only the residual path is left; then one of them speaks alone."""
    decoder = Decoder(config(cross_attention=True, final_norm=False)).double()
    outputs = [layer for block in decoder.blocks for layer in (block.self_attention.out, block.cross_attention.out,
                                                               block.mlp.down)]  # fmt: skip
    for layer in outputs:
        torch.nn.init.zeros_(layer.weight)
    x, memory = torch.randn(2, 5, 16, dtype=torch.float64), torch.randn(2, 3, 16, dtype=torch.float64)
    assert torch.equal(decoder(x, memory), x)
    block = decoder.blocks[0]
    torch.nn.init.normal_(block.cross_attention.out.weight)
    read = block.cross_attention.keys_values(memory)
    said = block.cross_attention(block.cross_attention.queries(block.cross_attention_norm(x)), read)
    assert torch.allclose(decoder(x, memory), x + said, atol=1e-10)


@pytest.mark.parametrize("wrong", ["float64", "list", "array"])
def test_tokens_of_another_kind_are_one_line(wrong: str) -> None:
    x = torch.randn(1, 3, 16)
    given = {"float64": x.double(), "list": x.tolist(), "array": x.numpy()}[wrong]
    for stack in (Encoder(config()), Decoder(config())):
        with pytest.raises(TypeError, match="give both the same type" if wrong == "float64" else "must be a tensor"):
            stack(given)


def test_beams_share_the_memory_and_change_places() -> None:
    decoder = Decoder(config(cross_attention=True)).double()
    x, memory = torch.randn(2, 3, 5, 16, dtype=torch.float64), torch.randn(2, 4, 16, dtype=torch.float64)
    x[:, :, :2] = x[:, :1, :2]  # a common beginning, read once
    origin = torch.tensor([[2, 0, 2], [1, 1, 0]])
    cache = decoder.start(memory)
    decoder(x[:, 0, :2], cache=cache)
    cache.repeat(3)
    decoder(x[:, :, 2:4].flatten(0, 1), cache=cache)
    cache.reorder(origin)
    moved = torch.stack([x[i, row] for i, row in enumerate(origin)])
    step = decoder(moved[:, :, 4:].flatten(0, 1), cache=cache)
    whole = decoder(moved.flatten(0, 1), memory.repeat_interleave(3, 0))
    assert torch.allclose(step, whole[:, 4:], atol=1e-10)


def test_the_memory_is_computed_once_and_never_copied() -> None:
    decoder = Decoder(config(cross_attention=True))
    calls = []
    for block in decoder.blocks:
        for layer in (block.cross_attention.key, block.cross_attention.value):
            layer.register_forward_hook(lambda *_: calls.append(1))
    cache = decoder.start(torch.randn(2, 4, 16))
    where = [tensor.data_ptr() for layer in cache.layers for tensor in layer.memory]
    decoder(torch.randn(2, 3, 16), cache=cache)
    cache.repeat(4)
    for _ in range(3):
        decoder(torch.randn(8, 1, 16), cache=cache)
        cache.reorder(torch.randint(4, (2, 4)))
    assert len(calls) == 4  # key and value of two layers
    assert [tensor.data_ptr() for layer in cache.layers for tensor in layer.memory] == where
    assert all(tensor.shape[0] == 2 for layer in cache.layers for tensor in layer.memory)


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
    assert torch.allclose(encoder(longer, key_padding_mask=padding)[:, :4], encoder(x[:, :4]), atol=1e-10)


def test_padding_in_front_of_a_decoder_gives_no_nan() -> None:
    decoder = Decoder(config()).double()
    x = torch.randn(1, 6, 16, dtype=torch.float64)
    padding = torch.tensor([[True, True, False, False, False, False]])
    for maps in (None, AttentionMaps()):
        assert torch.allclose(decoder(x, key_padding_mask=padding, maps=maps)[:, 2:], decoder(x[:, 2:]), atol=1e-10)


@pytest.mark.parametrize("cross", [False, True])
def test_maps_are_probabilities_and_change_nothing(cross: bool) -> None:
    decoder = Decoder(config(cross_attention=cross)).double()
    x = torch.randn(2, 5, 16, dtype=torch.float64)
    memory = torch.randn(2, 3, 16, dtype=torch.float64) if cross else None
    maps = AttentionMaps()
    with_maps = decoder(x, memory, maps=maps)
    assert torch.allclose(with_maps, decoder(x, memory), atol=1e-10)
    assert [tuple(m.shape) for m in maps.self_attention] == [(2, 4, 5, 5)] * 2
    assert [tuple(m.shape) for m in maps.cross_attention] == [(2, 4, 5, 3)] * (2 * cross)
    for weights in maps.self_attention + maps.cross_attention:
        assert torch.allclose(weights.sum(-1), torch.ones_like(weights[..., 0]))
    assert torch.equal(maps.self_attention[0].triu(1), torch.zeros_like(maps.self_attention[0]))


def test_biases_can_be_left_out() -> None:
    names = [n for n, _ in Encoder(config(norm="rms", bias=False)).named_parameters()]
    assert not [n for n in names if n.endswith("bias")]
    names = [n for n, _ in Encoder(config(norm="rms", key_bias=False)).named_parameters() if n.startswith("blocks.0.")]
    assert [n for n in names if n.endswith("bias")] == [
        f"blocks.0.{layer}.bias"
        for layer in ("self_attention.query", "self_attention.value", "self_attention.out", "mlp.up", "mlp.down")
    ]


def test_the_rms_norm_keeps_the_mean() -> None:
    """ImageGPT's norm divides by the root mean square and subtracts nothing."""
    x = torch.full((1, 16), 3.0)
    assert torch.allclose(make_norm(config(norm="rms"))(x), torch.ones(1, 16), atol=1e-5)


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


def integers(*shape: int) -> torch.Tensor:
    return torch.zeros(*shape, dtype=torch.long)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda e, d, c, x: e(torch.randn(2, 5, 8)), "D = 16"),
        (lambda e, d, c, x: e(x[:0]), "at least one token"),
        (lambda e, d, c, x: e(x, key_padding_mask=torch.zeros(2, 4, dtype=torch.bool)), r"one bool a token, \(2, 5\)"),
        (lambda e, d, c, x: e(x, key_padding_mask=integers(2, 5)), "one bool a token"),
        (lambda e, d, c, x: d(x, x), "only then"),
        (lambda e, d, c, x: c(x), "give memory="),
        (lambda e, d, c, x: c(x, x[:1]), "memory of 1 rows"),
        (lambda e, d, c, x: c(x, x, memory_key_padding_mask=torch.zeros(1, 5, dtype=torch.bool)), "mask of memory"),
        (lambda e, d, c, x: c(x, x, memory_key_padding_mask=integers(2, 5)), "mask of memory"),
        (lambda e, d, c, x: c(x, x, cache=c.start(x)), "holds memory and padding already"),
        (lambda e, d, c, x: c(x[:1], cache=c.start(x)), "1 rows of tokens"),
        (lambda e, d, c, x: d(x, cache=Cache(5)), "5 layers"),
        (lambda e, d, c, x: Encoder(config(cross_attention=True)), "use Decoder"),
    ],
)
def test_bad_calls_are_refused_in_one_line(call: Callable[..., object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        call(Encoder(config()), Decoder(config()), Decoder(config(cross_attention=True)), torch.randn(2, 5, 16))
    assert "\n" not in str(caught.value)


def test_a_filled_cache_refuses_another_batch() -> None:
    decoder, cache = Decoder(config()), Decoder(config()).start()
    decoder(torch.randn(2, 3, 16), cache=cache)
    with pytest.raises(ValueError, match="1 rows of tokens"):
        decoder(torch.randn(1, 1, 16), cache=cache)
