"""How a Whisper is taught: batches of synthetic voices and people, with the tokens of a random task; and measures."""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils.rnn import pad_sequence

from mmcourse.data import Batch
from mmcourse.data.augment_mel import Strangers
from mmcourse.data.dataset import SpeechDataset
from mmcourse.data.dataset import rows as rows_of
from mmcourse.data.order import batch_indices, generator
from mmcourse.data.sentences import number, plain, written
from mmcourse.data.sound_file import RATE
from mmcourse.data.sounds import PackedSounds
from mmcourse.generation import generate
from mmcourse.models import Whisper, WhisperConfig
from mmcourse.models.whisper import log_mel
from mmcourse.tokens.text import TextTokenizer
from mmcourse.training.metrics import Mean, Measured, Score, device_of
from mmcourse.training.objectives import next_token_loss, wanted
from mmcourse.transformer import scaled_dot_product

IGNORED = -1  # a target that counts for nothing
POOL = 16  # batches that are sorted by length together
EASY = 0.4  # share of the sounds, the shortest, that the first steps learn from


Begun = list[tuple[int, float]]
"""Where words begin: the first character in the text, and seconds of the sound."""


@dataclass(frozen=True)
class Said:
    """One recording of a person.

    Attributes:
        sound: (T,) at 16,000 Hz.
        text: what is said, as it is written.
        english: the same in English.
        language: its code.
        digit: which one, where it is a digit, so that strings can be joined.
        voice: who says it.
    """

    sound: Tensor
    text: str
    english: str
    language: str
    digit: int | None
    voice: str


Piece = tuple[int, float, float]
"""A piece of text, and the seconds at which it begins and ends."""

Lesson = tuple[Tensor, str, str, str, Begun]
"""A sound, its text, its English, its language, and where its words begin."""


def joined(recordings: Sequence[Said], chance: random.Random, count: int) -> tuple[Tensor, str, Begun]:
    """A string of digits said by one person: recordings of single ones, one after another with short gaps."""
    chosen = [chance.choice(recordings) for _ in range(count)]
    language = chosen[0].language
    parts: list[Tensor] = []
    words: list[str] = []
    begun: Begun = []
    for one in chosen:
        begun.append((len(" ".join([*words, ""])), sum(map(len, parts)) / RATE + 0.05))
        parts += [one.sound, torch.zeros(chance.randrange(400, 4000))]
        words.append(number(language, int(one.digit or 0), counting=True))
    return torch.cat(parts[:-1]), written(language, " ".join(words)), begun


