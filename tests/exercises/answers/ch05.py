"""Chapter 5: attention, the block, the class token."""

# ruff: noqa: E741, N806
import math

import numpy as np
import torch
import torch.nn.functional as F


def _split(x, heads):
    B, N, D = x.shape
    return x.reshape(B, N, heads, D // heads).transpose(1, 2)


def _join(x):
    return x.transpose(1, 2).flatten(2)


def _att_loop(q, k, v, heads):
    d = q.shape[-1] // heads
    out = []
    for h in range(heads):
        s = slice(h * d, (h + 1) * d)
        w = torch.softmax(q[..., s] @ k[..., s].transpose(1, 2) / math.sqrt(d), dim=-1)
        out.append(w @ v[..., s])
    return torch.cat(out, -1)


def _att_einsum(q, k, v, heads):
    q, k, v = (x.unflatten(-1, (heads, -1)) for x in (q, k, v))
    w = torch.einsum("bnhd,bmhd->bhnm", q, k) * q.shape[-1] ** -0.5
    w = (w - w.amax(-1, keepdim=True)).exp()
    return torch.einsum("bhnm,bmhd->bnhd", w / w.sum(-1, keepdim=True), v).flatten(2)


def _att_numpy(q, k, v, heads):
    q, k, v = (np.asarray(x, dtype=np.float64) for x in (q, k, v))
    B, N, D = q.shape
    q, k, v = (x.reshape(B, N, heads, D // heads).transpose(0, 2, 1, 3) for x in (q, k, v))
    s = q @ k.swapaxes(-1, -2) / np.sqrt(D // heads)
    w = np.exp(s)
    w = w / w.sum(axis=-1, keepdims=True)
    return (w @ v).transpose(0, 2, 1, 3).reshape(B, N, D)


def _att_lists(q, k, v, heads):
    return _att_loop(q, k, v, heads).tolist()


def _att_chunks(q, k, v, heads):
    parts = zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True)
    return torch.cat([F.softmax(a @ b.mT / a.shape[-1] ** 0.5, -1) @ c for a, b, c in parts], dim=-1)


def _att_scaled_before(q, k, v, heads):
    q = _split(q, heads) / (q.shape[-1] / heads) ** 0.25
    k = _split(k, heads) / (k.shape[-1] / heads) ** 0.25
    return _join((q @ k.transpose(2, 3)).softmax(3) @ _split(v, heads))


def _att(q, k, v, heads, scale=True, softmax=True, axis=-1, turned=True, joined=True, one=False, mix=False):
    D = q.shape[-1]
    n = 1 if one else heads
    if mix:
        q, k, v = (x.reshape(x.shape[0], n, -1, D // n) for x in (q, k, v))
    else:
        q, k, v = (_split(x, n) for x in (q, k, v))
    s = q @ k.transpose(-1, -2)
    if scale:
        s = s / math.sqrt(D // heads)
    if softmax:
        s = s.softmax(axis)
    out = s @ v
    return _join(out) if joined else out.reshape(out.shape[0], -1, D)


def _att_no_turn(q, k, v, heads):
    q, k, v = (_split(x, heads) for x in (q, k, v))
    return _join((q @ k / math.sqrt(q.shape[-1])).softmax(-1) @ v)


def _att_strided_heads(q, k, v, heads):
    q, k, v = (x.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2) for x in (q, k, v))
    w = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (w @ v).permute(0, 2, 3, 1).flatten(2)


def _att_head_mixing(q, k, v, heads):
    q, k, v = (x.unflatten(-1, (heads, -1)) for x in (q, k, v))
    w = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (w @ v).flatten(2)


def _ln(x, gain, bias, epsilon):
    return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True, unbiased=False) + epsilon) * gain + bias


def _ln_numpy(x, gain, bias, epsilon):
    x, gain, bias = (np.asarray(t) for t in (x, gain, bias))
    mean = x.mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon) * gain + bias


def _ln_moments(x, gain, bias, epsilon):
    mean = x.sum(-1, keepdim=True) / x.shape[-1]
    square = (x**2).sum(-1, keepdim=True) / x.shape[-1]
    return gain * (x - mean) / (square - mean**2 + epsilon) ** 0.5 + bias


def _ln_rows(x, gain, bias, epsilon):
    flat = x.reshape(-1, x.shape[-1])
    out = []
    for row in flat:
        m = row.mean()
        out.append((row - m) / torch.sqrt(((row - m) ** 2).mean() + epsilon) * gain + bias)
    return torch.stack(out).reshape(x.shape)


def _block_in_steps(z, norm1, attend, norm2, mlp):
    h = norm1(z)
    h = attend(h)
    z = z + h
    h = norm2(z)
    h = mlp(h)
    return z + h


def _block_clone(z, norm1, attend, norm2, mlp):
    out = z.clone()
    out += attend(norm1(z))
    out += mlp(norm2(out.clone()))
    return out


def _block_in_place(z, norm1, attend, norm2, mlp):
    z += attend(norm1(z))
    z += mlp(norm2(z))
    return z


def _roll(maps, half=True, eye=True, left=True, mean=True, skip=0):
    maps = maps.mean(2) if mean else maps.amax(2)
    I = torch.eye(maps.shape[-1])
    out = I.expand(maps.shape[1], -1, -1)
    for a in maps[skip:]:
        if eye:
            a = (a + I) / 2 if half else a + I
        out = a @ out if left else out @ a
    return out


def _roll_numpy(maps):
    a = maps.numpy().mean(axis=2)
    a = a / 2 + np.eye(a.shape[-1]) / 2
    out = a[0]
    for layer in a[1:]:
        out = layer @ out
    return out


def _roll_multi(maps):
    a = 0.5 * maps.mean(2) + 0.5 * torch.eye(maps.shape[-1])
    return torch.stack([torch.linalg.multi_dot([*a[:, b].flip(0), torch.eye(a.shape[-1])]) for b in range(a.shape[1])])


def _roll_bmm(maps):
    out = None
    for layer in maps.double():
        a = (layer.mean(dim=1) + torch.eye(layer.shape[-1], dtype=torch.float64)) / 2
        out = a if out is None else torch.bmm(a, out)
    return out


def _roll_normalised(maps):
    a = maps.mean(2) + torch.eye(maps.shape[-1])
    a = a / a.sum(-1, keepdim=True)
    out = a[-1]
    for i in range(len(a) - 2, -1, -1):
        out = out @ a[i]
    return out


RIGHT = {
    "05.attention": [_att_loop, _att_einsum, _att_numpy, _att_lists, _att_chunks, _att_scaled_before, _att],
    "05.layer-norm": [
        _ln,
        _ln_numpy,
        _ln_moments,
        _ln_rows,
        lambda x, gain, bias, epsilon: F.layer_norm(x, x.shape[-1:], gain, bias, epsilon),
        lambda x, gain, bias, epsilon: _ln(x, gain, bias, epsilon).tolist(),
        lambda x, gain, bias, epsilon: torch.addcmul(
            bias, gain, (x - x.mean(-1, True)) / (x.var(-1, correction=0, keepdim=True) + epsilon).sqrt()
        ),
    ],
    "05.block": [
        _block_in_steps,
        _block_clone,
        lambda z, norm1, attend, norm2, mlp: (y := z + attend(norm1(z))) + mlp(norm2(y)),
        lambda z, norm1, attend, norm2, mlp: torch.add(
            mlp(norm2(attend(norm1(z)) + z)), torch.add(attend(norm1(z)), z)
        ),
        lambda z, norm1, attend, norm2, mlp: _block_in_steps(z, norm1, attend, norm2, mlp).numpy(),
        lambda z, norm1, attend, norm2, mlp: _block_in_steps(z, norm1, attend, norm2, mlp).double(),
        lambda z, norm1, attend, norm2, mlp: _block_in_steps(z, norm1, attend, norm2, mlp).tolist(),
    ],
    "05.read-out": [
        lambda z, weight, bias: z[:, 0] @ weight + bias,
        lambda z, weight, bias: F.linear(z[:, 0, :], weight.T, bias),
        lambda z, weight, bias: torch.addmm(bias, z[:, 0], weight),
        lambda z, weight, bias: z.numpy()[:, 0] @ weight.numpy() + bias.numpy(),
        lambda z, weight, bias: torch.einsum("bd,dk->bk", z[:, 0], weight) + bias,
        lambda z, weight, bias: (z @ weight + bias)[:, 0].double(),
        lambda z, weight, bias: torch.stack([s[0] @ weight + bias for s in z]).tolist(),
    ],
    "05.rollout": [
        _roll,
        _roll_numpy,
        _roll_multi,
        _roll_bmm,
        _roll_normalised,
        lambda maps: _roll_numpy(maps).tolist(),
    ],
}

WRONG = {
    "05.attention": {
        "no scale": lambda q, k, v, heads: _att(q, k, v, heads, scale=False),
        "no softmax": lambda q, k, v, heads: _att(q, k, v, heads, softmax=False),
        "no transpose of the keys": _att_no_turn,
        "softmax over the queries": lambda q, k, v, heads: _att(q, k, v, heads, axis=-2),
        "heads not brought back": lambda q, k, v, heads: _att(q, k, v, heads, joined=False),
    },
    "05.layer-norm": {
        "no gain": lambda x, gain, bias, epsilon: _ln(x, torch.ones_like(gain), bias, epsilon),
        "no bias": lambda x, gain, bias, epsilon: _ln(x, gain, 0 * bias, epsilon),
        "no root": lambda x, gain, bias, epsilon: (
            (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True, unbiased=False) + epsilon) * gain + bias
        ),
        "epsilon outside the root": lambda x, gain, bias, epsilon: (
            (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True, unbiased=False) + epsilon) * gain + bias
        ),
        "unbiased": lambda x, gain, bias, epsilon: (
            (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + epsilon).sqrt() * gain + bias
        ),
    },
    "05.block": {
        "no second norm": lambda z, norm1, attend, norm2, mlp: (y := z + attend(norm1(z))) + mlp(y),
        "norms exchanged": lambda z, norm1, attend, norm2, mlp: (y := z + attend(norm2(z))) + mlp(norm1(y)),
        "post-norm": lambda z, norm1, attend, norm2, mlp: norm2((y := norm1(z + attend(z))) + mlp(y)),
        "first residual missing": lambda z, norm1, attend, norm2, mlp: (y := attend(norm1(z))) + mlp(norm2(y)),
        "second residual missing": lambda z, norm1, attend, norm2, mlp: mlp(norm2(z + attend(norm1(z)))),
    },
    "05.read-out": {
        "mean of all": lambda z, weight, bias: z.mean(1) @ weight + bias,
        "last token": lambda z, weight, bias: z[:, -1] @ weight + bias,
        "no bias": lambda z, weight, bias: z[:, 0] @ weight,
        "all tokens": lambda z, weight, bias: z @ weight + bias,
        "first picture": lambda z, weight, bias: z[0] @ weight + bias,
    },
    "05.rollout": {
        "first layer leftmost": lambda maps: _roll(maps, left=False),
        "no residual": lambda maps: _roll(maps, eye=False),
        "not halved": lambda maps: _roll(maps, half=False),
        "last layer only": lambda maps: 0.5 * maps[-1].mean(1) + 0.5 * torch.eye(maps.shape[-1]),
        "maximum of the heads": lambda maps: _roll(maps, mean=False),
    },
}

