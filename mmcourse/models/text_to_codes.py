"""What drawing and speaking share: a text is read by an encoder, and a decoder writes codes of what it says.

It is machine translation (Vaswani et al., 2017) into a language that a codebook has made. :mod:`mmcourse.models.parti`
adds pictures to it, :mod:`mmcourse.models.tts` sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.cache import Cache, KeysValues
from mmcourse.checks import choose, tensor, whole
from mmcourse.tokens.text import SpecialTokens, TextTokenizer, tokenizer
from mmcourse.transformer import ACTIVATIONS, AttentionMaps, Decoder, Encoder, TransformerConfig


@dataclass(frozen=True)
class TextToCodesConfig(ModelConfig):
    """Sizes of an encoder of texts and a decoder of codes.

    Args:
        text_vocab_size: pieces of text, and last the id that ends every text.
        text_context: the most ids of a text, its end included.
        width: Width of a token, D.
        mlp: hidden units of each block's MLP.
        encoder_layers, decoder_layers: blocks of the half that reads and of the half that writes.
        heads: Number of heads, H, in both halves.
        activation: of the MLPs.
        dropout: on every sub-layer's output.
        merges: of the byte-level BPE; without them a text can be given as ids only.
    """

    text_vocab_size: int = 16_000
    text_context: int = 128
    width: int = 1024
    mlp: int = 4096
    encoder_layers: int = 12
    decoder_layers: int = 12
    heads: int = 16
    activation: str = "gelu"
    dropout: float = 0.0
    merges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole("text_vocab_size", self.text_vocab_size, 2)
        whole("text_context", self.text_context)
        choose("activation", self.activation, ACTIVATIONS)
        if not isinstance(self.merges, list | tuple) or not all(isinstance(one, str) for one in self.merges):
            raise ValueError(f"merges are {self.merges!r:.60}; give a tuple of 'left right' each.")
        object.__setattr__(self, "merges", tuple(self.merges))
        self.half(self.encoder_layers, cross_attention=False)
        self.half(self.decoder_layers, cross_attention=True)

    def half(self, layers: int, *, cross_attention: bool) -> TransformerConfig:
        """The half that reads, or with cross-attention the half that writes."""
        return TransformerConfig(
            self.width,
            self.heads,
            layers,
            self.mlp,
            activation=self.activation,  # type: ignore[arg-type]
            dropout=self.dropout,
            cross_attention=cross_attention,
        )

    @property
    def eot(self) -> int:
        """The id that ends a text."""
        return self.text_vocab_size - 1


class Words(NamedTuple):
    """Texts as ids, the shorter ones filled at the end.

    Attributes:
        ids: (B, M) int64.
        padding: (B, M) bool, True where an id is only filling.
    """

    ids: Tensor
    padding: Tensor


class Read(NamedTuple):
    """What the encoder made of some texts, ready to be written from any number of times.

    Attributes:
        memory: (B, M, D), the encoder's output.
        padding: (B, M) bool, True where a token is only filling.
        read: keys and values (B, H, M, D/H) of each decoder layer's cross-attention, computed once.
    """

    memory: Tensor
    padding: Tensor
    read: list[KeysValues]

    def repeat(self, times: int) -> Read:
        """Each text several times, side by side."""
        memory, padding = (value.repeat_interleave(times, 0) for value in (self.memory, self.padding))
        pairs = [(k.repeat_interleave(times, 0), v.repeat_interleave(times, 0)) for k, v in self.read]
        return Read(memory, padding, pairs)


Condition = Sequence[str] | Words | Read


class TextToCodes(Model):
    """A text encoder, and a decoder that reads it and writes codes one after another.

    Args:
        config: sizes and choices.
        codes: K, ids that it can write.
        length: N, the most of them.
    """

    config: TextToCodesConfig

    def __init__(self, config: TextToCodesConfig, codes: int, length: int) -> None:
        super().__init__(config)
        c, self.vocab_size, self.context_length = config, codes, length
        self.text_embedding = nn.Embedding(c.text_vocab_size, c.width)
        self.text_positions = nn.Parameter(torch.empty(c.text_context, c.width))
        self.encoder = Encoder(c.half(c.encoder_layers, cross_attention=False))
        self.embedding = nn.Embedding(codes + 1, c.width)  # the last row starts a sequence
        self.positions = nn.Parameter(torch.empty(length, c.width))
        self.decoder = Decoder(c.half(c.decoder_layers, cross_attention=True))
        self.head = nn.Linear(c.width, codes, bias=False)
        for table in (self.text_embedding.weight, self.text_positions, self.embedding.weight, self.positions,
                      self.head.weight):  # fmt: skip
            nn.init.normal_(table, std=0.02)

    @property
    def start_id(self) -> int:
        """The id that starts a sequence; no code has it."""
        return self.vocab_size

    @property
    def tokenizer_of_text(self) -> TextTokenizer:
        """Its byte-level BPE.

        Raises:
            VocabularyError: the model was given no merges.
        """
        return tokenizer(self.config.merges, SpecialTokens(self.config.eot, (), 1))

    def words(self, texts: Sequence[str]) -> Words:
        """Texts as ids, each with its end; an empty text is its end alone.

        Raises:
            TypeError, ValueError: no texts, or one that is too long.
        """
        if isinstance(texts, str) or not isinstance(texts, Sequence) or not len(texts):
            raise TypeError("texts are needed, one for each row: a list of them, with one for one.")
        rows = [[*self.tokenizer_of_text.encode(text), self.config.eot] for text in texts]
        longest = max(len(row) for row in rows)
        if longest > self.config.text_context:
            text = next(text for text, row in zip(texts, rows, strict=True) if len(row) == longest)
            raise ValueError(
                f"{text!r:.60} has {longest} tokens; this model reads {self.config.text_context}: say it shorter."
            )
        device = self.text_positions.device
        ids = torch.full((len(rows), longest), self.config.eot, device=device)
        padding = torch.ones(len(rows), longest, dtype=torch.bool, device=device)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row, device=device)
            padding[i, : len(row)] = False
        return Words(ids, padding)

    def encode_text(self, ids: Tensor, padding: Tensor | None = None, maps: AttentionMaps | None = None) -> Tensor:
        """The encoder's output of ids (B, M) int64: (B, M, D).

        Args:
            ids: of texts, each ended by ``config.eot``.
            padding: (B, M) bool, True where an id is only filling.
            maps: collects attention weights.
        """
        tensor("ids", ids, 2)
        if ids.dtype != torch.long or not 0 < ids.shape[1] <= self.config.text_context:
            raise ValueError(
                f"ids are {ids.dtype} {tuple(ids.shape)}; give int64 (B, M), {self.config.text_context} a row at most."
            )
        x = self.text_embedding(ids) + self.text_positions[: ids.shape[1]]
        return self.encoder(x, key_padding_mask=padding, maps=maps)

    def read(self, texts: Sequence[str] | Words) -> Read:
        """Encode texts once for many decodings."""
        words = texts if isinstance(texts, Words) else self.words(texts)
        memory = self.encode_text(*words)
        cache = self.decoder.start(memory, memory_key_padding_mask=words.padding)
        return Read(memory, words.padding, [layer.memory for layer in cache.layers if layer.memory is not None])

    def prompt(self, codes: Tensor) -> Tensor:
        """The id that starts a sequence, then its first codes: (B, n) -> (B, n + 1); n may be 0."""
        tensor("codes", codes, 2)
        return F.pad(codes, (1, 0), value=self.start_id)

    def check_ids(self, ids: Tensor) -> None:
        """Refuse ids (B, n) of which one is neither a code nor :attr:`start_id`."""
        tensor("codes", ids, 2)
        if not ids.numel() or int(ids.min()) < 0 or int(ids.max()) > self.start_id:
            raise ValueError(
                f"codes must be 0 to {self.vocab_size - 1}, and {self.start_id} starts a sequence; at least one a "
                f"row; shape {tuple(ids.shape)}."
            )

    def embed(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """The decoder's input: ids (B, n) int64 -> (B, n, D), positions added.

        Raises:
            ValueError: another shape or type, or more ids than there are places.
        """
        past = 0 if cache is None else cache.length
        if ids.dim() != 2 or ids.dtype != torch.long or past + ids.shape[1] > self.context_length:
            raise ValueError(
                f"codes are {ids.dtype} {tuple(ids.shape)} after {past} others; give int64 (B, n), "
                f"{self.context_length} a row at most."
            )
        n = ids.shape[1]
        return self.embedding(ids) + self.positions[slice(n) if cache is None else cache.places(n)]

    def forward(
        self, ids: Tensor, codes: Tensor, padding: Tensor | None = None, maps: AttentionMaps | None = None
    ) -> Tensor:
        """Logits of every code, given the text and the codes before it.

        Args:
            ids: (B, M) int64, of texts.
            codes: (B, N) int64; shorter beginnings are read too. The last is not looked at.
            padding: (B, M) bool, True where an id of the text is only filling.
            maps: collects the attention weights of the decoder.

        Returns:
            (B, N, K); the logits at place i are for code i.
        """
        tensor("codes", codes, 2)
        x = self.embed(self.prompt(codes[:, :-1]))
        memory = self.encode_text(ids, padding)
        return self.head(self.decoder(x, memory, memory_key_padding_mask=padding, maps=maps))

    def start(self, condition: Condition | None = None, *, padding: Tensor | None = None) -> Cache:
        """What :func:`mmcourse.generation.generate` begins with.

        Args:
            condition: B texts, their ids, or what :meth:`read` made of them.
            padding: (B,) int64, how many ids in front of each row are only filling.
        """
        if condition is None:
            raise ValueError(f"{type(self).__name__} writes what it reads; give condition=, a list of texts.")
        read = condition if isinstance(condition, Read) else self.read(condition)
        return Cache(len(read.read), read.read, read.padding, padding)

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        """Read the next ids (B, n), begun by :attr:`start_id`; logits (B, n, K) of the code after each."""
        return self.head(self.decoder(self.embed(ids, cache), cache=cache))
