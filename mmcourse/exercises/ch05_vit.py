"""Chapter 5: attention, the block, and what the class token reads."""

# ruff: noqa: N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case

Layer = Callable[[Tensor], Tensor]


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Scaled dot-product attention in several heads; q, k, v are (B, N, D)."""
    B, N, D = q.shape
    q, k, v = (x.reshape(B, N, heads, D // heads).transpose(1, 2) for x in (q, k, v))  # (B, H, N, D/H)
    scores = q @ k.transpose(-2, -1) / (D // heads) ** 0.5  # (B, H, N, N)
    return (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, N, D)


def layer_norm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    """Layer normalisation over the last axis."""
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon) * gain + bias


def block(z: Tensor, norm1: Layer, attend: Layer, norm2: Layer, mlp: Layer) -> Tensor:
    """A pre-norm block."""
    z = z + attend(norm1(z))
    return z + mlp(norm2(z))


def read_out(z: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Logits (B, K) from the class token of the last layer (B, N + 1, D)."""
    return z[:, 0] @ weight + bias


def rollout(maps: Tensor) -> Tensor:
    """Attention rollout: (L, B, H, N, N) from the first layer to the last, to (B, N, N)."""
    _, B, _, N, _ = maps.shape
    eye = torch.eye(N, dtype=maps.dtype)
    result = eye.expand(B, N, N)
    for layer in maps.mean(2):  # heads averaged
        result = (0.5 * layer + 0.5 * eye) @ result
    return result


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


def _queries(g: torch.Generator) -> list[Case]:
    sizes = ((1, 3, 4, 2), (2, 5, 8, 2), (2, 4, 12, 3), (1, 6, 16, 4), (2, 4, 8, 2))  # at last N = D/H
    return [(*(2 * torch.randn(b, n, d, generator=g) for _ in range(3)), h) for b, n, d, h in sizes]


def _norms(g: torch.Generator) -> list[Case]:
    cases: list[Case] = []
    for shape, scale, epsilon in (
        ((2, 3, 4), 1.0, 1e-6),
        ((1, 5, 8), 0.01, 1e-2),
        ((4, 6), 0.1, 1e-3),
        ((4, 4), 0.1, 1e-2),
    ):
        x = scale * torch.randn(*shape, generator=g, dtype=torch.float64) + 1.5
        gain, bias = (torch.randn(shape[-1], generator=g, dtype=torch.float64) for _ in range(2))
        cases.append((x, gain, bias, epsilon))
    return cases


def _blocks(g: torch.Generator) -> list[Case]:
    def norm(gain: float) -> Layer:
        return lambda z: gain * _centred(z) / (_centred(z).pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()

    cases: list[Case] = []
    for b, n, d in ((1, 3, 4), (2, 5, 6)):
        mixing = torch.randn(n, n, generator=g).softmax(-1)
        matrix = torch.randn(d, d, generator=g)
        z = 3 * torch.randn(b, n, d, generator=g)
        cases.append((z, norm(1.0), lambda x, m=mixing: m @ x, norm(0.5), lambda x, m=matrix: (x @ m).relu()))
    return cases


def _states(g: torch.Generator) -> list[Case]:
    sizes = ((2, 5, 4, 3), (3, 4, 8, 10), (1, 10, 6, 2), (3, 4, 4, 4))
    return [
        (torch.randn(b, n, d, generator=g), torch.randn(d, k, generator=g), torch.randn(k, generator=g))
        for b, n, d, k in sizes
    ]


def _maps(g: torch.Generator) -> list[Case]:
    sizes = ((2, 1, 2, 4), (3, 2, 2, 5), (4, 2, 3, 3))
    return [((2 * torch.randn(l, b, h, n, n, generator=g)).softmax(-1),) for l, b, h, n in sizes]  # noqa: E741


def _split(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _join(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: int,
    *,
    unscaled: bool = False,
    by_width: bool = False,
    by_square: bool = False,
    multiplied: bool = False,
    no_softmax: bool = False,
    sum_only: bool = False,
    over_queries: bool = False,
    over_heads: bool = False,
    unturned: bool = False,
    keys_ask: bool = False,
    keys_read: bool = False,
    queries_read: bool = False,
    causal: bool = False,
    one_head: bool = False,
    mixed: bool = False,
    strided: bool = False,
    over_dim: bool = False,
    unmerged: bool = False,
) -> Tensor:
    """Attention with a choice of mistakes."""
    B, N, D = q.shape
    d = D // heads
    q, k, v = (k if keys_ask else q), (q if keys_ask else k), (k if keys_read else q if queries_read else v)

    def cut(x: Tensor) -> Tensor:
        if one_head:
            return x[:, None]
        if mixed:
            return x.reshape(B, heads, N, d)
        if strided:
            return x.unflatten(-1, (d, heads)).permute(0, 3, 1, 2)
        return x.unflatten(-1, (heads, d)) if over_dim else _split(x, heads)

    q, k, v = cut(q), cut(k), cut(v)
    divisor = 1.0 if unscaled else D**0.5 if by_width else float(d) if by_square else d**-0.5 if multiplied else d**0.5
    scores = (q @ k if unturned else q @ k.mT) / divisor
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), float("-inf"))
    if sum_only:
        weights = scores / scores.sum(-1, keepdim=True)
    else:
        weights = scores if no_softmax else scores.softmax(-2 if over_queries else 1 if over_heads else -1)
    out = weights @ v
    if strided:
        return out.permute(0, 2, 3, 1).flatten(2)
    if mixed or unmerged or over_dim:
        return out.reshape(B, N, D)
    return _join(out)


