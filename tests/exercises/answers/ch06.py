"""Chapter 6: palettes and codes."""

# ruff: noqa: N803
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import torch


def _near_numpy(points, centres):
    d = ((points.numpy()[..., None, :] - centres.numpy()) ** 2).sum(-1)
    return d.argmin(-1)


def _near_lists(points, centres):
    return [
        [min(range(len(centres)), key=lambda i: float(((p - centres[i]) ** 2).sum())) for p in row] for row in points
    ]


def _near_expanded(points, centres):
    d = (points**2).sum(-1, keepdim=True) - 2 * points @ centres.T + (centres**2).sum(-1)
    return d.min(-1).indices


def _move_loop(points, codes, centres):
    out = centres.clone()
    for i in range(len(centres)):
        mine = points[codes == i]
        if len(mine):
            out[i] = mine.mean(0)
    return out


def _move_numpy(points, codes, centres):
    points, codes, centres = (np.asarray(x) for x in (points, codes, centres))
    return np.stack([points[codes == i].mean(0) if (codes == i).any() else centres[i] for i in range(len(centres))])


def _move_index(points, codes, centres):
    k = len(centres)
    sums = torch.zeros_like(centres).index_add(0, codes, points)
    counts = torch.bincount(codes, minlength=k)[:, None]
    return torch.where(counts > 0, sums / counts.clamp(min=1), centres)


def _move_hot(points, codes, centres):
    hot = (codes[:, None] == torch.arange(len(centres))).double()
    counts = hot.sum(0)[:, None]
    moved = hot.T @ points.double() / counts
    return torch.where(counts == 0, centres.double(), moved)


def _move_scatter(points, codes, centres):
    out = np.zeros(centres.shape)
    np.add.at(out, codes.numpy(), points.numpy())
    counts = np.bincount(codes.numpy(), minlength=len(centres))
    for i, c in enumerate(counts):
        out[i] = out[i] / c if c else centres[i]
    return out


def _move_list(points, codes, centres):
    out = []
    for i, centre in enumerate(centres.tolist()):
        mine = [p for p, c in zip(points.tolist(), codes.tolist(), strict=True) if c == i]
        out.append([sum(x) / len(mine) for x in zip(*mine, strict=True)] if mine else centre)
    return out


def _move_in_place(points, codes, centres):
    for i in range(len(centres)):
        if (codes == i).any():
            centres[i] = points[codes == i].mean(0)
    return centres


def _move_lost(points, codes, centres):
    sums = torch.zeros_like(centres)
    sums[codes] += points
    counts = torch.bincount(codes, minlength=len(centres))[:, None]
    return torch.where(counts > 0, sums / counts.clamp(min=1), centres)


def _move_zero(points, codes, centres):
    sums = torch.zeros_like(centres).index_add(0, codes, points)
    return sums / torch.bincount(codes, minlength=len(centres))[:, None].clamp(min=1)


def _move_nan(points, codes, centres):
    return torch.stack([points[codes == i].mean(0) for i in range(len(centres))])


def _move_sum(points, codes, centres):
    sums = torch.zeros_like(centres).index_add(0, codes, points)
    counts = torch.bincount(codes, minlength=len(centres))[:, None]
    return torch.where(counts > 0, sums, centres)


def _move_median(points, codes, centres):
    out = centres.clone()
    for i in range(len(centres)):
        if (codes == i).any():
            out[i] = points[codes == i].median(0).values
    return out


def _move_half(points, codes, centres):
    return 0.5 * centres + 0.5 * _move_loop(points, codes, centres)


def _move_with_itself(points, codes, centres):
    out = centres.clone()
    for i in range(len(centres)):
        out[i] = torch.cat([points[codes == i], centres[i : i + 1]]).mean(0)
    return out


def _move_dropped(points, codes, centres):
    return torch.stack([points[codes == i].mean(0) for i in codes.unique()])


def _move_overall(points, codes, centres):
    out = centres.clone()
    for i in range(len(centres)):
        if (codes == i).any():
            out[i] = points[codes == i].sum(0) / len(points)
    return out


def _move_one_number(points, codes, centres):
    out = centres.clone()
    for i in range(len(centres)):
        if (codes == i).any():
            out[i] = points[codes == i].mean()
    return out


