"""Published weights: the same logits from the same pictures, there and back without loss, from folders and the hub.

Small stand-ins are made on the spot, every parameter drawn at random, with a mean and deviation of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from mmcourse.checkpoint import CheckpointError
from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig
from mmcourse.pretrained import from_timm, from_transformers, save_transformers, to_timm, to_transformers
from mmcourse.tokens.images import Preprocessing
from mmcourse.tokens.vq import VQConfig, VQTokenizer

MEAN, STD = [0.4, 0.5, 0.3], [0.3, 0.2, 0.25]
SIZES = [(24, 24), (24, 48), (32, 16)]


def randomise(model: torch.nn.Module, scale: float = 0.1) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * scale)


def photographs(count: int = 3) -> list[Image.Image]:
    """Of different sizes, none of them the model's."""
    generator = np.random.default_rng(0)
    smooth = [generator.integers(0, 256, (5 + i, 7, 3), dtype=np.uint8) for i in range(count)]
    return [Image.fromarray(s).resize((61 - 7 * i, 50 + 3 * i), Image.Resampling.BICUBIC) for i, s in enumerate(smooth)]


def their_vit(size: tuple[int, int] = (24, 24), **changes: Any) -> Any:
    from transformers import ViTConfig as TheirConfig
    from transformers import ViTForImageClassification

    given = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
    given |= {"image_size": size, "patch_size": 8, "num_labels": 7, "attn_implementation": "sdpa"}
    theirs = ViTForImageClassification(TheirConfig(**{**given, **changes})).eval()
    randomise(theirs)
    return theirs


def their_vit_processor(size: tuple[int, int] = (24, 24), **changes: Any) -> Any:
    from transformers import ViTImageProcessor

    given = {"size": {"height": size[0], "width": size[1]}, "image_mean": MEAN, "image_std": STD}
    return ViTImageProcessor(**{**given, **changes})


def their_imagegpt(places: int = 24, **changes: Any) -> Any:
    from transformers import ImageGPTConfig as TheirConfig
    from transformers import ImageGPTForCausalImageModeling

    given = {"vocab_size": 17, "n_positions": places, "n_embd": 32, "n_layer": 3, "n_head": 4}
    theirs = ImageGPTForCausalImageModeling(TheirConfig(**{**given, **changes}, attn_implementation="eager")).eval()
    randomise(theirs, 0.2)
    return theirs


def their_imagegpt_processor(size: tuple[int, int] = (4, 6), **changes: Any) -> Any:
    from transformers import ImageGPTImageProcessor

    clusters = np.random.default_rng(1).uniform(-1, 1, (16, 3)).astype(np.float32)
    return ImageGPTImageProcessor(clusters, size={"height": size[0], "width": size[1]}, **changes)


def logits_of(theirs: Any, processor: Any, pictures: Any) -> Tensor:
    with torch.no_grad():
        return theirs(**processor(pictures, return_tensors="pt")).logits


def same(ours: torch.nn.Module, again: torch.nn.Module) -> bool:
    one, other = ours.state_dict(), again.state_dict()
    return one.keys() == other.keys() and all(
        torch.equal(t, other[k]) and t.dtype == other[k].dtype for k, t in one.items()
    )


# -- the same pictures, the same logits -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("changes", [{}, {"resample": 3}, {"do_normalize": False}, {"rescale_factor": 1 / 127.5}])
def test_vit_gives_transformers_logits_from_the_same_pictures(size: tuple[int, int], changes: dict[str, Any]) -> None:
    theirs, processor = their_vit(size), their_vit_processor(size, **changes)
    ours = from_transformers(theirs, processor)
    with torch.no_grad():
        found = ours(ours.preprocess(photographs()))
    assert (found - logits_of(theirs, processor, photographs())).abs().max() <= 1e-5


