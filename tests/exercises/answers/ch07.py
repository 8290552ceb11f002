"""Chapter 7: the decoder over pixels."""

# ruff: noqa: E741, N806, RUF007
import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F


def _shift_copy(codes, start):
    out = codes.clone()
    out[:, 1:] = codes[:, :-1]
    out[:, 0] = start
    return out


def _shift_numpy(codes, start):
    out = np.roll(codes.numpy(), 1, axis=1)
    out[:, 0] = start
    return out


def _shift_in_place(codes, start):
    codes[:, 1:] = codes[:, :-1].clone()
    codes[:, 0] = start
    return codes


def _shift_smear(codes, start):
    out = codes.clone()
    for i in range(1, codes.shape[1]):
        out[:, i] = out[:, i - 1]
    out[:, 0] = start
    return out


def _mask_numpy(scores):
    s = scores.numpy().astype(float)
    s = np.where(np.tril(np.ones(s.shape[-2:])) == 1, s, -np.inf)
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _mask_rows(scores):
    out = torch.zeros_like(scores)
    for i in range(scores.shape[-1]):
        out[..., i, : i + 1] = scores[..., i, : i + 1].softmax(-1)
    return out


def _mask_exp(scores):
    e = scores.exp().tril()
    return e / e.sum(-1, keepdim=True)


def _mask_add(scores):
    return (scores + torch.full(scores.shape[-2:], -torch.inf).triu(1)).softmax(-1)


def _mask_where(scores):
    N = scores.shape[-1]
    i = torch.arange(N)
    return torch.where(i[:, None] >= i, scores, torch.tensor(-torch.inf)).softmax(dim=-1)


def _mask_big(scores):
    later = torch.ones(scores.shape[-2:]).triu(1).bool()
    return F.softmax(scores.double().masked_fill(later, -1e9), -1)


def _mask(scores, diagonal=1, axis=-1, value=-math.inf, lower=False):
    ones = torch.ones(scores.shape[-2:], dtype=torch.bool)
    return scores.masked_fill(ones.tril(-diagonal) if lower else ones.triu(diagonal), value).softmax(axis)


def _top_loop(logits, temperature, k):
    out = torch.zeros_like(logits)
    for b, row in enumerate(logits / temperature):
        keep = row.argsort(descending=True)[:k]
        out[b, keep] = row[keep].softmax(0)
    return out


def _top_numpy(logits, temperature, k):
    a = np.asarray(logits, dtype=np.float64) / temperature
    out = np.zeros_like(a)
    for b, row in enumerate(a):
        keep = np.argsort(-row)[:k]
        e = np.exp(row[keep] - row[keep].max())
        out[b, keep] = e / e.sum()
    return out


def _top_scatter(logits, temperature, k):
    values, places = torch.topk(logits, k)
    return torch.zeros_like(logits).scatter(1, places, (values / temperature).softmax(-1))


def _top_renorm(logits, temperature, k):
    p = (logits / temperature).softmax(-1)
    p = p * (p >= p.topk(k, dim=-1).values[:, -1:])
    return p / p.sum(-1, keepdim=True)


def _top_sorted(logits, temperature, k):
    l = logits / temperature
    kth = l.sort(-1, descending=True).values[:, k - 1, None]
    return torch.where(l >= kth, l, -torch.inf).softmax(1)


def _top(logits, temperature, k, last=0.0, smallest=False, after=False):
    l = logits / temperature
    kth = l.topk(k, largest=not smallest).values[:, -1:]
    drop = l > kth if smallest else l < kth
    if after:
        return l.softmax(-1).masked_fill(drop, 0.0)
    return l.masked_fill(drop, -math.inf).softmax(-1)


def _bits_ce(logits, codes):
    B, N, K = logits.shape
    return F.cross_entropy(logits.reshape(-1, K), codes.reshape(-1), reduction="none").reshape(B, N).mean(1) / math.log(
        2
    )


