"""The transformer: the part that stays when the modality changes.

One attention, one block, one encoder, one decoder. Every model of the book is made of these and of nothing else; what
differs is in :mod:`mmcourse.tokens`, on the way in and on the way out. What a decoder remembers while it writes is in
:mod:`mmcourse.cache`.

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

from mmcourse.cache import Cache, KeysValues, LayerCache
from mmcourse.checks import choose, real, tensor, whole

Mask = Tensor | None  # of attention: True where it may read; of padding: True where a token is only filling


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
        norm: ``"layer"`` for LayerNorm, ``"rms"`` for a norm without mean and bias (ImageGPT).
        epsilon: added to the variance, inside the root.
        bias: whether the linear layers of attention and MLP have biases.
        key_bias: whether the key projection has one too; Whisper's has none.
        dropout: probability of dropping a sub-layer's output before it is added (Vaswani, section 5.4).
        cross_attention: whether each block also reads a memory (the decoder of an encoder-decoder).
        final_norm: whether a norm follows the last block.
    """

    width: int
    heads: int
    layers: int
    mlp: int
    activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "gelu"
    norm: Literal["layer", "rms"] = "layer"
    epsilon: float = 1e-6
    bias: bool = True
    key_bias: bool = True
    dropout: float = 0.0
    cross_attention: bool = False
    final_norm: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "heads", "layers", "mlp"):
            whole(name, getattr(self, name))
        real("epsilon", self.epsilon, above=True)
        real("dropout", self.dropout, below=1.0)
        if self.width % self.heads:
            raise ValueError(f"width {self.width} cannot be shared by {self.heads} heads; choose a multiple of that.")
        choose("activation", self.activation, ACTIVATIONS)
        choose("norm", self.norm, NORMS)


def quick_gelu(x: Tensor) -> Tensor:
    """x·sigmoid(1.702 x), the quick approximation of GELU that ImageGPT and CLIP use (Hendrycks & Gimpel, 2016)."""
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "quick_gelu": quick_gelu,
}
NORMS: dict[str, type[nn.LayerNorm] | type[nn.RMSNorm]] = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}


def make_norm(config: TransformerConfig) -> nn.Module:
    """The norm that the configuration names, over the last dimension (Ba et al., 2016; Zhang & Sennrich, 2019)."""
    return NORMS[config.norm](config.width, config.epsilon)


@dataclass
class AttentionMaps:
    """Attention weights of each layer, collected when a stack is called with ``maps=AttentionMaps()``.

    Attributes:
        self_attention: (B, H, N, N) each; rows sum to 1.
        cross_attention: (B, H, N, M) each.
    """

    self_attention: list[Tensor] = field(default_factory=list)
    cross_attention: list[Tensor] = field(default_factory=list)


def attention_mask(n: int, m: int, causal: bool, key_padding_mask: Mask, device: torch.device) -> Tensor:
    """Which of m keys each of n queries may read: True or False, (N, M) or (B, 1, N, M).

    The last query is the last key's own token, so a causal mask is aligned at its lower right corner: with a
    filled cache the queries are the newest of the keys.
    """
    mask = torch.ones(n, m, dtype=torch.bool, device=device)
    mask = mask.tril(m - n) if causal else mask
    return mask if key_padding_mask is None else mask & ~key_padding_mask[:, None, None, :]