def _layer_norm(
    x: Tensor,
    gain: Tensor,
    bias: Tensor,
    epsilon: float,
    *,
    no_gain: bool = False,
    no_bias: bool = False,
    no_root: bool = False,
    outside: bool = False,
    unbiased: bool = False,
    no_epsilon: bool = False,
    no_mean: bool = False,
    square: bool = False,
    no_variance: bool = False,
    early_bias: bool = False,
    more_gain: bool = False,
    turned: bool = False,
    tokens: bool = False,
    everything: bool = False,
    batch: bool = False,
    absolute: bool = False,
    total: bool = False,
    minus_bias: bool = False,
) -> Tensor:
    """Layer normalisation with a choice of mistakes."""
    axes = tuple(range(x.ndim)) if everything else (-2,) if tokens else (0,) if batch else (-1,)
    centred = x - x.mean(axes, keepdim=True)
    variance = x.var(axes, keepdim=True, correction=1 if unbiased else 0)
    if square:
        variance = (x**2).mean(axes, keepdim=True)
    if total:
        variance = (centred**2).sum(axes, keepdim=True)
    if absolute:
        variance = centred.abs().mean(axes, keepdim=True) ** 2
    epsilon = 0.0 if no_epsilon else epsilon
    divisor = variance + epsilon if no_root else variance.sqrt() + epsilon if outside else (variance + epsilon).sqrt()
    out = x if no_mean or square else centred
    out = out if no_variance else out / divisor
    gain, bias = (bias, gain) if turned else (gain, bias)
    gain = torch.ones_like(gain) if no_gain else gain + 1 if more_gain else gain
    bias = torch.zeros_like(bias) if no_bias else -bias if minus_bias else bias
    return (out + bias) * gain if early_bias else out * gain + bias


def _no_keepdim(x: Tensor, gain: Tensor, bias: Tensor, epsilon: float) -> Tensor:
    centred = x - x.mean(-1)
    return centred / (x.var(-1, correction=0) + epsilon).sqrt() * gain + bias


