"""How each course checkpoint is made, from data to file: ``make train MODEL=NAME`` or ``mmcourse train NAME``."""

from __future__ import annotations

import difflib
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse import checkpoint
from mmcourse.base import Model
from mmcourse.data import Dataset, load
from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig
from mmcourse.tokens.palette import fit_palette
from mmcourse.tokens.vq import VQConfig, VQTokenizer, perplexity, usage
from mmcourse.training.augment import Augment, affine, compose, elastic, flip, halve, on_white, outline, recolour
from mmcourse.training.loop import History, Settings, fit
from mmcourse.training.metrics import Mean, Score, accuracy, bits_per_dimension, linear_probe, psnr
from mmcourse.training.objectives import Objective, classification, next_colour, reconstruction

# What a model reaches on held-out data, by the name of the measure.
Measured = dict[str, Score | Mean]


def classified(model: Model, data: Dataset) -> Measured:
    """Share of pictures that are given their own label."""
    return {"accuracy": accuracy(model, data)}


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a checkpoint what it is.

    Attributes:
        name: of the checkpoint and of its file.
        title: one line for the model card.
        chapter: where it is used.
        model: builds it, fresh.
        data: name of the data set.
        split: what it learns from; never the test part.
        settings: of the loop.
        label_smoothing: of the classification, where no other objective is given.
        augment: of the pictures.
        augmentation: the same, in words, for the model card.
        shrink: side of the square of pixels that is averaged to one before anything else; 1 leaves pictures as they
            are.
        objective: what a step makes small; None for classification.
        measure: what is found on held-out data.
        options: of :func:`mmcourse.data.load`, for example a size.
        held_out: options that differ for the held-out data, for example a style that is not trained on.
    """

    name: str
    title: str
    chapter: str
    model: Callable[[], Model]
    data: str
    split: str
    settings: Settings
    label_smoothing: float = 0.0
    augment: Augment | None = None
    augmentation: str = "none"
    shrink: int = 1
    objective: Objective | None = None
    measure: Callable[[Any, Dataset], Measured] = field(default_factory=lambda: classified)
    options: dict[str, Any] = field(default_factory=dict)
    held_out: dict[str, Any] = field(default_factory=dict)

    def load(self, split: str, **changes: Any) -> Dataset:
        """A part of the data as the model sees it; ``changes`` to the options of :func:`mmcourse.data.load`."""
        data = load(self.data, split, **{**self.options, **changes})
        if self.shrink == 1:
            return data
        return replace(data, images=F.avg_pool2d(data.images.float(), self.shrink).round().to(torch.uint8))

    def validation(self) -> tuple[Dataset, Dataset]:
        """What to learn from and what to measure on while settings are being chosen; the test part stays unseen.

        Data with a validation part give that one; from others every fifth training example is held back.
        """
        if self.split.endswith("+validation"):
            return self.load(self.split.removesuffix("+validation")), self.load("validation", **self.held_out)
        data = self.load(self.split)
        held = torch.arange(len(data)) % 5 == 0
        return data.subset(~held), data.subset(held)

    def evaluate(self, model: Model) -> Measured:
        """What the model reaches on the held-out test part."""
        return self.measure(model, self.load("test", **self.held_out))


def rebuilt(model: VQTokenizer, data: Dataset) -> Measured:
    """How well pictures come back from their codes, and how many of the codes that takes."""
    parts = [(images, model.encode(images)) for images in data.batches(100)]
    codes = torch.cat([found for _, found in parts])
    size, count = model.config.codes, len(data)
    decibels = torch.cat([psnr(model.decode(found), images) for images, found in parts])
    return {
        "psnr": Mean(float(decibels.mean()), "dB", count),
        "codes in use": Mean(100 * usage(codes, size), f"% of {size:,}", count),
        "perplexity": Mean(perplexity(codes, size), "codes", count),
    }


def likelihood(model: ImageGPT, data: Dataset) -> Measured:
    """Bits that a picture costs for each of its pixels, its colours being given."""
    with torch.no_grad():
        codes = [model.palette.encode(images) for images in data.batches(50)]
        nats = torch.cat([model.negative_log_likelihood(part) for part in codes])
    return {"bits per pixel": Mean(float(bits_per_dimension(nats.mean(), model.length)), "bits", len(data))}


def vit(**changes: Any) -> Callable[[], ViT]:
    """A builder of a small ViT for 28 x 28 grey digits, with these fields changed."""
    base: dict[str, Any] = {"image_size": 28, "patch_size": 4, "channels": 1, "classes": 10}
    base |= {"width": 64, "layers": 3, "heads": 4, "mlp": 256}
    return lambda: ViT(ViTConfig.from_dict(base | changes))


MILD = affine(degrees=12, translate=0.08, scale=0.12, shear=8)
MILD_WORDS = "affine: 12 degrees, 8% shift, 12% scale, 8 degrees shear"
COMPARED = Settings(steps=700, batch_size=64, peak_rate=2e-3, average=0.99)


def compared(name: str, title: str, chapter: str, shrink: int = 1, **changes: Any) -> Recipe:
    """A recipe of a comparison on mnist5k: only the model differs between those of one chapter."""
    return Recipe(
        name, title, chapter, vit(**changes), "mnist5k", "train+validation", COMPARED, 0.0, MILD, MILD_WORDS, shrink
    )


def probed(model: ImageGPT, data: Dataset) -> Measured:
    """Bits per pixel, and what a linear probe reads at each depth, fitted on the digits that the model has seen."""
    learned = RECIPES["imagegpt-mnist5k"].load("train+validation")
    seen, new = (
        torch.cat([model.features(model.palette.encode(images)) for images in part.batches(100)], dim=1)
        for part in (learned, data)
    )
    probes = {
        f"probe at depth {depth}": linear_probe(seen[depth], learned.labels, new[depth], data.labels)
        for depth in range(len(seen))
    }
    return likelihood(model, data) | probes


DRAWN = compose(
    outline(0.4), on_white(affine(degrees=20, translate=0.1, scale=0.25, shear=8)), halve(), flip(), recolour()
)
DRAWN_WORDS = (
    "drawn at twice the size; outlines on 40%, affine: 20 degrees, 10% shift, 25% scale, 8 degrees shear, halved; "
    "mirrored, colour channels exchanged, 15% negatives"
)


def vq(name: str, title: str, steps: int, side: int = 32, **changes: Any) -> Recipe:
    """A learned tokenizer of emoji of side x side pixels: it learns from two styles and is measured on a third."""
    return Recipe(
        name,
        title,
        "06_vector_quantization",
        lambda: VQTokenizer(VQConfig.from_dict(changes)),
        "emoji",
        "train+validation",
        Settings(steps=steps, batch_size=32, peak_rate=2e-3, average=0.998),
        0.0,
        DRAWN,
        DRAWN_WORDS,
        objective=reconstruction(),
        measure=rebuilt,
        options={"style": "noto+fluent", "size": 2 * side},
        held_out={"style": "twemoji", "size": side},
    )


def imagegpt(size: int, colours: int, images: Callable[[], Tensor], **changes: Any) -> Callable[[], ImageGPT]:
    """A builder of a small ImageGPT whose palette is that of these pictures."""

    def build() -> ImageGPT:
        seen = images()
        config = {"image_size": size, "colours": colours, "channels": seen.shape[1], **changes}
        model = ImageGPT(ImageGPTConfig.from_dict(config))
        model.palette.load_state_dict(fit_palette(seen, colours).state_dict())
        return model

    return build


_ALL = [
    Recipe(
        "pixels-digits",
        "Transformer on the 64 pixels of an 8 x 8 digit",
        "01_pixels",
        vit(image_size=8, tokens="pixels", position_std=0.3),
        "digits",
        "train",
        Settings(steps=3000, batch_size=64, peak_rate=2e-3, average=0.995),
        0.1,
        affine(degrees=10, translate=0.08, scale=0.1, shear=5),
        "affine: 10 degrees, 8% shift, 10% scale, 5 degrees shear",
    ),
    *(
        compared(f"patches-p{p}", f"ViT with patches of {p} x {p} pixels", "02_patches", patch_size=p)
        for p in (2, 4, 7, 14)
    ),
    compared("tokens-pixels", "One token per pixel", "03_cnn_tokens", tokens="pixels", width=56, mlp=224, heads=4),
    compared(
        "tokens-pixels-14",
        "One token per pixel of pictures shrunk to 14 x 14, because 784 tokens cost too much",
        "03_cnn_tokens",
        shrink=2,
        image_size=14,
        tokens="pixels",
        width=56,
        mlp=224,
        heads=4,
    ),
    compared("tokens-patches", "One token per patch of 4 x 4 pixels", "03_cnn_tokens", width=56, mlp=224, heads=4),
    compared(
        "tokens-resnet",
        "One token per vector of a narrow ResNet-18, cut at stride 8",
        "03_cnn_tokens",
        tokens="resnet",
        features=12,
        width=48,
        mlp=192,
        heads=4,
    ),
    *(
        compared(f"positions-{kind}", f"ViT with positions: {kind}", "04_positions", positions=kind)
        for kind in ("none", "sinusoidal_1d", "sinusoidal_2d")
    ),
    Recipe(
        "vit-mnist5k",
        "The course's vision transformer",
        "05_vit",
        vit(patch_size=7, width=128, layers=4, mlp=512),
        "mnist5k",
        "train+validation",
        Settings(steps=8000, batch_size=64, peak_rate=1.5e-3, average=0.998),
        0.1,
        compose(MILD, elastic(0.02)),
        MILD_WORDS + "; elastic: 2% at 5 x 5 points",
    ),
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
        "emoji",
        "train+validation",
        Settings(steps=6000, batch_size=4, peak_rate=2e-3, warmup=0.05, average=0.995),
        0.0,
        flip(),
        "mirrored",
        objective=next_colour(),
        measure=likelihood,
        options={"size": 24},
    ),
    Recipe(
        "imagegpt-mnist5k",
        "Digits of 14 x 14 pixels in 8 greys, one after another",
        "07_imagegpt",
        imagegpt(
            14,
            8,
            lambda: RECIPES["imagegpt-mnist5k"].load("train+validation").images,
            **{"width": 64, "layers": 12, "heads": 4, "mlp": 256},
        ),
        "mnist5k",
        "train+validation",
        Settings(steps=2500, batch_size=16, peak_rate=2e-3, warmup=0.05, average=0.995),
        0.0,
        MILD,
        MILD_WORDS,
        shrink=2,
        objective=next_colour(),
        measure=probed,
    ),
    vq("vq-emoji", "Emoji as 64 codes of 1,024", 8000, width=96, codes=1024, warm=500),
    vq("vq-emoji-64px", "Emoji of 64 x 64 pixels as 64 codes", 4000, 64, width=96, stride=8, codes=1024, warm=500),
    vq("vq-emoji-64codes", "Emoji as 64 codes of 64", 2500, width=64, codes=64),
    vq("vq-emoji-16tokens", "Emoji as 16 codes of 1,024", 2500, width=64, codes=1024, stride=8),
]
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _ALL}
"""Every recipe, by the name of its checkpoint."""


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        ValueError: there is none; the line lists the names and the nearest one.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no recipe {name!r}; choose one of {', '.join(RECIPES)}.{hint}")
    return RECIPES[name]


def machine() -> str:
    """Processor, cores and torch, for the model card."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        model = names[0] if names else model
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{model}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, {device}, torch {torch.__version__}"


