"""AST against transformers and its authors' layout, on random weights: every parameter is drawn, none left at zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import AST, ASTConfig
from mmcourse.pretrained import ast_from_state, ast_to_state, from_transformers, save_transformers, to_transformers
from mmcourse.tokens.spectrogram import LogMelConfig

ODD: dict[str, dict[str, Any]] = {
    "usual strides": {},
    "other strides": {"frequency_stride": 7, "time_stride": 4},
    "other frames and bands": {"max_length": 37, "num_mel_bins": 23},
    "one head, other patches": {"num_attention_heads": 1, "patch_size": 5, "num_hidden_layers": 1},
    "epsilon": {"layer_norm_eps": 1e-3, "num_labels": 1},
}


def randomise(model: nn.Module) -> None:
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * 0.15)


def theirs(kind: str = "ASTForAudioClassification", **changes: Any) -> Any:
    import transformers

    given = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 72}
    given |= {"max_length": 60, "num_mel_bins": 32, "num_labels": 7, "attn_implementation": "sdpa"}
    model = getattr(transformers, kind)(transformers.ASTConfig(**{**given, **changes})).eval()
    randomise(model)
    return model


def spectrograms(model: Any) -> Tensor:
    shape = (3, model.config.max_length, model.config.num_mel_bins)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(model.dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("name", ODD)
@torch.no_grad()
def test_logits_equal_transformers(name: str, dtype: torch.dtype, tolerance: float) -> None:
    their = theirs(**ODD[name]).to(dtype)
    ours, x = from_transformers(their), spectrograms(their)
    logits = their(x).logits
    assert logits.std() > 0.01 or logits.numel() < 4
    assert (ours(x) - logits).abs().max() <= tolerance


@torch.no_grad()
def test_the_headless_model() -> None:
    their = theirs("ASTModel")
    ours, x = from_transformers(their), spectrograms(their)
    assert (ours(x) - their(x).pooler_output).abs().max() <= 1e-5
    back, _ = to_transformers(ours)
    assert (back(x).pooler_output - their(x).pooler_output).abs().max() == 0


@torch.no_grad()
def test_there_and_back_without_loss(tmp_path: Path) -> None:
    from transformers import ASTFeatureExtractor, ASTForAudioClassification

    extractor = ASTFeatureExtractor(num_mel_bins=32, max_length=60, mean=-3.5, std=2.5)
    their = theirs(frequency_stride=7, time_stride=4)
    ours = from_transformers(their, extractor)
    back, again = to_transformers(ours)
    assert again.to_dict() == extractor.to_dict()
    for key, tensor in their.state_dict().items():
        assert torch.equal(back.state_dict()[key], tensor), key
    save_transformers(ours, tmp_path / "ours")
    their.save_pretrained(tmp_path / "theirs")
    extractor.save_pretrained(tmp_path / "theirs")
    x = spectrograms(their)
    for folder in ("ours", "theirs"):
        loaded = AST.from_pretrained(tmp_path / folder)
        assert loaded.config == ours.config, folder
        assert torch.equal(loaded(x), ours(x)), folder
    assert torch.equal(ASTForAudioClassification.from_pretrained(tmp_path / "ours")(x).logits, back(x).logits)


@pytest.mark.parametrize("samples", [300, 4000, 30_000])
@pytest.mark.parametrize("rate", [16000, 8000])
def test_spectrograms_equal_the_feature_extractor(samples: int, rate: int) -> None:
    from transformers import ASTFeatureExtractor

    extractor = ASTFeatureExtractor(num_mel_bins=32, max_length=60, mean=-3.5, std=2.5, sampling_rate=rate)
    ours = from_transformers(theirs(), extractor)
    sounds = torch.randn(2, samples, generator=torch.Generator().manual_seed(1)) * 0.2 + 0.05
    if samples < rate * 0.025:  # theirs fails there
        expected = torch.full((2, 60, 32), 3.5 / 5)
    else:
        expected = extractor(list(sounds.numpy()), sampling_rate=rate, return_tensors="pt")["input_values"]
    torch.testing.assert_close(ours.preprocess(sounds), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@torch.no_grad()
def test_the_authors_layout(dtype: torch.dtype, tolerance: float) -> None:
    """Their model, as their code builds it from timm's blocks."""
    from timm.models.vision_transformer import VisionTransformer

    vit = VisionTransformer(
        img_size=(32, 64), patch_size=16, in_chans=1, num_classes=9, embed_dim=48, depth=2, num_heads=3, mlp_ratio=2
    )
    vit.patch_embed.proj = nn.Conv2d(1, 48, 16, stride=10)
    vit.dist_token = nn.Parameter(torch.zeros(1, 1, 48))
    vit.pos_embed = nn.Parameter(torch.zeros(1, 2 * 5 + 2, 48))
    vit.head_dist = nn.Linear(48, 9)
    whole = nn.ModuleDict({"v": vit, "mlp_head": nn.Sequential(nn.LayerNorm(48), nn.Linear(48, 7))}).to(dtype).eval()
    randomise(whole)
    x = torch.randn(2, 60, 32, generator=torch.Generator().manual_seed(2)).to(dtype)
    z = vit.patch_embed.proj(x[:, None].transpose(2, 3)).flatten(2).transpose(1, 2)
    z = torch.cat([vit.cls_token.expand(2, -1, -1), vit.dist_token.expand(2, -1, -1), z], 1) + vit.pos_embed
    z = vit.norm(vit.blocks(z))
    logits = whole["mlp_head"]((z[:, 0] + z[:, 1]) / 2)

    state = {f"module.{key}": tensor for key, tensor in whole.state_dict().items()}
    config = ASTConfig(LogMelConfig.preset("ast-esc50", bands=32), frames=60)
    ours = ast_from_state(state, config, heads=3)
    assert (ours(x) - logits).abs().max() <= tolerance
    assert ours.config.head_epsilon == 1e-5
    back = ast_to_state(ours)
    assert back.keys() == {key for key in state if ".v.head" not in key}
    assert all(torch.equal(back[key], state[key]) for key in back)


def test_what_does_not_fit_is_named() -> None:
    with pytest.raises(CheckpointError, match="40 frames, the model reads 60"):
        from_transformers(theirs(), _Extractor({"max_length": 40}))
    with pytest.raises(CheckpointError, match="64 bands, the model reads 32"):
        from_transformers(theirs(), _Extractor({"num_mel_bins": 64}))
    with pytest.raises(CheckpointError, match="one epsilon for every norm"):
        to_transformers(AST(_small(head_epsilon=1e-5)))
    with pytest.raises(CheckpointError, match="placing='loudest'"):
        to_transformers(AST(_small(placing="loudest")))
    state = ast_to_state(AST(_small()))
    del state["module.v.dist_token"]
    with pytest.raises(CheckpointError, match=r"lacks v\.dist_token"):
        ast_from_state(state, _small(), heads=2)


def _small(**changes: Any) -> ASTConfig:
    return ASTConfig.preset(
        "ast-base", frames=40, classes=3, width=16, layers=1, heads=2, mlp=16, **changes
    )  # fmt: skip


class _Extractor:
    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def to_dict(self) -> dict[str, Any]:
        return self.fields
