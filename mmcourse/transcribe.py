"""What a Whisper writes of a recording of any length: windows, rules, fallbacks, segments and words with their times.

The rules of decoding are a list for the one sampler (:mod:`mmcourse.generation`). What goes on around it follows
openai/whisper (``decoding.py``, ``transcribe.py``, ``timing.py``; Radford et al., 2023, section 4.5): the same weights
give the same text. Derived in :ref:`sec-10-whisper`.
"""

from __future__ import annotations

import itertools
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.cache import Cache
from mmcourse.checks import choose, real, whole
from mmcourse.data import sound_file
from mmcourse.generation import Likelihood, LogitFilter, Suppress, SuppressFirst, TimestampRules, beam_search, generate
from mmcourse.generation.beam import penalty
from mmcourse.models.whisper import Heard, Whisper, log_mel
from mmcourse.transformer import AttentionMaps

FORMATS = ("text", "srt", "vtt", "json")


@dataclass(frozen=True)
class Options:
    """How a Whisper decodes; the defaults are those of openai/whisper's ``transcribe``.

    Args:
        language: its code; None to hear which one it is.
        task: ``"transcribe"``, or ``"translate"`` to English.
        timestamps: whether the text comes with times.
        temperatures: tried one after the other until the text is neither repetitive nor improbable.
        beams: of the beam search at temperature 0; None for greedy.
        best_of: samples at other temperatures, of which the likeliest is kept.
        patience: of the beam search.
        length_penalty: how sequences of different length are compared; None divides by the length.
        prompt: text that went before, or names that will come up.
        previous_text: whether each window is given what was written before it.
        max_new_tokens: of a window; None for half of what the decoder reads.
        first_by: seconds by which the first timestamp must come; None for no limit.
        suppress: ids that are never written; None for signs that nobody says.
        compression: a text that zlib makes so many times smaller repeats itself; None to accept all.
        log_probability: a text whose mean log-probability a token is lower is not trusted; None to trust all.
        no_speech: a window whose probability of silence is larger, and whose text is not trusted, is skipped; None to
            keep all.
        words: whether words come with times.
        seed: of the samples.
    """

    language: str | None = None
    task: str = "transcribe"
    timestamps: bool = True
    temperatures: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    beams: int | None = None
    best_of: int = 1
    patience: float = 1.0
    length_penalty: float | None = None
    prompt: str = ""
    previous_text: bool = True
    max_new_tokens: int | None = None
    first_by: float | None = 1.0
    suppress: tuple[int, ...] | None = None
    compression: float | None = 2.4
    log_probability: float | None = -1.0
    no_speech: float | None = 0.6
    words: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        choose("task", self.task, ("transcribe", "translate"))
        if not self.temperatures:
            raise ValueError("temperatures is empty; give at least (0.0,).")
        for temperature in self.temperatures:
            real("temperature", temperature)
        for name in ("beams", "max_new_tokens"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        whole("best_of", self.best_of)
        real("patience", self.patience, above=True)


@dataclass(frozen=True)
class Decoded:
    """What is written of one window.

    Attributes:
        ids: what was written, timestamps among them, without the end.
        text: the same in letters, without timestamps.
        language: its code.
        mean_log_probability: nats a token.
        no_speech: probability that nobody speaks.
        temperature: at which it was written.
        compression: how many times smaller zlib makes the text.
    """

    ids: list[int]
    text: str
    language: str
    mean_log_probability: float
    no_speech: float
    temperature: float
    compression: float


@dataclass
class Word:
    """A word, when it was said in seconds, and its probability."""

    word: str
    start: float
    end: float
    probability: float


@dataclass
class Segment:
    """A piece of text between two timestamps.

    Attributes:
        seek: the first frame of its window.
        start, end: in seconds of the recording.
        text: with the space that it begins with.
        ids: its tokens.
        words: where they were asked for.
        temperature, mean_log_probability, compression, no_speech: of its window, as in :class:`Decoded`.
    """

    seek: int
    start: float
    end: float
    text: str
    ids: list[int]
    temperature: float
    mean_log_probability: float
    compression: float
    no_speech: float
    words: list[Word] = field(default_factory=list)


@dataclass(frozen=True)
class Transcript:
    """What was said: the whole text, its segments, and the language."""

    text: str
    segments: list[Segment]
    language: str

    def written(self, form: str = "text") -> str:
        """As ``"text"``, subtitles (``"srt"``, ``"vtt"``) or ``"json"`` with the names of openai/whisper."""
        choose("form", form, FORMATS)
        if form == "json":
            return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)
        if form == "text":
            return "\n".join(line for segment in self.segments if (line := segment.text.strip()))
        blocks: list[str] = []
        for segment in self.segments:
            if line := segment.text.strip().replace("-->", "->"):
                number = f"{len(blocks) + 1}\n" if form == "srt" else ""
                times = (_clock(t, "," if form == "srt" else ".") for t in (segment.start, segment.end))
                blocks.append(f"{number}{' --> '.join(times)}\n{line}\n")
        return "\n".join(["WEBVTT\n"] * (form == "vtt") + blocks)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and texts alone, under the names that openai/whisper gives them."""
        names = {"ids": "tokens", "mean_log_probability": "avg_logprob", "compression": "compression_ratio"}
        names["no_speech"] = "no_speech_prob"
        listed = [
            {"id": i} | {names.get(key, key): value for key, value in asdict(segment).items()}
            for i, segment in enumerate(self.segments)
        ]
        return {"text": self.text, "segments": listed, "language": self.language}


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"


class _Windows:
    """A model whose sound is already heard, as the sampler wants it: it notes how likely silence is, once.

    Args:
        model: the Whisper.
        heard: its windows.
        rows: how many sequences are written; a multiple of the windows.
        start: where in the prefix the start token stands.
    """

    def __init__(self, model: Whisper, heard: Heard, rows: int, start: int) -> None:
        self.model, self.heard, self.rows, self.place = model, heard, rows, start
        self.vocab_size, self.context_length = model.vocab_size, model.context_length
        self.no_speech: list[float] = []

    def check_ids(self, ids: Tensor) -> None:
        """As the model does."""
        self.model.check_ids(ids)

    def start(self, condition: Any = None, *, padding: Tensor | None = None) -> Cache:
        """A cache that holds the windows."""
        cache = self.model.start(self.heard, padding=padding)
        cache.rows = self.rows
        return cache

    def step(self, ids: Tensor, cache: Cache) -> Tensor:
        """Logits of the last id alone: the others of a prompt are never asked for."""
        model, first = self.model, cache.length == 0
        tokens = model.decoder(model.embed(ids, cache), cache=cache)
        if first:
            silence = model.logits(tokens[:, self.place]).float().softmax(-1)[:, model.special.no_speech]
            self.no_speech = silence.tolist()
        return model.logits(tokens[:, -1:])


@torch.inference_mode()
def hear_language(model: Whisper, heard: Heard | Tensor) -> list[dict[str, float]]:
    """The probability of each language, for each window.

    Args:
        model: a multilingual Whisper.
        heard: windows, as log-mel frames (B, F, M) or as :meth:`~mmcourse.models.Whisper.listen` made them.

    Raises:
        ValueError: an English-only model.
    """
    if not model.config.multilingual:
        raise ValueError("an English-only model tells no languages apart; take a multilingual one.")
    heard = heard if isinstance(heard, Heard) else model.listen(heard)
    special = model.special
    start = torch.full((len(heard.memory), 1), special.sot, device=heard.memory.device)
    logits = model.step(start, model.start(heard))[:, 0, list(special.language_ids)]
    return [dict(zip(special.languages, row, strict=True)) for row in logits.float().softmax(-1).tolist()]


def rules(model: Whisper, options: Options) -> list[LogitFilter]:
    """The rules on logits that these options ask for, in their order."""
    special, tokenizer = model.special, model.tokenizer
    signs = tokenizer.non_speech if options.suppress is None else options.suppress
    never = {special.transcribe, special.translate, special.sot, special.prev, special.sot_lm, special.no_speech}
    found: list[LogitFilter] = [
        SuppressFirst((*tokenizer.encode(" "), special.eot)),
        Suppress(tuple(sorted({*signs, *never}))),
    ]
    if options.timestamps:
        latest = None if options.first_by is None else round(options.first_by / special.seconds_per_token)
        found.append(TimestampRules(special.first_timestamp, special.eot, latest, (special.no_timestamps,)))
    return found


@torch.inference_mode()
def decode(
    model: Whisper,
    windows: Tensor | Heard,
    options: Options | None = None,
    *,
    temperature: float | None = None,
    prompt: Sequence[int] | None = None,
) -> list[Decoded]:
    """Write what is said in windows that are as long as the model's.

    Args:
        model: the Whisper.
        windows: log-mel frames (B, F, M), as :meth:`~mmcourse.models.Whisper.window` makes them, or what ``listen``
            made of them.
        options: how; of the temperatures the first counts.
        temperature: another one.
        prompt: ids of the text before; those of ``options.prompt`` if left out.

    Returns:
        One for each window.
    """
    options = options or Options()
    temperature = options.temperatures[0] if temperature is None else temperature
    heard = windows if isinstance(windows, Heard) else model.listen(windows)
    tokenizer, special, device = model.tokenizer, model.special, heard.memory.device
    count, half = len(heard.memory), model.context_length // 2
    if options.language is None and model.config.multilingual:
        languages = [max(chances, key=chances.__getitem__) for chances in hear_language(model, heard)]
    else:
        languages = [options.language or model.config.languages[0]] * count
    if prompt is None:
        prompt = tokenizer.encode(f" {options.prompt.strip()}") if options.prompt.strip() else ()
    before = [special.prev, *prompt[-(half - 1) :]] if prompt else []
    rows = [[*before, *model.prefix(code, options.task, timestamps=options.timestamps)] for code in languages]
    prefix = torch.tensor(rows, device=device)
    longest = min(options.max_new_tokens or half, model.context_length - prefix.shape[1] + 1)
    samples = options.best_of if temperature > 0 else 1
    source = _Windows(model, heard, count * samples, len(before))
    filters = rules(model, options)
    if temperature == 0 and options.beams is not None:
        best = beam_search(
            source, prefix, longest, filters=filters, eos=special.eot, beams=options.beams,
            length_penalty=options.length_penalty, patience=options.patience,
        )  # fmt: skip
        listed = [_until(row, special.eot) for row in best.ids.tolist()]
        totals = [
            score * penalty(len(ids), options.length_penalty)
            for score, ids in zip(best.scores.tolist(), listed, strict=True)
        ]
    else:
        tally = Likelihood(special.eot)
        ids = generate(
            source, prefix.repeat_interleave(samples, 0), longest, filters=[*filters, tally], eos=special.eot,
            temperature=temperature, seed=options.seed,
        )  # fmt: skip
        all_ids, all_totals = [_until(row, special.eot) for row in ids.tolist()], tally.of(ids).tolist()
        chosen = []
        for first in range(0, len(all_ids), samples):
            chosen.append(
                max(
                    range(first, first + samples),
                    key=lambda i: all_totals[i] / penalty(len(all_ids[i]), options.length_penalty),
                )
            )
        listed, totals = [all_ids[i] for i in chosen], [all_totals[i] for i in chosen]
    silence = source.no_speech[:: len(source.no_speech) // count]
    found = []
    for ids_, total, code, quiet in zip(listed, totals, languages, silence, strict=True):
        text = tokenizer.decode(ids_).strip()
        found.append(Decoded(ids_, text, code, total / (len(ids_) + 1), quiet, temperature, compression(text)))
    return found


def _until(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids


def compression(text: str) -> float:
    """How many times smaller zlib makes a text: above 2.4 it most likely repeats itself."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded))


