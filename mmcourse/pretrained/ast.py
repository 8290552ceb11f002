"""AST as transformers and its authors publish it (Gong et al., 2021)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import AST, ASTConfig
from mmcourse.pretrained.convert import BATCHED, Converter, Layout, Row, build, name_there, pair, read, readable, write
from mmcourse.pretrained.vit import TIMM as VIT_TIMM
from mmcourse.pretrained.vit import TRANSFORMERS as VIT_TRANSFORMERS
from mmcourse.tokens.patches import convolution_to_linear, linear_to_convolution
from mmcourse.tokens.spectrogram import LogMelConfig

#: The kernel of the strided convolution over one channel.
KERNEL = Layout(
    lambda t: convolution_to_linear(t) if t.dim() == 4 else t,
    lambda t, config: linear_to_convolution(t, config.patch_size, 1) if t.dim() == 2 else t,
)

TRANSFORMERS = (
    Row("distillation_token", "embeddings.distillation_token"),
    Row("tokens.project", "embeddings.patch_embeddings.projection", KERNEL),
    Row("head_norm", "classifier.layernorm"),
    Row("head", "classifier.dense"),
    *(row for row in VIT_TRANSFORMERS if row.ours not in ("tokens.project", "head")),
)
#: Their ViT is timm's DeiT under the name ``v``; the head is their own.
ORIGINAL = (
    Row("distillation_token", "v.dist_token"),
    Row("positions.table", "v.pos_embed", BATCHED),
    Row("tokens.project", "v.patch_embed.proj", KERNEL),
    Row("head_norm", "mlp_head.0"),
    Row("head", "mlp_head.1"),
    *(
        Row(row.ours, f"v.{row.theirs}", row.layout)
        for row in VIT_TIMM
        if row.ours not in ("tokens.project", "positions.table", "head")
    ),
)
UNUSED = ("v.head.", "v.head_dist.")  # DeiT's own heads, which stay in the authors' files and are never called


def log_mel(extractor: Mapping[str, Any] | None, bands: int) -> LogMelConfig:
    """What transformers' ASTFeatureExtractor does with a waveform; AudioSet's numbers without a word of it.

    Raises:
        CheckpointError: other bands than the model's, or padding that is not zero.
    """
    get = (extractor or {}).get
    if get("num_mel_bins", bands) != bands:
        raise CheckpointError(f"the feature extractor makes {get('num_mel_bins')} bands, the model reads {bands}.")
    if get("padding_value", 0.0) != 0:
        raise CheckpointError(f"the feature extractor pads with {get('padding_value')}; AST's spectrograms end in 0.")
    rate, usual = get("sampling_rate", 16000), LogMelConfig.preset("ast-audioset")
    size = int(rate * 0.025)
    normalised = get("do_normalize", True)
    return dataclasses.replace(
        usual,
        sample_rate=rate,
        window_size=size,
        hop=int(rate * 0.01),
        fft_size=1 << (size - 1).bit_length(),
        bands=bands,
        mean=float(get("mean", usual.mean)) if normalised else 0.0,
        deviation=float(get("std", usual.deviation)) if normalised else 0.5,
    )


def extractor_of(config: ASTConfig) -> dict[str, Any]:
    """The way back of :func:`log_mel`: the fields of an ASTFeatureExtractor.

    Raises:
        CheckpointError: a spectrogram or a placing that it does not make.
    """
    c = config.log_mel
    fields = {
        "feature_extractor_type": "ASTFeatureExtractor",
        "sampling_rate": c.sample_rate,
        "num_mel_bins": c.bands,
        "max_length": config.frames,
        "do_normalize": True,
        "mean": c.mean,
        "std": c.deviation,
        "padding_value": 0.0,
        "feature_size": 1,
        "padding_side": "right",
        "return_attention_mask": False,
    }
    if config.placing != "start" or log_mel(fields, c.bands) != c:
        raise CheckpointError(
            f"ASTFeatureExtractor makes Kaldi's log-mel from 20 Hz to half the sample rate and reads sounds from their "
            f"start; this model has recipe={c.recipe!r}, low={c.low:g}, high={c.high}, placing={config.placing!r}."
        )
    return fields


class ASTConverter(Converter):
    """``ASTForAudioClassification``, and ``ASTModel``, which has no head."""

    model = AST
    classes = ("ASTForAudioClassification", "ASTModel")
    model_type = "audio-spectrogram-transformer"
    rows = TRANSFORMERS
    prefix = "audio_spectrogram_transformer."
    heads = ("classifier.",)
    bare = ("ASTModel",)

    def config(
        self, theirs: Mapping[str, Any], processor: Mapping[str, Any] | None, ours: dict[str, Tensor]
    ) -> ASTConfig:
        """Our configuration from theirs."""
        if theirs.get("hidden_act", "gelu") != "gelu":
            raise CheckpointError(f"AST uses exact GELU; this checkpoint has {theirs['hidden_act']!r}.")
        height, width = pair(theirs.get("patch_size", 16))
        if height != width:
            raise CheckpointError(f"patches of {height} x {width}; this AST has square ones.")
        if not theirs.get("qkv_bias", True):
            raise CheckpointError("this checkpoint's queries, keys and values have no bias; this AST's have one.")
        frames = theirs.get("max_length", 1024)
        if processor is not None and processor.get("max_length", frames) != frames:
            raise CheckpointError(
                f"the feature extractor makes {processor['max_length']} frames, the model reads {frames}."
            )
        return ASTConfig(
            log_mel=log_mel(processor, theirs.get("num_mel_bins", 128)),
            frames=frames,
            patch_size=height,
            stride=(theirs.get("frequency_stride", 10), theirs.get("time_stride", 10)),
            classes=len(ours["head.weight"]) if "head.weight" in ours else 0,
            width=theirs["hidden_size"],
            layers=theirs["num_hidden_layers"],
            heads=theirs["num_attention_heads"],
            mlp=theirs["intermediate_size"],
            epsilon=theirs.get("layer_norm_eps", 1e-12),
            dropout=theirs.get("hidden_dropout_prob", 0.0),
        )

    def publish(self, model: AST) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
        """Their configuration and feature extractor."""
        c = model.config
        if c.head_epsilon not in (None, c.epsilon):
            raise CheckpointError(
                f"transformers' AST has one epsilon for every norm; this one has {c.epsilon:g}, and {c.head_epsilon:g} "
                "in its head. Write a model with head_epsilon=None; its logits differ in the sixth digit."
            )
        down, right = c.strides
        config = {
            "architectures": [self.classes[0] if c.classes else self.classes[1]],
            "model_type": self.model_type,
            "patch_size": c.patch_size,
            "frequency_stride": down,
            "time_stride": right,
            "max_length": c.frames,
            "num_mel_bins": c.log_mel.bands,
            "hidden_size": c.width,
            "num_hidden_layers": c.layers,
            "num_attention_heads": c.heads,
            "intermediate_size": c.mlp,
            "hidden_act": "gelu",
            "layer_norm_eps": c.epsilon,
            "hidden_dropout_prob": c.dropout,
            "attention_probs_dropout_prob": 0.0,
            "qkv_bias": True,
            "id2label": {str(i): f"LABEL_{i}" for i in range(c.classes)},
            "label2id": {f"LABEL_{i}": i for i in range(c.classes)},
        }
        return config, extractor_of(c), model.state_dict()


@readable("ASTModel")
def ast_from_state(state: Mapping[str, Tensor], config: ASTConfig | None = None, *, heads: int | None = None) -> AST:
    """An AST from the authors' tensors (prefix ``module.``, fused queries, keys and values), in evaluation mode.

    Args:
        state: their name -> tensor, what their ``.pth`` file holds; load it with ``weights_only=True``.
        config: says log-mel, frames and stride, which the tensors do not; sizes are read from the tensors. None for
            AudioSet's.
        heads: of attention; None for one of every 64 numbers of the width, as all of theirs have.

    Raises:
        CheckpointError: a tensor that is missing, left over or of another shape; the line names it.
    """
    kept = {k: t for k, t in state.items() if not k.removeprefix("module.").startswith(UNUSED)}
    ours = read(kept, ORIGINAL, ("module.",))
    for name in ("tokens.project.weight", "encoder.blocks.0.mlp.up.weight"):
        if name not in ours:
            raise CheckpointError(f"the checkpoint lacks {name_there(name, ORIGINAL)[0]}.")
    width, area = ours["tokens.project.weight"].shape
    config = dataclasses.replace(
        ASTConfig() if config is None else config,
        patch_size=round(area**0.5),
        classes=len(ours["head.weight"]) if "head.weight" in ours else 0,
        width=width,
        layers=1 + max(int(key.split(".")[2]) for key in ours if key.startswith("encoder.blocks.")),
        heads=max(1, width // 64) if heads is None else heads,
        mlp=len(ours["encoder.blocks.0.mlp.up.weight"]),
        epsilon=1e-6,  # timm's, in every block
        head_epsilon=1e-5,  # PyTorch's own, in the authors' head
    )
    return build(AST, config, ours, ORIGINAL)  # type: ignore[return-value]


def ast_to_state(model: AST) -> dict[str, Tensor]:
    """The way back of :func:`ast_from_state`: the model's tensors under the authors' names, ``module.v.`` in front."""
    return {f"module.{key}": tensor for key, tensor in write(model.state_dict(), ORIGINAL, model.config).items()}
