"""Chapter 10: sound in, text out, in four languages."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from mmcourse.data import load, sentences
from mmcourse.data.augment_mel import Strangers
from mmcourse.data.cache import notice
from mmcourse.data.downloads import DataUnavailableError
from mmcourse.data.sentences import LANGUAGES, number, plain, written
from mmcourse.data.sounds import trimmed
from mmcourse.data.speech import words_begin
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.recipes.listening import Hearing, Lessons, Said, evaluate_hearing
from mmcourse.recipes.recipe import Recipe
from mmcourse.tokens.text import SpecialTokens, train_merges
from mmcourse.training.loop import Settings

PIECES = 700
WINDOW = 150  # tokens of 0.04 s: 6 s
LEARNED = {
    "fsdd": ("george", "jackson", "lucas", "nicolas", "yweweler"),
    "gcompris-digits": ("es", "fr"),
    "gcompris-words": ("en", "es", "fr", "pt_BR"),
}
STRANGERS = {"fsdd": ("theo",), "gcompris-digits": ("en", "pt_BR"), "asterisk": ("en", "es", "fr")}
"""People that training never hears. The voices of gcompris-digits in English and Portuguese are not those of most of
its words."""


def course_config() -> WhisperConfig:
    """A small Whisper with a vocabulary of its own, learned from sentences of the grammar."""
    texts: list[str] = []
    for language in LANGUAGES:
        for seed in range(3000):
            draw = random.Random(f"pieces {seed}").choice([sentences.sentence, sentences.sentence, sentences.word])
            texts.append(" " + draw(language, f"pieces {seed}")[0])
    merges = train_merges(texts, PIECES)
    special = SpecialTokens(256 + len(merges), LANGUAGES, WINDOW + 1)
    return WhisperConfig(
        hop=320,
        audio_context=WINDOW,
        text_context=64,
        vocab_size=special.size,
        width=192,
        encoder_layers=4,
        encoder_heads=3,
        encoder_mlp=768,
        decoder_layers=4,
        decoder_heads=3,
        decoder_mlp=768,
        eot=special.eot,
        languages=LANGUAGES,
        merges=merges,
    )


def recordings(name: str, part: str) -> list[Said]:
    """What the people of one part of a set say, as the model shall write it; none where the set is not here."""
    try:
        data: Any = load(name, part)
    except DataUnavailableError:
        return []
    language = "en" if name == "fsdd" else part.partition("_")[0]
    digits = [number(language, digit, counting=True) for digit in range(10)]
    found = []
    translated = getattr(data, "translations", None) or [""] * len(data)
    for sound, text, english in zip(data.sounds, data.captions, translated, strict=True):
        digit = digits.index(plain(text)) if plain(text) in digits else None
        sound = trimmed(sound, relative=0.02)
        english = written("en", english) if english else ""
        found.append(Said(sound, written(language, text), english, language, digit, f"{name} {part}"))
    return found


def people() -> list[Said]:
    """Recordings of people to learn from, as far as they are on this machine."""
    return [one for name, parts in LEARNED.items() for part in parts for one in recordings(name, part)]


def strangers() -> dict[str, list[Said]]:
    """Recordings of people that training never hears, by set and part; none of a set that is not here."""
    return {f"{name} {part}": recordings(name, part) for name, parts in STRANGERS.items() for part in parts}


@dataclass(frozen=True)
class Listening(Recipe):
    """A recipe that learns from synthetic voices and, where ``MMCOURSE_DATA`` has them, from people."""

    def load(self, split: str, **changes: Any) -> Any:
        """A part of ``speech`` as lessons; what is learned from has people in it, too."""
        options = {**self.options, **changes}
        data: Any = load(self.data, split, **options)
        if split in ("test", "validation"):
            return Lessons(data, [], course_config())
        heard = people()
        if not heard:
            notice("no recordings of people in MMCOURSE_DATA: whisper-course learns from synthetic voices alone")
        return Lessons(data, heard, course_config(), words_begin(split, **options))

    def validation(self) -> tuple[Any, Any]:
        """What is learned from, and a piece of the validation part."""
        return self.load(self.split), self.load("validation", count=400)


RECIPES = [
    Listening(
        "whisper-course",
        "Speech in English, Portuguese, Spanish and French, written, translated to English, told apart",
        "10_whisper",
        lambda: Whisper(course_config()),
        data="speech",
        split="train",
        settings=Settings(
            steps=6000,
            batch_size=64,
            learning_rate=1e-3,
            warmup=0.05,
            cycles=2,
            ema_decay=0.99,
            precision="bf16",
            save_seconds=60,
        ),
        objective=Hearing(),
        augmentation=Strangers(speed=0.1, formants=0.03, microphone=5.0, echo=0.1, band=0.2, noise=0.3),
        measure=evaluate_hearing(strangers),
        half=True,
    ),
]
