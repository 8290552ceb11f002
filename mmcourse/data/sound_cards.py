"""The cards of sets of sounds: speech that is made here, and recordings of people."""

from __future__ import annotations

from mmcourse.data.cards import Card
from mmcourse.data.instruments import VELOCITIES, notes
from mmcourse.data.people import (
    FSDD_SPEAKERS,
    GCOMPRIS_FAULTY,
    GCOMPRIS_LANGUAGES,
    GCOMPRIS_NO_ZERO,
    PEOPLE,
)
from mmcourse.data.speech import ACCENTS, HELD_OUT, SPEECH_COUNTS
from mmcourse.data.splits import PARTS

_ESPEAK = "eSpeak NG, through the package espeakng-loader"
_ESPEAK_HOME = "https://github.com/espeak-ng/espeak-ng"
_ESPEAK_LICENCE = "What is said is free. The synthesizer is GPL-3.0-or-later, so it is an optional extra: `speech`."
_ESPEAK_CITATION = "J. Duddington, R. H. Dunn and contributors. eSpeak NG, a formant synthesizer."
_ROBOT = (
    "All voices are one formant synthesizer with other settings: they differ less than people do. What is learned "
    "from it alone names about two of three digits that people say."
)
_FSDD_CITATION = (
    "Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite (2018). "
    "Jakobovski/free-spoken-digit-dataset: v1.0.8. Zenodo. doi:10.5281/zenodo.1342401"
)
VARIANTS = 104
PER_VOICE = len(ACCENTS) * 2 * 10
GCOMPRIS_WORDS = {"en": 586, "pt_BR": 371, "es": 528, "fr": 615}
ASTERISK = {"en": 551, "es": 477, "fr": 509}
GCOMPRIS_LICENCE = "By file, as its `LICENSE` says: GPL, GPL-3.0-or-later, CC BY-SA or public domain."