def _psnr(a, b, peak=255.0, dims=(1, 2, 3), factor=10.0, base=10):
    e = ((a.double() - b.double()) ** 2).mean(dims)
    return factor * torch.log10(peak**2 / e) if base == 10 else factor * torch.log(peak**2 / e)


def _psnr_numpy(images, originals):
    a, b = images.numpy().astype(float), originals.numpy().astype(float)
    return 20 * np.log10(255) - 10 * np.log10(((a - b) ** 2).mean(axis=(1, 2, 3)))


def _psnr_list(images, originals):
    return [
        10 * math.log10(255**2 / ((a.float() - b.float()) ** 2).mean().item())
        for a, b in zip(images, originals, strict=True)
    ]


def _codes_of(z, codebook):
    return codebook[torch.cdist(z, codebook).argmin(1)]


class _Through(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, codes):
        return codes.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad, None


def _through_no_grad(z, codebook):
    with torch.no_grad():
        d = (z[:, None] - codebook[None]).pow(2).sum(-1)
        difference = codebook[d.argmin(1)] - z
    return z + difference


def _through_hot(z, codebook):
    hot = torch.nn.functional.one_hot(torch.cdist(z, codebook).argmin(1), len(codebook)).to(codebook.dtype)
    codes = hot @ codebook.detach()
    return z + (codes - z).detach()


def _through_loop(z, codebook):
    out = []
    for v in z:
        i = min(range(len(codebook)), key=lambda j: (v - codebook[j]).norm().item())
        out.append(v + (codebook[i] - v).detach())
    return torch.stack(out)


def _soft(z, codebook):
    return (-torch.cdist(z, codebook)).softmax(1) @ codebook


def _entropy(p):
    p = p[p > 0]
    return -(p * p.log()).sum()


def _shares(codes, K):
    return torch.bincount(codes, minlength=K).double() / len(codes)


def _perp_counter(codes, K):
    n = len(codes)
    return math.exp(-sum(c / n * math.log(c / n) for c in Counter(codes.tolist()).values()))


def _perp_numpy(codes, K):
    _, c = np.unique(codes.numpy(), return_counts=True)
    p = c / c.sum()
    return np.exp(-(p * np.log(p)).sum())


def _perp_bits(codes, K):
    p = _shares(codes, K)
    p = p[p > 0]
    return 2 ** float(-(p * p.log2()).sum())


def _perp_hot(codes, K):
    p = torch.nn.functional.one_hot(codes, K).float().mean(0)
    return torch.exp(-torch.xlogy(p, p).sum())


RIGHT = {
    "06.nearest": [
        lambda points, centres: torch.cdist(points, centres).argmin(-1),
        lambda points, centres: ((points[:, :, None] - centres) ** 2).sum(-1).argmin(-1),
        lambda points, centres: (points.unsqueeze(2) - centres).norm(dim=-1).argmin(2).int(),
        _near_numpy,
        _near_lists,
        _near_expanded,
        lambda points, centres: torch.stack([torch.cdist(p, centres).argmin(1) for p in points]),
        lambda points, centres: np.argmin(torch.cdist(points.double(), centres.double()).numpy(), axis=-1).tolist(),
    ],
    "06.move": [_move_loop, _move_numpy, _move_index, _move_hot, _move_scatter, _move_list],
    "06.rate": [
        lambda height, width, k: math.ceil(math.log2(k)) + 24 * k / (height * width),
        lambda height, width, k: (height * width * (k - 1).bit_length() + k * 3 * 8) / (height * width),
        lambda height, width, k: np.ceil(np.log2(k)) + k * 24 / height / width,
        lambda height, width, k: torch.ceil(torch.log2(torch.tensor(float(k)))) + 24 * k / (height * width),
        lambda height, width, k: len(bin(k - 1)[2:]) * (k > 1) + 8 * 3 * k / (height * width),
        lambda height, width, k: Fraction((k - 1).bit_length()) + Fraction(24 * k, height * width),
        lambda height, width, k: next(b for b in range(99) if 2**b >= k) + 3 * k * 8 / (width * height),
    ],
    "06.psnr": [
        _psnr,
        _psnr_numpy,
        _psnr_list,
        lambda images, originals: torch.stack(
            [_psnr(a[None], b[None])[0] for a, b in zip(images, originals, strict=True)]
        ),
        lambda images, originals: (
            20 * torch.log10(255 / (images.float() - originals.float()).pow(2).flatten(1).mean(1).sqrt())
        ),
        lambda images, originals: _psnr(images / 255.0, originals / 255.0, peak=1.0),
        lambda images, originals: _psnr(images.short(), originals.short()).numpy(),
        lambda images, originals: tuple(_psnr(images, originals).tolist()),
    ],
    "06.straight-through": [
        lambda z, codebook: z + (_codes_of(z, codebook) - z).detach(),
        lambda z, codebook: _Through.apply(z, _codes_of(z, codebook)),
        lambda z, codebook: _codes_of(z, codebook).detach() + z - z.detach(),
        lambda z, codebook: z - (z - _codes_of(z, codebook)).detach(),
        _through_no_grad,
        _through_hot,
        _through_loop,
    ],
    "06.perplexity": [
        _perp_counter,
        _perp_numpy,
        _perp_bits,
        _perp_hot,
        lambda codes, K: _entropy(_shares(codes, K)).exp().item(),
        lambda codes, K: math.exp(torch.special.entr(_shares(codes, K)).sum()),
        lambda codes, K: torch.distributions.Categorical(_shares(codes, K)).perplexity(),
        lambda codes, K: np.float32(_perp_counter(codes, K)),
    ],
}

