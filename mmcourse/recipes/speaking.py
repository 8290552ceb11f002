"""How a text to speech is taught: what a few synthetic voices say, as codes; and what a Whisper hears of it."""

from __future__ import annotations

import difflib
import hashlib
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmcourse.checkpoint import CheckpointError
from mmcourse.data import Batch, speech
from mmcourse.data.cache import cached
from mmcourse.data.dataset import SoundDataset, rows
from mmcourse.data.order import batch_indices, generator
from mmcourse.data.scenes import COLOURS, SHAPES
from mmcourse.data.sentences import number, plain, written
from mmcourse.data.sound_file import RATE
from mmcourse.data.splits import parse, part_of
from mmcourse.data.synthesizer import Utterance
from mmcourse.models import TextToSpeech, Whisper
from mmcourse.recipes.listening import written_by
from mmcourse.speaking import speak
from mmcourse.tokens.frames import FrameTokenizer
from mmcourse.training.metrics import Mean, Measured, Score, device_of
from mmcourse.training.objectives import wanted

VOICES = ("en-us+f3", "en-us+m3", "en-gb-x-rp+f2", "en-gb-scotland+m1")
COUNTS = {"train": 6_000, "validation": 300, "test": 300}
SEGMENT = 48  # frames that the tokenizer learns from at a time


def said(part: str, count: int) -> list[tuple[str, str]]:
    """Sentences of a part and who says each: strings of digits, and so many shapes of a colour.

    A sentence is in one part alone, by the hash of its words.
    """
    chance, found = random.Random(f"said {part}"), list[tuple[str, str]]()
    while len(found) < count:
        if chance.random() < 0.5:
            text = " ".join(number("en", chance.randrange(10), counting=True) for _ in range(chance.randrange(3, 6)))
        else:
            groups = []
            for _ in range(chance.choice((1, 2))):
                shape = chance.choice(SHAPES)
                many = number("en", chance.randrange(2, 10), counting=True)
                groups.append(f"{many} {chance.choice(list(COLOURS))} {shape}{'es' if shape == 'cross' else 's'}")
            text = " and ".join(groups)
        if part_of(text) == part:
            found.append((written("en", text), chance.choice(VOICES)))
    return found


def spoken(split: str, count: int | None = None) -> SoundDataset:
    """What the voices say: captions the texts, labels and concepts the voice.

    Args:
        split: parts by sentence.
        count: utterances of each part; :data:`COUNTS` if left out.
    """
    listed = [one for part in parse("spoken", split, COUNTS) for one in said(part, count or COUNTS[part])]
    return SoundDataset(
        "spoken",
        split,
        sounds=speech.made("spoken", [Utterance(text, voice) for text, voice in listed]),
        rate=RATE,
        labels=torch.tensor([VOICES.index(voice) for _, voice in listed]),
        classes=list(VOICES),
        captions=[text for text, _ in listed],
        concepts=[voice for _, voice in listed],
    )


def frames_of(tokenizer: FrameTokenizer, data: SoundDataset) -> list[Tensor]:
    """Mel frames (F, M) float16 of each sound; made once, then read from the cache."""
    how = f"{data.fingerprint} {tokenizer.config.log_mel} {tokenizer.config.stride}"

    def make() -> dict[str, Tensor]:
        found = [tokenizer.spectrogram(sound).half() for sound in data.sounds]
        return {"frames": torch.cat(found), "counts": torch.tensor([len(one) for one in found])}

    kept = cached(f"frames-{hashlib.sha256(how.encode()).hexdigest()[:16]}", make)
    return list(kept["frames"].split(kept["counts"].tolist()))


