"""Chapter 11: pictures of shapes from captions, in two steps: a tokenizer of pictures, then the translation."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch

from mmcourse.data import ImageDataset, load
from mmcourse.data.augment import Affine, Compose, Flip, OnWhite
from mmcourse.data.scene_captions import GRAMMARS, caption
from mmcourse.data.scenes import listed
from mmcourse.models import Parti, PartiConfig
from mmcourse.recipes.drawing import SPOKEN, Captioned, Translation, evaluate_drawing, read_back
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.text import train_merges
from mmcourse.tokens.vq import VQConfig, VQTokenizer
from mmcourse.training.loop import Settings
from mmcourse.training.objectives import Reconstruction

PIECES = 500
CODEBOOK = VQConfig(width=64, encoder=2, decoder=2, codes=256, code_width=8, warm=300)


def course_config(**changes: Any) -> PartiConfig:
    """A small Parti with a vocabulary of its own, learned from captions of training scenes."""
    chance = random.Random("pieces")
    texts = [caption(scene, language, chance) for scene in listed("train", 2000) for language in GRAMMARS]
    merges = train_merges(texts, PIECES)
    sizes: dict[str, Any] = {"width": 128, "mlp": 512, "encoder_layers": 2, "decoder_layers": 4, "heads": 4}
    return PartiConfig(
        tokenizer=CODEBOOK,
        grid=8,
        text_vocab_size=256 + len(merges) + 1,
        text_context=64,
        merges=merges,
        **{**sizes, **changes},
    )


def parti(**changes: Any) -> Parti:
    """A Parti with the course's tokenizer of scenes; changes are to its sizes.

    Codes start as what they stand for: their vectors, turned at random. So a code that the held-out combinations need
    and training seldom shows begins among codes that look like it.
    """
    model = Parti(course_config(**changes))
    model.tokenizer.load_state_dict(VQTokenizer.from_pretrained("vq-scenes").state_dict())
    vectors = model.tokenizer.quantizer.vectors().detach()
    with torch.no_grad():
        for table in (model.embedding.weight, model.head.weight):
            table[: len(vectors)] = vectors @ torch.randn(vectors.shape[1], table.shape[1]) * 0.02 * 2
    return model


@dataclass(frozen=True)
class Drawing(Recipe):
    """A recipe that learns from captions and the codes of their pictures."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of the scenes with codes and captions."""
        data = load(self.data, split, **{**self.options, **changes})
        model = self.model()
        assert isinstance(data, ImageDataset)
        assert isinstance(model, Parti)
        return Captioned(data, model.eval())

    def validation(self) -> tuple[Any, Any]:
        """What is learned from, and combinations that neither it nor the test part shows."""
        return self.load(self.split), self.load("validation", count=300)


def drawing(name: str, title: str, steps: int, **changes: Any) -> Drawing:
    """A Parti on scenes; only its size differs."""
    return Drawing(
        name,
        title,
        "11_parti",
        lambda: parti(**changes),
        data="scenes",
        split="train",
        settings=Settings(
            steps=steps, batch_size=64, learning_rate=2e-3, warmup=0.05, ema_decay=0.99, precision="bf16"
        ),
        objective=Translation(),
        measure=evaluate_drawing(2.0, 0.5),
        options={"language": SPOKEN},
    )


RECIPES = [
    Recipe(
        "vq-scenes",
        "Scenes as 64 codes of 256",
        "11_parti",
        lambda: VQTokenizer(CODEBOOK),
        data="scenes",
        split="train",
        settings=Settings(steps=3000, batch_size=32, learning_rate=2e-3, ema_decay=0.995),
        objective=Reconstruction(),
        augmentation=Compose(OnWhite(Affine(degrees=15, translate=0.1, scale=0.1)), Flip()),
        measure=read_back,
    ),
    drawing("parti-scenes", "Scenes of one to three shapes, drawn from captions in English and Portuguese", 2500),
]
