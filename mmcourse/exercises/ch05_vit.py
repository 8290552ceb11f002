"""Chapter 5: attention, the block, and what the class token reads."""

# ruff: noqa: N806  (B, N, D, P, E are the letters of the field)
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register

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


def _heads(
    q: Tensor, k: Tensor, v: Tensor, heads: int, scale: str = "head", mix: bool = False, axis: int = -1
) -> Tensor:
    """Attention with a choice of mistakes."""
    B, N, D = q.shape
    if mix:
        q, k, v = (x.reshape(B, heads, N, D // heads) for x in (q, k, v))
    else:
        q, k, v = (x.reshape(B, N, heads, D // heads).transpose(1, 2) for x in (q, k, v))
    divisor = {"head": (D // heads) ** 0.5, "width": D**0.5, "none": 1.0, "square": float(D // heads)}[scale]
    out = (q @ k.transpose(-2, -1) / divisor).softmax(axis) @ v
    return out.reshape(B, N, D) if mix else out.transpose(1, 2).reshape(B, N, D)


def _no_merge(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    B, N, D = q.shape
    q, k, v = (x.reshape(B, N, heads, D // heads).transpose(1, 2) for x in (q, k, v))
    return ((q @ k.transpose(-2, -1) / (D // heads) ** 0.5).softmax(-1) @ v).reshape(B, N, D)


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(-1, keepdim=True)


def _queries(g: torch.Generator) -> list[Case]:
    sizes = ((1, 3, 4, 2), (2, 5, 8, 2), (2, 4, 12, 3), (1, 6, 16, 4))
    return [(*(2 * torch.randn(b, n, d, generator=g) for _ in range(3)), h) for b, n, d, h in sizes]


def _norms(g: torch.Generator) -> list[Case]:
    cases: list[Case] = []
    for shape, scale, epsilon in (((2, 3, 4), 1.0, 1e-6), ((1, 5, 8), 0.01, 1e-2), ((4, 6), 0.1, 1e-3)):
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
    sizes = ((2, 5, 4, 3), (3, 4, 8, 10), (1, 10, 6, 2))
    return [
        (torch.randn(b, n, d, generator=g), torch.randn(d, k, generator=g), torch.randn(k, generator=g))
        for b, n, d, k in sizes
    ]


def _maps(g: torch.Generator) -> list[Case]:
    sizes = ((2, 1, 2, 4), (3, 2, 2, 5), (4, 2, 3, 3))
    return [((2 * torch.randn(l, b, h, n, n, generator=g)).softmax(-1),) for l, b, h, n in sizes]  # noqa: E741


def _chain(maps: Tensor, residual: bool = True, backwards: bool = False) -> Tensor:
    eye = torch.eye(maps.shape[-1], dtype=maps.dtype)
    result = eye.expand(maps.shape[1], -1, -1)
    for layer in maps.mean(2):
        step = 0.5 * layer + 0.5 * eye if residual else layer
        result = result @ step if backwards else step @ result
    return result


def _in_place(z: Tensor, norm1: Layer, attend: Layer, norm2: Layer, mlp: Layer) -> Tensor:
    z += attend(norm1(z))
    return z + mlp(norm2(z))


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
        wrong={
            "scores were scaled by D, not by D/H: each head's queries and keys have only D/H numbers": (
                lambda q, k, v, heads: _heads(q, k, v, heads, scale="width")
            ),
            "scores were not scaled: divide them by the square root of D/H": (
                lambda q, k, v, heads: _heads(q, k, v, heads, scale="none")
            ),
            "divide by the square root of D/H, not by D/H": lambda q, k, v, heads: _heads(
                q, k, v, heads, scale="square"
            ),
            "the softmax ran over the queries: each row, over its keys, must sum to 1": (
                lambda q, k, v, heads: _heads(q, k, v, heads, axis=-2)
            ),
            "reshape to (B, H, N, D/H) mixes tokens: reshape to (B, N, H, D/H) first, then swap N and H": (
                lambda q, k, v, heads: _heads(q, k, v, heads, mix=True)
            ),
            "the heads were merged in the wrong order: swap H and N back before the last reshape": _no_merge,
            "this is one head of width D: split it into heads first": lambda q, k, v, heads: _heads(q, k, v, 1),
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
        wrong={
            "is your epsilon inside the root? It is added to the variance, before the square root": (
                lambda x, gain, bias, epsilon: (
                    _centred(x) / (x.std(-1, keepdim=True, correction=0) + epsilon) * gain + bias
                )
            ),
            "the variance was divided by D − 1: layer normalisation divides by D (no Bessel correction)": (
                lambda x, gain, bias, epsilon: _centred(x) / (x.var(-1, keepdim=True) + epsilon).sqrt() * gain + bias
            ),
            "the mean was not subtracted": (
                lambda x, gain, bias, epsilon: (
                    x / (x.var(-1, keepdim=True, correction=0) + epsilon).sqrt() * gain + bias
                )
            ),
            "epsilon is missing: a token whose numbers are all equal would be divided by 0": (
                lambda x, gain, bias, epsilon: _centred(x) / x.std(-1, keepdim=True, correction=0) * gain + bias
            ),
            "mean and variance ran over the tokens: each token is normalised by itself, over its last axis": (
                lambda x, gain, bias, epsilon: (
                    (x - x.mean(-2, keepdim=True)) / (x.var(-2, keepdim=True, correction=0) + epsilon).sqrt() * gain
                    + bias
                )
            ),
        },
        cases=_norms,
        shape="as x",
        tolerance=1e-9,
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
        wrong={
            "this is the post-norm block of 2017: here the norm comes before attention and before the MLP": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: norm2(y + mlp(y)))(norm1(z + attend(z)))
            ),
            "the residual was taken after the norm: add z itself, not norm(z)": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: norm2(y) + mlp(norm2(y)))(norm1(z) + attend(norm1(z)))
            ),
            "the second residual adds Z′, the result of the first half, not the block's input": (
                lambda z, norm1, attend, norm2, mlp: z + mlp(norm2(z + attend(norm1(z))))
            ),
            "the residual connections are missing: each half is added to what came in": (
                lambda z, norm1, attend, norm2, mlp: mlp(norm2(attend(norm1(z))))
            ),
            "attention and MLP ran side by side: the MLP reads what attention has written": (
                lambda z, norm1, attend, norm2, mlp: z + attend(norm1(z)) + mlp(norm2(z))
            ),
            "the first norm was used twice: each half has its own": (
                lambda z, norm1, attend, norm2, mlp: (lambda y: y + mlp(norm1(y)))(z + attend(norm1(z)))
            ),
            "your function changed its input": _in_place,
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
        wrong={
            "this is the mean over all tokens: only the first one, the class token, is read": (
                lambda z, weight, bias: z.mean(1) @ weight + bias
            ),
            "this is the last token: the class token was prepended, it stands at 0": (
                lambda z, weight, bias: z[:, -1] @ weight + bias
            ),
            "z[0] is the first image of the batch: the class token is z[:, 0]": lambda z, weight, bias: (
                z[0] @ weight + bias
            ),
            "the bias was left out": lambda z, weight, bias: z[:, 0] @ weight,
            "these are probabilities: the model gives logits, the softmax belongs to the loss": (
                lambda z, weight, bias: read_out(z, weight, bias).softmax(-1)
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
        wrong={
            "the residual path is missing: half of each token goes straight on, A/2 + I/2": (
                lambda maps: _chain(maps, residual=False)
            ),
            "the layers were multiplied in the wrong order: the last layer stands leftmost": (
                lambda maps: _chain(maps, backwards=True)
            ),
            "this is the last layer alone: multiply all of them": (
                lambda maps: 0.5 * maps[-1].mean(1) + 0.5 * torch.eye(maps.shape[-1])
            ),
            "the layers were averaged: information flows through one after the other, so multiply them": (
                lambda maps: 0.5 * maps.mean((0, 2)) + 0.5 * torch.eye(maps.shape[-1])
            ),
            "the maps were multiplied element by element: use the matrix product @": (
                lambda maps: (0.5 * maps.mean(2) + 0.5 * torch.eye(maps.shape[-1])).prod(0)
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
