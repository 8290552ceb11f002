"""Chapter 12: pictures and words in one space: emoji in many styles, and scenes of drawn shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mmcourse.data import ImageDataset, PairDataset, TextDataset, emoji, load
from mmcourse.data.augment import Affine, Compose, OnWhite, Outline, Shades
from mmcourse.data.drawings import LANGUAGES, DrawingPairs
from mmcourse.data.scenes import COLOURS, SHAPES
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.recipes.recipe import Recipe
from mmcourse.retrieval import recall
from mmcourse.tokens.images import Preprocessing
from mmcourse.tokens.text import caption_tokenizer, train_merges
from mmcourse.training.loop import Settings
from mmcourse.training.metrics import Measured, Score, device_of
from mmcourse.training.objectives import Contrastive

PIECES = 2000
LEARNED = "+".join(style for style in emoji.STYLES if style != "openmoji")


def course_config() -> CLIPConfig:
    """A small CLIP with the modified ResNet and a vocabulary of its own, learned from names of emoji."""
    parts = emoji.parts()
    known = {*parts["train"], *parts["validation"]}
    texts = [f" {text}" for language in LANGUAGES for concept, listed in emoji.words(language).items()
             if concept in known for text in listed]  # fmt: skip
    merges = train_merges([text.lower() for text in texts], PIECES)
    return CLIPConfig(
        embed=128,
        image_size=64,
        resnet_layers=(1, 1, 1, 1),
        vision_width=24,
        vision_heads=12,
        text_context=24,
        vocab_size=258 + len(merges),
        text_width=128,
        text_layers=2,
        text_heads=4,
        text_mlp=384,
        text_activation="gelu",
        merges=merges,
        preprocessing=Preprocessing((0.8,), (0.3,), "stretch", interpolation="bicubic"),
    )


@torch.no_grad()
def vectors(model: CLIP, pairs: DrawingPairs) -> tuple[Tensor, Tensor]:
    """Of all pictures and their captions, (N, E) twice."""
    device, found = device_of(model), []
    for batch in pairs.batches(200):
        out = model(batch["images"].to(device), batch["tokens"].to(device))
        found.append((out.images, out.texts))
    images, texts = zip(*found, strict=True)
    return torch.cat(images), torch.cat(texts)


def both_ways(images: Tensor, texts: Tensor, at: tuple[int, ...], what: str = "") -> Measured:
    """R@k of texts for pictures and of pictures for texts, under a name each."""
    found: dict[str, Score] = {}
    for name, queries, items in (("picture to text", images, texts), ("text to picture", texts, images)):
        found |= {f"{what}{name}, R@{k}": score for k, score in recall(queries, items, at).items()}
    return dict(found)


def evaluate_matching(model: CLIP, held_out: Any, learned: Callable[[], Any]) -> Measured:
    """Retrieval among all concepts of a style, in other languages, and among concepts that training never saw.

    Args:
        model: to be measured.
        held_out: :class:`~mmcourse.data.DrawingPairs` of one style.
        learned: not asked.
    """
    images, texts = vectors(model, held_out)
    found = both_ways(images, texts, (1, 10))
    data = held_out.data
    for place, language in enumerate(LANGUAGES[1:], 1):
        there = [row for row, words in enumerate(data.texts) if words[place]]
        with torch.no_grad():
            named = model.encode_texts(model.tokenize([data.texts[row][place][0] for row in there], cut=True))
        found[f"text to picture in {language}, R@10"] = recall(named, images[there], (10,))[10]
    new = set(emoji.parts()["test"])
    unseen = [row for row, concept in enumerate(data.concepts or []) if concept in new]
    if unseen:
        found |= both_ways(images[unseen], texts[unseen], (1, 10), f"{len(unseen)} new concepts, ")
    return found


@dataclass(frozen=True)
class Matching(Recipe):
    """A recipe of pictures and texts, measured on all concepts of a style that it never learns from."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of the drawings with the tokens of their captions."""
        data: Any = load(self.data, split, **{**self.options, **changes})
        config = course_config()
        return DrawingPairs(data, caption_tokenizer(config.merges, config.vocab_size, config.text_context))

    def evaluate(self, model: Any) -> Measured:
        """What the model reaches on all concepts; those of the test part are measured by themselves, too."""
        return self.measure(model, self.load("all", **self.held_out), partial(self.load, self.split))


PLACES = {"left": "on the left", "right": "on the right", "top": "at the top", "bottom": "at the bottom",
          "middle": "in the middle"}  # fmt: skip
