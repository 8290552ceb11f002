"""One sampler for every decoder: greedy, temperature, top-k, top-p, guidance, beams. See :ref:`sec-07-sampling`."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from mmcourse.transformer import Cache


class Decodes(Protocol):
    """What a model must offer to be sampled from; a condition (a text, a sound) belongs to the object."""

    def new_cache(self) -> Cache:
        """An empty cache."""
        ...

    def next_logits(self, tokens: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits (B, K) of the token after ``tokens`` (B, n), which are all tokens so far; n may be 0."""
        ...


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Set all but the k largest logits of each row to -inf (Fan et al., 2018); ties with the k-th stay."""
    if k < 1:
        raise ValueError(f"top_k={k}; at least one token must stay.")
    if k >= logits.shape[-1]:
        return logits
    return logits.masked_fill(logits < logits.topk(k).values[..., -1:], float("-inf"))


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the fewest tokens whose probabilities sum to at least p, the rest -inf (Holtzman et al., 2020, 3.1)."""
    if not 0 < p <= 1:
        raise ValueError(f"top_p={p}; choose a share above 0 and up to 1.")
    ordered, index = logits.sort(descending=True)
    share = ordered.softmax(-1)
    before = share.cumsum(-1) - share  # of the tokens that come earlier; the first always stays
    return torch.full_like(logits, float("-inf")).scatter(-1, index, ordered.masked_fill(before >= p, float("-inf")))


@torch.no_grad()
def generate(
    model: Decodes,
    prefix: Tensor,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    without: Decodes | None = None,
    guidance: float = 1.0,
    stop: int | None = None,
    seed: int = 0,
    cached: bool = True,
) -> Tensor:
    """Continue sequences token by token. Derived in :ref:`sec-07-sampling`.

    Args:
        model: gives the next token's logits.
        prefix: (B, n) int64, where each sequence begins; n may be 0.
        length: how many tokens to add at most.
        temperature: logits are divided by it; 0 takes the likeliest token (greedy).
        top_k: sample among so many likeliest tokens only.
        top_p: sample among the likeliest tokens that hold this share of the probability.
        without: the same model without its condition, for classifier-free guidance (Ho & Salimans, 2022).
        guidance: lambda in G(z) + lambda (G(z, c) - G(z)), where G(z) are the logits of ``without``.
        stop: a token that ends its sequence; what follows it is filled with it.
        seed: the same seed gives the same tokens.
        cached: keep keys and values, so that a token costs one step; False computes everything anew, for comparison.

    Returns:
        (B, n + length), or shorter where every sequence has stopped.

    Raises:
        ValueError: a setting that makes no sense, or logits that are not finite.
    """
    if temperature < 0 or length < 0:
        raise ValueError(f"temperature={temperature} and length={length}: neither may be negative.")
    if prefix.dim() != 2:
        raise ValueError(
            f"prefix has shape {tuple(prefix.shape)}; give (B, n), torch.empty(B, 0, dtype=torch.long) for none."
        )
    generator = torch.Generator(prefix.device).manual_seed(seed)
    tokens, done = prefix, torch.zeros(len(prefix), dtype=torch.bool, device=prefix.device)
    cache = model.new_cache() if cached else None
    other = without.new_cache() if cached and without is not None else None
    for _ in range(length):
        logits = model.next_logits(tokens, cache)
        if without is not None:
            free = without.next_logits(tokens, other)
            logits = free + guidance * (logits - free)
        if logits.isnan().any():
            raise ValueError(f"the model gave NaN after {tokens.shape[1]} tokens; look at its weights.")
        if temperature == 0:
            drawn = logits.argmax(-1)
        else:
            logits = logits / temperature
            logits = logits if top_k is None else keep_top_k(logits, top_k)
            logits = logits if top_p is None else keep_top_p(logits, top_p)
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        if stop is not None:
            drawn = torch.where(done, stop, drawn)
            done = done | (drawn == stop)
        tokens = torch.cat([tokens, drawn[:, None]], dim=1)
        if stop is not None and bool(done.all()):
            break
    return tokens


class Beams(NamedTuple):
    """What a beam search has found.

    Attributes:
        tokens: (B, n + length), the likeliest sequence of each row, filled with the stop token after it.
        scores: (B,), its log-probability in nats, divided by the length penalty.
    """

    tokens: Tensor
    scores: Tensor


@torch.no_grad()
def beam_search(
    model: Decodes, prefix: Tensor, length: int, *, beams: int = 4, stop: int | None = None, penalty: float = 0.0
) -> Beams:
    """Keep the likeliest beginnings instead of one (Sutskever et al., 2014, section 3.2).

    Args:
        model: gives the next token's logits.
        prefix: (B, n) int64.
        length: how many tokens to add at most.
        beams: beginnings that are kept of each row; 1 is greedy.
        stop: a token that ends its sequence.
        penalty: scores are divided by (new tokens)^penalty; above 0 favours longer sequences (Wu et al., 2016).

    Raises:
        ValueError: fewer than one beam or token.
    """
    if beams < 1 or length < 1:
        raise ValueError(f"beams={beams} and length={length}: both must be at least 1.")
    batch = len(prefix)
    tokens = prefix.repeat_interleave(beams, 0)  # (B · beams, n)
    score = torch.full((batch, beams), float("-inf"), device=prefix.device)
    score[:, 0] = 0.0  # at first all beams of a row are the same: count one of them
    done = torch.zeros(batch, beams, dtype=torch.bool, device=prefix.device)
    added = torch.zeros(batch, beams, device=prefix.device)
    cache = model.new_cache()
    first = torch.arange(batch, device=prefix.device)[:, None] * beams
    for _ in range(length):
        step = model.next_logits(tokens, cache).log_softmax(-1).unflatten(0, (batch, beams)).to(score.dtype)
        if stop is not None:  # an ended sequence goes on in one way only, at no cost
            frozen = torch.full_like(step, float("-inf"))
            frozen[..., stop] = 0.0
            step = torch.where(done[..., None], frozen, step)
        total = score[..., None] + step  # (B, beams, K)
        size = added[..., None] + (~done[..., None]).float()
        ranked = (total / size.clamp(min=1) ** penalty).flatten(1).topk(beams).indices  # (B, beams)
        origin, drawn = ranked // step.shape[-1], ranked % step.shape[-1]
        score = total.flatten(1).gather(1, ranked)
        added = size.squeeze(-1).gather(1, origin)
        rows = (first + origin).flatten()
        tokens = torch.cat([tokens[rows], drawn.flatten()[:, None]], dim=1)
        cache.select(rows)
        done = done.gather(1, origin)
        if stop is not None:
            done = done | (drawn == stop)
            if bool(done.all()):
                break
    final = score / added.clamp(min=1) ** penalty
    best = final.argmax(1)
    return Beams(tokens.unflatten(0, (batch, beams))[torch.arange(batch), best], final.gather(1, best[:, None])[:, 0])