WRONG = {
    "06.nearest": {
        "farthest": lambda points, centres: torch.cdist(points, centres).argmax(-1),
        "distances": lambda points, centres: torch.cdist(points, centres).min(-1).values,
        "the colours": lambda points, centres: centres[torch.cdist(points, centres).argmin(-1)],
        "over the points": lambda points, centres: torch.cdist(points, centres).argmin(1),
        "largest dot product": lambda points, centres: (points @ centres.T).argmax(-1),
    },
    "06.move": {
        "duplicates lost": _move_lost,
        "empty becomes zero": _move_zero,
        "empty becomes NaN": _move_nan,
        "not divided": _move_sum,
        "changes its input": _move_in_place,
    },
    "06.rate": {
        "bits not whole": lambda height, width, k: math.log2(k) + 24 * k / (height * width),
        "no palette": lambda height, width, k: math.ceil(math.log2(k)),
        "bytes of the palette as bits": lambda height, width, k: math.ceil(math.log2(k)) + 3 * k / (height * width),
        "natural logarithm": lambda height, width, k: math.ceil(math.log(k)) + 24 * k / (height * width),
        "whole file": lambda height, width, k: math.ceil(math.log2(k)) * height * width + 24 * k,
    },
    "06.psnr": {
        "bytes subtracted": lambda images, originals: (
            10 * torch.log10(255**2 / ((images - originals) ** 2).float().mean((1, 2, 3)))
        ),
        "one number": lambda images, originals: (
            10 * torch.log10(255**2 / (images.float() - originals.float()).pow(2).mean())
        ),
        "peak of one": lambda images, originals: _psnr(images, originals, peak=1.0),
        "natural logarithm": lambda images, originals: _psnr(images, originals, base=math.e),
        "twenty": lambda images, originals: _psnr(images, originals, factor=20.0),
    },
    "06.straight-through": {
        "gradient to the codebook": lambda z, codebook: z + _codes_of(z, codebook) - z.detach(),
        "no gradient to z": lambda z, codebook: _codes_of(z, codebook),
        "everything detached": lambda z, codebook: (z + (_codes_of(z, codebook) - z)).detach(),
        "detached the wrong way": lambda z, codebook: z.detach() + (_codes_of(z, codebook) - z).detach(),
        "indices": lambda z, codebook: torch.cdist(z, codebook).argmin(1),
    },
    "06.perplexity": {
        "entropy": lambda codes, K: float(_entropy(_shares(codes, K))),
        "two to the nats": lambda codes, K: float(2 ** _entropy(_shares(codes, K))),
        "used codes": lambda codes, K: float(len(codes.unique())),
        "counts": lambda codes, K: float(_entropy(_shares(codes, K) * len(codes)).exp()),
        "NaN from zero": lambda codes, K: float((-(p := _shares(codes, K)) * p.log()).sum().exp()),
    },
}