def sound_cards() -> dict[str, Card]:
    """Every set of sounds by its name."""
    cards = [
        Card(
            name="people-samples",
            title="Twenty clips of people",
            summary="The English digits zero to nine, once each, by two of the six people of the Free Spoken Digit "
            "Dataset, so that a reader hears people without a download.",
            source="Z. Jackson and contributors; here as FLAC, unchanged samples.",
            address="https://github.com/Jakobovski/free-spoken-digit-dataset",
            licence="[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/), share-alike",
            citation=_FSDD_CITATION,
            shape="0.4 to 0.6 s, recorded at 8,000 Hz, given at 16,000 Hz",
            counts={"train": 20},
            splits="None: they are for listening, not for measuring. These very clips are in `fsdd`, as `jackson` and "
            "`theo`.",
            faults=["A digit is one take out of fifty, the one whose length is nearest to 0.45 s."],
            unit="sounds",
            fingerprints={"all": "64a3e68464dd0283fbc9de9adb80fc1a2f72cd762264585df2890312bc8bced1"},
        ),
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
            name="instruments",
            title="Instruments, General MIDI",
            summary="Single notes of the 128 programs of General MIDI, a second each. Labels are the sixteen families, "
            "from piano to sound effects.",
            source="Made on this machine by tinysoundfont from the sound font TimGM6mb of pretty_midi.",
            address="https://github.com/craffel/pretty-midi",
            licence="The sound font is GPL-2.0 (T. Brechbill), so it is an optional extra: `instruments`. pretty_midi "
            "and tinysoundfont are MIT.",
            citation="C. Raffel, D. P. W. Ellis (2014). Intuitive Analysis, Creation and Manipulation of MIDI Data "
            "with pretty_midi. ISMIR Late Breaking.",
            shape="1 s at 16,000 Hz, mono, int16",
            counts={part: 128 * len(notes(part)) * len(VELOCITIES[part]) for part in PARTS},
            splits="By note and by velocity: of six neighbouring notes four are for training, one each for validation "
            "and test, and no velocity is in two parts. Every program is in every part.",
            faults=[
                "The sound font is small: neighbouring notes are one recording played at another speed, so an unseen "
                "note is easier than an unseen instrument.",
                "tinysoundfont asks for pyaudio, which needs a compiler; install it with `--no-deps`, nothing is "
                "played through it.",
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
            citation=_FSDD_CITATION,
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
        Card(
            name="gcompris-words",
            title="Words in four languages",
            summary="Nouns, verbs, colours and the numbers 10 to 20 from the voices of GCompris, in English, Brazilian "
            "Portuguese, Spanish and French. Labels are the languages; captions the words; translations English.",
            source="The translators of GCompris.",
            address="https://github.com/gcompris/GCompris-voices",
            licence=GCOMPRIS_LICENCE,
            citation="GCompris contributors. GCompris-voices.",
            shape="0.3 to 4 s, recorded at 44,100 Hz, given at 16,000 Hz",
            counts=GCOMPRIS_WORDS,
            splits="The parts are the languages: `en`, `pt_BR`, `es`, `fr`. Nearly all words of a language are said by "
            "one person.",
            faults=[
                "File names are the English words. What is said comes with the Portuguese recordings; for French and "
                "Spanish it is our translation of the names. Names with several translations are left out, as are "
                "recordings that sound unlike the translation. A few captions are still not what is said.",
                "French nouns have their article: *une pomme*, an apple.",
                "Some English names are forms that the other languages do not say: `ate` is said as *comer*, to eat.",
                "Words that are spelled alike in English, or sound alike in French, cannot be told apart by ear.",
            ],
            comes="by hand",
            unit="sounds",
        ),
        Card(
            name="asterisk",
            title="Telephone prompts",
            summary="What the telephone system Asterisk says in English, Spanish and French: numbers, letters, days "
            "and sentences, each language by one professional speaker. Labels are the languages.",
            source="Allison Smith (English, Spanish), June Wallack (French); Debian's packages "
            "asterisk-core-sounds-en-wav, -es-wav and -fr-wav.",
            address="https://downloads.asterisk.org/pub/telephony/sounds/",
            licence="[CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/), share-alike",
            citation="Digium, Inc. Asterisk core sounds.",
            shape="0.2 to 40 s, recorded at 8,000 Hz, given at 16,000 Hz",
            counts=ASTERISK,
            splits="The parts are the languages: `en`, `es`, `fr`. Here they serve for measuring only.",
            faults=[
                "Spanish texts lack most accents, and some texts are not word for word what is said.",
                "There is no translation.",
            ],
            comes="by hand",
            unit="sounds",
        ),
        Card(
            name="speech-commands",
            title="Speech Commands",
            summary="35 English words of a second each, by 2,618 people; version 2.",
            source="P. Warden, Google.",
            address="http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            licence="[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
            citation="P. Warden (2018). Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition. "
            "arXiv:1804.03209.",
            shape="at most 1 s at 16,000 Hz",
            counts={"train": 84843, "validation": 9981, "test": 11005},
            splits="The author's lists, by speaker. Unpack into `SpeechCommands/speech_commands_v0.02`.",
            faults=["Some recordings are cut, silent or say another word.", "The background noises are not loaded."],
            comes="by hand",
            unit="sounds",
            archives=PEOPLE["speech-commands"].checksums,
        ),
        Card(
            name="librispeech",
            title="LibriSpeech",
            summary="A thousand hours of audiobooks in English, cut at silences, with their text.",
            source="V. Panayotov and others, from LibriVox.",
            address="https://www.openslr.org/12",
            licence="[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
            citation="V. Panayotov, G. Chen, D. Povey, S. Khudanpur (2015). Librispeech: an ASR corpus based on public "
            "domain audio books. ICASSP.",
            shape="1 to 35 s at 16,000 Hz",
            counts={
                "dev-clean": 2703, "dev-other": 2864, "test-clean": 2620, "test-other": 2939,
                "train-clean-100": 28539, "train-clean-360": 104014, "train-other-500": 148688,
            },
            splits="The authors' parts, by speaker; what is not unpacked is left out.",
            faults=["Texts have no punctuation; they are given in small letters."],
            comes="by hand",
            unit="sounds",
            archives=PEOPLE["librispeech"].checksums,
        ),
        *(
            Card(
                name=name,
                title=title,
                summary=summary,
                source="K. J. Piczak, from Freesound.",
                address="https://github.com/karolpiczak/ESC-50",
                licence=licence,
                citation="K. J. Piczak (2015). ESC: Dataset for Environmental Sound Classification. ACM Multimedia.",
                shape="5 s, recorded at 44,100 Hz, given at 16,000 Hz",
                counts=dict.fromkeys("12345", size),
                splits="The parts are the author's five folds: train on four, measure on the fifth, five times. Pieces "
                "of one recording are in one fold.",
                faults=["Many sounds are shorter than 5 s and padded with silence."],
                comes="by hand",
                unit="sounds",
            )
            for name, title, summary, licence, size in (
                ("esc50", "ESC-50", "2,000 environmental sounds in 50 classes.",
                 "[CC BY-NC 3.0](https://creativecommons.org/licenses/by-nc/3.0/): not for commercial use", 400),
                ("esc10", "ESC-10", "400 environmental sounds in ten classes, out of ESC-50.",
                 "[CC BY 3.0](https://creativecommons.org/licenses/by/3.0/)", 80),
            )
        ),
        Card(
            name="common-voice",
            title="Common Voice",
            summary="Sentences read by volunteers in more than a hundred languages. Give `language`, the name of its "
            "folder.",
            source="Mozilla and its volunteers.",
            address="https://commonvoice.mozilla.org/datasets",
            licence="[CC0](https://creativecommons.org/publicdomain/zero/1.0/); nobody may try to find out who "
            "speaks",
            citation="R. Ardila and others (2020). Common Voice: A Massively-Multilingual Speech Corpus. LREC.",
            shape="1 to 15 s, mp3, given at 16,000 Hz",
            counts={"train": 0, "validation": 0, "test": 0},
            splits="The authors' lists `train.tsv`, `dev.tsv` and `test.tsv`, by speaker.",
            faults=[
                "How many recordings there are depends on language and release.",
                "Texts are as they were shown: with punctuation, numbers as figures.",
            ],
            comes="by hand",
            unit="sounds",
        ),
    ]  # fmt: skip
    return {card.name: card for card in cards}
