"""Whisper as transformers and OpenAI publish it (Radford et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.models.whisper import ENGLISH, HUNDRED, NINETY_NINE
from mmcourse.pretrained.convert import Converter, Row, build, name_there, read, readable, write
from mmcourse.tokens.text import LANGUAGES


def _blocks(half: str, theirs: str, names: Mapping[str, str]) -> tuple[Row, ...]:
    return tuple(Row(f"{half}.blocks.{{}}.{ours}", f"{theirs}.{{}}.{name}") for ours, name in names.items())


def _attention(ours: str, theirs: str, query: str, key: str, value: str, out: str) -> dict[str, str]:
    parts = {"query": query, "key": key, "value": value, "out": out}
    return {f"{ours}.{part}": f"{theirs}.{name}" for part, name in parts.items()}


_HF = ("q_proj", "k_proj", "v_proj", "out_proj")
_HF_OWN = {"self_attention_norm": "self_attn_layer_norm", **_attention("self_attention", "self_attn", *_HF)}
_HF_OTHER = {"cross_attention_norm": "encoder_attn_layer_norm", **_attention("cross_attention", "encoder_attn", *_HF)}
_HF_MLP = {"mlp_norm": "final_layer_norm", "mlp.up": "fc1", "mlp.down": "fc2"}
TRANSFORMERS = (
    Row("stem.first", "encoder.conv1"),
    Row("stem.second", "encoder.conv2"),
    Row("audio_positions", "encoder.embed_positions.weight"),
    *_blocks("encoder", "encoder.layers", {**_HF_OWN, **_HF_MLP}),
    Row("encoder.norm", "encoder.layer_norm"),
    Row("embedding", "decoder.embed_tokens"),
    Row("text_positions", "decoder.embed_positions.weight"),
    *_blocks("decoder", "decoder.layers", {**_HF_OWN, **_HF_OTHER, **_HF_MLP}),
    Row("decoder.norm", "decoder.layer_norm"),
)
_OWN = ("query", "key", "value", "out")
_OPENAI_OWN = {"self_attention_norm": "attn_ln", **_attention("self_attention", "attn", *_OWN)}
_OPENAI_OTHER = {"cross_attention_norm": "cross_attn_ln", **_attention("cross_attention", "cross_attn", *_OWN)}
_OPENAI_MLP = {"mlp_norm": "mlp_ln", "mlp.up": "mlp.0", "mlp.down": "mlp.2"}
OPENAI = (
    Row("stem.first", "encoder.conv1"),
    Row("stem.second", "encoder.conv2"),
    Row("audio_positions", "encoder.positional_embedding"),
    *_blocks("encoder", "encoder.blocks", {**_OPENAI_OWN, **_OPENAI_MLP}),
    Row("encoder.norm", "encoder.ln_post"),
    Row("embedding", "decoder.token_embedding"),
    Row("text_positions", "decoder.positional_embedding"),
    *_blocks("decoder", "decoder.blocks", {**_OPENAI_OWN, **_OPENAI_OTHER, **_OPENAI_MLP}),
    Row("decoder.norm", "decoder.ln"),
)
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "quick_gelu": "quick_gelu"}


def vocabulary(size: int, eot: int | None = None) -> dict[str, Any]:
    """The fields that a published vocabulary says: where text ends, the languages, whether there are several.

    Args:
        size: how many ids there are, K of the checkpoint.
        eot: the end of text, where the size is no published one.
    """
    if size in (ENGLISH, NINETY_NINE, HUNDRED):
        languages = LANGUAGES if size == HUNDRED else LANGUAGES[:99]
        return {"eot": 50256 if size == ENGLISH else 50257, "languages": languages, "multilingual": size != ENGLISH}
    return {"eot": size - 1 if eot is None else eot}


def with_heads(config: WhisperConfig) -> WhisperConfig:
    """The configuration with the alignment heads of the published model of these sizes, where there is one.

    Versions 1 and 2 of large have the same sizes; those of version 2 are taken.
    """
    for name in reversed(WhisperConfig.PRESETS):
        preset = WhisperConfig.preset(name, dropout=config.dropout)
        if replace(preset, alignment_heads=()) == config:
            return preset
    return config


class WhisperConverter(Converter):
    """``WhisperForConditionalGeneration``, and ``WhisperModel``, whose output is not tied to anything."""

    model = Whisper
    classes = ("WhisperForConditionalGeneration", "WhisperModel")
    model_type = "whisper"
    rows = TRANSFORMERS
    prefix = "model."
    heads = ("proj_out.",)
    bare = ("WhisperModel",)

    def read(self, config: Mapping[str, Any], state: Mapping[str, Tensor], processor: Mapping[str, Any] | None) -> Any:
        """As every converter; the output, which is tied to the embedding, must be equal to it where it is stored."""
        given = dict(state)
        out = given.pop("proj_out.weight", None)
        embedding = given.get("model.decoder.embed_tokens.weight")
        if out is not None and embedding is not None and out is not embedding:
            same = out.shape == embedding.shape and (out.is_meta or torch.equal(out, embedding))
            if not same:
                raise CheckpointError("Whisper's output is tied to its embedding; in this checkpoint they differ.")
        return super().read(config, given, processor)

    def config(
        self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]
    ) -> WhisperConfig:
        """Our configuration from theirs."""
        activation = theirs.get("activation_function", "gelu")
        if activation not in ACTIVATIONS:
            raise CheckpointError(f"no counterpart of activation {activation!r}; there is one of {[*ACTIVATIONS]}.")
        size, eot = theirs["vocab_size"], theirs.get("eos_token_id")
        found = WhisperConfig.from_dict(
            {
                "bands": theirs["num_mel_bins"],
                "audio_context": theirs["max_source_positions"],
                "text_context": theirs["max_target_positions"],
                "vocab_size": size,
                "width": theirs["d_model"],
                "encoder_layers": theirs["encoder_layers"],
                "encoder_heads": theirs["encoder_attention_heads"],
                "encoder_mlp": theirs["encoder_ffn_dim"],
                "decoder_layers": theirs["decoder_layers"],
                "decoder_heads": theirs["decoder_attention_heads"],
                "decoder_mlp": theirs["decoder_ffn_dim"],
                "activation": ACTIVATIONS[activation],
                "dropout": theirs.get("dropout", 0.0),
                **vocabulary(size, eot if isinstance(eot, int) else None),
            }
        )
        return with_heads(found)

    def publish(self, model: Whisper) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration, and their feature extractor's."""
        c = model.config
        if c.epsilon != 1e-5:
            raise CheckpointError(f"published Whispers have epsilon 1e-5 in every norm; this one has {c.epsilon}.")
        names = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())}
        config = {
            "architectures": list(self.classes[:1]),
            "model_type": self.model_type,
            "vocab_size": c.vocab_size,
            "num_mel_bins": c.bands,
            "max_source_positions": c.audio_context,
            "max_target_positions": c.text_context,
            "d_model": c.width,
            "encoder_layers": c.encoder_layers,
            "encoder_attention_heads": c.encoder_heads,
            "encoder_ffn_dim": c.encoder_mlp,
            "decoder_layers": c.decoder_layers,
            "decoder_attention_heads": c.decoder_heads,
            "decoder_ffn_dim": c.decoder_mlp,
            "activation_function": names[c.activation],
            "dropout": c.dropout,
            "attention_dropout": 0.0,
            "activation_dropout": 0.0,
            "scale_embedding": False,
            "eos_token_id": c.eot,
            "bos_token_id": c.eot,
            "pad_token_id": c.eot,
            "decoder_start_token_id": c.special.sot if c.special.sot < c.vocab_size else c.eot,
            "suppress_tokens": None,
            "begin_suppress_tokens": None,
            "tie_word_embeddings": True,
        }
        sound = c.log_mel
        processor = {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": c.bands,
            "sampling_rate": sound.sample_rate,
            "hop_length": sound.hop,
            "n_fft": sound.fft_size,
            "chunk_length": c.window // sound.sample_rate if c.window % sound.sample_rate == 0 else 30,
        }
        return config, processor, dict(model.state_dict())

    def tensors(self, state: Mapping[str, Tensor], config: Any, name: str, spelling: int) -> dict[str, Tensor]:
        """Their tensors; in memory the tied output has a name of its own, in files it has none."""
        found = super().tensors(state, config, name, spelling)
        return {**found, "proj_out.weight": found["model.decoder.embed_tokens.weight"]} if spelling else found