def _block(
    z: Tensor,
    norm1: Layer,
    attend: Layer,
    norm2: Layer,
    mlp: Layer,
    *,
    no_norm1: bool = False,
    no_norm2: bool = False,
    swapped: bool = False,
    twice1: bool = False,
    twice2: bool = False,
    no_residual1: bool = False,
    no_residual2: bool = False,
    normed1: bool = False,
    normed2: bool = False,
    from_input: bool = False,
    parallel: bool = False,
    no_attention: bool = False,
    no_mlp: bool = False,
    mlp_first: bool = False,
    late1: bool = False,
    late2: bool = False,
    around1: bool = False,
    around2: bool = False,
) -> Tensor:
    """A pre-norm block with a choice of mistakes."""
    if swapped or twice1 or twice2:
        norm1, norm2 = (norm2, norm1) if swapped else (norm1, norm1) if twice1 else (norm2, norm2)

    def half(
        x: Tensor,
        base: Tensor,
        norm: Layer,
        work: Layer,
        bare: bool,
        alone: bool,
        normed: bool,
        late: bool,
        around: bool,
    ) -> Tensor:
        out = norm(work(x)) if late else work(x if bare or around else norm(x))
        out = out if alone else out + (norm(base) if normed else base)
        return norm(out) if around else out

    first = (norm1, attend, no_norm1, no_residual1, normed1, late1, around1)
    second = (norm2, mlp, no_norm2, no_residual2, normed2, late2, around2)
    if mlp_first:
        first, second = second, first
    if no_attention or no_mlp:
        return half(z, z, *(second if no_attention else first))
    y = half(z, z, *first)
    if parallel:
        return y + half(z, z, *second) - z
    return half(y, z if from_input else y, *second)


def _read(
    z: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    mean: bool = False,
    patches: bool = False,
    total: bool = False,
    largest: bool = False,
    last: bool = False,
    second: bool = False,
    no_bias: bool = False,
    minus: bool = False,
    softmax: bool = False,
    log_softmax: bool = False,
    sigmoid: bool = False,
    every: bool = False,
    turned: bool = False,
) -> Tensor:
    """Logits with a choice of mistakes."""
    if every:
        token = z
    elif mean or patches:
        token = z[:, 1 if patches else 0 :].mean(1)
    elif total or largest:
        token = z.sum(1) if total else z.amax(1)
    else:
        token = z[:, -1 if last else 1 if second else 0]
    logits = token @ (weight.T if turned else weight)
    logits = logits if no_bias else logits - bias if minus else logits + bias
    if softmax or log_softmax:
        return logits.softmax(-1) if softmax else logits.log_softmax(-1)
    return logits.sigmoid() if sigmoid else logits


def _rolled(
    maps: Tensor,
    *,
    no_residual: bool = False,
    whole: bool = False,
    backwards: bool = False,
    turned: bool = False,
    largest: bool = False,
    smallest: bool = False,
    total: bool = False,
    product: bool = False,
    one_head: bool = False,
    element: bool = False,
    added: bool = False,
    averaged: bool = False,
    last: bool = False,
    first: bool = False,
    skip_first: bool = False,
    skip_last: bool = False,
    once: bool = False,
    batch: bool = False,
    normalised: bool = False,
) -> Tensor:
    """Attention rollout with a choice of mistakes."""
    joined = (
        maps.amax(2)
        if largest
        else maps.amin(2)
        if smallest
        else maps.sum(2)
        if total
        else maps.prod(2)
        if product
        else maps[:, :, 0]
        if one_head
        else maps.mean(2)
    )
    joined = joined.mean(1, keepdim=True) if batch else joined
    joined = joined.mT if turned else joined
    eye = torch.eye(maps.shape[-1], dtype=maps.dtype)
    halves = 0.5 * joined + 0.5 * eye
    layers = joined if no_residual or once else joined + eye if whole else halves
    if normalised:
        layers = layers / layers.sum(-2, keepdim=True)
    if last or first:
        return layers[-1 if last else 0]
    if added or averaged or element:
        return layers.sum(0) if added else layers.mean(0) if averaged else layers.prod(0)
    result = eye.expand(joined.shape[1], -1, -1)
    for layer in layers[1 if skip_first else 0 : len(layers) - (1 if skip_last else 0)]:
        result = result @ layer if backwards else layer @ result
    return 0.5 * result + 0.5 * eye if once else result


