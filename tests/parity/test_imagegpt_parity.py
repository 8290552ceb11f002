"""ImageGPT against transformers', on random weights: every parameter is drawn, none left where it started."""

import pytest
import torch

from mmcourse.generation import generate
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.pretrained import from_transformers


def theirs_with(heads: int, width: int, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import ImageGPTConfig as TheirConfig
    from transformers import ImageGPTForCausalImageModeling

    model = ImageGPTForCausalImageModeling(
        TheirConfig(vocab_size=24, n_positions=36, n_embd=width, n_layer=3, n_head=heads, attn_implementation="eager")
    )
    generator = torch.Generator().manual_seed(heads)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.to(dtype).eval()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("heads", "width"), [(4, 64), (2, 48), (3, 36)])
def test_logits_equal_transformers(heads: int, width: int, dtype: torch.dtype, tolerance: float) -> None:
    theirs = theirs_with(heads, width, dtype)
    ours = from_transformers(theirs)
    codes = torch.randint(23, (2, 36), generator=torch.Generator().manual_seed(0))
    shifted = torch.cat([torch.full((2, 1), 23), codes[:, :-1]], dim=1)  # their start token is the last row
    with torch.no_grad():
        expected = theirs(shifted).logits
        assert (ours(codes) - expected).abs().max() <= tolerance * max(1.0, float(expected.abs().max()))


def test_greedy_pictures_equal_transformers() -> None:
    theirs = theirs_with(4, 64, torch.float64)
    ours = from_transformers(theirs)
    start = torch.full((2, 1), 23)
    expected = theirs.generate(start, attention_mask=torch.ones_like(start), max_new_tokens=35, do_sample=False)[:, 1:]
    assert torch.equal(generate(ours, start, 35, temperature=0), expected)


def test_a_checkpoint_with_something_missing_is_named() -> None:
    theirs = theirs_with(4, 64, torch.float32)
    del theirs.transformer.h[1].ln_2.weight
    with pytest.raises(ValueError, match=r"lacks h\.1\.ln_2\.weight"):
        from_transformers(theirs)


@pytest.mark.parametrize(("preset", "millions"), [("s", 76), ("m", 455), ("l", 1362), ("xl", 6801)])
def test_published_sizes(preset: str, millions: float) -> None:
    with torch.device("meta"):
        model = ImageGPT(ImageGPTConfig.preset(f"imagegpt-{preset}"))
    assert abs(model.parameter_count() / 1e6 / millions - 1) < 0.01