def test_pictures_may_be_arrays_tensors_or_a_batch() -> None:
    model = from_transformers(their_vit((24, 48)), their_vit_processor((24, 48)))
    picture = photographs(1)[0]
    expected = model.preprocess(picture)
    array = np.array(picture)
    batch = torch.from_numpy(array).movedim(-1, 0)[None]
    for same_picture in (array, array[None], batch, batch[0], [picture]):
        assert torch.equal(model.preprocess(same_picture), expected)
    assert expected.shape == (1, 3, 24, 48)
    assert torch.allclose(model.preprocess(batch / 255), expected, atol=1 / 255)


@pytest.mark.parametrize("size", [(5, 5), (4, 6), (8, 3)])
def test_imagegpt_gives_transformers_logits_from_the_same_pictures(size: tuple[int, int]) -> None:
    theirs, processor = their_imagegpt(size[0] * size[1]), their_imagegpt_processor(size)
    ours = from_transformers(theirs, processor)
    codes = processor(photographs(), return_tensors="pt")["input_ids"]
    assert torch.equal(ours.encode(photographs()), codes)
    shifted = torch.cat([torch.full((3, 1), 16), codes[:, :-1]], 1)  # their start token is the last row of the table
    with torch.no_grad():
        expected = theirs(shifted).logits
        assert (ours(codes) - expected).abs().max() <= 1e-5 * max(1.0, float(expected.abs().max()))
    shown = ours.decode(codes)
    clusters = torch.as_tensor(processor.clusters)
    assert torch.allclose(shown[1, :, 2, 1], (clusters[codes[1, 2 * size[1] + 1]] + 1) / 2, atol=1e-6)


@pytest.mark.parametrize("by_layer", [False, True])
def test_attention_that_is_scaled_otherwise_is_converted(by_layer: bool) -> None:
    theirs = their_imagegpt(25, scale_attn_weights=False, scale_attn_by_inverse_layer_idx=by_layer).double()
    randomise(theirs, 0.2)
    codes = torch.randint(16, (2, 25), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(torch.cat([torch.full((2, 1), 16), codes[:, :-1]], 1)).logits
        assert (from_transformers(theirs)(codes) - expected).abs().max() <= 1e-11
        assert (from_transformers(their_imagegpt(25).double())(codes) - expected).abs().max() > 1e-3


# -- there and back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", SIZES)
def test_vit_goes_to_transformers_and_back(size: tuple[int, int], dtype: torch.dtype, tmp_path: Path) -> None:
    pictures = Preprocessing(tuple(MEAN), tuple(STD), resize="stretch", interpolation="bicubic")
    ours = (
        ViT(ViTConfig(size, 8, classes=7, width=48, layers=2, heads=4, mlp=96, preprocessing=pictures)).to(dtype).eval()
    )
    randomise(ours)
    theirs, processor = to_transformers(ours)
    again = from_transformers(theirs, processor)
    assert same(ours, again)
    assert again.config == ours.config
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    with torch.no_grad():
        batch = ours.preprocess(photographs()).to(dtype)
        assert (ours(batch) - theirs(ours.normalise(batch)).logits).abs().max() <= tolerance
    save_transformers(ours, tmp_path / "vit")
    again = ViT.from_pretrained(tmp_path / "vit")
    assert same(ours, again)
    assert again.config == ours.config


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(5, 5), (4, 6)])
def test_imagegpt_goes_to_transformers_and_back(size: tuple[int, int], bias: bool, tmp_path: Path) -> None:
    ours = ImageGPT(ImageGPTConfig(size, 16, width=32, layers=2, heads=4, mlp=128, bias=bias)).eval()
    randomise(ours, 0.2)
    ours.palette.colours.copy_(torch.rand(16, 3, generator=torch.Generator().manual_seed(0)))
    save_transformers(ours, tmp_path)
    again = ImageGPT.from_pretrained(tmp_path)
    assert same(ours, again)
    assert again.config == ours.config
    theirs, processor = to_transformers(ours)
    again = from_transformers(theirs, processor)
    assert torch.allclose(again.palette.colours, ours.palette.colours, atol=1e-7)
    again.palette.colours.copy_(ours.palette.colours)  # from -1 to 1 in single precision, the last bit is lost
    assert same(ours, again)