def _with_fallback(model: Whisper, window: Tensor, options: Options, prompt: Sequence[int]) -> tuple[Decoded, Heard]:
    """Write a window at rising temperatures until the text can be trusted."""
    heard = model.listen(window)
    for temperature in options.temperatures:
        found = decode(model, heard, options, temperature=temperature, prompt=prompt)[0]
        repetitive = options.compression is not None and found.compression > options.compression
        unlikely = options.log_probability is not None and found.mean_log_probability < options.log_probability
        silent = options.no_speech is not None and found.no_speech > options.no_speech and unlikely
        if silent or not (repetitive or unlikely):
            break
    return found, heard


def spectrogram(model: Whisper, pieces: Iterable[Tensor]) -> Tensor:
    """Log-mel frames (F, M) of a recording of any length, followed by a window of silence.

    The samples pass piece by piece; what stays are the frames, 32 KB a second with 80 bands.

    Args:
        model: says how frames are made.
        pieces: (T,) each, one after the other.

    Raises:
        ValueError: no sample, or one that is no number.
    """
    config = model.config
    device = model.audio_positions.device
    maker = log_mel(config.log_mel, device)

    def checked() -> Iterator[Tensor]:
        count = 0
        for piece in pieces:
            if piece.dim() != 1 or not piece.is_floating_point():
                raise ValueError(
                    f"the sound is {piece.dtype} {tuple(piece.shape)}; give mono floats (T,) in [-1, 1] at "
                    f"{config.log_mel.sample_rate:,} samples a second; channels.mean(0) makes mono."
                )
            if not bool(piece.isfinite().all()):
                raise ValueError("the sound holds NaN or infinity; write it anew from the recording.")
            count += len(piece)
            if len(piece):
                yield piece.float().to(device)
        if not count:
            raise ValueError("the sound holds 0 samples; give a recording that is not empty.")
        yield torch.zeros(config.window, device=device)

    levels = torch.cat([powers.clamp_(min=1e-10).log10_() for powers in maker.stream(checked())])
    levels.clamp_(min=float(levels.max()) - 8).add_(4).div_(4)
    return levels