HELD_OUT = {
    "06.nearest": {
        "absolute distance": lambda points, centres: torch.cdist(points, centres, p=1).argmin(-1),
        "from one": lambda points, centres: torch.cdist(points, centres).argmin(-1) + 1,
        "float indices": lambda points, centres: torch.cdist(points, centres).argmin(-1).float(),
        "one picture": lambda points, centres: torch.cdist(points[0], centres).argmin(-1),
        "first channel": lambda points, centres: (points[..., :1] - centres[:, 0]).abs().argmin(-1),
        "flat": lambda points, centres: torch.cdist(points, centres).argmin(-1).flatten(),
        "signed difference": lambda points, centres: (points[:, :, None] - centres).sum(-1).argmin(-1),
    },
    "06.move": {
        "median": _move_median,
        "half the way": _move_half,
        "old centre averaged in": _move_with_itself,
        "empty ones dropped": _move_dropped,
        "divided by all points": _move_overall,
        "one number for all channels": _move_one_number,
        "mean of everything": lambda points, codes, centres: points.mean(0).expand_as(centres),
        "unchanged": lambda points, codes, centres: centres.clone(),
    },
    "06.rate": {
        "rounded down": lambda height, width, k: math.floor(math.log2(k)) + 24 * k / (height * width),
        "palette for each pixel": lambda height, width, k: math.ceil(math.log2(k)) + 24 * k,
        "k bits": lambda height, width, k: k + 24 * k / (height * width),
        "bytes per pixel": lambda height, width, k: (math.ceil(math.log2(k)) + 24 * k / (height * width)) / 8,
        "one colour": lambda height, width, k: math.ceil(math.log2(k)) + 24 / (height * width),
        "one channel": lambda height, width, k: math.ceil(math.log2(k)) + 8 * k / (height * width),
        "rounded": lambda height, width, k: round(math.log2(k)) + 24 * k / (height * width),
    },
    "06.psnr": {
        "sum": lambda images, originals: _psnr(images, originals) - 10 * math.log10(images[0].numel()),
        "negative": lambda images, originals: -_psnr(images, originals),
        "root forgotten the other way": lambda images, originals: (
            10 * torch.log10(255**2 / (images.float() - originals.float()).pow(2).mean((1, 2, 3)).sqrt())
        ),
        "peak not squared": lambda images, originals: (
            10 * torch.log10(255 / (images.float() - originals.float()).pow(2).mean((1, 2, 3)))
        ),
        "absolute error": lambda images, originals: (
            20 * torch.log10(255 / (images.float() - originals.float()).abs().mean((1, 2, 3)))
        ),
        "logarithm of two": lambda images, originals: _psnr(images, originals) * math.log2(10),
        "no logarithm": lambda images, originals: 255**2 / (images.float() - originals.float()).pow(2).mean((1, 2, 3)),
        "mean error": lambda images, originals: (images.float() - originals.float()).pow(2).mean((1, 2, 3)),
    },
    "06.straight-through": {
        "the vectors": lambda z, codebook: z * 1.0,
        "soft codes": _soft,
        "soft backward": lambda z, codebook: (s := _soft(z, codebook)) + (_codes_of(z, codebook) - s).detach(),
        "gradient doubled": lambda z, codebook: 2 * z + (_codes_of(z, codebook) - 2 * z).detach(),
        "farthest": lambda z, codebook: z + (codebook[torch.cdist(z, codebook).argmax(1)] - z).detach(),
        "detach after the sum": lambda z, codebook: z + (_codes_of(z, codebook) - z),
        "numpy": lambda z, codebook: codebook.detach().numpy()[torch.cdist(z, codebook).argmin(1).numpy()],
    },
    "06.perplexity": {
        "entropy of K": lambda codes, K: float(K),
        "base 2 entropy": lambda codes, K: float(_entropy(_shares(codes, K)) / math.log(2)),
        "exp of bits": lambda codes, K: float((_entropy(_shares(codes, K)) / math.log(2)).exp()),
        "divided by K": lambda codes, K: float(_entropy(torch.bincount(codes, minlength=K).double() / K).exp()),
        "sign": lambda codes, K: float((-_entropy(_shares(codes, K))).exp()),
        "share of K": lambda codes, K: float(_entropy(_shares(codes, K)).exp()) / K,
        "inverse Simpson": lambda codes, K: float(1 / (_shares(codes, K) ** 2).sum()),
        "one added": lambda codes, K: float(
            _entropy((torch.bincount(codes, minlength=K) + 1) / (len(codes) + K)).exp()
        ),
    },
}
