"""The cards of sets of sounds: speech that is made here, and recordings of people."""

from __future__ import annotations

from mmcourse.data.cards import Card
from mmcourse.data.people import FSDD_SPEAKERS, GCOMPRIS_FAULTY, GCOMPRIS_LANGUAGES, GCOMPRIS_NO_ZERO
from mmcourse.data.speech import ACCENTS, HELD_OUT, SPEECH_COUNTS

_ESPEAK = "eSpeak NG, through the package espeakng-loader"
_ESPEAK_HOME = "https://github.com/espeak-ng/espeak-ng"
_ESPEAK_LICENCE = "What is said is free. The synthesizer is GPL-3.0-or-later, so it is an optional extra: `speech`."
_ESPEAK_CITATION = "J. Duddington, R. H. Dunn and contributors. eSpeak NG, a formant synthesizer."
_ROBOT = (
    "All voices are one formant synthesizer with other settings: they differ less than people do. What is learned "
    "from it alone names about two of three digits that people say."
)
VARIANTS = 104
PER_VOICE = len(ACCENTS) * 2 * 10
GCOMPRIS_LICENCE = "By file, as its `LICENSE` says: GPL, GPL-3.0-or-later, CC BY-SA or public domain."


def sound_cards() -> dict[str, Card]:
    """Every set of sounds by its name."""
    cards = [
        Card(
            name="spoken-digits",
            title="Spoken digits, synthetic",
            summary=f"The English digits zero to nine, said by {VARIANTS} voices in {len(ACCENTS)} accents, twice "
            "each at random speed, pitch and liveliness.",
            source=f"Made on this machine by {_ESPEAK}.",
            address=_ESPEAK_HOME,
            licence=_ESPEAK_LICENCE,
            citation=_ESPEAK_CITATION,
            shape="0.2 to 1.5 s at 16,000 Hz, mono, int16",
            counts={
                "train": (VARIANTS - 2 * HELD_OUT) * PER_VOICE,
                "validation": HELD_OUT * PER_VOICE,
                "test": HELD_OUT * PER_VOICE,
            },
            splits=f"By voice: {HELD_OUT} voices each for validation and test, by the SHA-256 of their names; a voice "
            "is in the same part in every accent, and in every set that is made by the same synthesizer.",
            faults=[
                _ROBOT,
                "Some voices whisper, croak or speak through a robot's filter; a few are hard to understand.",
            ],
            comes="made",
            unit="sounds",
        ),
        Card(
            name="speech",
            title="Speech in four languages, synthetic",
            summary="Sentences of a small grammar (numbers, colours, animals, things, people, places, days, dates, "
            "directions), strings of one to eight digits and single words, in English, Portuguese, Spanish and "
            "French, each with its English translation. More than 1,500 different words.",
            source=f"Sentences by `mmcourse.data.sentences`, said on this machine by {_ESPEAK}.",
            address=_ESPEAK_HOME,
            licence=_ESPEAK_LICENCE,
            citation=_ESPEAK_CITATION,
            shape="0.3 to 6 s at 16,000 Hz, mono, int16",
            counts=dict(SPEECH_COUNTS),
            splits=f"By voice, as in `spoken-digits` ({HELD_OUT} voices each for validation and test), and by "
            "sentence: the part follows from the SHA-256 of the English, so a meaning is in one part in all "
            "languages. Single words and strings of one or two digits are in every part, by other voices.",
            faults=[
                _ROBOT,
                "The grammar knows no sense: carrots are slow, and horses stand on rabbits.",
                "Some words sound alike (French singular and plural, for example); only the rest of the sentence "
                "tells them apart, and a single word does not.",
            ],
            comes="made",
            unit="sounds",
        ),
        Card(
            name="fsdd",
            title="Free Spoken Digit Dataset",
            summary="The English digits zero to nine, 50 times each, said by six people into their own microphones.",
            source="Z. Jackson and contributors.",
            address="https://github.com/Jakobovski/free-spoken-digit-dataset",
            licence="[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/), share-alike",
            citation="Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite (2018). "
            "Jakobovski/free-spoken-digit-dataset: v1.0.8. Zenodo. doi:10.5281/zenodo.1342401",
            shape="0.1 to 2.3 s, recorded at 8,000 Hz, given at 16,000 Hz",
            counts=dict.fromkeys(FSDD_SPEAKERS, 500),
            splits="The parts are the speakers. Hold one out by naming the other five. Takes of one speaker are "
            "almost copies of each other: a split inside a speaker measures nothing about strangers.",
            faults=[
                "Six men; two speak with the accent of the United States, the others with accents of their first "
                "languages.",
                "Recorded at 8,000 Hz: there is nothing above 4,000 Hz.",
            ],
            comes="by hand",
            unit="sounds",
            fingerprints={"all": "70088a8abd0a9b9058300235a9f393f3a09e66132d41b5ccab711f831cd50cb3"},
        ),
        Card(
            name="gcompris-digits",
            title="Digits in 43 languages",
            summary="The digits 0 to 9 from the voices of the children's program GCompris, once in each language. "
            "Labels are the digits, concepts the languages.",
            source="The translators of GCompris.",
            address="https://github.com/gcompris/GCompris-voices",
            licence=GCOMPRIS_LICENCE,
            citation="GCompris contributors. GCompris-voices.",
            shape="0.2 to 3.6 s, recorded at 44,100 Hz, given at 16,000 Hz",
            counts={
                language: 10
                - (language in GCOMPRIS_NO_ZERO)
                - sum(path.startswith(f"{language}/") for path in GCOMPRIS_FAULTY)
                for language in GCOMPRIS_LANGUAGES
            },
            splits="The parts are the languages, by their codes. One to three people speak in a language.",
            faults=[
                "Czech, Danish, Hungarian, Italian and Russian have no zero. Breton's 6 is left out: its file "
                "lasts 25 s.",
                "Captions are the digit as a figure: how a language writes it is not in the set.",
                "Some speakers say more than the bare digit, and some files were cleaned with a noise gate.",
            ],
            comes="by hand",
            unit="sounds",
            fingerprints={"all": "019ed45a4db6c7d27dd6d8877cfe7c4e4203864e5590ada33368348ed5436ac6"},
        ),
    ]
    return {card.name: card for card in cards}
