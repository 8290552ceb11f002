"""Chapter 9: the course's audio spectrogram transformer, which names digits said by people it has never heard."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from mmcourse.base import Model
from mmcourse.data import Dataset, DataUnavailableError, SoundDataset, load
from mmcourse.data.augment import Compose
from mmcourse.data.augment_sound import Mask
from mmcourse.data.augment_spectrogram import Stranger
from mmcourse.data.people import FSDD_SPEAKERS, GCOMPRIS_LANGUAGES
from mmcourse.data.spectrograms import Mixture, SpectrogramDataset, spectrograms
from mmcourse.models import AST, ASTConfig
from mmcourse.models.ast import move_positions
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.spectrogram import LogMelConfig
from mmcourse.training.loop import Settings
from mmcourse.training.metrics import Measured, accuracy
from mmcourse.training.objectives import Classification

VOICE = LogMelConfig(
    fft_size=512, bands=46, low=60.0, high=4000.0, scale="kaldi", equal_area=False, recipe="relative", mean=-5.0,
    deviation=2.0,
)  # fmt: skip
"""What telephones carry: half of the recordings of people that there are have nothing above 4,000 Hz."""

HELD = "theo"
"""Whose recordings settings are chosen on, with ``mmcourse train ast-digits --validate``."""


def ast(**changes: Any) -> Callable[[], AST]:
    """A builder of the course's AST for a spoken word: 96 frames of 46 bands, 36 patches, 0.8 M parameters."""
    base: dict[str, Any] = {"log_mel": VOICE, "frames": 96, "placing": "loudest", "classes": 10, "position_std": 0.3}
    base |= {"width": 128, "layers": 4, "heads": 4, "mlp": 512}
    return lambda: AST(ASTConfig.from_dict(base | changes))


GCOMPRIS = {
    "English digits of GCompris": ("gcompris-digits", "en"),
    "digits in other languages": ("gcompris-digits", "+".join(one for one in GCOMPRIS_LANGUAGES if one != "en")),
}
"""People that nothing here is trained on."""


@dataclass(frozen=True)
class Part:
    """What a mixture takes from one set.

    Attributes:
        name: of the set.
        split: its part, or several joined by ``+``.
        share: of every batch.
        options: of :func:`mmcourse.data.load`.
        voices: only items whose concept begins with one of these; none for all.
    """

    name: str
    split: str
    share: float
    options: dict[str, Any] = field(default_factory=dict)
    voices: tuple[str, ...] = ()


@dataclass(frozen=True)
class SoundRecipe(Recipe):
    """A recipe whose data are sounds, read as the model's spectrograms.

    Attributes:
        mixture: what it learns from.
        held: the set and part that settings are chosen on.
        first: name of the measure on the test part of ``data``.
        tests: name of another measure -> set and part. What is not on this machine is said in one line and left out.
    """

    mixture: tuple[Part, ...] = ()
    held: tuple[str, str] = ("spoken-digits", "validation")
    first: str = "voices never heard"
    tests: dict[str, tuple[str, str]] = field(default_factory=dict)

    def read(self, name: str, split: str, voices: tuple[str, ...] = (), **options: Any) -> SpectrogramDataset:
        """A part of a set of sounds as this recipe's model reads it."""
        model = self.model()
        assert isinstance(model, AST)
        c, data = model.config, sounds(name, split, **options)
        if voices:
            assert data.concepts is not None
            data = data.subset([i for i, concept in enumerate(data.concepts) if concept.startswith(voices)])
        return spectrograms(data, model.preprocess, (c.log_mel, c.frames, c.placing))

    def load(self, split: str, **changes: Any) -> Any:
        """The mixture to learn from, or another part of ``data``."""
        if split != self.split:
            return self.read(self.data, split)
        parts = [self.read(part.name, part.split, part.voices, **part.options) for part in self.mixture]
        return Mixture(parts, [part.share for part in self.mixture])

    def validation(self) -> tuple[Any, Any]:
        """The mixture without the held part, and that part."""
        name, held = self.held
        kept = [
            replace(part, split="+".join(one for one in part.split.split("+") if part.name != name or one != held))
            for part in self.mixture
        ]
        return replace(self, mixture=tuple(kept)).load(self.split), self.read(name, held)

    def evaluate(self, model: Model) -> Measured:
        """Shares of right answers on the held-out part, and on the sets in ``tests`` that are on this machine."""
        found: Measured = {self.first: accuracy(model, self.load("test"), of="spectrograms")}
        for measure, (name, part) in self.tests.items():
            try:
                found[measure] = accuracy(model, self.read(name, part), of="spectrograms")
            except DataUnavailableError as error:
                print(f"{self.name}: {measure!r} is not measured: {error}", file=sys.stderr)
        return found


