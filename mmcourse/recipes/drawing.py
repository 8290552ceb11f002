"""How a Parti is taught: codes of drawn scenes, captions said anew each time, some left out; and measures."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmcourse.checks import real
from mmcourse.data import Batch, Dataset, ImageDataset, load
from mmcourse.data.cache import cached
from mmcourse.data.dataset import rows
from mmcourse.data.order import batch_indices
from mmcourse.data.scene_captions import caption, languages, parse_caption
from mmcourse.data.scene_detector import Verdict, verdicts
from mmcourse.data.scenes import NUMBERS
from mmcourse.drawing import draw
from mmcourse.models import Parti
from mmcourse.recipes.measures import evaluate_reconstruction
from mmcourse.tokens.vq import VQTokenizer
from mmcourse.training.metrics import Measured, Score, device_of
from mmcourse.training.objectives import next_token_loss, wanted

SPOKEN = "en+pt"  # languages of the captions, in turns


@torch.no_grad()
def codes_of(model: Parti, data: ImageDataset) -> Tensor:
    """The tokenizer's codes of all pictures, (N, L) int16; made once for a tokenizer, then read from the cache."""
    weights = hashlib.sha256()
    for name, value in model.tokenizer.state_dict().items():
        weights.update(name.encode() + value.detach().cpu().numpy().tobytes())
    name = f"codes-{hashlib.sha256(f'{data.fingerprint} {weights.hexdigest()}'.encode()).hexdigest()[:16]}"

    def make() -> dict[str, Tensor]:
        parts = [model.encode(batch["images"].to(device_of(model))).short().cpu() for batch in data.batches(250)]
        return {"codes": torch.cat(parts)}

    return cached(name, make)["codes"]


@dataclass(eq=False)
class Captioned:
    """What a Parti learns from: a scene's codes, and one of the many ways to say it, another one each time.

    Args:
        scenes: pictures whose concepts say everything.
        model: the tokenizer of pictures and that of texts.
        unsaid: share of the captions that are left empty, so that guidance has something to lead away from (Ho &
            Salimans, 2022).
    """

    scenes: ImageDataset
    model: Parti
    unsaid: float = 0.1

    def __post_init__(self) -> None:
        real("unsaid", self.unsaid, below=1.0)
        self.codes = codes_of(self.model, self.scenes)
        self.meanings = [parse_caption(text) for text in self.scenes.concepts or []]

    def __len__(self) -> int:
        return len(self.codes)

    def batch(self, which: Any) -> Batch:
        """Codes of these scenes with their own captions."""
        index = rows(which, len(self), "scenes")
        texts = self.scenes.captions or []
        return self.made(index, [texts[i] for i in index.tolist()])

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from; it depends on (seed, step) alone."""
        chance, spoken = random.Random(f"{seed} {step}"), languages(SPOKEN)
        index = batch_indices(len(self), batch_size, seed, step)
        texts = [caption(self.meanings[i], chance.choice(spoken), chance) for i in index.tolist()]
        return self.made(index, ["" if chance.random() < self.unsaid else text for text in texts])

    def made(self, index: Tensor, texts: list[str]) -> Batch:
        """Ids of texts (B, M) with their padding, and codes (B, N)."""
        words = self.model.words(texts)
        return {"texts": words.ids, "text_padding": words.padding, "codes": self.codes[index].long()}

    @cached_property
    def fingerprint(self) -> str:
        """Of the pictures, their codes and how they are said."""
        digest = hashlib.sha256(f"{self.scenes.fingerprint} {SPOKEN} {self.unsaid} {self.model.config.merges}".encode())
        digest.update(self.codes.numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Translation:
    """The next code of ``"codes"`` (B, N), given ``"texts"`` (B, M) and the codes before it; in nats per code.

    Codes below 0 count for nothing: they fill what is shorter than its neighbours.
    """

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share of codes that were right as ``accuracy``."""
        texts, padding, codes = (wanted(batch, name, self) for name in ("texts", "text_padding", "codes"))
        with sdpa_kernel(SDPBackend.MATH):  # for such short sequences faster than the fused kernel, on a CPU
            logits = model(texts, codes.clamp(min=0), padding)
        return next_token_loss(logits.float(), codes)


def marked(names: list[str], found: list[Verdict], prefix: str = "") -> Measured:
    """Verdicts as scores: everything right by the number of shapes, then point by point.

    Args:
        names: how many shapes each caption names, in words.
        found: a verdict each.
        prefix: of the measures' names.
    """
    measured: Measured = {}
    for name in NUMBERS:
        of = [one.all for one, number in zip(found, names, strict=True) if number == name]
        if of:
            measured[f"{prefix}all right, {name} shape{'s' if name != 'one' else ''}"] = Score(sum(of), len(of))
    for point in ("number", "colours", "shapes", "sizes", "places"):
        measured[f"{prefix}{point}"] = Score(sum(getattr(one, point) for one in found), len(found))
    return measured


def numbers(data: Dataset) -> list[str]:
    """How many shapes each scene has, in words."""
    assert data.labels is not None
    return [data.classes[i] for i in data.labels.tolist()]


def read_back(model: VQTokenizer, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """How well scenes come back from their codes, in decibels and by what the detector still reads in them."""
    assert isinstance(held_out, ImageDataset)
    found: list[Verdict] = []
    for start in range(0, len(held_out), 200):
        part = held_out.subset(range(start, min(start + 200, len(held_out))))
        images = part.batch()["images"].to(device_of(model))
        found += verdicts(part.concepts or [], model.decode(model.encode(images)).float())
    return evaluate_reconstruction(model, held_out, learned) | marked(numbers(held_out), found)


def drawn(
    model: Parti, texts: list[str], *, guidance: float | None = None, temperature: float = 1.0, size: int = 200
) -> list[Verdict]:
    """One picture of each caption, and whether the caption holds of it."""
    found: list[Verdict] = []
    for start in range(0, len(texts), size):
        part = texts[start : start + size]
        images = draw(model, part, guidance=guidance, temperature=temperature, seed=start).images[:, 0]
        found += verdicts(part, images.float())
    return found


def evaluate_drawing(
    guidance: float | None, temperature: float, familiar: int = 300
) -> Callable[[Parti, Any, Callable[[], Any]], Measured]:
    """A measure: which captions hold of what is drawn, of combinations never seen and of known ones.

    Args:
        guidance: as in :func:`mmcourse.drawing.draw`.
        temperature: of the sampling.
        familiar: captions of known combinations.
    """

    def evaluate(model: Parti, held_out: Any, learned: Callable[[], Any]) -> Measured:
        assert isinstance(held_out, Captioned)
        model = model.float()
        known = load("scenes", "familiar", language=SPOKEN, count=familiar)
        found: Measured = {}
        for scenes, prefix in ((held_out.scenes, ""), (known, "known combinations: ")):
            texts = scenes.captions or []
            found |= marked(numbers(scenes), drawn(model, texts, guidance=guidance, temperature=temperature), prefix)
        return found

    return evaluate