@torch.inference_mode()
def transcribe(
    model: Whisper, sound: Tensor | str | os.PathLike[str] | Iterable[Tensor], options: Options | None = None
) -> Transcript:
    """Write what is said in a recording of any length.

    A window begins where the last whole segment of the window before it ended (Radford et al., 2023, section 4.5).

    Args:
        model: the Whisper.
        sound: mono samples (T,) in [-1, 1] at 16,000 Hz; or a wav, flac, ogg or mp3 file of any rate; or pieces of
            samples, one after the other.
        options: how.

    Raises:
        ValueError: no sound, or one that cannot be heard; one line says why.
    """
    options = options or Options()
    if isinstance(sound, str | os.PathLike):
        sound = sound_file.blocks(sound)
    pieces = sound.split(sound_file.RATE * 60) if isinstance(sound, Tensor) and sound.dim() == 1 else sound
    mel = spectrogram(model, [pieces] if isinstance(pieces, Tensor) else pieces)
    return _Listener(model, mel, options).run()


class _Listener:
    """Goes through the frames of one recording, window by window.

    Args:
        model: the Whisper.
        mel: (F, M), with a window of silence at the end.
        options: how.
    """

    def __init__(self, model: Whisper, mel: Tensor, options: Options) -> None:
        self.model, self.mel = model, mel
        self.special, self.tokenizer = model.special, model.tokenizer
        config = model.config
        self.window = 2 * config.audio_context
        self.content = len(mel) - self.window
        self.per_frame = config.hop / config.log_mel.sample_rate
        self.per_token = 2 * self.per_frame
        if options.language is None and config.multilingual:
            chances = hear_language(model, self.cut(0, min(self.window, len(mel))))[0]
            options = replace(options, language=max(chances, key=chances.__getitem__))
        self.options = options
        self.language = options.language or config.languages[0]
        self.given = self.tokenizer.encode(f" {options.prompt.strip()}") if options.prompt.strip() else []
        self.ids = list(self.given)
        self.fresh = 0  # ids before it are no prompt any more
        self.segments: list[Segment] = []
        self.heard_until = 0.0  # where the last word ended, in seconds

    def cut(self, first: int, size: int) -> Tensor:
        """Frames of one window, (1, 2 A, M), filled with zeros."""
        part = F.pad(self.mel[first : first + size], (0, 0, 0, self.window - size))
        return part[None].to(self.model.embedding.weight.dtype)

    def run(self) -> Transcript:
        """All windows."""
        seek = 0
        while seek < self.content:
            size = min(self.window, self.content - seek)
            found, heard = _with_fallback(self.model, self.cut(seek, size), self.options, self.ids[self.fresh :])
            seek += self.silent(found, size) or self.take(found, heard, seek, size)
        text = self.tokenizer.decode(self.ids[len(self.given) :])
        return Transcript(text, self.segments, self.language)

    def silent(self, found: Decoded, size: int) -> int:
        """How many frames to pass over because nobody speaks in them."""
        limit, trust = self.options.no_speech, self.options.log_probability
        if limit is None or found.no_speech <= limit:
            return 0
        return 0 if trust is not None and found.mean_log_probability > trust else size

    def take(self, found: Decoded, heard: Heard, seek: int, size: int) -> int:
        """Keep the segments of a window; how many frames further the next one begins."""
        segments, step, closed = self.pieces(found, seek, size)
        if self.options.words:
            self.time_words(segments, heard, size, seek)
            last = next((s.words[-1].end for s in reversed(segments) if s.words), None)
            if not closed and last is not None and last > seek * self.per_frame:
                step = round(last / self.per_frame) - seek
            self.heard_until = self.heard_until if last is None else last
        for segment in segments:
            if segment.start == segment.end or not segment.text.strip():
                segment.text, segment.ids, segment.words = "", [], []
        self.segments += segments
        self.ids += [id for segment in segments for id in segment.ids]
        if not self.options.previous_text or found.temperature > 0.5:
            self.fresh = len(self.ids)
        return step

    def pieces(self, found: Decoded, seek: int, size: int) -> tuple[list[Segment], int, bool]:
        """The window's ids cut between timestamps; frames to the next window; whether speech ended before its end."""
        ids, first = found.ids, self.special.first_timestamp
        stamps = [id >= first for id in ids]
        closed = stamps[-2:] == [False, True]
        cuts = [i for i in range(1, len(ids)) if stamps[i - 1] and stamps[i]]
        begin = seek * self.per_frame

        def segment(part: list[int], start: float, end: float) -> Segment:
            text = self.tokenizer.decode(part)
            return Segment(
                seek, start, end, text, part, found.temperature, found.mean_log_probability, found.compression,
                found.no_speech,
            )  # fmt: skip

        if not cuts:
            times = [id - first for id in ids if id >= first]
            end = times[-1] * self.per_token if times and times[-1] else size * self.per_frame
            return [segment(ids, begin, begin + end)], size, closed
        cuts += [len(ids)] if closed else []
        parts = [ids[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]
        segments = [
            segment(part, *(begin + (id - first) * self.per_token for id in (part[0], part[-1]))) for part in parts
        ]
        return segments, size if closed else 2 * (ids[cuts[-1] - 1] - first), closed

    def time_words(self, segments: list[Segment], heard: Heard, size: int, seek: int) -> None:
        """Give each segment its words, and its own times by them."""
        texts = [[id for id in segment.ids if id < self.special.eot] for segment in segments]
        options = self.options
        prefix = self.model.prefix(self.language, options.task)
        timed = align(self.model, heard, [id for ids in texts for id in ids], prefix, self.language, size // 2)
        typical, longest = _shorten(timed)
        _join_marks(timed)
        begin, rest = seek * self.per_frame, iter(timed)
        for segment, ids in zip(segments, texts, strict=True):
            taken = 0
            while taken < len(ids) and (one := next(rest, None)) is not None:
                if one.text:
                    start, end = round(begin + one.start, 2), round(begin + one.end, 2)
                    segment.words.append(Word(one.text, start, end, one.probability))
                taken += len(one.ids)
            if segment.words:
                _settle(segment, self.heard_until, typical, longest)
                self.heard_until = segment.end


@dataclass
class Timed:
    """A word of a window: its text and ids, seconds from the window's start, its mean probability."""

    text: str
    ids: list[int]
    start: float
    end: float
    probability: float


PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
SENTENCE_ENDS = ".。!！?？"


@torch.inference_mode()
def align(
    model: Whisper,
    heard: Heard,
    ids: Sequence[int],
    start: Sequence[int],
    language: str,
    tokens: int,
    smooth: int = 7,
) -> list[Timed]:
    """When each word of a window was said, from where cross-attention looks while it is written.

    The attention of some heads, freed of what all tokens share and smoothed over time, is a map of text against sound;
    the best path through it that never goes back (dynamic time warping) gives each token its time.

    Args:
        model: the Whisper.
        heard: one window.
        ids: its text, without timestamps.
        start: the prefix before it: start, language, task.
        language: how words are told apart.
        tokens: how many tokens of sound hold the recording.
        smooth: width of the median over time, in tokens of sound.
    """
    if not ids:
        return []
    special, device = model.special, heard.memory.device
    row = torch.tensor([[*start, special.no_timestamps, *ids, special.eot]], device=device)
    maps = AttentionMaps()
    hidden = model.decoder(model.embed(row), heard.memory, maps=maps)
    chances = model.logits(hidden[0, len(start) :])[:, : special.eot].float().softmax(-1)
    own = chances[: len(ids)].gather(1, torch.tensor(ids, device=device)[:, None])[:, 0].tolist()
    weights = torch.stack([maps.cross_attention[layer][0, head] for layer, head in model.alignment_heads()])
    weights = weights[:, :, :tokens].float()
    weights = weights / weights.sum(-1, keepdim=True)
    deviation, mean = torch.std_mean(weights, dim=-2, keepdim=True, unbiased=False)
    matrix = _median((weights - mean) / deviation, smooth).mean(0)[len(start) : -1]
    texts, times = warp(-matrix.cpu().numpy())
    words = model.tokenizer.words([*ids, special.eot], language)
    if len(words) <= 1:
        return []
    bounds = np.concatenate([[0], np.cumsum([len(one) for _, one in words[:-1]])])
    seconds = times[np.diff(texts, prepend=-1) > 0] * special.seconds_per_token  # when each token begins
    return [
        Timed(text, one, float(seconds[a]), float(seconds[b]), float(np.mean(own[a:b])))
        for (text, one), a, b in zip(words[:-1], bounds[:-1], bounds[1:], strict=True)
    ]


def _median(x: Tensor, width: int) -> Tensor:
    """The median of ``width`` neighbours along the last dimension, mirrored at the ends."""
    half = width // 2
    if x.shape[-1] <= half:
        return x
    return F.pad(x, (half, half), mode="reflect").unfold(-1, width, 1).sort(-1).values[..., half]


def warp(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dynamic time warping: the cheapest path through costs (N, M) from the first corner to the last.

    Each step goes on by one in one direction or in both (Sakoe & Chiba, 1978). Whole diagonals are computed at once.

    Returns:
        Row and column of each point of the path.
    """
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf, dtype=np.float32)
    came = np.full((n + 1, m + 1), -1, dtype=np.int8)
    total[0, 0] = 0
    for diagonal in range(2, n + m + 1):
        i = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        j = diagonal - i
        both, down, right = total[i - 1, j - 1], total[i - 1, j], total[i, j - 1]
        step = np.where((both < down) & (both < right), 0, np.where((down < both) & (down < right), 1, 2))
        least = np.choose(step, [both, down, right])
        total[i, j] = cost[i - 1, j - 1].astype(np.float64) + least
        came[i, j] = step
    came[0, :], came[:, 0] = 2, 1
    path = []
    row, column = n, m
    while row > 0 or column > 0:
        path.append((row - 1, column - 1))
        way = int(came[row, column])
        row, column = row - (way != 2), column - (way != 1)
    rows, columns = np.array(path[::-1]).T
    return rows, columns


def _shorten(timed: list[Timed]) -> tuple[float, float]:
    """Cut words at the ends of sentences that swallowed a pause; the typical length of a word, and twice it."""
    lengths = [one.end - one.start for one in timed if one.end != one.start]
    typical = min(0.7, float(np.median(lengths))) if lengths else 0.0
    longest = 2 * typical
    for before, one in itertools.pairwise(timed):
        if lengths and one.end - one.start > longest:
            if one.text in SENTENCE_ENDS:
                one.end = one.start + longest
            elif before.text in SENTENCE_ENDS:
                one.start = one.end - longest
    return typical, longest


def _join_marks(timed: list[Timed]) -> None:
    """Let opening marks join the word after them and closing marks the word before; the mark's own text is emptied."""
    after = len(timed) - 1
    for i in range(len(timed) - 2, -1, -1):
        one, following = timed[i], timed[after]
        if one.text.startswith(" ") and one.text.strip() in PREPENDED:
            following.text, following.ids = one.text + following.text, one.ids + following.ids
            one.text, one.ids = "", []
        else:
            after = i
    before = 0
    for i in range(1, len(timed)):
        previous, one = timed[before], timed[i]
        if not previous.text.endswith(" ") and one.text in APPENDED:
            previous.text, previous.ids = previous.text + one.text, previous.ids + one.ids
            one.text, one.ids = "", []
        else:
            before = i


def _settle(segment: Segment, before: float, typical: float, longest: float) -> None:
    """Make the times of a segment and of its words agree: after a pause, first words are often timed too long."""
    words = segment.words
    first, last = words[0], words[-1]
    long_first = first.end - first.start > longest
    long_pair = len(words) > 1 and words[1].end - first.start > 2 * longest
    if first.end - before > 4 * typical and (long_first or long_pair):
        if len(words) > 1 and words[1].end - words[1].start > longest:
            first.end = words[1].start = max(words[1].end / 2, words[1].end - longest)
        first.start = max(0.0, first.end - longest)
    if segment.start < first.end and segment.start - 0.5 > first.start:
        first.start = max(0.0, min(first.end - typical, segment.start))
    else:
        segment.start = first.start
    if segment.end > last.start and segment.end + 0.5 < last.end:
        last.end = max(last.start + typical, segment.end)
    else:
        segment.end = last.end