def scaled_dot_product(query: Tensor, key: Tensor, value: Tensor, mask: Mask) -> tuple[Tensor, Tensor]:
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
        weights = scores.masked_fill(~mask, float("-inf")).softmax(-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


class Attention(nn.Module):
    """Multi-head attention: of a sequence to itself, or to a memory (Vaswani et al., 2017, section 3.2.2).

    Derived in :ref:`sec-05-attention`.
    """

    def __init__(self, config: TransformerConfig, causal: bool = False) -> None:
        super().__init__()
        self.size = config.width // config.heads
        self.causal = causal
        self.query = nn.Linear(config.width, config.width, bias=config.bias)
        self.key = nn.Linear(config.width, config.width, bias=config.bias and config.key_bias)
        self.value = nn.Linear(config.width, config.width, bias=config.bias)
        self.out = nn.Linear(config.width, config.width, bias=config.bias)

    def split(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, H, N, D/H): each head gets its share of the width."""
        return x.view(len(x), x.shape[1], -1, self.size).transpose(1, 2)

    def queries(self, x: Tensor) -> Tensor:
        """What these tokens ask: (B, N, D) -> (B, H, N, D/H)."""
        return self.split(self.query(x))

    def keys_values(self, x: Tensor) -> KeysValues:
        """What others read of these tokens: (B, M, D) -> (B, H, M, D/H) twice."""
        return self.split(self.key(x)), self.split(self.value(x))

    def joined(self) -> tuple[Tensor, Tensor | None]:
        """The three projections as one matrix (3 D, D) and one bias: one call, not three, for each token of a step."""
        layers = (self.query, self.key, self.value)
        weights: list[Tensor] = [layer.weight for layer in layers]
        biases: list[Tensor] = [a.weight.new_zeros(len(a.weight)) if a.bias is None else a.bias for a in layers]
        return torch.cat(weights), None if self.query.bias is None else torch.cat(biases)

    def forward(self, query: Tensor, read: KeysValues, mask: Mask = None, maps: list[Tensor] | None = None) -> Tensor:
        """Let each query (B, H, N, D/H) read keys and values (B, H, M, D/H); out of the heads: (B, N, D).

        Args:
            mask: from :func:`attention_mask`; None where all may be read, or in a causal layer all earlier ones.
            maps: a list to which the weights (B, H, N, M) are appended.
        """
        key, value = read
        causal = self.causal and mask is None and query.shape[2] > 1
        if maps is None:
            # The fused kernel builds the triangle itself and skips what lies above it.
            out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
        else:
            mask = attention_mask(query.shape[2], key.shape[2], True, None, key.device) if causal else mask
            out, weights = scaled_dot_product(query, key, value, mask)
            maps.append(weights)
        return self.out(out.transpose(1, 2).flatten(2))  # (B, H, N, D/H) -> (B, N, D)


class MLP(nn.Module):
    """Two linear layers with an activation between them, applied to each token alone (Vaswani, section 3.3)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.mlp, bias=config.bias)
        self.down = nn.Linear(config.mlp, config.width, bias=config.bias)
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
        self.self_attention_norm = make_norm(config)
        self.self_attention = Attention(config, causal)
        if config.cross_attention:
            self.cross_attention_norm = make_norm(config)
            self.cross_attention = Attention(config)
        self.mlp_norm = make_norm(config)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout) if config.dropout else nn.Identity()

    def forward(
        self, x: Tensor, *, mask: Mask = None, cache: LayerCache | None = None, memory: KeysValues | None = None,
        memory_mask: Mask = None, maps: AttentionMaps | None = None, wanted: int | None = None,
    ) -> Tensor:  # fmt: skip
        """(B, N, D) -> (B, N, D).

        Args:
            mask: which tokens each token may read, as in :class:`Attention`; ``memory_mask`` for the memory.
            cache: of earlier tokens; the new ones are added to it.
            memory: what ``cross_attention.keys_values`` made of the memory.
            maps: collects attention weights.
            wanted: how many tokens at the front go on, None for all; those that stay behind are still read.
        """
        self_maps, cross_maps = (None, None) if maps is None else (maps.self_attention, maps.cross_attention)
        z = self.self_attention_norm(x)
        if cache is None:
            query, read = self.self_attention.queries(z[:, :wanted]), self.self_attention.keys_values(z)
        else:
            cache.joined = cache.joined or self.self_attention.joined()
            new = self.self_attention.split(F.linear(z, *cache.joined))  # (B, 3 H, N, D/H)
            query, read = new[:, : new.shape[1] // 3], cache.append(new[:, new.shape[1] // 3 :])
        x = x[:, :wanted] + self.dropout(self.self_attention(query, read, mask, self_maps))
        if memory is not None:
            # Beams of one row read the same memory: they stand side by side, as if they were one longer row.
            z = self.cross_attention_norm(x).reshape(len(memory[0]), -1, x.shape[-1])
            z = self.cross_attention(self.cross_attention.queries(z), memory, memory_mask, cross_maps)
            x = x + self.dropout(z.reshape(x.shape))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))


class Stack(nn.Module):
    """L blocks and a norm: what :class:`Encoder` and :class:`Decoder` share."""

    def __init__(self, config: TransformerConfig, causal: bool) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(Block(config, causal) for _ in range(config.layers))
        self.norm = make_norm(config) if config.final_norm else nn.Identity()
        self.apply(initialise)

    def check(self, what: str, x: Tensor, key_padding_mask: Mask) -> None:
        """Refuse what no block could use, in one line, before any arithmetic."""
        tensor(what, x)
        if x.dim() != 3 or x.shape[-1] != self.config.width or 0 in x.shape:
            raise ValueError(
                f"{type(self).__name__} was given {what} of shape {tuple(x.shape)}; it needs (B, N, D) with at least "
                f"one token and D = {self.config.width}: embed them first."
            )
        weight = next(self.parameters())
        if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
            raise TypeError(f"{what} are {x.dtype}, the weights are {weight.dtype}; give both the same type.")
        if (mask := key_padding_mask) is not None:
            tensor(f"the padding mask of {what}", mask)
        if mask is not None and (mask.dtype != torch.bool or mask.shape != x.shape[:2]):
            raise ValueError(
                f"the padding mask of {what} is {mask.dtype} {tuple(mask.shape)}; it needs one bool a token, "
                f"{tuple(x.shape[:2])}, True where it is only filling."
            )


