"""ViT against two public implementations, on random weights: every parameter is drawn, none left at zero."""

import pytest
import torch

from mmcourse.models import ViT, ViTConfig
from mmcourse.pretrained import from_timm, from_transformers


def randomise(model: torch.nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * 0.1)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_logits_equal_transformers(dtype: torch.dtype, tolerance: float) -> None:
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTForImageClassification

    theirs = ViTForImageClassification(
        TheirConfig(
            hidden_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            intermediate_size=96,
            image_size=24,
            patch_size=8,
            num_labels=7,
            attn_implementation="sdpa",
        )
    )
    theirs = theirs.to(dtype).eval()
    randomise(theirs, 0)
    images = torch.rand(3, 3, 24, 24, dtype=dtype)
    ours = from_transformers(theirs)
    with torch.no_grad():
        assert (ours(images) - theirs(images).logits).abs().max() <= tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_logits_equal_timm(dtype: torch.dtype, tolerance: float) -> None:
    from timm.models.vision_transformer import VisionTransformer

    theirs = VisionTransformer(
        img_size=24, patch_size=8, num_classes=7, embed_dim=48, depth=3, num_heads=4, mlp_ratio=2
    )
    theirs = theirs.to(dtype).eval()
    randomise(theirs, 1)
    ours = from_timm(theirs)
    images = torch.rand(3, 3, 24, 24, dtype=dtype)
    with torch.no_grad():
        assert (ours(images) - theirs(images)).abs().max() <= tolerance


def test_a_key_too_many_is_named() -> None:
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTForImageClassification

    theirs = ViTForImageClassification(
        TheirConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=8)
    )
    theirs.surplus = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"surplus\.weight"):
        from_transformers(theirs)


@pytest.mark.parametrize(
    ("preset", "millions"),
    [("ti/16", 5.7), ("s/16", 22.1), ("s/32", 22.9), ("b/16", 86.6), ("b/32", 88.2), ("l/16", 304), ("h/14", 632)],
)
def test_published_parameter_counts(preset: str, millions: float) -> None:
    with torch.device("meta"):
        model = ViT(ViTConfig.preset(f"vit-{preset}"))
    assert model.parameter_count() / 1e6 == pytest.approx(millions, abs=0.06 if millions < 100 else 0.6)