@dataclass(eq=False)
class Lessons:
    """What a Whisper learns from: three of four sounds synthetic, the fourth a person, where there are people.

    Sounds of one batch have about the same length. A task is drawn for each: to write what is said, with timestamps
    or without, or to write it in English. Some sounds hold no speech. A batch says besides which piece of text is said
    at each moment (``"now"``), and where each token that is written is said (``"centres"``).

    Args:
        speech: synthetic voices, with translations; its labels are languages.
        people: recordings of people; none where none are on this machine.
        config: of the model, with its tokens.
        begun: where the words of each synthetic sound begin; None where that is not known.
        strangers: how voices are changed.
        easy_steps: how many first steps learn from the shortest sounds.
        led_steps: in how many first steps attention is led along the text.
    """

    speech: SpeechDataset
    people: Sequence[Said]
    config: WhisperConfig
    begun: Sequence[Begun] | None = None
    strangers: Strangers = field(default_factory=lambda: Strangers(0, 0, 0, 0, 0, 0, 0, False))
    easy_steps: int = 300
    led_steps: int = 1000

    def __post_init__(self) -> None:
        self.tokenizer = TextTokenizer.from_merges(self.config.merges, self.config.special)
        self.letters = [len(self.tokenizer.decode([id])) for id in range(self.config.special.eot)]
        voices: dict[str, list[Said]] = {}
        for one in self.people:
            if one.digit is not None:
                voices.setdefault(one.voice, []).append(one)
        self.digits = list(voices.values())
        self.words = [one for one in self.people if one.digit is None]
        sounds = self.speech.sounds
        lengths = sounds.lengths if isinstance(sounds, PackedSounds) else torch.tensor([len(one) for one in sounds])
        self.lengths = lengths
        self.short = lengths.argsort(stable=True)[: max(1, round(EASY * len(lengths)))]
        self.labels = self.speech.labels if self.speech.labels is not None else torch.zeros(len(lengths)).long()

    def __len__(self) -> int:
        return len(self.speech) + len(self.people)

    def batch(self, which: Any) -> Batch:
        """Log-mel frames and tokens of these synthetic sounds, voices as they are."""
        index = rows_of(which, len(self.speech)).tolist()
        return self.made([self.synthetic(row) for row in index], random.Random(0), generator(0), self.led_steps)

    def synthetic(self, row: int) -> Lesson:
        """A synthetic sound, its text, its English, its language, and where its words begin."""
        language, text = self.config.languages[int(self.labels[row])], (self.speech.captions or [])[row]
        return self.speech.sounds[row], text, self.speech.translations[row], language, (self.begun or {row: []})[row]

    def augmented(self, strangers: Strangers) -> Lessons:
        """The same lessons with voices changed."""
        return replace(self, strangers=strangers)

    @cached_property
    def fingerprint(self) -> str:
        """Of the sounds, the words and what is done to them."""
        digest = hashlib.sha256(self.speech.fingerprint.encode())
        for one in self.people:
            digest.update(one.sound.numpy().tobytes() + one.text.encode())
        digest.update(repr(self.begun).encode())
        digest.update(f"{self.strangers} {self.config.merges} {self.easy_steps} {self.led_steps}".encode())
        return digest.hexdigest()

    def rows(self, step: int, count: int, seed: int) -> Tensor:
        """Sounds of about the same length, (count,): the data in random order, sorted a few batches at a time."""
        if step < self.easy_steps:
            return self.short[batch_indices(len(self.short), count, seed, step)]
        block, place = divmod(step, POOL)
        pool = batch_indices(len(self.lengths), POOL * count, seed, block)
        pool = pool[self.lengths[pool].argsort(stable=True)]
        order = torch.randperm(POOL, generator=generator(seed, block, 4))
        return pool[int(order[place]) * count :][:count]

    def training_batch(self, step: int, batch_size: int, seed: int) -> Batch:
        """Log-mel frames and tokens of step k; it depends on (seed, step) alone."""
        chance, draws = random.Random(f"{seed} {step}"), generator(seed, step, 2)
        people = batch_size // 4 if self.people else 0
        chosen = [self.synthetic(row) for row in self.rows(step, batch_size - people, seed).tolist()]
        typical = sorted(len(sound) for sound, *_ in chosen)[len(chosen) // 2]
        for i in range(people):
            if self.words and (i % 2 or not self.digits):
                one = chance.choice(self.words)
                chosen.append((one.sound, one.text, one.english, one.language, []))
            else:
                voice = chance.choice(self.digits)
                count = max(1, min(8, round(typical / 9000) + chance.randrange(-1, 2)))
                sound, text, begun = joined(voice, chance, count)
                chosen.append((sound, text, "", voice[0].language, begun))
        return self.made(chosen, chance, draws, step)

    def made(self, chosen: list[Lesson], chance: random.Random, draws: torch.Generator, step: int) -> Batch:
        """Tokens and frames of sounds with their texts."""
        c, special, rate = self.config, self.config.special, self.config.log_mel.sample_rate
        speeds = self.strangers.speeds(len(chosen), draws)
        starts = [chance.randrange(rate // 4) for _ in chosen]
        sounds, rows, centres, used, heard = [], [], [], [], []
        for i, (sound, text, english, language, begun) in enumerate(chosen):
            pieces = self.pieces(text, begun, len(sound) / rate)
            room = int(c.window / float(speeds[i])) - 1
            start = min(starts[i], max(0, room - len(sound)))
            sound = F.pad(sound, (start, 0))[:room]
            if silent := chance.random() < 0.02:
                sound = torch.zeros_like(sound)
            begin, end = (t / rate * float(speeds[i]) for t in (start, len(sound)))
            used.append(len(sound) * float(speeds[i]))
            sounds.append(sound)
            slower = float(speeds[i])
            pieces = [(id, begin + slower * first, begin + slower * last) for id, first, last in pieces]
            heard.append([] if silent else pieces)
            pair, centre = self.tokens(pieces, english, language, begin, end, silent, chance)
            rows.append(pair)
            centres.append(centre)
        longest = max(used) + chance.choice([*[0] * 10, rate // 2, c.window])
        frames = min(c.window, int(longest)) // (2 * c.hop) * 2 + 2
        frames = min(frames, 2 * c.audio_context)
        padded = pad_sequence(sounds, batch_first=True)
        padded = F.pad(padded, (0, max(0, frames * c.hop + c.hop - padded.shape[1])))
        maker = log_mel(c.log_mel, padded.device)
        power = maker.mel(padded)[:, : max(frames, 2)]
        power = F.pad(power, (0, 0, 0, frames - power.shape[1])) + 1e-9
        level = self.strangers(power, speeds, draws).clamp(min=1e-10).log10()
        level = (torch.maximum(level, level.amax((1, 2), keepdim=True) - 8) + 4) / 4
        if chance.random() < 0.25:  # what follows a recording is silence in one window, and zeros in the next
            after = torch.arange(frames) >= (torch.tensor(used) / c.hop)[:, None]
            level = level.masked_fill(after[:, :, None], 0.0)
        now = torch.full((len(chosen), frames // 2), special.no_speech)
        for row, pieces in zip(now, heard, strict=True):
            for id, first, last in pieces:
                row[round(first / special.seconds_per_token) : round(last / special.seconds_per_token)] = id
        ids = pad_sequence([torch.tensor(row) for row, _ in rows], batch_first=True, padding_value=special.eot)
        targets = pad_sequence([torch.tensor(row) for _, row in rows], batch_first=True, padding_value=IGNORED)
        return {
            "mel": self.strangers.cover(level, draws),
            "ids": ids,
            "targets": targets,
            "centres": pad_sequence([torch.tensor(row) for row in centres], batch_first=True, padding_value=-1.0),
            "now": now,
            "led": torch.full((len(ids),), float(step < self.led_steps)),
        }

    def pieces(self, text: str, begun: Begun, seconds: float) -> list[Piece]:
        """The pieces of a text, and when each is said in its sound: words by their beginning, letters evenly."""
        ids = self.tokenizer.encode(f" {text}")
        known = [(0, 0.05), *begun] if not begun or begun[0][0] > 0 else begun
        known = [*known, (len(text), max(known[-1][1], seconds - 0.05))]
        letters = np.cumsum([0, *(self.letters[id] for id in ids)]) - 1
        at = np.interp(letters, [first for first, _ in known], np.maximum.accumulate([at for _, at in known]))
        return [(id, float(at[i]), float(at[i + 1])) for i, id in enumerate(ids)]

    def tokens(
        self,
        pieces: list[Piece],
        english: str,
        language: str,
        begin: float,
        end: float,
        silent: bool,
        chance: random.Random,
    ) -> tuple[tuple[list[int], list[int]], list[float]]:
        """What the decoder reads and shall say, and where in the sound (in tokens) each thing that it says is heard."""
        special = self.config.special
        if silent:
            return ([special.sot], [special.no_speech]), [-1.0]
        translate = bool(english) and language != "en" and chance.random() < 0.35
        task = special.translate if translate else special.transcribe
        body = self.tokenizer.encode(f" {english}") if translate else [id for id, *_ in pieces]
        stamps = chance.random() < 0.3
        if stamps:
            body = [special.timestamp(begin), *body, special.timestamp(end)]
        start = [special.sot, special.language(language), task] + ([] if stamps else [special.no_timestamps])
        row = [*start, *body, special.eot][: self.config.text_context + 1]
        wanted = [start[1], *[IGNORED] * (len(start) - 2), *row[len(start) :]]
        centres = [-1.0] * len(wanted)
        if not translate:
            places = [i for i, id in enumerate(wanted) if i > 0 and 0 <= id < special.eot]
            for i, (_, first, last) in zip(places, pieces, strict=False):
                centres[i] = (first + last) / 2 / special.seconds_per_token
        return (row[:-1], wanted), centres


@dataclass(frozen=True)
class Hearing:
    """The next token, in nats, and two things besides that make a model listen before it can write well.

    The encoder says at each moment which piece of text is being said, through the decoder's embedding. And while a
    batch is ``"led"``, attention is drawn to where a token is said (Tachibana et al., 2018). Without both a model first
    learns to write, and is deaf for long.

    Args:
        lead: weight of the lead.
        reach: how far from its place attention may lie, in tokens of sound.
        echo: weight of what the encoder says.
    """

    lead: float = 0.5
    reach: float = 4.0
    echo: float = 0.5

    def __call__(self, model: Any, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss, and the share of right tokens as ``accuracy``."""
        mel, ids, targets = (wanted(batch, name, self) for name in ("mel", "ids", "targets"))
        led = bool(batch["led"].any())
        asked: list[tuple[Tensor, Tensor]] = []  # queries and keys of the upper half's cross-attention
        memory: list[Tensor] = []
        handles = [model.encoder.register_forward_hook(lambda module, given, made: memory.append(made))]
        if led:
            for block in model.decoder.blocks[len(model.decoder.blocks) // 2 :]:
                hook = lambda module, given: asked.append((given[0], given[1][0]))  # noqa: E731
                handles.append(block.cross_attention.register_forward_pre_hook(hook))
        try:
            with sdpa_kernel(SDPBackend.MATH):  # for such short sequences faster than the fused kernel, on a CPU
                logits = model(mel, ids)
        finally:
            for handle in handles:
                handle.remove()
        loss, report = next_token_loss(logits.float(), targets)
        report["next"] = loss.detach()
        if self.echo:
            spelled = F.linear(memory[0].float(), model.embedding.weight.float())
            said = F.cross_entropy(spelled.flatten(0, 1), batch["now"].flatten())
            loss, report["said"] = loss + self.echo * said, said.detach()
        if led:
            weights = [scaled_dot_product(q.float(), k.float(), k.float(), None)[1] for q, k in asked]
            lead = self.astray(weights, batch["centres"])
            loss, report["astray"] = loss + self.lead * lead, lead.detach()
        return loss, report

    def astray(self, maps: list[Tensor], centres: Tensor) -> Tensor:
        """-log of the attention (B, H, N, A) that lies near where a token is said, mean of layers and heads."""
        known = centres >= 0
        length = maps[0].shape[-1]
        near = (torch.arange(length, device=centres.device) - centres[:, :, None]).abs() <= self.reach  # (B, N, A)
        mass = torch.stack([(weights.mean(1) * near).sum(-1) for weights in maps])
        return -mass.clamp(min=1e-4).log()[:, known].mean()


@torch.no_grad()
def written_by(
    model: Whisper, sounds: Sequence[Tensor], languages: Sequence[str] | None, task: str = "transcribe"
) -> tuple[list[str], list[str]]:
    """What a model writes of sounds, greedily and without timestamps, and the language that it heard.

    Args:
        model: with its own vocabulary.
        sounds: (T,) each, at 16,000 Hz; each fits into one window.
        languages: of each, or None to go by what the model hears.
        task: ``"transcribe"`` or ``"translate"``.
    """
    special, tokenizer, device = model.special, model.tokenizer, device_of(model)
    dtype = model.embedding.weight.dtype
    texts, heard_as = [], []
    order = sorted(range(len(sounds)), key=lambda i: len(sounds[i]))
    for first in range(0, len(order), 100):
        rows = order[first : first + 100]
        mel = torch.stack([model.window(sounds[i].to(device)) for i in rows]).to(dtype)
        heard = model.listen(mel)
        start = torch.full((len(rows), 1), special.sot, device=device)
        scores = model.step(start, model.start(heard))[:, -1, list(special.language_ids)]
        found = [model.config.languages[i] for i in scores.argmax(-1).tolist()]
        given = found if languages is None else [languages[i] for i in rows]
        prefix = torch.tensor([model.prefix(code, task, timestamps=False) for code in given], device=device)
        ids = generate(
            model, prefix, model.context_length - prefix.shape[1], condition=heard, temperature=0, eos=special.eot
        )
        texts += [tokenizer.decode(row.tolist()).strip() for row in ids]
        heard_as += found
    back = sorted(range(len(order)), key=order.__getitem__)
    return [texts[i] for i in back], [heard_as[i] for i in back]


def word_error(said: Sequence[str], written_: Sequence[str]) -> Mean:
    """Words that must be put in, left out or changed, in percent of those that were said (package jiwer).

    Case and punctuation do not count.
    """
    import jiwer

    truth = [plain(text) for text in said]
    rate = jiwer.wer(truth, [plain(text) for text in written_])
    return Mean(100 * float(rate), "% of words", sum(len(text.split()) for text in truth))


def strings_of(recordings: Sequence[Said], count: int, seed: int = 0) -> tuple[list[Tensor], list[str]]:
    """Strings of three to six digits by one person."""
    chance = random.Random(f"strings {recordings[0].voice} {seed}")
    found = [joined(recordings, chance, chance.randint(3, 6)) for _ in range(count)]
    return [sound for sound, *_ in found], [text for _, text, _ in found]


def evaluate_hearing(strangers: Callable[[], dict[str, list[Said]]]) -> Callable[..., Measured]:
    """A measure: word error, language and translation on unseen voices and sentences, and on people never trained on.

    Args:
        strangers: loads recordings of people that training did not see, by a name for each group; none where there
            are none on this machine.
    """

    def evaluate(model: Whisper, held_out: Any, learned: Callable[[], Any]) -> Measured:
        assert isinstance(held_out, Lessons)
        held_out = held_out.speech
        assert held_out.labels is not None
        model = copy.deepcopy(model).float()
        codes = [model.config.languages[i] for i in held_out.labels.tolist()]
        texts = held_out.captions or []
        sounds = list(held_out.sounds)
        written_, heard = written_by(model, sounds, None)
        found: Measured = {"word error": word_error(texts, written_)}
        for code in dict.fromkeys(codes):
            rows = [i for i, other in enumerate(codes) if other == code]
            found[f"word error {code}"] = word_error([texts[i] for i in rows], [written_[i] for i in rows])
        found["language"] = Score(sum(a == b for a, b in zip(codes, heard, strict=True)), len(codes))
        rows = [i for i, code in enumerate(codes) if code != "en"]
        english, _ = written_by(model, [sounds[i] for i in rows], [codes[i] for i in rows], "translate")
        exact = sum(plain(english[j]) == plain(held_out.translations[i]) for j, i in enumerate(rows))
        found["translation exact"] = Score(exact, len(rows))
        spoken, right, groups = 0, 0, strangers()
        for name, recordings in groups.items():
            if not recordings:
                continue
            digits = [one for one in recordings if one.digit is not None]
            if digits:
                strings, said = strings_of(digits, 60)
                found[f"digit strings of {name}, word error"] = word_error(said, written_by(model, strings, None)[0])
                said_, _ = written_by(model, [one.sound for one in digits], None)
                found[f"single digits of {name}, word error"] = word_error([one.text for one in digits], said_)
            whole = [one for one in recordings if len(one.sound) <= model.config.window]
            _, heard = written_by(model, [one.sound for one in whole], None)
            spoken += len(whole)
            right += sum(one.language == code for one, code in zip(whole, heard, strict=True))
        if groups and all(groups.values()):  # of some of them it would be another number
            found["language of people"] = Score(right, spoken)
        return found

    return evaluate
