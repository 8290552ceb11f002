"""The transformer: the part that stays when the modality changes.

One attention, one block, one encoder, one decoder, one key/value cache. Every model of the book is made of
these and of nothing else; what differs is in :mod:`mmcourse.tokens`, on the way in and on the way out.

Letters: B batch, N tokens, M tokens of the memory that cross-attention reads, D width, H heads, L layers.
Sources: Vaswani et al. (2017), sections 3.1 to 3.3; the norm stands before each sub-layer as in the vision
transformer (Dosovitskiy et al., 2021, equations 2 and 3). Derived in :ref:`sec-05-block`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class TransformerConfig:
    """Size and options of a stack of blocks.

    The options are those in which the published models differ; ViT keeps all defaults.

    Args:
        width: D, the length of every token's vector.
        heads: H; must divide the width.
        layers: L, the number of blocks.
        mlp: hidden units of each block's MLP, 4 D in most models.
        activation: ``"gelu"`` exact, ``"gelu_tanh"`` its tanh approximation, ``"quick_gelu"`` x·sigmoid(1.702 x).
        norm: ``"layer"`` for LayerNorm, ``"scale"`` for ImageGPT's norm without mean and bias.
        epsilon: added to the variance, inside the root.
        query_bias: whether the query projection has a bias; so for key, value, out and mlp.
        dropout: probability of dropping a sub-layer's output before it is added (Vaswani, section 5.4).
        cross_attention: whether each block also reads a memory (the decoder of an encoder-decoder).
        final_norm: whether a norm follows the last block.
    """

    width: int
    heads: int
    layers: int
    mlp: int
    activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "gelu"
    norm: Literal["layer", "scale"] = "layer"
    epsilon: float = 1e-6
    query_bias: bool = True
    key_bias: bool = True
    value_bias: bool = True
    out_bias: bool = True
    mlp_bias: bool = True
    dropout: float = 0.0
    cross_attention: bool = False
    final_norm: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "heads", "layers", "mlp"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared by {self.heads} heads; choose a multiple of that.")
        for name, known in (("activation", ACTIVATIONS), ("norm", NORMS)):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is unknown; choose one of {', '.join(known)}.")


def quick_gelu(x: Tensor) -> Tensor:
    """x·sigmoid(1.702 x), the quick approximation of GELU that ImageGPT and CLIP use (Hendrycks & Gimpel, 2016)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "quick_gelu": quick_gelu,
}


class ScaleNorm(nn.Module):
    """ImageGPT's norm: x·rsqrt(mean x² + epsilon)·g, without mean and without bias (image-gpt, ``src/model.py``)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(…, D) -> (…, D)."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


NORMS: dict[str, type[nn.Module]] = {"layer": nn.LayerNorm, "scale": ScaleNorm}


def make_norm(config: TransformerConfig) -> nn.Module:
    """The norm that the configuration names, over the last dimension (Ba et al., 2016)."""
    return NORMS[config.norm](config.width, config.epsilon)


class LayerCache:
    """Keys and values that one block has computed already, (B, H, N, D/H) each."""

    def __init__(self) -> None:
        self.length = 0
        self.memory: tuple[Tensor, Tensor] | None = None  # of cross-attention: computed once, never grows
        self._room: Tensor | None = None  # (2, B, H, room, D/H), keys and values, filled up to length

    def append(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the keys and values of new tokens and return all so far, (B, H, length, D/H) each."""
        start, self.length = self.length, self.length + keys.shape[2]
        if self._room is None or self.length > self._room.shape[3]:
            # Doubling the room keeps the copying of a step constant on average, so that its cost stays flat.
            room = keys.new_empty(2, *keys.shape[:2], max(2 * self.length, 64), keys.shape[3])
            if self._room is not None:
                room[:, :, :, :start] = self._room[:, :, :, :start]
            self._room = room
        self._room[0, :, :, start : self.length] = keys
        self._room[1, :, :, start : self.length] = values
        return self._room[0, :, :, : self.length], self._room[1, :, :, : self.length]

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may be named twice (beam search)."""
        if self._room is not None:
            self._room = self._room[:, rows]
        if self.memory is not None:
            self.memory = self.memory[0][rows], self.memory[1][rows]


class Cache:
    """What a :class:`Decoder` of L layers has read so far: a new token costs one step (:ref:`sec-07-sampling`)."""

    def __init__(self, layers: int) -> None:
        self.layers = [LayerCache() for _ in range(layers)]

    @property
    def length(self) -> int:
        """Number of tokens read so far."""
        return self.layers[0].length

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the batch, in this order; a row may be named twice (beam search)."""
        for layer in self.layers:
            layer.select(rows)