def _bits_numpy(logits, codes):
    a = logits.numpy().astype(float)
    p = np.exp(a) / np.exp(a).sum(-1, keepdims=True)
    chosen = np.take_along_axis(p, codes.numpy()[..., None], -1)[..., 0]
    return -np.log2(chosen).mean(1)


def _bits_loop(logits, codes):
    out = []
    for l, c in zip(logits, codes, strict=True):
        p = l.softmax(-1)
        out.append(sum(-math.log2(p[i, c[i]].item()) for i in range(len(c))) / len(c))
    return out


def _bits_hot(logits, codes):
    logp = torch.log_softmax(logits, -1)
    return -(logp * F.one_hot(codes, logits.shape[-1])).sum(-1).mean(1) / math.log(2)


def _bits_transposed(logits, codes):
    return F.cross_entropy(logits.transpose(1, 2), codes, reduction="none").mean(-1) / math.log(2)


def _bits_lse(logits, codes):
    chosen = logits.double().gather(2, codes.unsqueeze(2)).squeeze(2)
    return (torch.logsumexp(logits.double(), 2) - chosen).mean(1) * math.log2(math.e)


def _chosen(x, codes):
    return x.gather(-1, codes[..., None])[..., 0]


def _table_loop(codes, k):
    out = torch.ones(k, k)
    for picture in codes:
        for a, b in zip(picture[:-1], picture[1:], strict=True):
            out[a, b] += 1
    return out / out.sum(1, keepdim=True)


def _table_numpy(codes, k):
    out = np.ones((k, k))
    np.add.at(out, (codes[:, :-1].numpy(), codes[:, 1:].numpy()), 1)
    return out / out.sum(axis=1, keepdims=True)


def _table_bincount(codes, k):
    pairs = codes[:, :-1] * k + codes[:, 1:]
    counts = torch.bincount(pairs.flatten(), minlength=k * k).reshape(k, k).double() + 1
    return counts / counts.sum(-1, keepdim=True)


def _table_hot(codes, k):
    hot = F.one_hot(codes, k).float()
    counts = torch.einsum("bna,bnc->ac", hot[:, :-1], hot[:, 1:]) + 1
    return F.normalize(counts, p=1, dim=1)


def _table_lists(codes, k):
    counts = [[1] * k for _ in range(k)]
    for row in codes.tolist():
        for a, b in itertools.pairwise(row):
            counts[a][b] += 1
    return [[c / sum(line) for c in line] for line in counts]


def _table_put(codes, k):
    a, b = codes[:, :-1].reshape(-1), codes[:, 1:].reshape(-1)
    counts = torch.ones(k, k).index_put((a, b), torch.tensor(1.0), accumulate=True)
    return (counts.T / counts.sum(1)).T


def _counts(codes, k, start=1.0):
    out = torch.full((k, k), start)
    for picture in codes:
        for a, b in itertools.pairwise(picture.tolist()):
            out[a, b] += 1
    return out


def _table_lost(codes, k):
    t = torch.ones(k, k)
    t[codes[:, :-1], codes[:, 1:]] += 1
    return t / t.sum(1, keepdim=True)


def _table_across(codes, k):
    return _table_loop(codes.reshape(1, -1), k)


def _table_two_left(codes, k):
    out = torch.ones(k, k)
    for picture in codes.tolist():
        for a, b in zip(picture[:-2], picture[2:], strict=True):
            out[a, b] += 1
    return out / out.sum(1, keepdim=True)


def _table_symmetric(codes, k):
    c = _counts(codes, k, 0.0)
    c = c + c.T + 1
    return c / c.sum(1, keepdim=True)


def _table_late_one(codes, k):
    c = _counts(codes, k, 0.0)
    return c / c.sum(1, keepdim=True).clamp(min=1) + 1


