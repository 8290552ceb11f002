"""CLIP beside transformers and open_clip, on random weights: every parameter drawn, odd sizes and ResNets included."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from open_clip.model import CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP
from PIL import Image

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.models.clip import PICTURES
from mmcourse.pretrained import (
    from_open_clip,
    from_openai,
    from_transformers,
    save_transformers,
    to_openai,
    to_transformers,
)
from mmcourse.tokens.images import PIXELS, Preprocessing
from mmcourse.tokens.text import CaptionTokenizer

PUBLISHED = {
    "clip-rn50": "RN50", "clip-rn101": "RN101", "clip-rn50x4": "RN50x4", "clip-rn50x16": "RN50x16",
    "clip-rn50x64": "RN50x64", "clip-vit-b/32": "ViT-B-32", "clip-vit-b/16": "ViT-B-16", "clip-vit-l/14": "ViT-L-14",
    "clip-vit-l/14@336": "ViT-L-14-336",
}  # fmt: skip
#: The published parameter counts in millions, as open_clip's model_profile lists them.
MILLIONS = {"clip-rn50": 102.01, "clip-rn101": 119.69, "clip-rn50x4": 178.3, "clip-rn50x16": 290.98}
MILLIONS |= {"clip-rn50x64": 623.26, "clip-vit-b/32": 151.28, "clip-vit-b/16": 149.62, "clip-vit-l/14": 427.62}
MILLIONS |= {"clip-vit-l/14@336": 427.94}


def randomise(model: torch.nn.Module, scale: float = 0.3) -> None:
    """Every number drawn; variances stay above 0, and weights as large as keeps the activations going."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point():
                continue
            drawn = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
            if name.endswith("running_var"):
                drawn = 1 + drawn.abs()
            elif tensor.dim() > 1:
                drawn = drawn / tensor[0].numel() ** 0.5
            else:
                drawn = 1 + scale * drawn
            tensor.copy_(drawn)