COLOURED = [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]
ASKED = {
    "colour": (tuple(COLOURS), [f"a {{}} {shape}" for shape in SHAPES]),
    "shape": (SHAPES, [f"a {colour} {{}}" for colour in COLOURS]),
    "size": (("small", "large"), [f"a {{}} {thing}" for thing in COLOURED]),
    "place": (tuple(PLACES.values()), [f"a {thing} {{}}" for thing in COLOURED]),
}
"""Attributes of a single shape: the words to choose from, and the prompts that they stand in."""


def scenes_config() -> CLIPConfig:
    """A small CLIP with a vision transformer for scenes, and a vocabulary of the words of their captions."""
    captions = load("scenes", "train", language="en+pt", count=3000).captions or []
    merges = train_merges([f" {caption.lower()}" for caption in captions], 500)
    return CLIPConfig(
        embed=96,
        image_size=32,
        patch_size=4,
        vision_width=96,
        vision_layers=4,
        vision_heads=4,
        vision_mlp=384,
        vision_activation="gelu",
        text_context=40,
        vocab_size=258 + len(merges),
        text_width=96,
        text_layers=3,
        text_heads=4,
        text_mlp=384,
        text_activation="gelu",
        merges=merges,
        preprocessing=Preprocessing((0.9,), (0.3,), "stretch"),
    )


@torch.no_grad()
def evaluate_scenes(model: CLIP, held_out: Any, learned: Callable[[], Any]) -> Measured:
    """Zero-shot: each attribute of a single shape, named by the text that fits best; and captions found again.

    Args:
        model: to be measured.
        held_out: pairs of scenes and captions in English, with concepts, which say everything of a scene.
        learned: not asked.
    """
    device, concepts = device_of(model), held_out.concepts
    single = [row for row, number in enumerate(held_out.labels.tolist()) if number == 0]
    batch = held_out.batch(single)
    images = model.encode_images(batch["images"].to(device))
    found: Measured = {}
    for what, (words, prompts) in ASKED.items():
        said = (images @ model.classifier(words, prompts).T).argmax(1).tolist()
        right = sum(words[chosen] in concepts[row] for chosen, row in zip(said, single, strict=True))
        found[f"{what} of one shape"] = Score(right, len(single))
    # Two captions that say the same thing of two scenes would both be right: each scene counts once.
    once = list({concept: row for row, concept in enumerate(concepts)}.values())
    batch = held_out.batch(once)
    out = model(batch["images"].to(device), batch["tokens"].to(device))
    return found | both_ways(out.images, out.texts, (1, 10), f"among {len(once):,} scenes, ")


@dataclass(frozen=True)
class Scenes(Recipe):
    """A recipe of scenes and their captions."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of the scenes with the tokens of their captions."""
        data: ImageDataset = load(self.data, split, **{**self.options, **changes})
        config = scenes_config()
        tokenizer = caption_tokenizer(config.merges, config.vocab_size, config.text_context)

        def encode(text: str) -> list[int]:
            return tokenizer(text, cut=True)[0].tolist()

        texts = TextDataset("captions", split, texts=list(data.captions or []), encode=encode)
        pictures = replace(data, captions=None, labels=None, concepts=None)
        about = {"labels": data.labels, "classes": data.classes, "concepts": data.concepts}
        return PairDataset(data.name, split, parts=(pictures, texts), **about)  # type: ignore[arg-type]

    def validation(self) -> tuple[Any, Any]:
        """What is learned from, and combinations that are held out for choosing settings."""
        return self.load(self.split), self.load("validation", **self.held_out)


RECIPES = [
    Matching(
        "clip-emoji",
        "Pictures and names of emoji in one space, in four languages",
        "12_clip",
        lambda: CLIP(course_config()),
        data="drawings",
        split="train+validation",
        settings=Settings(
            steps=1000,
            batch_size=256,
            learning_rate=2e-3,
            warmup=0.05,
            weight_decay=0.1,
            ema_decay=0.99,
            precision="bf16",
        ),
        objective=Contrastive(),
        augmentation=Compose(
            OnWhite(Affine(degrees=12, translate=0.08, scale=0.2, shear=8)), Outline(0.5), Shades(0.8, 0.3)
        ),
        measure=evaluate_matching,
        options={"style": LEARNED, "size": 64},
        held_out={"style": "openmoji"},
    ),
    Scenes(
        "clip-scenes",
        "Scenes of drawn shapes and their captions in one space, in two languages",
        "12_clip",
        lambda: CLIP(scenes_config()),
        data="scenes",
        split="train",
        settings=Settings(
            steps=3000,
            batch_size=128,
            learning_rate=1e-3,
            warmup=0.05,
            weight_decay=0.1,
            ema_decay=0.99,
            precision="bf16",
        ),
        objective=Contrastive(),
        measure=evaluate_scenes,
        options={"language": "en+pt"},
        held_out={"language": "en"},
    ),
]