register(
    Exercise(
        id="05.attention",
        title="Attention in several heads",
        chapter=5,
        difficulty=3,
        importance=3,
        minutes=20,
        question="Write `attention(q, k, v, heads)`: for queries, keys and values (B, N, D), each already "
        "projected, scaled "
        "dot-product attention in `heads` heads of D/H consecutive numbers each; the result is (B, N, D), "
        "heads side by side. Do it by hand, "
        "with `softmax` and `@`.",
        reference=attention,
        family=_attention,
        switches={
            "unscaled": "scores were not scaled: divide them by the square root of D/H",
            "by_width": "scores were scaled by D, not by D/H: each head's queries and keys have only D/H numbers",
            "by_square": "divide by the square root of D/H, not by D/H",
            "multiplied": "scores were multiplied by the square root of D/H: divide by it",
            "no_softmax": "the softmax is missing: it turns the scores of a query into weights that sum to 1",
            "sum_only": "the scores were divided by their sum, which may be zero or negative: softmax takes exp first",
            "over_queries": "the softmax ran over the queries: each row, over its keys, must sum to 1",
            "over_heads": "the softmax ran over the heads: each row, over its keys, must sum to 1",
            "unturned": "the keys were not transposed: scores are q @ k.transpose(-2, -1), one for each pair of tokens",
            "keys_ask": "queries and keys are exchanged: rows belong to queries, columns to keys",
            "keys_read": "the keys were averaged, not the values: weights @ v",
            "queries_read": "the queries were averaged, not the values: weights @ v",
            "causal": "later tokens were hidden: in the ViT every token reads all others",
            "one_head": "all D numbers are in one head: cut them into `heads` groups of D/H first",
            "mixed": "tokens and heads were mixed: reshape to (B, N, H, D/H) first, then move the heads to the front",
            "strided": "a head takes every H-th number here: it has D/H consecutive ones",
            "over_dim": "attention ran over the heads of each token: bring N next to D/H, (B, H, N, D/H), before the "
            "product",
            "unmerged": "the heads were not brought back: transpose to (B, N, H, D/H) before the last reshape",
        },
        wrong={
            "these are the weights: they still have to average the values, weights @ v": (
                lambda q, k, v, heads: (_split(q, heads) @ _split(k, heads).mT / (q.shape[-1] // heads) ** 0.5).softmax(
                    -1
                )
            ),
            "the heads are still apart: transpose to (B, N, H, D/H) and merge the last two axes": (
                lambda q, k, v, heads: _split(attention(q, k, v, heads), heads),
                lambda q, k, v, heads: _split(attention(q, k, v, heads), heads).transpose(1, 2),
            ),
            "the heads were averaged or summed: they stand side by side": (
                lambda q, k, v, heads: _split(attention(q, k, v, heads), heads).mean(1),
                lambda q, k, v, heads: _split(attention(q, k, v, heads), heads).sum(1),
            ),
            "the weights were taken transposed: row = the query that reads": (
                lambda q, k, v, heads: _join(
                    (_split(q, heads) @ _split(k, heads).mT / (q.shape[-1] // heads) ** 0.5).softmax(-1).mT
                    @ _split(v, heads)
                )
            ),
        },
        cases=_queries,
        shape="(B, N, D)",
        hints=(
            "Split D into (H, D/H), bring H before N; then everything is a batch of small matrices.",
            "`scores = q @ k.transpose(-2, -1) / (D // heads) ** 0.5`",
            "After `softmax(-1) @ v`: transpose(1, 2), then reshape to (B, N, D).",
        ),
    ),
    Exercise(
        id="05.layer-norm",
        title="Layer normalisation",
        chapter=5,
        difficulty=2,
        importance=3,
        minutes=10,
        question="Write `layer_norm(x, gain, bias, epsilon)`: over the last axis, subtract the mean, divide by "
        "\\(\\sqrt{\\mathrm{variance} + \\epsilon}\\), times gain plus bias. The variance divides by D.",
        reference=layer_norm,
        family=_layer_norm,
        switches={
            "no_gain": "the gain is missing: multiply by it after dividing",
            "no_bias": "the bias is missing: add it at the end",
            "no_root": "divide by the square root of variance + epsilon, not by the variance",
            "outside": "epsilon belongs inside the root: sqrt(variance + epsilon), not sqrt(variance) + epsilon",
            "unbiased": "the variance divides by D, not by D - 1: use correction=0",
            "no_epsilon": "epsilon is missing: add it to the variance",
            "no_mean": "the mean was not subtracted from x",
            "square": "this is RMS norm: the variance is the mean square of what is left after subtracting the mean",
            "no_variance": "the division by the standard deviation is missing",
            "early_bias": "the gain multiplies first, then the bias is added: (…) * gain + bias",
            "more_gain": "the gain is used as it is, without adding 1",
            "turned": "gain and bias are exchanged",
            "tokens": "the statistics run over the tokens: they belong to the last axis, the D numbers of one token",
            "everything": "the statistics run over all axes: each token has a mean and a variance of its own",
            "batch": "the statistics run over the batch: they belong to the last axis, the D numbers of one token",
            "absolute": "this is the mean absolute deviation: square what is left, take the mean, then the root",
            "total": "the squares were summed: the variance is their mean",
            "minus_bias": "the bias is added, not subtracted",
        },
        wrong={
            "keepdim=True is missing: the mean must keep its axis, or it is subtracted along another one": (
                _no_keepdim,
            ),
        },
        cases=_norms,
        shape="as x",
        hints=("`keepdim=True` keeps the last axis, so that shapes fit.", "`x.var(-1, keepdim=True, correction=0)`"),
    ),
    Exercise(
        id="05.block",
        title="A pre-norm block",
        chapter=5,
        difficulty=2,
        importance=3,
        minutes=8,
        question="Write `block(z, norm1, attend, norm2, mlp)`: one layer of the ViT, given its four parts "
        "as functions, "
        "as in \\(Z'_l = \\mathrm{Multihead}(\\mathrm{LN}(Z_{l-1})) + Z_{l-1}\\) and "
        "\\(Z_l = \\mathrm{MLP}(\\mathrm{LN}(Z'_l)) + Z'_l\\).",
        reference=block,
        family=_block,
        switches={
            "no_norm1": "the first norm is missing: attention reads LN(z)",
            "no_norm2": "the second norm is missing: the MLP reads LN(Z′)",
            "swapped": "the two norms are swapped: norm1 comes before attention, norm2 before the MLP",
            "twice1": "the first norm was used twice: each half has its own",
            "twice2": "the second norm was used twice: each half has its own",
            "no_residual1": "the first residual is missing: attention's result is added to z",
            "no_residual2": "the second residual is missing: the MLP's result is added to Z′",
            "normed1": "the residual was taken after the norm: add z itself, not norm(z)",
            "normed2": "the second residual was taken after the norm: add Z′ itself, not norm(Z′)",
            "from_input": "the second residual adds Z′, the result of the first half, not the block's input",
            "parallel": "attention and MLP ran side by side: the MLP reads what attention has written",
            "no_attention": "the attention half is missing",
            "no_mlp": "the MLP half is missing",
            "mlp_first": "attention comes first, then the MLP",
            "late1": "the first norm comes before attention, inside the residual: z + attend(norm1(z))",
            "late2": "the second norm comes before the MLP, inside the residual: Z′ + mlp(norm2(Z′))",
            "around1": "the first norm was put on the sum: here the residual path is never normalised",
            "around2": "the second norm was put on the sum: here the residual path is never normalised",
        },
        wrong={
            "this is the post-norm block of 2017: here the norm comes before attention and before the MLP": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: norm2(y + mlp(y)))(norm1(z + attend(z)))
            ),
            "the residual was taken after the norm: add z itself, not norm(z)": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: norm2(y) + mlp(norm2(y)))(norm1(z) + attend(norm1(z)))
            ),
            "the residual connections are missing: each half is added to what came in": (
                lambda z, norm1, attend, norm2, mlp: mlp(norm2(attend(norm1(z))))
            ),
            "the norms are missing: attention reads LN(z), the MLP reads LN(Z′)": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: y + mlp(y))(z + attend(z))
            ),
        },
        cases=_blocks,
        shape="(B, N, D)",
        tolerance=1e-4,
        hints=("Two lines, one for each equation.", "`z = z + attend(norm1(z))`, and the same again with the MLP."),
    ),
    Exercise(
        id="05.read-out",
        title="What the class token says",
        chapter=5,
        difficulty=1,
        importance=3,
        minutes=4,
        question="Write `read_out(z, weight, bias)`: the logits (B, K) from the last layer's normalised "
        "states (B, N + 1, D), "
        "of which only \\(Z_L^0\\), the class token, is used; `weight` is (D, K), `bias` (K,).",
        reference=read_out,
        family=_read,
        switches={
            "mean": "this is the mean over all tokens: only the first one, the class token, is read",
            "patches": "this is the mean over the patches: only the class token, at 0, is read",
            "total": "this is the sum over all tokens: only the first one, the class token, is read",
            "largest": "this is the largest value over all tokens: only the first one, the class token, is read",
            "last": "this is the last token: the class token was prepended, it stands at 0",
            "second": "this is the first patch: the class token stands before it, at 0",
            "no_bias": "the bias was left out",
            "minus": "the bias is added, not subtracted",
            "softmax": "these are probabilities: the model gives logits, the softmax belongs to the loss",
            "log_softmax": "these are log-probabilities: the model gives logits, the softmax belongs to the loss",
            "sigmoid": "these went through a sigmoid: the model gives logits",
            "every": "every token was read: only the class token, z[:, 0], is asked for",
            "turned": "the weight was transposed: z[:, 0] @ weight as it is, (D, K)",
        },
        wrong={
            "z[0] is the first image of the batch: the class token is z[:, 0]": lambda z, weight, bias: (
                z[0] @ weight + bias
            ),
            "z[..., 0] is the first number of every token: the class token is z[:, 0]": (
                lambda z, weight, bias: z[..., 0] @ weight[: z.shape[1]] + bias,
                lambda z, weight, bias: z[..., 0] @ weight + bias,
            ),
            "that is the class token itself: its logits are z[:, 0] @ weight + bias": (
                lambda z, weight, bias: z[:, 0].clone()
            ),
        },
        cases=_states,
        shape="(B, K)",
        hints=("The axes are batch, token, width: which index picks the class token?", "`z[:, 0] @ weight + bias`"),
    ),
    Exercise(
        id="05.rollout",
        title="Attention rollout",
        chapter=5,
        difficulty=3,
        importance=2,
        minutes=12,
        question="Write `rollout(maps)`: from the attention maps (L, B, H, N, N), first layer first, the "
        "matrix (B, N, N) of how "
        "much each output token draws on each input token: average the heads, replace A by A/2 + I/2 for the "
        "residual path, and multiply the layers, the last one leftmost.",
        reference=rollout,
        family=_rolled,
        switches={
            "no_residual": "the residual path is missing: half of each token goes straight on, A/2 + I/2",
            "whole": "A + I was not halved: the rows must sum to 1, A/2 + I/2",
            "backwards": "the layers were multiplied in the wrong order: the last layer stands leftmost",
            "turned": "the maps were transposed: a row belongs to the token that reads",
            "largest": "the heads were joined by their maximum: average them",
            "smallest": "the heads were joined by their minimum: average them",
            "total": "the heads were summed: average them",
            "product": "the heads were multiplied: average them",
            "one_head": "only the first head was read: average all of them",
            "element": "the maps were multiplied element by element: use the matrix product @",
            "added": "the layers were added: information flows through one after the other, so multiply them",
            "averaged": "the layers were averaged: information flows through one after the other, so multiply them",
            "last": "this is the last layer alone: multiply all of them",
            "first": "this is the first layer alone: multiply all of them",
            "skip_first": "the first layer was left out: it stands rightmost",
            "skip_last": "the last layer was left out: it stands leftmost",
            "once": "the residual was put in once at the end: every layer has its own, A/2 + I/2",
            "batch": "the pictures of the batch were averaged: each has a matrix of its own",
            "normalised": "the rows sum to 1 already after A/2 + I/2: nothing is left to be divided",
        },
        wrong={
            "this is one layer's share too many: each layer is multiplied once": (
                lambda maps: _rolled(torch.cat([maps, maps[-1:]])),
                lambda maps: _rolled(torch.cat([maps[:1], maps])),
            ),
        },
        cases=_maps,
        shape="(B, N, N)",
        hints=(
            "Start with the identity; each layer multiplies from the left.",
            "`result = (0.5 * layer + 0.5 * eye) @ result` for layer in `maps.mean(2)`",
        ),
    ),
)