def _fit(
    chosen: Recipe, settings: Settings, data: Dataset, folder: Path | None, progress: bool
) -> tuple[Model, History]:
    torch.manual_seed(settings.seed)
    model = chosen.model()
    objective = chosen.objective or classification(chosen.label_smoothing)
    return model, fit(model, data, objective, settings, augment=chosen.augment, folder=folder, progress=progress)


def try_out(name: str, *, progress: bool = True, **overrides: Any) -> Measured:
    """Train without a trace and measure on validation data: how settings are chosen.

    Args:
        name: of the recipe.
        progress: show a bar.
        overrides: settings that shall differ, for example ``peak_rate=1e-3``.
    """
    chosen = recipe(name)
    learn, held = chosen.validation()
    model, _ = _fit(chosen, replace(chosen.settings, **overrides), learn, None, progress)
    return chosen.measure(model, held)


def train(
    name: str, folder: str | os.PathLike[str] | None = None, *, progress: bool = True, **overrides: Any
) -> tuple[Measured, Path]:
    """Make a checkpoint by its recipe, measure it on held-out data, and write it with all that is known about it.

    Args:
        name: of the recipe.
        folder: where to write ``NAME.safetensors``; None for the package's own weights.
        progress: show a bar.
        overrides: settings that shall differ, for example ``steps=100``; they are written down too.

    Returns:
        What the model reaches on held-out data, and the file.
    """
    chosen = recipe(name)
    settings = replace(chosen.settings, **overrides)
    target = (checkpoint.WEIGHTS if folder is None else Path(folder)) / f"{name}.safetensors"
    state = Path("runs") / name if folder is None else Path(folder) / "state" / name
    data = chosen.load(chosen.split)
    model, history = _fit(chosen, settings, data, state, progress)
    found = chosen.evaluate(model)
    options = "".join(f" --{key.replace('_', '-')} {value}" for key, value in overrides.items())
    model.metadata = {
        "recipe": {
            "name": name,
            "title": chosen.title,
            "chapter": chosen.chapter,
            "settings": asdict(settings),
            "label_smoothing": chosen.label_smoothing,
            "augmentation": chosen.augmentation,
            "shrink": chosen.shrink,
            "options": chosen.options,
        },
        "data": {"name": chosen.data, "split": chosen.split, "examples": len(data), "fingerprint": data.fingerprint},
        "metrics": {key: {"split": "test", **chosen.held_out, **asdict(value)} for key, value in found.items()},
        "history": {key: [round(row[key], 4) for row in history.rows] for key in history.rows[0] if key != "rate"},
        "machine": machine(),
        "wall_seconds": round(history.wall_seconds),
        "cpu_seconds": round(history.cpu_seconds),
        "command": f"mmcourse train {name}{options}" if overrides else f"make train MODEL={name}",
    }
    if int(os.environ.get("RANK", "0")) == 0:
        model.save_pretrained(target)
        (state / "resume.safetensors").unlink(missing_ok=True)
    return found, target


def evaluate(name_or_path: str | os.PathLike[str]) -> dict[str, tuple[Score | Mean, Score | Mean]]:
    """Measure a checkpoint again on the data that its recipe holds out.

    Args:
        name_or_path: of a course checkpoint, or a file that :func:`train` wrote.

    Returns:
        For each measure what is found now, and what was written down when the checkpoint was made.

    Raises:
        CheckpointError: no such file, damage, or a file that does not say which recipe made it.
    """
    path = checkpoint.find(name_or_path)
    _, about = checkpoint.load(path)
    try:
        chosen, then = recipe(about["recipe"]["name"]), about["metrics"]
    except KeyError as error:
        raise checkpoint.CheckpointError(
            f"{path.name} does not say {error.args[0]!r}; evaluate a file that `mmcourse train` wrote."
        ) from error
    found = chosen.evaluate(type(chosen.model()).from_pretrained(path))
    return {key: (value, type(value).stored(then[key])) for key, value in found.items()}