@dataclass
class AttentionMaps:
    """Attention weights of each layer, collected when a stack is called with ``maps=AttentionMaps()``.

    Attributes:
        own: (B, H, N, N) each, of self-attention; rows sum to 1.
        cross: (B, H, N, M) each, of cross-attention.
    """

    own: list[Tensor] = field(default_factory=list)
    cross: list[Tensor] = field(default_factory=list)


def attention_mask(n: int, m: int, causal: bool, padding: Tensor | None, device: torch.device) -> Tensor | None:
    """Which of m keys each of n queries may read: True or False, (N, M) or (B, 1, N, M); None where all may be read.

    The last query is the last key's own token, so a causal mask is aligned at its lower right corner: with a
    filled cache the queries are the newest of the keys.
    """
    mask = None
    if causal and n > 1:
        mask = torch.ones(n, m, dtype=torch.bool, device=device).tril(m - n)
    if padding is not None:
        readable = ~padding[:, None, None, :]
        mask = readable if mask is None else mask & readable
    return mask


def scaled_dot_product(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """softmax(Q Kᵀ / √(D/H)) V, written out, for when the weights themselves are wanted.

    Vaswani et al. (2017), equation 1. Derived in :ref:`sec-05-attention`.

    Args:
        query: (B, H, N, D/H); key and value: (B, H, M, D/H).
        mask: True where a query may read a key, broadcastable to (B, H, N, M); None for everywhere.

    Returns:
        The read values (B, H, N, D/H) and the weights (B, H, N, M). A query that may read nothing gets zeros.
    """
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    if mask is None:
        weights = scores.softmax(-1)
    else:
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1).nan_to_num(0.0)
    return weights @ value, weights


class Attention(nn.Module):
    """Multi-head attention: of a sequence to itself, or to a memory (Vaswani et al., 2017, section 3.2.2).

    Derived in :ref:`sec-05-attention`.
    """

    def __init__(self, config: TransformerConfig, causal: bool = False) -> None:
        super().__init__()
        self.heads = config.heads
        self.causal = causal
        self.query = nn.Linear(config.width, config.width, bias=config.query_bias)
        self.key = nn.Linear(config.width, config.width, bias=config.key_bias)
        self.value = nn.Linear(config.width, config.width, bias=config.value_bias)
        self.out = nn.Linear(config.width, config.width, bias=config.out_bias)

    def split(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, H, N, D/H): each head gets its share of the width."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        padding: Tensor | None = None,
        cache: LayerCache | None = None,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """Let each token of x (B, N, D) read from x, or from the memory (B, M, D) where one is given: (B, N, D).

        Args:
            padding: (B, M) bool, True for keys that nobody may read; with a cache it covers the cached keys too.
            cache: keys and values of earlier tokens, extended in place.
            maps: a list to which the weights (B, H, N, M) are appended.
        """
        query = self.split(self.query(x))
        if memory is None:
            key, value = self.split(self.key(x)), self.split(self.value(x))
            if cache is not None:
                key, value = cache.append(key, value)
        elif cache is not None and cache.memory is not None:
            key, value = cache.memory
        else:
            key, value = self.split(self.key(memory)), self.split(self.value(memory))
            if cache is not None:
                cache.memory = key, value
        if maps is None and self.causal and padding is None and query.shape[2] == key.shape[2]:
            # The fused kernel builds the triangle itself and skips what lies above it.
            read = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            mask = attention_mask(query.shape[2], key.shape[2], self.causal, padding, x.device)
            if maps is None:
                read = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            else:
                read, weights = scaled_dot_product(query, key, value, mask)
                maps.append(weights)
        return self.out(read.transpose(1, 2).flatten(2))  # (B, H, N, D/H) -> (B, N, D)


class MLP(nn.Module):
    """Two linear layers with an activation between them, applied to each token alone (Vaswani, section 3.3)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.mlp, bias=config.mlp_bias)
        self.down = nn.Linear(config.mlp, config.width, bias=config.mlp_bias)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D)."""
        return self.down(self.activation(self.up(x)))


class Block(nn.Module):
    """Attention, then (in a decoder with a memory) cross-attention, then the MLP, each on a residual path.

    Z' = Multihead(LN(Z)) + Z and Z'' = MLP(LN(Z')) + Z' (Dosovitskiy et al., 2021, equations 2 and 3).
    Derived in :ref:`sec-05-block`.
    """

    def __init__(self, config: TransformerConfig, causal: bool = False) -> None:
        super().__init__()
        self.norm_attention = make_norm(config)
        self.attention = Attention(config, causal)
        if config.cross_attention:
            self.norm_cross = make_norm(config)
            self.cross_attention = Attention(config)
        self.norm_mlp = make_norm(config)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout)
        self.crosses = config.cross_attention

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        padding: Tensor | None = None,
        memory_padding: Tensor | None = None,
        cache: LayerCache | None = None,
        maps: AttentionMaps | None = None,
    ) -> Tensor:
        """(B, N, D) -> (B, N, D); arguments as in :class:`Attention`, ``memory_padding`` (B, M) for the memory."""
        own = None if maps is None else maps.own
        x = x + self.dropout(self.attention(self.norm_attention(x), padding=padding, cache=cache, maps=own))
        if self.crosses:
            cross = None if maps is None else maps.cross
            read = self.cross_attention(self.norm_cross(x), memory, padding=memory_padding, cache=cache, maps=cross)
            x = x + self.dropout(read)
        return x + self.dropout(self.mlp(self.norm_mlp(x)))