RIGHT = {
    "07.shift": [
        lambda codes, start: torch.cat([torch.full((len(codes), 1), start), codes[:, :-1]], 1),
        lambda codes, start: F.pad(codes[:, :-1], (1, 0), value=start),
        lambda codes, start: [[start, *row[:-1]] for row in codes.tolist()],
        lambda codes, start: np.hstack([np.full((len(codes), 1), start), codes[:, :-1].numpy()]),
        lambda codes, start: F.pad(codes, (1, 0), value=start)[:, :-1].int(),
        _shift_copy,
        _shift_numpy,
    ],
    "07.mask": [
        _mask_numpy,
        _mask_rows,
        _mask_exp,
        _mask_add,
        _mask_where,
        _mask_big,
        lambda s: _mask_rows(s).tolist(),
    ],
    "07.temperature": [
        _top_loop,
        _top_numpy,
        _top_scatter,
        _top_renorm,
        _top_sorted,
        lambda logits, temperature, k: _top_numpy(logits, temperature, k).tolist(),
        lambda logits, temperature, k: _top(logits.double(), temperature, k),
    ],
    "07.bits": [_bits_ce, _bits_numpy, _bits_loop, _bits_hot, _bits_transposed, _bits_lse],
    "07.left": [_table_loop, _table_numpy, _table_bincount, _table_hot, _table_lists, _table_put],
}

WRONG = {
    "07.shift": {
        "rolled": lambda codes, start: codes.roll(1, 1),
        "too long": lambda codes, start: F.pad(codes, (1, 0), value=start),
        "to the left": lambda codes, start: F.pad(codes[:, 1:], (0, 1), value=start),
        "zero in front": lambda codes, start: F.pad(codes[:, :-1], (1, 0)),
        "changes its input": _shift_in_place,
    },
    "07.mask": {
        "mask after": lambda scores: scores.softmax(-1).tril(),
        "zeros before": lambda scores: scores.tril().softmax(-1),
        "hides the place itself": lambda scores: _mask(scores, diagonal=0),
        "hides the past": lambda scores: _mask(scores, lower=True),
        "no mask": lambda scores: scores.softmax(-1),
    },
    "07.temperature": {
        "multiplied": lambda logits, temperature, k: _top(logits * temperature, 1.0, k),
        "no temperature": lambda logits, temperature, k: _top(logits, 1.0, k),
        "all kept": lambda logits, temperature, k: (logits / temperature).softmax(-1),
        "cut after the softmax": lambda logits, temperature, k: _top(logits, temperature, k, after=True),
        "k smallest": lambda logits, temperature, k: _top(logits, temperature, k, smallest=True),
    },
    "07.bits": {
        "nats": lambda logits, codes: _bits_ce(logits, codes) * math.log(2),
        "sign": lambda logits, codes: -_bits_ce(logits, codes),
        "sum": lambda logits, codes: _bits_ce(logits, codes) * codes.shape[1],
        "no logarithm": lambda logits, codes: _chosen(logits.softmax(-1), codes).mean(1),
        "logits as they are": lambda logits, codes: -_chosen(logits, codes).mean(1) / math.log(2),
    },
    "07.left": {
        "duplicates lost": _table_lost,
        "across pictures": _table_across,
        "not normalised": lambda codes, k: _counts(codes, k),
        "transposed": lambda codes, k: (c := _counts(codes, k).T) / c.sum(1, keepdim=True),
        "columns sum to one": lambda codes, k: (c := _counts(codes, k)) / c.sum(0, keepdim=True),
    },
}