def ids_of(rows: int, size: int, context: int, end: int) -> torch.Tensor:
    """Texts that end in different places, each followed by filling."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, min(end, size - 2), (rows, context), generator=generator)
    for row in range(rows):
        place = context - 1 if row == 0 else 2 + row % (context - 2)
        ids[row, place] = end
        ids[row, place + 1 :] = 0
    return ids


def same(ours: CLIP, pictures: torch.Tensor, ids: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    with torch.no_grad():
        found = ours(pictures, ids).logits()
    assert found.shape == expected.shape
    assert expected.std() > 0.01, "logits that are all alike would compare nothing"
    assert (found - expected).abs().max() <= tolerance


def hugging(**changes: Any) -> Any:
    from transformers import CLIPConfig as TheirConfig
    from transformers import CLIPModel

    text = {"vocab_size": 61, "hidden_size": 36, "intermediate_size": 50, "num_hidden_layers": 3}
    text |= {"num_attention_heads": 3, "max_position_embeddings": 11, "eos_token_id": 60, "bos_token_id": 59}
    vision = {"hidden_size": 40, "intermediate_size": 70, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision |= {"image_size": 21, "patch_size": 7}
    for half, part in (("text_", text), ("vision_", vision)):
        part |= {name.removeprefix(half): value for name, value in changes.items() if name.startswith(half)}
    config = TheirConfig(text_config=text, vision_config=vision, projection_dim=24)
    config._attn_implementation = "sdpa"
    model = CLIPModel(config).eval()
    randomise(model)
    return model


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"text_hidden_act": "gelu", "vision_hidden_act": "gelu_pytorch_tanh"},
        {"text_eos_token_id": 2},  # files from before 2023: the largest id is read
        {"text_eos_token_id": 7},  # an end that is not the largest id
        {"text_layer_norm_eps": 1e-3, "vision_layer_norm_eps": 1e-3, "vision_patch_size": 3, "vision_num_channels": 1},
    ],
)
def test_logits_equal_transformers_and_come_back(
    changes: dict[str, Any], dtype: torch.dtype, tolerance: float, tmp_path: Path
) -> None:
    theirs = hugging(**changes).to(dtype)
    ours = from_transformers(theirs)
    end = {2: 60, 7: 7}.get(changes.get("text_eos_token_id", 60), 60)
    channels = changes.get("vision_num_channels", 3)
    pictures, ids = torch.rand(3, channels, 21, 21, dtype=dtype), ids_of(4, 61, 11, end)
    with torch.no_grad():
        expected = theirs(input_ids=ids, pixel_values=ours.normalise(pictures)).logits_per_image
    same(ours, pictures, ids, expected, tolerance)
    back, processor = to_transformers(ours)
    assert all(torch.equal(back.state_dict()[key], tensor) for key, tensor in theirs.state_dict().items())
    assert back.config.text_config.eos_token_id == theirs.config.text_config.eos_token_id
    assert not processor.do_resize
    save_transformers(ours, tmp_path)
    again = CLIP.from_pretrained(tmp_path)
    assert replace(again.config, preprocessing=PIXELS) == ours.config
    same(again, pictures, ids, expected, tolerance)


def opened(resnet: bool = False, quick: bool = True, custom: bool = False, bias: float | None = None) -> Any:
    vision = CLIPVisionCfg(layers=2, width=64, head_width=32, patch_size=9, image_size=27, mlp_ratio=2.0)
    if resnet:
        vision = CLIPVisionCfg(layers=(1, 2, 1, 2), width=10, head_width=32, patch_size=None, image_size=64)
    text = CLIPTextCfg(context_length=9, vocab_size=50, width=48, heads=3, layers=2)
    kind = CustomTextCLIP if custom else open_clip.model.CLIP
    model = kind(20, vision, text, quick_gelu=quick, init_logit_bias=bias).eval()
    randomise(model)
    return model


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
@pytest.mark.parametrize(
    "changes",
    [{}, {"quick": False}, {"resnet": True}, {"resnet": True, "quick": False}, {"custom": True}, {"bias": -10.0}],
)
def test_logits_equal_open_clips(changes: dict[str, Any], dtype: torch.dtype, tolerance: float) -> None:
    theirs = opened(**changes).to(dtype)
    ours = from_open_clip(theirs)
    pictures, ids = torch.rand(3, 3, *ours.config.size, dtype=dtype), ids_of(3, 50, 9, 49)
    with torch.no_grad():
        images, texts, scale, *bias = theirs(ours.normalise(pictures), ids)[:4]
        expected = scale * images @ texts.T + (bias[0] if bias else 0)
    same(ours, pictures, ids, expected, tolerance)
    back, state = to_openai(ours), {key.removeprefix("text."): t for key, t in theirs.state_dict().items()}
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], tensor) for key, tensor in state.items())


def test_training_steps_of_the_resnet_equal_open_clips() -> None:
    """Batch statistics, gradients and what the norms remember."""
    theirs = opened(resnet=True).train()
    ours = from_open_clip(theirs).train()
    pictures, ids = torch.rand(4, 3, 64, 64), ids_of(4, 50, 9, 49)
    images, texts, scale = theirs(ours.normalise(pictures), ids)[:3]
    (scale * images @ texts.T).logsumexp(1).sum().backward()
    found = ours(pictures, ids)
    found.logits().logsumexp(1).sum().backward()
    assert (found.images - images).abs().max() <= 1e-5
    for ours_one, theirs_one in (
        (ours.vision.stem[0].weight, theirs.visual.conv1.weight),
        (ours.vision.stages[3][0].shortcut.weight, theirs.visual.layer4[0].downsample[1].weight),
        (ours.text.embedding.weight, theirs.token_embedding.weight),
        (ours.logit_scale, theirs.logit_scale),
    ):
        assert (ours_one.grad - theirs_one.grad).abs().max() <= 1e-4 * max(1, float(theirs_one.grad.abs().max()))
    assert (ours.vision.stem[1].running_var - theirs.visual.bn1.running_var).abs().max() <= 1e-6


@pytest.mark.parametrize("name", sorted(CLIPConfig.PRESETS))
def test_every_published_size_loads_with_no_key_left_over(name: str) -> None:
    with torch.device("meta"):
        theirs = open_clip.model.CLIP(**open_clip.get_model_config(PUBLISHED[name]), quick_gelu=True)
    state = dict(theirs.state_dict())
    numbers = {key: torch.zeros(()) for key in ("input_resolution", "context_length", "vocab_size")}
    model = from_openai({**state, **numbers})
    assert model.config == CLIPConfig.preset(name)
    assert abs(model.parameter_count() / 1e6 - MILLIONS[name]) < 0.01
    with torch.device("meta"):  # and reads what it was made for
        read = model(torch.rand(2, 3, *model.config.size), torch.zeros(3, 77, dtype=torch.long))
    assert read.logits().shape == (2, 3)
    back = to_openai(model)
    assert {key: t.shape for key, t in back.items()} == {key: t.shape for key, t in state.items()}
    assert from_open_clip(theirs).config == CLIPConfig.preset(name)


def test_a_key_that_is_missing_or_left_over_is_named() -> None:
    keys = {False: "visual.transformer.resblocks.1.attn.in_proj_bias", True: "visual.layer2.1.bn3.bias"}
    for resnet, key in keys.items():
        state = dict(opened(resnet).state_dict())
        with pytest.raises(CheckpointError, match="give heads="):
            from_openai(state)
        taken = state.pop(key)
        with pytest.raises(CheckpointError, match=key.replace(".", r"\.")):
            from_openai(state, heads=2)
        with pytest.raises(CheckpointError, match=r"visual\.extra"):
            from_openai({**state, key: taken, "visual.extra": taken}, heads=2)
        with pytest.raises(CheckpointError, match=key.replace(".", r"\.")):
            from_openai({**state, key: taken[:-1]}, heads=2)


def test_a_file_in_half_precision_with_norms_in_full_is_read_in_full_as_openai_reads_it() -> None:
    state = {key: tensor.half() if tensor.dim() > 1 else tensor for key, tensor in opened(True).state_dict().items()}
    ours = from_openai(state, heads=2)
    assert {tensor.dtype for tensor in ours.parameters()} == {torch.float32}
    assert torch.equal(ours.text.project.weight, state["text_projection"].T.float())


def test_what_transformers_calls_the_end_can_be_written_as_openai_does() -> None:
    ours = from_transformers(hugging())
    assert ours.config.eot == ours.config.vocab_size - 1
    again = from_openai(to_openai(ours), heads=1)
    assert again.config.eot is None
    with pytest.raises(CheckpointError, match="the largest id"):
        to_openai(from_transformers(hugging(text_eos_token_id=7)))


def test_what_has_no_counterpart_is_one_line() -> None:
    with pytest.raises(CheckpointError, match="epsilon"):
        from_transformers(hugging(text_layer_norm_eps=1e-3))
    with pytest.raises(CheckpointError, match="activation 'relu'"):
        from_transformers(hugging(text_hidden_act="relu"))
    ours = from_open_clip(opened(resnet=True))
    with pytest.raises(CheckpointError, match="a ResNet"):
        to_transformers(ours)
    with pytest.raises(CheckpointError, match="no converter for open_clip's Linear"):
        from_open_clip(torch.nn.Linear(2, 2))
    vision = CLIPVisionCfg(layers=1, width=64, patch_size=9, image_size=27, pool_type="avg")
    text = CLIPTextCfg(context_length=9, vocab_size=50, width=64, heads=1, layers=1)
    with pytest.raises(CheckpointError, match="pools by"):
        from_open_clip(open_clip.model.CLIP(20, vision, text))


@pytest.mark.parametrize("size", [(40, 60), (88, 31), (21, 21)])
def test_pictures_are_prepared_as_transformers_and_open_clip_prepare_them(size: tuple[int, int]) -> None:
    """Where an odd number of pixels is left over, transformers cuts one beside torchvision and open_clip."""
    from transformers import CLIPImageProcessor

    generator = torch.Generator().manual_seed(0)
    small = torch.randint(256, (3, 6, 6), generator=generator, dtype=torch.uint8)
    pixels = torch.nn.functional.interpolate(small[None].float(), size=size, mode="bicubic")[0].clamp(0, 255).byte()
    picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
    processor = CLIPImageProcessor(size={"shortest_edge": 21}, crop_size={"height": 21, "width": 21})
    ours = from_transformers(hugging(), processor)
    assert ours.config.preprocessing == PICTURES
    expected = processor(picture, return_tensors="pt")["pixel_values"]
    assert (ours.normalise(ours.preprocess(picture)) - expected).abs().max() <= 1e-5
    theirs = open_clip.image_transform(21, is_train=False)(picture)[None]  # by Pillow, which rounds once more
    assert (ours.normalise(ours.preprocess(picture)) - theirs).abs().max() <= 2 / 255 / min(PICTURES.std)
    whole = CLIPImageProcessor(do_center_crop=False, size={"height": 21, "width": 21})
    stretched = Preprocessing(PICTURES.mean, PICTURES.std, "stretch", interpolation="bicubic")
    assert from_transformers(hugging(), whole).config.preprocessing == stretched


CAPTIONS = [
    "a photo of a cat.", "  Two   DOGS &amp; one bird, isn't it?  ", "três maçãs à esquerda", "日本語のキャプション",
    "12 blue-ish circles!!! 'quoted' (v2.0)", "🙂🙂 smile", "l'été où ça", "", "it's we're they'll i'd",
]  # fmt: skip


def test_the_published_vocabulary_is_openais() -> None:
    theirs, ours = open_clip.SimpleTokenizer(), CaptionTokenizer.published()
    assert (ours.start, ours.end) == (theirs.sot_token_id, theirs.eot_token_id) == (49406, 49407)
    found, expected = ours(CAPTIONS), theirs(CAPTIONS)
    assert torch.equal(found, expected[:, : found.shape[1]])
    assert not expected[:, found.shape[1] :].any()
    assert [ours.decode(row.tolist()[1:]) for row in found] == [theirs.decode(ours.encode(c)).strip() for c in CAPTIONS]
    long = "one two three " * 40
    assert torch.equal(ours(long, cut=True), theirs(long))
    with pytest.raises(ValueError, match="has 120 pieces, 75 is the most"):
        ours(long)
