"""Whisper beside openai-whisper and transformers, on random weights: every parameter drawn, odd sizes included."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import whisper
from whisper.model import ModelDimensions

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.models.whisper import ALIGNMENT
from mmcourse.pretrained import from_openai, from_transformers, save_transformers, to_openai, to_transformers

ODD = [  # bands, audio context, width, heads, layers of both halves, vocabulary, text context
    (80, 1500, 64, 1, 2, 2, 51865, 448),
    (13, 7, 48, 3, 1, 3, 101, 12),
    (128, 20, 36, 2, 3, 1, 57, 9),
]


def randomise(model: torch.nn.Module, scale: float = 0.2) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype) * scale)


def openai(bands: int, audio: int, width: int, heads: int, listen: int, write: int, size: int, text: int) -> Any:
    dims = ModelDimensions(bands, audio, width, heads, listen, size, text, width, heads, write)
    theirs = whisper.Whisper(dims).eval()
    randomise(theirs)
    return theirs


def given(bands: int, audio: int, size: int, text: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    mel = torch.randn(2, 2 * audio, bands, generator=generator, dtype=dtype)
    return mel, torch.randint(size, (2, text), generator=generator)


@pytest.mark.parametrize("shape", ODD)
def test_logits_equal_openais(shape: Any) -> None:
    theirs = openai(*shape)
    ours = from_openai(theirs.state_dict(), heads=shape[3])
    mel, ids = given(shape[0], shape[1], shape[6], shape[7], torch.float32)
    with torch.no_grad():
        assert (ours(mel, ids) - theirs(mel.mT, ids)).abs().max() <= 1e-4
    back = to_openai(ours)
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[key], tensor) for key, tensor in theirs.state_dict().items())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-11)])
@pytest.mark.parametrize("changes", [{}, {"decoder_attention_heads": 6, "activation_function": "gelu_new"}])
def test_logits_equal_transformers_and_come_back(
    dtype: torch.dtype, tolerance: float, changes: dict[str, Any], tmp_path: Path
) -> None:
    from transformers import WhisperConfig as TheirConfig
    from transformers import WhisperForConditionalGeneration

    sizes = {"vocab_size": 71, "num_mel_bins": 10, "max_source_positions": 9, "max_target_positions": 11, "d_model": 36}
    sizes |= {"encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 3, "decoder_attention_heads": 2}
    sizes |= {"encoder_ffn_dim": 50, "decoder_ffn_dim": 70, "eos_token_id": 60, "decoder_start_token_id": 61}
    ends = {"pad_token_id": 60, "bos_token_id": 60, "begin_suppress_tokens": None}
    theirs = WhisperForConditionalGeneration(TheirConfig(**{**sizes, **ends, **changes}, attn_implementation="sdpa"))
    randomise(theirs)
    theirs = theirs.to(dtype).eval()
    ours = from_transformers(theirs)
    mel, ids = given(10, 9, 71, 11, dtype)
    with torch.no_grad():
        expected = theirs(input_features=mel.mT, decoder_input_ids=ids).logits
        assert (ours(mel, ids) - expected).abs().max() <= tolerance
    back, extractor = to_transformers(ours)
    assert back.config.decoder_attention_heads == theirs.config.decoder_attention_heads
    assert extractor.feature_size == 10
    assert all(torch.equal(back.state_dict()[key], tensor) for key, tensor in theirs.state_dict().items())
    save_transformers(ours, tmp_path)
    again = Whisper.from_pretrained(tmp_path)
    theirs_again = WhisperForConditionalGeneration.from_pretrained(tmp_path, dtype=dtype)
    with torch.no_grad():
        assert torch.equal(again(mel, ids), ours(mel, ids))
        assert (theirs_again(input_features=mel.mT, decoder_input_ids=ids).logits - expected).abs().max() <= tolerance
    bare = from_transformers(theirs.model)
    assert torch.equal(bare(mel, ids), ours(mel, ids))


@pytest.mark.parametrize("name", sorted(WhisperConfig.PRESETS))
def test_every_published_size_loads_with_no_key_left_over(name: str) -> None:
    c = WhisperConfig.preset(name)
    dims = ModelDimensions(
        c.bands, c.audio_context, c.width, c.encoder_heads, c.encoder_layers, c.vocab_size, c.text_context, c.width,
        c.decoder_heads, c.decoder_layers,
    )  # fmt: skip
    with torch.device("meta"):  # shapes alone: their constructor wants numbers, so ours writes the names
        state = to_openai(Whisper(c))
    model = from_openai({"dims": vars(dims), "model_state_dict": state})
    assert model.config == WhisperConfig.preset("whisper-large-v2" if name == "whisper-large" else name)
    millions = {"tiny": 37.2, "base": 71.8, "small": 240.6, "medium": 762, "large": 1541, "turbo": 807}
    size = "turbo" if name.endswith("turbo") else name.removeprefix("whisper-").split(".")[0].split("-")[0]
    assert abs(model.parameter_count() / 1e6 / millions[size] - 1) < 0.02


def test_names_of_openai_are_those_of_its_own_model() -> None:
    theirs = openai(*ODD[1])
    ours = from_openai({"dims": vars(theirs.dims), "model_state_dict": theirs.state_dict()})
    assert (ours.config.encoder_heads, ours.config.decoder_layers) == (3, 3)
    for key in ("decoder.blocks.1.cross_attn_ln.bias", "encoder.positional_embedding"):
        state = dict(theirs.state_dict())
        del state[key]
        with pytest.raises(CheckpointError, match=key):
            from_openai(state, heads=3)
    with pytest.raises(CheckpointError, match=r"decoder\.blocks\.0\.extra"):
        from_openai({**theirs.state_dict(), "decoder.blocks.0.extra": torch.zeros(1)}, heads=3)
    with pytest.raises(CheckpointError, match="heads="):
        from_openai(theirs.state_dict())


def test_alignment_heads_are_openais() -> None:
    for name, heads in ALIGNMENT.items():
        c = WhisperConfig.preset(f"whisper-{name}")
        dump = whisper._ALIGNMENT_HEADS["large-v1" if name == "large" else name]
        mask = np.frombuffer(gzip.decompress(base64.b85decode(dump)), dtype=bool)
        found = mask.reshape(c.decoder_layers, c.decoder_heads).nonzero()
        assert heads == " ".join(f"{layer}.{head}" for layer, head in zip(*found, strict=True))


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("samples", [4000, 16000, 52345])
def test_log_mel_is_openais(bands: int, samples: int) -> None:
    generator = torch.Generator().manual_seed(samples)
    sound = 0.1 * torch.randn(samples, generator=generator) * torch.linspace(0, 1, samples)
    config = WhisperConfig(bands=bands, audio_context=samples // 320)
    with torch.device("meta"):
        model = Whisper(config)
    theirs = whisper.log_mel_spectrogram(sound[: config.window], bands)
    assert (model.window(sound).mT - theirs).abs().max() <= 1e-4