def test_transformers_reads_what_is_saved(tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, AutoModelForImageClassification, ViTModel

    pictures = Preprocessing(tuple(MEAN), tuple(STD), resize="stretch")
    ours = ViT(ViTConfig((24, 48), 8, classes=7, width=48, layers=2, heads=4, mlp=96, preprocessing=pictures)).eval()
    randomise(ours)
    save_transformers(ours, tmp_path / "vit")
    theirs = AutoModelForImageClassification.from_pretrained(tmp_path / "vit").eval()
    processor = AutoImageProcessor.from_pretrained(tmp_path / "vit")
    with torch.no_grad():
        found = ours(ours.preprocess(photographs()))
        assert (found - logits_of(theirs, processor, photographs())).abs().max() <= 1e-5
    headless = ours.with_classes(0).eval()
    save_transformers(headless, tmp_path / "headless")
    summary = ViTModel.from_pretrained(tmp_path / "headless", add_pooling_layer=False).eval()
    with torch.no_grad():
        batch = headless.preprocess(photographs())
        hidden = summary(headless.normalise(batch)).last_hidden_state[:, 0]
        assert (headless(batch) - hidden).abs().max() <= 1e-5
    assert same(from_transformers(to_transformers(headless)[0]), headless)


@pytest.mark.parametrize("pool", ["class", "mean"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("size", [(24, 24), (24, 48)])
def test_vit_goes_to_timm_and_back(size: tuple[int, int], dtype: torch.dtype, tolerance: float, pool: Any) -> None:
    pictures = Preprocessing(tuple(MEAN), tuple(STD), resize="crop", crop=0.9, interpolation="bicubic")
    config = ViTConfig(size, 8, classes=7, width=48, layers=2, heads=4, mlp=96, pool=pool, preprocessing=pictures)
    ours = ViT(config).to(dtype).eval()
    randomise(ours)
    theirs = to_timm(ours)
    again = from_timm(torch.nn.DataParallel(theirs))  # names begin with module.
    assert same(ours, again)
    assert again.config == ours.config
    with torch.no_grad():
        batch = ours.preprocess(photographs()).to(dtype)
        assert (ours(batch) - theirs(ours.normalise(batch))).abs().max() <= tolerance


def test_a_configuration_in_a_configuration_survives_a_checkpoint(tmp_path: Path) -> None:
    pictures = Preprocessing(tuple(MEAN), tuple(STD), resize="crop", crop=0.9)
    ours = ViT(ViTConfig((16, 8), 8, classes=2, width=8, layers=1, heads=2, mlp=8, preprocessing=pictures)).eval()
    ours.save_pretrained(tmp_path / "vit.safetensors")
    again = ViT.from_pretrained(tmp_path / "vit.safetensors")
    assert again.config == ours.config
    assert isinstance(again.config.preprocessing, Preprocessing)
    assert hash(again.config) == hash(ours.config)


# -- folders, files, the hub ----------------------------------------------------------------------------------------


def published(folder: Path, size: tuple[int, int] = (24, 48)) -> tuple[Any, Any]:
    theirs, processor = their_vit(size), their_vit_processor(size)
    theirs.save_pretrained(folder)
    processor.save_pretrained(folder)
    return theirs, processor


@pytest.mark.parametrize("old", [False, True])
def test_a_published_folder_is_read(tmp_path: Path, old: bool) -> None:
    size = (24, 24) if old else (24, 48)
    theirs, processor = published(tmp_path, size)
    if old:  # as the processor was written before it had a size of two numbers and a rescale
        fields = {"do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor"}
        fields |= {"image_mean": MEAN, "image_std": STD, "resample": 2, "size": 24}
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(fields), encoding="utf-8")
    expected = logits_of(theirs, processor, photographs())
    for place in (tmp_path, str(tmp_path), tmp_path / "model.safetensors"):
        ours = ViT.from_pretrained(place)
        with torch.no_grad():
            assert (ours(ours.preprocess(photographs())) - expected).abs().max() <= 1e-5


def test_an_imagegpt_folder_is_read(tmp_path: Path) -> None:
    theirs, processor = their_imagegpt(24), their_imagegpt_processor((4, 6))
    theirs.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    ours = ImageGPT.from_pretrained(tmp_path)
    assert same(ours, from_transformers(theirs, processor))
    assert ours.config.image_size == (4, 6)


def test_weights_in_several_files_are_read(tmp_path: Path) -> None:
    theirs = their_vit((24, 48))
    theirs.save_pretrained(tmp_path, max_shard_size="40KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    assert same(ViT.from_pretrained(tmp_path), from_transformers(theirs))


def test_timm_files_are_read(tmp_path: Path) -> None:
    import timm

    theirs = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=5).eval()
    randomise(theirs)
    pictures = {"mean": MEAN, "std": STD, "input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.9}
    about = {"architecture": "vit_tiny_patch16_224", "num_classes": 5, "pretrained_cfg": pictures}
    (tmp_path / "config.json").write_text(json.dumps(about), encoding="utf-8")
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    ours = ViT.from_pretrained(tmp_path)
    assert ours.config.preprocessing == Preprocessing(tuple(MEAN), tuple(STD), "crop", 0.9, "bicubic")
    transform = timm.data.create_transform(**timm.data.resolve_data_config(pictures), is_training=False)
    with torch.no_grad():
        batch = torch.stack([transform(picture) for picture in photographs()])
        assert (ours(ours.normalise.mean + ours.normalise.std * batch) - theirs(batch)).abs().max() <= 1e-5
        assert (ours.normalise(ours.preprocess(photographs())) - batch).abs().max() <= 0.05  # Pillow's bytes


class Hub:
    """What huggingface_hub does, without a network: files of a folder, or an error."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        self.folder, self.asked, self.error = folder, [], None
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", self.download)

    def download(self, repository: str, file: str, *, revision: str | None = None) -> str:
        from huggingface_hub.errors import EntryNotFoundError

        self.asked.append((repository, file, revision))
        if self.error is not None:
            raise self.error
        if not (self.folder / file).is_file():
            raise EntryNotFoundError("404")
        return str(self.folder / file)


def test_the_hub_gives_a_pinned_revision_and_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, processor = published(tmp_path)
    (tmp_path / "modeling.py").write_text("raise SystemExit('code from the hub ran')", encoding="utf-8")
    hub = Hub(tmp_path, monkeypatch)
    ours = ViT.from_pretrained("someone/vit-tiny", revision="0123abc")
    assert same(ours, from_transformers(theirs, processor))
    assert {file for _, file, _ in hub.asked} <= {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert {(name, revision) for name, _, revision in hub.asked} == {("someone/vit-tiny", "0123abc")}


def test_without_a_network_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    hub = Hub(tmp_path, monkeypatch)
    hub.error = LocalEntryNotFoundError("An error happened while trying to locate\nthe file")
    with pytest.raises(CheckpointError, match="hub cannot be reached") as caught:
        ViT.from_pretrained("someone/vit-tiny")
    assert "\n" not in str(caught.value)
    hub.error = OSError("Repository Not Found\nfor url")
    with pytest.raises(CheckpointError, match=r"at revision abc cannot be fetched .* Repository Not Found$"):
        ViT.from_pretrained("someone/vit-tiny", revision="abc")


def test_pickled_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    for place in (tmp_path, "someone/vit-tiny"):
        hub = Hub(tmp_path, monkeypatch)
        with pytest.raises(CheckpointError, match="safetensors only, never as pickle"):
            ViT.from_pretrained(place)
        assert all(not file.endswith(".bin") for _, file, _ in hub.asked)


# -- what does not fit is named -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda s: s.pop("vit.encoder.layer.1.output.dense.bias"), r"lacks encoder\.layer\.1\.output\.dense\.bias"),
        (lambda s: s.update({"vit.surplus.weight": torch.zeros(2)}), r"holds 'vit\.surplus\.weight'"),
        (lambda s: s.update({"classifier.weight": torch.zeros(7, 2)}), r"classifier\.weight has shape \(7, 2\)"),
        (lambda s: s.update({"vit.layers.0.mlp.fc1.bias": torch.zeros(96)}), "twice, in two spellings"),
        (lambda s: s.pop("vit.embeddings.cls_token"), r"lacks embeddings\.cls_token"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(tmp_path: Path, spoil: Any, says: str) -> None:
    published(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    spoil(state)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=says) as caught:
        ViT.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "changes", "says"),
    [
        ("config.json", {"num_hidden_layers": 10**7}, "asks for 10000000 layers"),
        ("config.json", {"hidden_size": 2**40}, "no machine can hold"),
        ("config.json", {"hidden_act": "relu"}, "'relu'"),
        ("config.json", {"patch_size": [8, 4]}, "8 x 4"),
        ("config.json", {"qkv_bias": False}, "no bias"),
        ("config.json", {"architectures": ["BertModel"]}, "no converter for BertModel"),
        ("config.json", {"hidden_size": None}, "hidden_size"),
        ("preprocessor_config.json", {"size": {"height": 99, "width": 48}}, r"resizes to \(99, 48\)"),
        ("preprocessor_config.json", {"do_center_crop": True}, "crops"),
        ("preprocessor_config.json", {"resample": 1}, "filter 1"),
    ],
)
def test_a_configuration_that_does_not_fit_is_named(tmp_path: Path, file: str, changes: Any, says: str) -> None:
    published(tmp_path)
    about = {**json.loads((tmp_path / file).read_text(encoding="utf-8")), **changes}
    (tmp_path / file).write_text(json.dumps({k: v for k, v in about.items() if v is not None}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=says) as caught:
        ViT.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_other_wrong_places_are_named(tmp_path: Path) -> None:
    published(tmp_path / "vit")
    with pytest.raises(CheckpointError, match="holds a ViT, not a ImageGPT"):
        ImageGPT.from_pretrained(tmp_path / "vit")
    with pytest.raises(CheckpointError, match=r"holds no config\.json"):
        ViT.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="a revision belongs to a name on the hub"):
        ViT.from_pretrained("vit-mnist5k", revision="abc")
    (tmp_path / "vit" / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(CheckpointError, match="holds a list"):
        ViT.from_pretrained(tmp_path / "vit")
    (tmp_path / "vit" / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match="no JSON"):
        ViT.from_pretrained(tmp_path / "vit")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (lambda: VQTokenizer(VQConfig(width=8)), "no counterpart of VQTokenizer"),
        (lambda: ViT(ViTConfig(8, 4, pool="mean", width=8, layers=1, heads=1, mlp=8)), "pool='mean'"),
        (lambda: ViT(ViTConfig(8, positions="none", tokens="pixels", width=8, layers=1, heads=1, mlp=8)), "'pixels'"),
        (lambda: ImageGPT(ImageGPTConfig(4, 4, positions="sinusoidal_1d", width=8, layers=1, heads=1, mlp=8)), "sinus"),
        (lambda: ImageGPT(ImageGPTConfig(4, 4, 1, width=8, layers=1, heads=1, mlp=8)), "channels=1"),
    ],
)
def test_what_transformers_cannot_hold_is_refused(model: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=says):
        save_transformers(model(), tmp_path)
    with pytest.raises(CheckpointError, match=says):
        to_transformers(model())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"activation_function": "gelu"}, "'gelu'"),
        ({"n_positions": 24}, r"24 positions are no picture of 4 x 4 pixels; .* from_transformers\(model, processor\)"),
    ],
)
def test_an_imagegpt_that_does_not_fit_is_named(changes: Any, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        from_transformers(their_imagegpt(**{"places": changes.pop("n_positions", 25), **changes}))


def test_a_timm_model_that_does_not_fit_is_named() -> None:
    from timm.models.vision_transformer import VisionTransformer

    small = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
    with pytest.raises(CheckpointError, match=r"holds 'blocks\.0\.ls1\.gamma'"):
        from_timm(VisionTransformer(**small, init_values=0.1))
    with pytest.raises(CheckpointError, match="fc_norm"):
        from_timm(VisionTransformer(**small, global_pool="avg", class_token=False))
    with pytest.raises(CheckpointError, match="no converter for timm's Linear"):
        from_timm(torch.nn.Linear(2, 2))