HELD_OUT = {
    "07.shift": {
        "itself": lambda codes, start: codes.clone(),
        "start at the end": lambda codes, start: torch.cat([codes[:, :-1], torch.full((len(codes), 1), start)], 1),
        "first row": lambda codes, start: torch.cat([torch.full((1, codes.shape[1]), start), codes[:-1]]),
        "smeared": _shift_smear,
        "first replaced": lambda codes, start: torch.cat([torch.full((len(codes), 1), start), codes[:, 1:]], 1),
        "last left out": lambda codes, start: codes[:, :-1],
        "two starts": lambda codes, start: F.pad(codes[:, :-2], (2, 0), value=start),
        "added": lambda codes, start: codes + start,
    },
    "07.mask": {
        "columns": lambda scores: _mask(scores, axis=-2),
        "minus one": lambda scores: _mask(scores, value=-1.0),
        "one place too many": lambda scores: _mask(scores, diagonal=2),
        "no softmax": lambda scores: scores.tril(),
        "divided by the sum": lambda scores: scores.tril() / scores.tril().sum(-1, keepdim=True),
        "plain shares": lambda scores: (
            torch.ones_like(scores).tril() / torch.ones_like(scores).tril().sum(-1, keepdim=True)
        ),
        "masked scores": lambda scores: scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf),
        "over the whole matrix": lambda scores: _mask_add_all(scores),
    },
    "07.temperature": {
        "batch threshold": lambda logits, temperature, k: (
            (l := logits / temperature).masked_fill(l < l.flatten().topk(k).values[-1], -math.inf).softmax(-1)
        ),
        "one too many": lambda logits, temperature, k: _top(logits, temperature, min(k + 1, logits.shape[1])),
        "one too few": lambda logits, temperature, k: (
            (l := logits / temperature).masked_fill(l <= l.topk(k).values[:, -1:], -math.inf).softmax(-1)
        ),
        "k values only": lambda logits, temperature, k: (logits / temperature).topk(k).values.softmax(-1),
        "zeros as logits": lambda logits, temperature, k: (
            (l := logits / temperature).masked_fill(l < l.topk(k).values[:, -1:], 0.0).softmax(-1)
        ),
        "softmax then temperature": lambda logits, temperature, k: _top(logits, 1.0, k) / temperature,
        "greedy": lambda logits, temperature, k: F.one_hot(logits.argmax(-1), logits.shape[1]).float(),
        "no softmax": lambda logits, temperature, k: (l := logits / temperature).masked_fill(
            l < l.topk(k).values[:, -1:], 0.0
        ),
        "softmax over the batch": lambda logits, temperature, k: (
            (l := logits / temperature).masked_fill(l < l.topk(k).values[:, -1:], -1e9).softmax(0)
        ),
    },
    "07.bits": {
        "one number": lambda logits, codes: _bits_ce(logits, codes).mean(),
        "each pixel": lambda logits, codes: -_chosen(logits.log_softmax(-1), codes) / math.log(2),
        "times ln 2": lambda logits, codes: _bits_ce(logits, codes) * math.log(2) ** 2,
        "decimal logarithm": lambda logits, codes: _bits_ce(logits, codes) * math.log10(2),
        "entropy": lambda logits, codes: torch.special.entr(logits.softmax(-1)).sum(-1).mean(1) / math.log(2),
        "log of the mean": lambda logits, codes: -torch.log2(_chosen(logits.softmax(-1), codes).mean(1)),
        "softmax over the places": lambda logits, codes: -_chosen(logits.log_softmax(1), codes).mean(1) / math.log(2),
        "most likely colour": lambda logits, codes: -logits.log_softmax(-1).amax(-1).mean(1) / math.log(2),
        "mean over everything": lambda logits, codes: -logits.log_softmax(-1).mean((1, 2)) / math.log(2),
    },
    "07.left": {
        "no ones": lambda codes, k: (c := _counts(codes, k, 0.0)) / c.sum(1, keepdim=True),
        "whole table": lambda codes, k: (c := _counts(codes, k)) / c.sum(),
        "two to the left": _table_two_left,
        "both directions": _table_symmetric,
        "one added after": _table_late_one,
        "softmax": lambda codes, k: _counts(codes, k).softmax(1),
        "colour alone": lambda codes, k: ((c := torch.bincount(codes.flatten(), minlength=k) + 1.0) / c.sum()).expand(
            k, k
        ),
        "tenth added": lambda codes, k: (c := _counts(codes, k, 0.1)) / c.sum(1, keepdim=True),
        "divided without keepdim": lambda codes, k: (c := _counts(codes, k)) / c.sum(1),
    },
}


def _mask_add_all(scores):
    s = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -math.inf)
    return s.flatten(-2).softmax(-1).reshape(s.shape)
