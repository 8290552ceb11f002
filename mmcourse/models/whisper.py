"""Whisper (Radford et al., 2023): sound in, text out, by an encoder and a decoder. Derived in :ref:`sec-10-whisper`."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.cache import Cache, KeysValues
from mmcourse.checks import choose, tensor, whole
from mmcourse.tokens.positions import sinusoidal_halves
from mmcourse.tokens.spectrogram import LogMel, LogMelConfig
from mmcourse.tokens.text import LANGUAGES, SpecialTokens, TextTokenizer, tokenizer
from mmcourse.transformer import AttentionMaps, Decoder, Encoder, TransformerConfig

# Width, layers, heads (Radford et al., 2023, table 1); turbo has the encoder of large and four decoder layers.
SIZES = {
    "tiny": (384, 4, 6),
    "base": (512, 6, 8),
    "small": (768, 12, 12),
    "medium": (1024, 24, 16),
    "large": (1280, 32, 20),
}
ENGLISH, NINETY_NINE, HUNDRED = 51864, 51865, 51866  # published vocabularies; version 3 added Cantonese

# Which cross-attention follows the sound, layer.head, as openai/whisper measured it (its ``__init__.py``).
ALIGNMENT = {
    "tiny.en": "1.0 2.0 2.5 3.0 3.1 3.2 3.3 3.4",
    "tiny": "2.2 3.0 3.2 3.3 3.4 3.5",
    "base.en": "3.3 4.7 5.1 5.5 5.7",
    "base": "3.1 4.2 4.3 4.7 5.1 5.2 5.4 5.6",
    "small.en": "6.6 7.0 7.3 7.8 8.2 8.5 8.7 9.0 9.4 9.8 9.10 10.0 10.1 10.2 10.3 10.6 10.11 11.2 11.4",
    "small": "5.3 5.9 8.0 8.4 8.7 8.8 9.0 9.7 9.9 10.5",
    "medium.en": "11.4 14.1 14.12 14.14 15.4 16.0 16.4 16.9 17.12 17.14 18.7 18.10 18.15 20.0 20.3 20.9 20.14 21.12",
    "medium": "13.15 15.4 15.15 16.1 20.0 23.4",
    "large": "9.19 11.2 11.4 11.17 22.7 22.11 22.17 23.2 23.15",
    "large-v2": "10.12 13.17 16.11 16.12 16.13 17.15 17.16 18.4 18.11 18.19 19.11 21.2 21.3 22.3 22.9 22.12 23.5 23.7 "
    "23.13 25.5 26.1 26.12 27.15",
    "large-v3": "7.0 10.17 12.18 13.12 16.1 17.14 19.11 21.4 24.1 25.6",
    "large-v3-turbo": "2.4 2.11 3.3 3.6 3.11 3.14",
}


def published_sizes() -> dict[str, dict[str, object]]:
    """The fields of each published size, from ``whisper-tiny.en`` to ``whisper-large-v3-turbo``."""
    found: dict[str, dict[str, object]] = {}
    for size, (width, layers, heads) in SIZES.items():
        fields: dict[str, object] = {"width": width, "encoder_layers": layers, "decoder_layers": layers}
        fields |= {"encoder_heads": heads, "decoder_heads": heads, "encoder_mlp": 4 * width, "decoder_mlp": 4 * width}
        if size != "large":
            english = {"vocab_size": ENGLISH, "eot": 50256, "multilingual": False}
            found |= {f"{size}.en": fields | english, size: fields}
            continue
        third = fields | {"vocab_size": HUNDRED, "bands": 128, "languages": LANGUAGES}
        found |= {"large": fields, "large-v2": fields, "large-v3": third}
        found |= {"large-v3-turbo": third | {"decoder_layers": 4}}
    for name, measured in ALIGNMENT.items():
        pairs = (pair.split(".") for pair in measured.split())
        found[name] = found[name] | {"alignment_heads": tuple((int(layer), int(head)) for layer, head in pairs)}
    return {f"whisper-{name}": fields for name, fields in found.items()}


@dataclass(frozen=True)
class WhisperConfig(ModelConfig):
    """What a Whisper needs to be built; the defaults are those of the published ``tiny``.

    Args:
        bands: M, mel bands of a frame.
        hop: samples from one frame to the next; 160, or 0.01 s, in all published models.
        audio_context: A, tokens of a full window of sound; each is two frames.
        text_context: the most ids that the decoder reads.
        vocab_size: K, pieces of text and special tokens.
        width: Width of a token, D.
        encoder_layers, encoder_heads, encoder_mlp: of the half that listens.
        decoder_layers, decoder_heads, decoder_mlp: of the half that writes.
        activation: of the MLPs; that of the convolutions is always the exact GELU.
        epsilon: of every norm.
        dropout: on every sub-layer's output.
        eot: the id that ends a text; smaller ids are pieces of text, larger ones special tokens.
        languages: codes of the languages that it tells apart, in the order of their ids.
        multilingual: whether language and task are said to the decoder; not in the English-only models.
        merges: of the byte-level BPE, where the vocabulary is no published one.
        alignment_heads: (layer, head) of the cross-attention that follows the sound, for word timestamps; empty for
            all heads of the upper half of the decoder, as openai/whisper does it.
    """

    bands: int = 80
    hop: int = 160
    audio_context: int = 1500
    text_context: int = 448
    vocab_size: int = NINETY_NINE
    width: int = 384
    encoder_layers: int = 4
    encoder_heads: int = 6
    encoder_mlp: int = 1536
    decoder_layers: int = 4
    decoder_heads: int = 6
    decoder_mlp: int = 1536
    activation: Literal["gelu", "gelu_tanh", "quick_gelu"] = "gelu"
    epsilon: float = 1e-5
    dropout: float = 0.0
    eot: int = 50257
    languages: tuple[str, ...] = LANGUAGES[:99]
    multilingual: bool = True
    merges: tuple[str, ...] = ()
    alignment_heads: tuple[tuple[int, int], ...] = ()

    PRESETS: ClassVar[dict[str, dict[str, object]]] = published_sizes()

    def __post_init__(self) -> None:
        for name in ("bands", "hop", "audio_context", "text_context", "vocab_size"):
            whole(name, getattr(self, name))
        whole("eot", self.eot, 0)
        for name in ("languages", "merges"):
            object.__setattr__(self, name, _words(name, getattr(self, name)))
        given = self.alignment_heads
        if not isinstance(given, list | tuple) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in given):
            raise ValueError(f"alignment_heads is {given!r}; give pairs of layer and head, both counted from 0.")
        heads = tuple(tuple(pair) for pair in given)
        object.__setattr__(self, "alignment_heads", heads)
        self.encoder()
        self.decoder()
        if self.width % 2 or self.width < 4:
            raise ValueError(f"width {self.width}: half of it are sines, half cosines; choose an even one from 4 up.")
        for layer, head in heads:
            if not (0 <= layer < self.decoder_layers and 0 <= head < self.decoder_heads):
                raise ValueError(
                    f"alignment head {layer, head} is outside {self.decoder_layers} layers of {self.decoder_heads} "
                    "heads."
                )

    def encoder(self) -> TransformerConfig:
        """The half that listens."""
        return self._half(self.encoder_layers, self.encoder_heads, self.encoder_mlp, cross_attention=False)

    def decoder(self) -> TransformerConfig:
        """The half that writes."""
        return self._half(self.decoder_layers, self.decoder_heads, self.decoder_mlp, cross_attention=True)

    def _half(self, layers: int, heads: int, mlp: int, cross_attention: bool) -> TransformerConfig:
        return TransformerConfig(
            self.width,
            heads,
            layers,
            mlp,
            activation=self.activation,
            epsilon=self.epsilon,
            key_bias=False,
            dropout=self.dropout,
            cross_attention=cross_attention,
        )

    @property
    def special(self) -> SpecialTokens:
        """Ids of start, end, languages, tasks and timestamps, by name."""
        return SpecialTokens(self.eot, self.languages, self.audio_context + 1, self.seconds_per_token)

    @property
    def log_mel(self) -> LogMelConfig:
        """How its spectrograms are made."""
        return LogMelConfig(bands=self.bands, hop=self.hop)

    @property
    def seconds_per_token(self) -> float:
        """What one token of sound, and one timestamp, covers: 0.02 s in the published models."""
        return 2 * self.hop / self.log_mel.sample_rate

    @property
    def window(self) -> int:
        """Samples of a full window: 480,000, or 30 s, in the published models."""
        return 2 * self.audio_context * self.hop


def _words(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"{name} is {value!r:.60}; give a tuple of words.")
    return tuple(value)


class Heard(NamedTuple):
    """What the encoder made of some windows, ready to be read by any number of decodings.

    Attributes:
        memory: (B, A, D), the encoder's output.
        read: keys and values (B, H, A, D/H) of each decoder layer's cross-attention, computed once.
    """

    memory: Tensor
    read: list[KeysValues]


@functools.lru_cache(maxsize=8)
def log_mel(config: LogMelConfig, device: torch.device) -> LogMel:
    """The spectrogram of a configuration on a device, made once."""
    return LogMel(config).to(device)


class Stem(nn.Module):
    """Two convolutions over time, each followed by GELU; the second one halves the number of frames."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.first = nn.Conv1d(config.bands, config.width, kernel_size=3, padding=1)
        self.second = nn.Conv1d(config.width, config.width, kernel_size=3, stride=2, padding=1)
        # By default the sound would leave the stem at a tenth of the positions' size, and nothing would be heard of it.
        for layer in (self.first, self.second):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, F, M) -> (B, F / 2, D)."""
        return F.gelu(self.second(F.gelu(self.first(mel.mT)))).mT


class Whisper(Model):
    """Convolutions and sinusoids, an encoder, a decoder that reads it, and an output tied to the embedding.

    Radford et al. (2023), section 2.2; derived in :ref:`sec-10-whisper`. It is the decoder of
    :mod:`mmcourse.generation`: ``start`` hears, ``step`` writes; ``mmcourse.transcribe`` gives it whole recordings.

    Args:
        config: sizes and choices.
    """

    config_class = WhisperConfig
    config: WhisperConfig

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        c = config
        self.stem = Stem(c)
        # Never trained, yet stored: published files carry the table.
        self.audio_positions: Tensor
        self.register_buffer("audio_positions", sinusoidal_halves(c.audio_context, c.width))
        self.encoder = Encoder(c.encoder())
        self.embedding = nn.Embedding(c.vocab_size, c.width)
        self.text_positions = nn.Parameter(torch.empty(c.text_context, c.width))
        self.decoder = Decoder(c.decoder())
        # A token must be heard beside what the blocks add: its vector starts long, and what they add starts small.
        nn.init.normal_(self.embedding.weight, std=c.width**-0.5)
        nn.init.normal_(self.text_positions, std=c.width**-0.5)
        for stack in (self.encoder, self.decoder):
            for name, weight in stack.named_parameters():
                if name.endswith(("out.weight", "down.weight")):
                    weight.data.mul_((2 * len(stack.blocks)) ** -0.5)

    @property
    def vocab_size(self) -> int:
        """K, ids that it can write."""
        return self.config.vocab_size

    @property
    def context_length(self) -> int:
        """The most ids that the decoder reads."""
        return self.config.text_context

    @property
    def special(self) -> SpecialTokens:
        """Ids of start, end, languages, tasks and timestamps, by name."""
        return self.config.special

    @property
    def tokenizer(self) -> TextTokenizer:
        """Its own byte-level BPE, or the published vocabulary where one is installed.

        Raises:
            VocabularyError: the vocabulary is a published one that is not installed, or unknown.
        """
        return tokenizer(self.config.merges, self.special)

    def check_ids(self, ids: Tensor) -> None:
        """Refuse ids (B, n) that the vocabulary does not have."""
        tensor("ids", ids, 2)
        if not ids.numel() or int(ids.min()) < 0 or int(ids.max()) >= self.vocab_size:
            raise ValueError(f"ids must be 0 to {self.vocab_size - 1}, at least one a row; shape {tuple(ids.shape)}.")

    def encode(self, mel: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Log-mel frames (B, F, M) -> the encoder's output (B, F / 2, D).

        Args:
            mel: as :meth:`window` gives it; F is 2 A for a full window. Published models always read full windows.
            maps: collects attention weights.

        Raises:
            ValueError: another shape, an odd number of frames, or more of them than the window has.
        """
        c = self.config
        tensor("mel", mel, 3, floating=True)
        weight = self.stem.first.weight
        if mel.dtype != weight.dtype and not torch.is_autocast_enabled(mel.device.type):
            raise TypeError(f"mel is {mel.dtype}, the model is {weight.dtype}; give both the same type.")
        frames = mel.shape[1]
        if mel.shape[2] != c.bands or frames % 2 or not 0 < frames <= 2 * c.audio_context:
            raise ValueError(
                f"mel has shape {tuple(mel.shape)}; (B, F, {c.bands}) with an even number of up to "
                f"{2 * c.audio_context} frames is needed: window(sound) makes one."
            )
        return self.encoder(self.stem(mel) + self.audio_positions[: frames // 2], maps=maps)

    def listen(self, mel: Tensor) -> Heard:
        """Encode windows (B, F, M) once for many decodings."""
        memory = self.encode(mel)
        cache = self.decoder.start(memory)
        return Heard(memory, [layer.memory for layer in cache.layers if layer.memory is not None])

    def window(self, sound: Tensor) -> Tensor:
        """A waveform (..., T) as the log-mel frames of one full window (..., 2 A, M), cut or filled with silence."""
        tensor("sound", sound, floating=True)
        if not sound.dim() or not sound.numel():
            raise ValueError(f"sound has shape {tuple(sound.shape)}; give a waveform (..., T) of at least one sample.")
        size = self.config.window
        sound = sound[..., :size]
        return log_mel(self.config.log_mel, sound.device)(F.pad(sound, (0, size - sound.shape[-1])))

    def embed(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """The decoder's input: ids (B, n) int64 -> (B, n, D), positions added.

        Raises:
            ValueError: another shape or type, or more ids than the decoder reads.
        """
        past = 0 if cache is None else cache.length
        tensor("ids", ids)
        if ids.dim() != 2 or ids.dtype != torch.long or past + ids.shape[1] > self.context_length:
            raise ValueError(
                f"ids are {ids.dtype} {tuple(ids.shape)} after {past} others; give int64 (B, n), "
                f"{self.context_length} a row at most."
            )
        n = ids.shape[1]
        return self.embedding(ids) + self.text_positions[slice(n) if cache is None else cache.places(n)]

    def logits(self, tokens: Tensor) -> Tensor:
        """What the decoder's output (..., D) says of the next id, (..., K): the embedding once more."""
        return F.linear(tokens, self.embedding.weight)

    def forward(self, mel: Tensor, ids: Tensor, maps: AttentionMaps | None = None) -> Tensor:
        """Logits of the id after each: mel (B, F, M), ids (B, N) int64 -> (B, N, K).

        Args:
            mel: log-mel frames of the windows.
            ids: begun by the start token.
            maps: collects the attention weights of the decoder.
        """
        return self.logits(self.decoder(self.embed(ids), self.encode(mel), maps=maps))

    def start(self, condition: Tensor | Heard | None = None, *, padding: Tensor | None = None) -> Cache:
        """What :func:`mmcourse.generation.generate` begins with.

        Args:
            condition: log-mel frames (B, F, M), or what :meth:`listen` made of them.
            padding: (B,) int64, how many ids in front of each row are only filling.
        """
        if condition is None:
            raise ValueError("Whisper writes what it hears; give condition=, log-mel frames (B, F, M).")
        heard = condition if isinstance(condition, Heard) else self.listen(condition)
        return Cache(len(heard.read), heard.read, None, padding)

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        """Read the next ids (B, n), begun by the start token; logits (B, n, K) of the id after each."""
        return self.logits(self.decoder(self.embed(ids, cache), cache=cache))

    def alignment_heads(self) -> tuple[tuple[int, int], ...]:
        """(layer, head) of the cross-attention that tells when a word was said."""
        c = self.config
        upper = ((layer, head) for layer in range(c.decoder_layers // 2, c.decoder_layers)
                 for head in range(c.decoder_heads))  # fmt: skip
        return c.alignment_heads or tuple(upper)

    def prefix(self, language: str | None = None, task: str = "transcribe", *, timestamps: bool = True) -> list[int]:
        """The ids that a decoding begins with: start, language, task, and whether there shall be no timestamps.

        Args:
            language: its code; English-only models take none but ``"en"``.
            task: ``"transcribe"``, or ``"translate"`` to English.
            timestamps: False adds the token that says so.

        Raises:
            ValueError: a language or task that this model does not know.
        """
        special = self.special
        choose("task", task, ("transcribe", "translate"))
        said = [special.sot]
        if self.config.multilingual:
            said += [special.language(language or self.config.languages[0]), getattr(special, task)]
        elif language not in (None, "en") or task != "transcribe":
            raise ValueError(f"an English-only model cannot {task} {language!r}; take a multilingual one.")
        return said if timestamps else [*said, special.no_timestamps]