def from_openai(checkpoint: Mapping[str, Any], heads: int | None = None) -> Whisper:
    """A Whisper of OpenAI's own checkpoint.

    Args:
        checkpoint: the state dict, or the whole published file with ``"dims"`` and ``"model_state_dict"``.
        heads: of every attention; None for what ``"dims"`` says, else for heads of 64 numbers, as all published have.

    Raises:
        CheckpointError: a tensor that is missing, left over or of another shape; the line names it.
    """
    state: Mapping[str, Tensor] = checkpoint.get("model_state_dict", checkpoint)
    dims = checkpoint.get("dims", {}) if state is not checkpoint else {}
    tensors = read({key: tensor for key, tensor in state.items() if key != "decoder.mask"}, OPENAI)
    with readable("Whisper"):
        config = _openai_config(tensors, dims, heads)
    return build(Whisper, config, tensors, OPENAI)  # type: ignore[return-value]


def _openai_config(tensors: dict[str, Tensor], dims: Mapping[str, Any], heads: int | None) -> WhisperConfig:
    for name in ("stem.first.weight", "audio_positions", "embedding.weight", "text_positions"):
        if name not in tensors:
            raise CheckpointError(f"the checkpoint lacks {name_there(name, OPENAI)[0]}.")
    width, bands = tensors["stem.first.weight"].shape[:2]
    if heads is None and not dims and width % 64:
        raise CheckpointError(f"a width of {width} does not say how many heads there are; give heads=.")
    count = width // 64 if heads is None else heads

    def layers(half: str) -> int:
        return 1 + max((int(name.split(".")[2]) for name in tensors if name.startswith(f"{half}.blocks.")), default=0)

    def hidden(half: str) -> int:
        found = tensors.get(f"{half}.blocks.0.mlp.up.weight")
        return 4 * width if found is None else len(found)

    size = len(tensors["embedding.weight"])
    found = WhisperConfig.from_dict(
        {
            "bands": bands,
            "audio_context": len(tensors["audio_positions"]),
            "text_context": len(tensors["text_positions"]),
            "vocab_size": size,
            "width": width,
            "encoder_layers": layers("encoder"),
            "encoder_heads": dims.get("n_audio_head", count),
            "encoder_mlp": hidden("encoder"),
            "decoder_layers": layers("decoder"),
            "decoder_heads": dims.get("n_text_head", count),
            "decoder_mlp": hidden("decoder"),
            **vocabulary(size),
        }
    )
    return with_heads(found)


def to_openai(model: Whisper) -> dict[str, Tensor]:
    """The way back: the state dict of OpenAI's own Whisper.

    Raises:
        CheckpointError: an option that theirs has not.
    """
    c = model.config
    if c.activation != "gelu" or c.epsilon != 1e-5 or {c.encoder_mlp, c.decoder_mlp} != {4 * c.width}:
        raise CheckpointError("OpenAI's Whisper has exact GELU, epsilon 1e-5 and MLPs of 4 D; this one differs.")
    return write(model.state_dict(), OPENAI, c)