@dataclass(eq=False)
class Segments:
    """Pieces of spectrograms, all of one length: what a tokenizer of sounds learns from.

    Args:
        data: the sounds.
        tokenizer: how spectrograms are made.
    """

    data: SoundDataset
    tokenizer: FrameTokenizer

    def __post_init__(self) -> None:
        short = frames_of(self.tokenizer, self.data)
        self.frames = [F.pad(one, (0, 0, 0, max(0, SEGMENT - len(one))), value=-1.0) for one in short]

    def __len__(self) -> int:
        return len(self.frames)

    def batch(self, which: Any) -> Batch:
        """The first pieces of these sounds."""
        index = rows(which, len(self), "segments").tolist()
        return {"mel": torch.stack([self.frames[i][:SEGMENT] for i in index]).float()}

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Pieces from random places; they depend on (seed, step) alone."""
        chance = random.Random(f"{seed} {step}")
        chosen = [self.frames[i] for i in batch_indices(len(self), batch_size, seed, step).tolist()]
        starts = [chance.randrange(len(one) - SEGMENT + 1) for one in chosen]
        return {"mel": torch.stack([one[at : at + SEGMENT] for one, at in zip(chosen, starts, strict=True)]).float()}

    @cached_property
    def fingerprint(self) -> str:
        """Of the sounds and how they are read."""
        return hashlib.sha256(f"{self.data.fingerprint} {self.tokenizer.config.log_mel} {SEGMENT}".encode()).hexdigest()


@dataclass(frozen=True)
class FrameReconstruction:
    """Mean squared error of ``"mel"`` (B, F, M) after the codebook, and the codebook's own loss."""

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the error in decibels."""
        mel = wanted(batch, "mel", self)
        found = model(mel)
        error = F.mse_loss(found.mel, mel)
        return 10 * error + found.loss, {"error": 40 * error.detach().sqrt()}  # 1 of Whisper's units is 40 dB


@torch.no_grad()
def evaluate_frames(model: FrameTokenizer, held_out: Any, learned: Callable[[], Any]) -> Measured:
    """How far frames come back from their codes, in decibels."""
    assert isinstance(held_out, Segments)
    squares, count = 0.0, 0
    for start in range(0, len(held_out), 100):
        mel = held_out.batch(range(start, min(start + 100, len(held_out))))["mel"].to(device_of(model))
        squares += float((model.decode(model.encode(mel)) - mel).square().sum())
        count += mel.numel()
    return {"error of frames": Mean(40 * (squares / count) ** 0.5, "dB", len(held_out))}


@dataclass(eq=False)
class ReadAloud:
    """What a text to speech learns from: texts with their voices, and the codes of what is said.

    Args:
        data: captions are the texts, concepts the voices.
        model: its tokenizers of texts and of sounds.
    """

    data: SoundDataset
    model: TextToSpeech

    def __post_init__(self) -> None:
        self.codes = list(self.model.targets([one.float() for one in frames_of(self.model.tokenizer, self.data)]))

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, which: Any) -> Batch:
        """Ids of texts (B, M) with their padding, and codes (B, N), filled with -1."""
        index = rows(which, len(self), "utterances").tolist()
        captions, voices = self.data.captions or [], self.data.concepts or []
        words = self.model.words([captions[i] for i in index], [voices[i] for i in index])
        codes = [self.codes[i][self.codes[i] >= 0] for i in index]
        return {
            "texts": words.ids,
            "text_padding": words.padding,
            "codes": pad_sequence(codes, batch_first=True, padding_value=-1),
        }

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """What step k learns from: utterances of about one length, by (seed, step) alone."""
        pool = batch_indices(len(self), 8 * batch_size, seed, step // 8)
        pool = pool[torch.tensor([int((self.codes[i] >= 0).sum()) for i in pool.tolist()]).argsort(stable=True)]
        place = int(torch.randperm(8, generator=generator(seed, step // 8, 4))[step % 8])
        return self.batch(pool[place * batch_size :][:batch_size])

    @cached_property
    def fingerprint(self) -> str:
        """Of the sounds, the words and the codes."""
        digest = hashlib.sha256(f"{self.data.fingerprint} {self.model.config.merges}".encode())
        for codes in self.codes:
            digest.update(codes.numpy().tobytes())
        return digest.hexdigest()


def right_words(text: str, heard: str) -> tuple[int, int]:
    """How many digits and colours of a text are heard in their order, and of how many."""
    counted = {number("en", n, counting=True) for n in range(10)} | set(COLOURS)
    listed, other = ([word for word in plain(one).split() if word in counted] for one in (text, heard))
    blocks = difflib.SequenceMatcher(None, listed, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks), len(listed)


def evaluate_speaking(listener: str) -> Callable[[TextToSpeech, Any, Callable[[], Any]], Measured]:
    """A measure: digits and colours of unseen sentences that a course Whisper hears, voice by voice.

    Args:
        listener: name of the course checkpoint. Where there is none, nothing is measured, and one line says so.
    """

    def evaluate(model: TextToSpeech, held_out: Any, learned: Callable[[], Any]) -> Measured:
        assert isinstance(held_out, ReadAloud)
        try:
            ear = Whisper.from_pretrained(listener).float()
        except CheckpointError as error:
            print(f"nobody listens: {error}", file=sys.stderr)
            return {}
        texts, voices = held_out.data.captions or [], held_out.data.concepts or []
        made = {"": speak_all(model, texts, voices), "as the synthesizer says it: ": list(held_out.data.sounds)}
        found: Measured = {}
        for prefix, sounds in made.items():
            heard, _ = written_by(ear, sounds, ["en"] * len(texts))
            for voice in dict.fromkeys(voices):
                pairs = [right_words(a, b) for a, b, who in zip(texts, heard, voices, strict=True) if who == voice]
                found[f"{prefix}digits and colours, {voice}"] = Score(
                    sum(a for a, _ in pairs), sum(b for _, b in pairs)
                )
        return found

    return evaluate


def speak_all(model: TextToSpeech, texts: Sequence[str], voices: Sequence[str], size: int = 50) -> list[Tensor]:
    """Waveforms (T,) of many texts, some at a time."""
    found: list[Tensor] = []
    for start in range(0, len(texts), size):
        part = slice(start, start + size)
        found += speak(model, texts[part], voices[part], temperature=0.5, seed=start)
    return found