class Encoder(Stack):
    """Blocks in which every token reads every other token: ViT, AST, the first half of Whisper and Parti."""

    def __init__(self, config: TransformerConfig) -> None:
        if config.cross_attention:
            raise ValueError("an Encoder reads no memory; use Decoder for cross_attention=True.")
        super().__init__(config, causal=False)

    def forward(
        self, x: Tensor, *, key_padding_mask: Mask = None, maps: AttentionMaps | None = None, wanted: int | None = None
    ) -> Tensor:
        """Read a whole sequence at once: (B, N, D), positions added, -> (B, N, D).

        Args:
            key_padding_mask: (B, N) bool, True where a token is only filling; what it holds changes nothing.
            maps: collects the attention weights of every layer.
            wanted: how many tokens at the front are given, (B, wanted, D); the last block computes no others.
        """
        self.check("tokens", x, key_padding_mask)
        whole("wanted", 1 if wanted is None else wanted)
        mask = None
        if key_padding_mask is not None:
            x = x.masked_fill(key_padding_mask[..., None], 0.0)  # 0 times NaN would still be NaN
            mask = attention_mask(1, x.shape[1], False, key_padding_mask, x.device)
        for layer, block in enumerate(self.blocks, 1):
            x = block(x, mask=mask, maps=maps, wanted=wanted if layer == len(self.blocks) else None)
        return self.norm(x)


class Decoder(Stack):
    """Blocks in which a token reads only itself and what came before: ImageGPT, and the second half of Whisper."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, causal=True)

    def start(
        self, memory: Tensor | None = None, *, memory_key_padding_mask: Mask = None, padding: Tensor | None = None
    ) -> Cache:
        """A cache that holds the keys and values of the memory, and no token yet.

        Args:
            memory: (B, M, D), the encoder's output, where the configuration has cross-attention.
            memory_key_padding_mask: (B, M) bool, True where a token of the memory is only filling.
            padding: (B,) int64, how many tokens in front of each row will be filling.
        """
        if self.config.cross_attention != (memory is not None):
            raise ValueError("give memory=, the encoder's output (B, M, D), if cross_attention=True, and only then.")
        if memory is None:
            return Cache(len(self.blocks), padding=padding)
        self.check("memory", memory, memory_key_padding_mask)
        if memory_key_padding_mask is not None:
            memory = memory.masked_fill(memory_key_padding_mask[..., None], 0.0)
        read = [block.cross_attention.keys_values(memory) for block in self.blocks]  # type: ignore[union-attr, operator]
        return Cache(len(self.blocks), read, memory_key_padding_mask, padding)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, *, key_padding_mask: Mask = None,
        memory_key_padding_mask: Mask = None, cache: Cache | None = None, maps: AttentionMaps | None = None,
    ) -> Tensor:  # fmt: skip
        """Read a sequence, or with a cache the next piece of one: (B, N, D) -> (B, N, D).

        Args:
            x: (B, N, D), positions added; with a cache, only the tokens that the cache does not hold.
            memory, memory_key_padding_mask: as in :meth:`start`; a cache holds them already.
            key_padding_mask: (B, N) bool, True where a token is only filling; a cache knows its own.
            cache: from :meth:`start`; extended in place.
            maps: collects the attention weights of every layer.
        """
        self.check("tokens", x, key_padding_mask)
        if cache is not None and (memory, key_padding_mask, memory_key_padding_mask) != (None, None, None):
            raise ValueError("the cache holds memory and padding already; give them to start(), and here only tokens.")
        state = self.start(memory, memory_key_padding_mask=memory_key_padding_mask) if cache is None else cache
        if len(state.layers) != len(self.blocks) or state.rows not in (None, len(x)):
            raise ValueError(
                f"{len(x)} rows of tokens and {len(self.blocks)} layers do not fit a cache or a memory of {state.rows} "
                f"rows and {len(state.layers)} layers; start() makes the one that fits."
            )
        past, n = state.length, x.shape[1]
        if state.padding is not None:
            key_padding_mask = torch.arange(past + n, device=x.device) < state.padding[:, None]
        if key_padding_mask is not None:
            x = x.masked_fill(key_padding_mask[:, past:, None], 0.0)  # 0 times NaN would still be NaN
        needed = key_padding_mask is not None or (past and n > 1)  # else the triangle says it, or all may be read
        mask = attention_mask(n, past + n, True, key_padding_mask, x.device) if needed else None
        memory_mask = state.memory_key_padding_mask
        if memory_mask is not None:
            memory_mask = attention_mask(1, memory_mask.shape[1], False, memory_mask, x.device)
        for block, layer in zip(self.blocks, state.layers, strict=True):
            held = None if cache is None else layer
            x = block(x, mask=mask, cache=held, memory=layer.memory, memory_mask=memory_mask, maps=maps)
        state.rows = len(x)
        return self.norm(x)


def initialise(module: nn.Module) -> None:
    """Xavier weights and zero biases for linear layers, as in the vision transformer's own code; use with ``apply``."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