class Stack(nn.Module):
    """L blocks and a norm: what :class:`Encoder` and :class:`Decoder` share."""

    def __init__(self, config: TransformerConfig, causal: bool) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, causal) for _ in range(config.layers))
        self.norm = make_norm(config) if config.final_norm else nn.Identity()
        self.apply(initialise)

    def check(self, x: Tensor, padding: Tensor | None, keys: int) -> None:
        """Refuse what no block could use, in one line, before any arithmetic."""
        given = f"{type(self).__name__} was given shape {tuple(x.shape)}"
        if x.dim() != 3 or x.shape[-1] != self.config.width:
            raise ValueError(f"{given}; it needs (B, N, D) with D = {self.config.width}: embed the tokens first.")
        if 0 in x.shape:
            raise ValueError(f"{given}, which holds no token at all.")
        if padding is not None and tuple(padding.shape) != (x.shape[0], keys):
            raise ValueError(f"padding is {tuple(padding.shape)}; it needs one entry a key, ({x.shape[0]}, {keys}).")


class Encoder(Stack):
    """Blocks in which every token reads every other token: ViT, AST, the first half of Whisper and Parti."""

    def __init__(self, config: TransformerConfig) -> None:
        if config.cross_attention:
            raise ValueError("an Encoder reads no memory; use Decoder for cross_attention=True.")
        super().__init__(config, causal=False)

    def forward(self, x: Tensor, *, padding: Tensor | None = None, maps: AttentionMaps | None = None) -> Tensor:
        """Read a whole sequence at once: (B, N, D), positions added, -> (B, N, D).

        Args:
            padding: (B, N) bool, True where a token is only filling.
            maps: collects the attention weights of every layer.
        """
        self.check(x, padding, x.shape[1])
        for block in self.blocks:
            x = block(x, padding=padding, maps=maps)
        return self.norm(x)


class Decoder(Stack):
    """Blocks in which a token reads only itself and what came before: ImageGPT, and the second half of Whisper."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, causal=True)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        padding: Tensor | None = None,
        memory_padding: Tensor | None = None,
        cache: Cache | None = None,
        maps: AttentionMaps | None = None,
    ) -> Tensor:
        """Read a sequence, or with a cache the next piece of one: (B, N, D) -> (B, N, D).

        Args:
            x: (B, N, D); with a cache, only the tokens that the cache does not hold.
            memory: (B, M, D), the encoder's output, where the configuration has cross-attention.
            padding: (B, N) bool, True where a token is only filling; with a cache, over all tokens so far.
            memory_padding: (B, M) bool, the same for the memory.
            cache: extended in place. The memory's keys are computed at the first call only.
            maps: collects the attention weights of every layer.
        """
        past = 0 if cache is None else cache.length
        self.check(x, padding, past + x.shape[1])
        if self.config.cross_attention != (memory is not None):
            raise ValueError("give memory=, the encoder's output (B, M, D), if cross_attention=True, and only then.")
        if cache is not None and len(cache.layers) != len(self.blocks):
            raise ValueError(f"the cache has {len(cache.layers)} layers, the decoder {len(self.blocks)}; use Cache(L).")
        for i, block in enumerate(self.blocks):
            layer = None if cache is None else cache.layers[i]
            x = block(x, memory, padding=padding, memory_padding=memory_padding, cache=layer, maps=maps)
        return self.norm(x)


class EncoderDecoder(nn.Module):
    """An encoder that reads one sequence and a decoder that writes another (Vaswani et al., 2017, figure 1)."""

    def __init__(self, encoder: TransformerConfig, decoder: TransformerConfig) -> None:
        super().__init__()
        self.encoder = Encoder(encoder)
        self.decoder = Decoder(decoder)

    def forward(self, source: Tensor, target: Tensor, *, source_padding: Tensor | None = None) -> Tensor:
        """(B, M, D) embedded source and (B, N, D) embedded target -> (B, N, D)."""
        memory = self.encoder(source, padding=source_padding)
        return self.decoder(target, memory, memory_padding=source_padding)


def initialise(module: nn.Module) -> None:
    """Xavier weights and zero biases for linear layers, as in the vision transformer's own code; use with ``apply``."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
