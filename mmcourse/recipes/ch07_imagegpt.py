"""Chapter 7: pictures, one colour after another."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.data import Batch, load
from mmcourse.data.augment import Affine, Compose, Flip, OnWhite
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.recipes.common import MILD
from mmcourse.recipes.measures import evaluate_codes, evaluate_likelihood, evaluate_probe
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.palette import fit_palette
from mmcourse.tokens.vq import VQTokenizer
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import NextColour, next_token_loss, wanted
from mmcourse.training.rivals import PixelCNN, PixelCNNConfig


def imagegpt(size: int, colours: int, images: Callable[[], Tensor], **changes: Any) -> Callable[[], ImageGPT]:
    """A builder of a small ImageGPT whose palette is that of these pictures."""

    def build() -> ImageGPT:
        seen = images()
        config = {"image_size": size, "colours": colours, "channels": seen.shape[1], **changes}
        model = ImageGPT(ImageGPTConfig.from_dict(config))
        model.palette.load_state_dict(fit_palette(seen, colours).state_dict())
        return model

    return build


def pixel_cnn() -> PixelCNN:
    """A PixelCNN with the palette of imagegpt-emoji."""
    model = PixelCNN(PixelCNNConfig())
    seen = load("emoji", "train+validation", size=24).images
    model.palette.load_state_dict(fit_palette(seen, model.config.colours).state_dict())
    return model


def small_digits() -> Tensor:
    """The digits of mnist5k at 14 x 14 pixels, (4000, 1, 14, 14) uint8."""
    return F.avg_pool2d(load("mnist5k", "train+validation").images.float(), 2).round().byte()


@cache
def tokenizer(name: str, device: torch.device) -> VQTokenizer:
    """A course tokenizer, read once."""
    return VQTokenizer.from_pretrained(name).to(device)


@dataclass(frozen=True)
class NextCode:
    """The next code of a learned tokenizer (chapter 6), given those before it; in nats per code.

    The model is called with codes (B, N), and its logits at place i must be for code i, as ImageGPT's are.

    Args:
        tokenizer: name of the course checkpoint that makes codes of pictures; it is not trained.
    """

    tokenizer: str

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share of codes that were right as ``accuracy``."""
        images = wanted(batch, "images", self)
        codes = tokenizer(self.tokenizer, images.device).encode(images)
        return next_token_loss(model(codes), codes)


def codes_gpt() -> ImageGPT:
    """An ImageGPT whose words are the 1,024 codes of vq-emoji, 8 x 8 of them a picture; its palette is not used."""
    return ImageGPT(ImageGPTConfig(image_size=8, colours=1024, width=128, layers=4, heads=4, mlp=512, dropout=0.1))


RECIPES = [
    Recipe(
        "imagegpt-emoji",
        "Emoji of 24 x 24 pixels in 64 colours, one after another",
        "07_imagegpt",
        imagegpt(
            24,
            64,
            lambda: load("emoji", "train+validation", size=24).images,
            **{"width": 128, "layers": 4, "heads": 4, "mlp": 512},
        ),
        data="emoji",
        split="train+validation",
        settings=Settings(steps=6000, batch_size=4, learning_rate=2e-3, warmup=0.05, ema_decay=0.995),
        objective=NextColour(),
        augmentation=Flip(),
        measure=evaluate_likelihood,
        options={"size": 24},
    ),
    Recipe(
        "imagegpt-emoji-short",
        "The same as imagegpt-emoji in about the time that codes-emoji and pixelcnn-emoji take",
        "07_imagegpt",
        imagegpt(
            24,
            64,
            lambda: load("emoji", "train+validation", size=24).images,
            **{"width": 128, "layers": 4, "heads": 4, "mlp": 512},
        ),
        data="emoji",
        split="train+validation",
        settings=Settings(steps=800, batch_size=4, learning_rate=2e-3, warmup=0.05, ema_decay=0.995),
        objective=NextColour(),
        augmentation=Flip(),
        measure=evaluate_likelihood,
        options={"size": 24},
    ),
    Recipe(
        "imagegpt-mnist5k",
        "Digits of 14 x 14 pixels in 8 greys, one after another",
        "07_imagegpt",
        imagegpt(14, 8, small_digits, **{"width": 64, "layers": 12, "heads": 4, "mlp": 256}),
        data="mnist5k",
        split="train+validation",
        settings=Settings(steps=2500, batch_size=16, learning_rate=2e-3, warmup=0.05, ema_decay=0.995),
        objective=NextColour(),
        augmentation=MILD,
        shrink=2,
        measure=evaluate_probe,
    ),
    Recipe(
        "codes-emoji",
        "Emoji of 32 x 32 pixels as the 64 codes of vq-emoji, one after another",
        "07_imagegpt",
        codes_gpt,
        data="emoji",
        split="train+validation",
        settings=Settings(steps=1400, batch_size=32, learning_rate=2e-3, warmup=0.05, ema_decay=0.995),
        objective=NextCode("vq-emoji"),
        augmentation=Compose(OnWhite(Affine(degrees=8, translate=0.08, scale=0.12, shear=4)), Flip()),
        measure=evaluate_codes("vq-emoji"),
        options={"size": 32},
    ),
    Recipe(
        "pixelcnn-emoji",
        "The same emoji and colours as imagegpt-emoji, by masked convolutions",
        "07_imagegpt",
        pixel_cnn,
        data="emoji",
        split="train+validation",
        settings=Settings(steps=4000, batch_size=8, learning_rate=2e-3, warmup=0.05, ema_decay=0.995),
        objective=NextColour(),
        augmentation=Flip(),
        measure=evaluate_likelihood,
        options={"size": 24},
    ),
]
