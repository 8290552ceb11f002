"""Any picture becomes what a model was trained on, and comes back with its weights."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig
from mmcourse.tokens.images import PIXELS, Normalise, Preprocessing, preprocess

BYTES = torch.randint(256, (2, 3, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
TINY = ViTConfig(image_size=(8, 12), patch_size=4, classes=3, width=16, layers=1, heads=2, mlp=16)


def pil(one: Tensor) -> Image.Image:
    return Image.fromarray(one.movedim(0, -1).numpy())


@pytest.mark.parametrize(
    "pictures",
    [
        BYTES,
        BYTES.float() / 255,
        BYTES.double() / 255,
        BYTES.movedim(1, -1).numpy(),
        list(BYTES),
        [pil(one) for one in BYTES],
        [pil(BYTES[0]), BYTES[1].numpy().transpose(1, 2, 0)],
    ],
    ids=["bytes", "float", "double", "array", "list", "PIL", "mixed"],
)
def test_every_kind_of_picture_is_the_same(pictures: Any) -> None:
    found = preprocess(pictures, PIXELS, (8, 12), 3)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, BYTES.float() / 255)


def test_grey_pictures() -> None:
    grey = BYTES[0, 0]
    for picture in (grey.numpy(), Image.fromarray(grey.numpy()), grey[None]):
        torch.testing.assert_close(preprocess(picture, PIXELS, (8, 12), 1), grey[None, None].float() / 255)
    assert preprocess(Image.fromarray(grey.numpy()), PIXELS, (8, 12), 3).shape == (1, 3, 8, 12)


def test_stretch_and_crop() -> None:
    ramp = torch.linspace(0, 1, 40).expand(1, 1, 20, 40)
    stretched = preprocess(ramp, Preprocessing(resize="stretch"), (10, 10), 1)
    assert stretched.shape == (1, 1, 10, 10)
    assert stretched[0, 0, 0, 0] < 0.1 < 0.9 < stretched[0, 0, 0, -1]
    cropped = preprocess(ramp, Preprocessing(resize="crop"), (10, 10), 1)
    assert cropped.shape == (1, 1, 10, 10)
    assert 0.2 < cropped[0, 0, 0, 0] < 0.3 < 0.7 < cropped[0, 0, 0, -1] < 0.8
    half = preprocess(ramp, Preprocessing(resize="crop", crop=0.5), (10, 10), 1)
    assert half[0, 0, 0, 0] > 0.35


@pytest.mark.parametrize("size", [(10, 10), (6, 18), (18, 6)])
@pytest.mark.parametrize("crop", [1.0, 0.9, 0.875])
def test_a_crop_is_filled_by_the_picture(size: tuple[int, int], crop: float) -> None:
    white = preprocess(torch.ones(1, 1, 13, 17), Preprocessing(resize="crop", crop=crop), size, 1)
    assert white.shape == (1, 1, *size)
    assert white.min() > 0.999  # nothing was padded with black


def test_transparent_pictures_lie_on_white() -> None:
    clear = Image.new("RGBA", (4, 3), (0, 0, 0, 0))
    assert preprocess(clear, PIXELS, (3, 4), 3).min() == 1
    assert preprocess(clear.convert("LA"), PIXELS, (3, 4), 1).min() == 1
    half = Image.new("RGBA", (4, 3), (255, 0, 0, 128))
    assert preprocess(half, PIXELS, (3, 4), 3)[0, :, 0, 0].tolist() == pytest.approx([1.0, 0.5, 0.5], abs=0.01)


def test_a_model_takes_mean_and_deviation_off_and_keeps_them(tmp_path: Path) -> None:
    how = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7), "stretch", interpolation="bicubic")
    plain, centred = ViT(TINY), ViT(dataclasses.replace(TINY, preprocessing=how))
    torch.nn.init.normal_(plain.head.weight)  # type: ignore[arg-type]
    centred.load_state_dict(plain.state_dict())
    images = BYTES.float() / 255
    by_hand = (images - torch.tensor(how.mean)[:, None, None]) / torch.tensor(how.std)[:, None, None]
    torch.testing.assert_close(centred(images), plain(by_hand))
    centred.save_pretrained(tmp_path / "m.safetensors")
    again = ViT.from_pretrained(tmp_path / "m.safetensors")
    assert again.config == centred.config
    torch.testing.assert_close(again.predict(BYTES), centred(images).softmax(-1))
    assert again.predict(pil(BYTES[0]).resize((30, 17))).shape == (1, 3)
    assert Normalise(PIXELS, 3)(images) is images


def test_a_rectangular_imagegpt_reads_and_writes_rows_of_its_width() -> None:
    model = ImageGPT(ImageGPTConfig(image_size=(2, 3), colours=6, channels=1, width=8, layers=1, heads=1, mlp=8))
    model.palette.colours.copy_(torch.arange(6)[:, None] / 10)
    picture = torch.tensor([[[[0.0, 0.1, 0.2], [0.3, 0.4, 0.5]]]])
    codes = model.encode(picture)
    assert codes.tolist() == [[0, 1, 2, 3, 4, 5]]
    torch.testing.assert_close(model.decode(codes), picture)
    assert model.length == 6


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (torch.rand(1, 3, 8, 12, dtype=torch.float64), r"give images\.float\(\)"),
        (torch.rand(1, 3, 8, 12, dtype=torch.float16), r"give images\.float\(\)"),
        (torch.zeros(1, 3, 8, 12, dtype=torch.uint8), "floating-point"),
        (np.zeros((1, 3, 8, 12), dtype=np.float32), "type ndarray"),
        (pil(BYTES[0]), "type Image"),
        (None, "type NoneType"),
    ],
)
def test_what_is_no_tensor_of_the_models_type(images: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says) as error:
        ViT(TINY)(images)
    assert "\n" not in str(error.value)


def test_autocast_takes_single_precision() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert ViT(TINY)(BYTES.float() / 255).dtype == torch.bfloat16
    assert ViT(TINY).bfloat16()((BYTES.float() / 255).bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("pictures", "says"),
    [
        (torch.full((1, 3, 8, 12), float("nan")), "NaN"),
        (torch.full((1, 3, 8, 12), 255.0), r"images / 255"),
        (torch.rand(1, 1, 8, 12), "1 channels"),
        ([torch.rand(3, 8, 12), torch.rand(3, 8, 16)], "different sizes"),
    ],
)
def test_bad_pictures_are_one_line(pictures: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        ViT(TINY).predict(pictures)
    assert "\n" not in str(error.value)


def test_a_fresh_head_keeps_type_device_and_mode() -> None:
    model = ViT(TINY).double().eval()
    other = model.with_classes(7)
    assert {p.dtype for p in other.parameters()} == {torch.float64}
    assert not other.training
    assert ViT(TINY).to("meta").with_classes(2).class_token.device.type == "meta"  # type: ignore[union-attr]