def sounds(name: str, split: str, **options: Any) -> SoundDataset:
    """A set of sounds by name, as :func:`mmcourse.data.load` gives it."""
    data = load(name, split, **options)
    assert isinstance(data, SoundDataset)
    return data


def evaluate_spectrograms(model: Model, held_out: Dataset, learned: Callable[[], Dataset]) -> Measured:
    """Share of spectrograms that are given their own label."""
    return {"accuracy": accuracy(model, held_out, of="spectrograms")}


NOTE = replace(VOICE, bands=66, low=30.0, high=None)
"""Notes reach higher than telephones."""


def learned_from_synthesizers() -> AST:
    """What ``ast-digits-synthetic`` knows, as the start of models that hear people too."""
    return AST.from_pretrained("ast-digits-synthetic")


def learned_from_words() -> AST:
    """The model of notes, with all that ``ast-digits-synthetic`` has learned from words but the head."""
    words, notes = learned_from_synthesizers(), ast(log_mel=NOTE, placing="start", classes=16)()
    state = {name: value for name, value in words.state_dict().items() if not name.startswith("head")}
    state["positions.table"] = move_positions(state["positions.table"], words.grid, notes.grid)
    notes.load_state_dict(state, strict=False)
    return notes


SYNTHETIC = SoundRecipe(
    "ast-digits-synthetic",
    "Spoken digits of a synthesizer's voices alone",
    "09_ast",
    ast(),
    data="spoken-digits",
    split="train+validation",
    settings=Settings(steps=6000, batch_size=32, learning_rate=2e-3, ema_decay=0.998),
    objective=Classification(0.1, of="spectrograms"),
    augmentation=Compose(Stranger(VOICE), Mask(1, 8, 1, 8)),
    measure=evaluate_spectrograms,
    mixture=(Part("spoken-digits", "train+validation", 1.0),),
    tests={"people": ("fsdd", "+".join(FSDD_SPEAKERS))} | GCOMPRIS,
)
"""The start of all models of this chapter: it has heard no human being."""


def digits(people: str) -> SoundRecipe:
    """The recipe of digits said by these speakers of fsdd and by the synthesizer's voices."""
    return replace(
        SYNTHETIC,
        name="ast-digits",
        title="Spoken digits of people (Free Spoken Digit Dataset, CC BY-SA 4.0) and of eSpeak NG, flite and festival",
        model=learned_from_synthesizers,
        options={"mixture": "55% fsdd, 30% eSpeak NG, 15% flite and festival; start: ast-digits-synthetic"},
        settings=replace(SYNTHETIC.settings, steps=4500, learning_rate=1e-3),
        mixture=(
            Part("fsdd", people, 0.55),
            Part("spoken-digits", "train+validation", 0.3),
            Part("spoken-digits", "train", 0.15, {"synthesizers": "espeak+flite+festival"}, ("flite:", "festival:")),
        ),
        held=("fsdd", HELD),
        tests=GCOMPRIS,
    )


RECIPES = [
    SYNTHETIC,
    digits("+".join(FSDD_SPEAKERS)),
    SoundRecipe(
        "ast-instruments",
        "The sixteen families of General MIDI's instruments, from notes of a second",
        "09_ast",
        learned_from_words,
        data="instruments",
        split="train+validation",
        settings=Settings(steps=2000, batch_size=32, learning_rate=2e-3, ema_decay=0.995),
        objective=Classification(0.1, of="spectrograms"),
        augmentation=Compose(Stranger(NOTE, 0.3, elsewhere=False), Mask(1, 6, 1, 6)),
        measure=evaluate_spectrograms,
        mixture=(Part("instruments", "train+validation", 1.0),),
        held=("instruments", "validation"),
        first="notes never heard",
    ),
]