HELD_OUT = {
    "05.attention": {
        "scaled by D": lambda q, k, v, heads: _att(q / math.sqrt(heads), k, v, heads),
        "not the root": lambda q, k, v, heads: _att(q / math.sqrt(q.shape[-1] // heads), k, v, heads),
        "one head": lambda q, k, v, heads: _att(q, k, v, heads, one=True),
        "heads cut from the tokens": lambda q, k, v, heads: _att(q, k, v, heads, mix=True, joined=False),
        "heads of every h-th number": _att_strided_heads,
        "over the heads of a token": _att_head_mixing,
        "keys as values": lambda q, k, v, heads: _att(q, k, k, heads),
        "queries and keys exchanged": lambda q, k, v, heads: _att(k, q, v, heads),
        "causal": lambda q, k, v, heads: _join(
            F.scaled_dot_product_attention(_split(q, heads), _split(k, heads), _split(v, heads), is_causal=True)
        ),
        "multiplied by the root": lambda q, k, v, heads: _att(q * (q.shape[-1] // heads), k, v, heads),
        "heads left apart": lambda q, k, v, heads: F.scaled_dot_product_attention(
            _split(q, heads), _split(k, heads), _split(v, heads)
        ),
    },
    "05.layer-norm": {
        "over all axes": lambda x, gain, bias, epsilon: (
            (x - x.mean()) / (x.var(unbiased=False) + epsilon).sqrt() * gain + bias
        ),
        "over the first axis": lambda x, gain, bias, epsilon: (
            (x - x.mean(0)) / (x.var(0, unbiased=False) + epsilon).sqrt() * gain + bias
        ),
        "mean not subtracted": lambda x, gain, bias, epsilon: (
            x / (x.var(-1, keepdim=True, unbiased=False) + epsilon).sqrt() * gain + bias
        ),
        "no epsilon": lambda x, gain, bias, epsilon: _ln(x, gain, bias, 0.0),
        "root mean square": lambda x, gain, bias, epsilon: (
            x / ((x**2).mean(-1, keepdim=True) + epsilon).sqrt() * gain + bias
        ),
        "bias before gain": lambda x, gain, bias, epsilon: (_ln(x, torch.ones_like(gain), bias, epsilon)) * gain,
        "gain plus one": lambda x, gain, bias, epsilon: _ln(x, 1 + gain, bias, epsilon),
        "neither gain nor bias": lambda x, gain, bias, epsilon: _ln(x, 1.0, 0.0, epsilon),
        "only centred": lambda x, gain, bias, epsilon: (x - x.mean(-1, keepdim=True)) * gain + bias,
        "keepdim forgotten": lambda x, gain, bias, epsilon: (
            (x - x.mean(-1)) / (x.var(-1) + epsilon).sqrt() * gain + bias
        ),
    },
    "05.block": {
        "changes its input": _block_in_place,
        "no norms": lambda z, norm1, attend, norm2, mlp: (y := z + attend(z)) + mlp(y),
        "no first norm": lambda z, norm1, attend, norm2, mlp: (y := z + attend(z)) + mlp(norm2(y)),
        "no residuals": lambda z, norm1, attend, norm2, mlp: mlp(norm2(attend(norm1(z)))),
        "parallel": lambda z, norm1, attend, norm2, mlp: z + attend(norm1(z)) + mlp(norm2(z)),
        "residual from the input": lambda z, norm1, attend, norm2, mlp: z + mlp(norm2(z + attend(norm1(z)))),
        "residual of the normed": lambda z, norm1, attend, norm2, mlp: (
            (y := (n := norm1(z)) + attend(n)) + mlp(norm2(y))
        ),
        "MLP first": lambda z, norm1, attend, norm2, mlp: (y := z + mlp(norm2(z))) + attend(norm1(y)),
        "attention only": lambda z, norm1, attend, norm2, mlp: z + attend(norm1(z)),
        "first norm twice": lambda z, norm1, attend, norm2, mlp: (y := z + attend(norm1(z))) + mlp(norm1(y)),
    },
    "05.read-out": {
        "softmax on top": lambda z, weight, bias: (z[:, 0] @ weight + bias).softmax(-1),
        "patches averaged": lambda z, weight, bias: z[:, 1:].mean(1) @ weight + bias,
        "first patch": lambda z, weight, bias: z[:, 1] @ weight + bias,
        "class only": lambda z, weight, bias: (z[:, 0] @ weight + bias).argmax(-1),
        "bias subtracted": lambda z, weight, bias: z[:, 0] @ weight - bias,
        "axis kept": lambda z, weight, bias: z[:, :1] @ weight + bias,
        "the first number of each token": lambda z, weight, bias: z[..., 0] @ torch.ones(z.shape[1], len(bias)) + bias,
    },
    "05.rollout": {
        "heads multiplied": lambda maps: _roll(maps.prod(2, keepdim=True)),
        "sum of the heads": lambda maps: _roll(maps.sum(2, keepdim=True)),
        "sum of the layers": lambda maps: (0.5 * maps.mean(2) + 0.5 * torch.eye(maps.shape[-1])).sum(0),
        "first layer left out": lambda maps: _roll(maps, skip=1),
        "transposed maps": lambda maps: _roll(maps.transpose(-1, -2)),
        "elementwise product": lambda maps: (0.5 * maps.mean(2) + 0.5 * torch.eye(maps.shape[-1])).prod(0),
        "mean of the batch": lambda maps: _roll(maps.mean(1, keepdim=True)),
        "last layer twice": lambda maps: _roll(torch.cat([maps, maps[-1:]])),
        "one residual for all layers": lambda maps: 0.5 * _roll(maps, eye=False) + 0.5 * torch.eye(maps.shape[-1]),
    },
}
