"""Text as tokens: bytes, merged pair by pair (Sennrich et al., 2016), and the special tokens that say what to do.

Byte-level BPE (Radford et al., 2019, section 2.2) is trained and run by the library ``tokenizers``: every text has a
code, and nothing is unknown. Derived in :ref:`sec-10-whisper`. Captions of pictures (:class:`CaptionTokenizer`) have
two special tokens, start and end.
"""

from __future__ import annotations

import base64
import functools
import gzip
import html
import json
import math
import operator
import string
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from mmcourse.checks import choose, real, whole

# Languages of the published models in the order of their ids; the last one came with version 3.
_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
)
LANGUAGES = tuple(_CODES.split())
UNSPACED = {"zh", "ja", "th", "lo", "my", "yue"}  # written without spaces between words


class VocabularyError(RuntimeError):
    """A published vocabulary is not installed, or a model's is none that is known."""


@dataclass(frozen=True)
class SpecialTokens:
    """Ids of what is no text, by name, in the order that the published vocabularies have.

    Attributes:
        eot: the end of a text; ids below it are pieces of text.
        languages: codes, in the order of their ids.
        timestamps: how many there are, up to the end of the window.
        seconds_per_token: from one timestamp to the next, as from one token of sound to the next.
    """

    eot: int
    languages: tuple[str, ...]
    timestamps: int
    seconds_per_token: float = 0.02

    @property
    def sot(self) -> int:
        """The start of a transcript."""
        return self.eot + 1

    @property
    def _after(self) -> int:
        return self.sot + 1 + len(self.languages)

    @property
    def translate(self) -> int:
        """The task: write English."""
        return self._after

    @property
    def transcribe(self) -> int:
        """The task: write what is said."""
        return self._after + 1

    @property
    def sot_lm(self) -> int:
        """The start of text without sound; never written."""
        return self._after + 2

    @property
    def prev(self) -> int:
        """What follows is the text before this window."""
        return self._after + 3

    @property
    def no_speech(self) -> int:
        """Nobody speaks."""
        return self._after + 4

    @property
    def no_timestamps(self) -> int:
        """There shall be no timestamps."""
        return self._after + 5

    @property
    def first_timestamp(self) -> int:
        """0.00 s."""
        return self._after + 6

    @property
    def size(self) -> int:
        """K, the whole vocabulary."""
        return self.first_timestamp + self.timestamps

    def language(self, code: str) -> int:
        """The id of a language.

        Raises:
            ValueError: it is not among them; the line lists those that are.
        """
        return self.sot + 1 + self.languages.index(choose("language", code, self.languages))

    @property
    def language_ids(self) -> range:
        """Ids of all languages."""
        return range(self.sot + 1, self._after)

    def timestamp(self, seconds: float) -> int:
        """The id of the timestamp nearest to a time in the window."""
        real("seconds", seconds, -math.inf, above=True)
        return self.first_timestamp + min(self.timestamps - 1, max(0, round(seconds / self.seconds_per_token)))

    def seconds(self, id: int) -> float:
        """The time that a timestamp says."""
        return (id - self.first_timestamp) * self.seconds_per_token

    def name(self, id: int) -> str:
        """How a special token is written, for example ``<|en|>`` or ``<|1.08|>``."""
        if id >= self.first_timestamp:
            return f"<|{self.seconds(id):.2f}|>"
        if id in self.language_ids:
            return f"<|{self.languages[id - self.sot - 1]}|>"
        names = {
            "endoftext": self.eot,
            "startoftranscript": self.sot,
            "translate": self.translate,
            "transcribe": self.transcribe,
            "startoflm": self.sot_lm,
            "startofprev": self.prev,
            "nospeech": self.no_speech,
            "notimestamps": self.no_timestamps,
        }
        return next(f"<|{name}|>" for name, known in names.items() if known == id)


def _bytes_to_letters() -> list[str]:
    """The letter that byte-level BPE writes for each byte: printable ones stand for themselves."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


LETTERS = _bytes_to_letters()


def _bpe(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    found = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    return found


def _of_merges(merges: Sequence[str], pieces: int) -> Tokenizer:
    """The tokenizer of 256 bytes and these merges, which must be as many pieces as the model has."""
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    vocabulary = {letter: id for id, letter in enumerate(sorted(LETTERS))}
    for left, right in pairs:
        vocabulary.setdefault(left + right, len(vocabulary))
    if len(vocabulary) != pieces:
        raise VocabularyError(f"{len(vocabulary)} pieces of text, and the model has {pieces}.")
    return _bpe(vocabulary, pairs)


def _checked(ids: Iterable[int]) -> list[int]:
    """Ids as a list.

    Raises:
        ValueError: something else, or a number below 0.
    """
    try:
        listed = [operator.index(id) for id in ids]
    except TypeError:
        listed = [-1]
    if min(listed, default=0) < 0:
        raise ValueError(f"ids are {ids!r:.60}; give whole numbers from 0 up, one after the other.")
    return listed


class TextTokenizer:
    """Text to ids and back.

    Args:
        bpe: the library's tokenizer, without special tokens.
        special: those of the model; they come after the pieces of text.
    """

    def __init__(self, bpe: Tokenizer, special: SpecialTokens) -> None:
        self.bpe, self.special = bpe, special

    @classmethod
    def from_merges(cls, merges: Sequence[str], special: SpecialTokens) -> Self:
        """The vocabulary of 256 bytes and these merges, each ``"left right"``, in their order.

        Raises:
            VocabularyError: their number does not fit the model's.
        """
        return cls(_of_merges(merges, special.eot), special)

    @classmethod
    def published(cls, special: SpecialTokens) -> Self:
        """OpenAI's vocabulary of this size, from the package openai-whisper.

        Raises:
            VocabularyError: it is not installed, or there is none of this size.
        """
        known = {50256: "gpt2", 50257: "multilingual"}
        if special.eot not in known:
            raise VocabularyError(f"no published vocabulary has {special.eot:,} pieces; give the model its merges.")
        try:
            path = files("whisper") / "assets" / f"{known[special.eot]}.tiktoken"
            return cls(_ranked(path.read_bytes()), special)
        except (ImportError, OSError) as error:
            raise VocabularyError(
                "the published vocabulary comes with the package openai-whisper; run: pip install openai-whisper"
            ) from error

    @classmethod
    def from_file(cls, path: str | Path, special: SpecialTokens) -> Self:
        """The vocabulary of a ``tokenizer.json``, as transformers stores it.

        Raises:
            VocabularyError: no such file, or none that the library reads.
        """
        try:
            return cls(Tokenizer.from_file(str(path)), special)
        except Exception as error:  # the library raises nothing narrower
            raise VocabularyError(f"{path} is no tokenizer.json ({error}).") from error

    def encode(self, text: str) -> list[int]:
        """Ids of a text; what looks like a special token is text like any other."""
        if not isinstance(text, str):
            raise TypeError(f"a text is needed, not {type(text).__name__}.")
        return self.bpe.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids; special tokens are left out, halves of letters become U+FFFD."""
        ids = _checked(ids)
        return self.bpe.decode([int(id) for id in ids if id < self.special.eot], skip_special_tokens=False)

    def written(self, ids: Iterable[int]) -> str:
        """The text of ids with every special token by its name, for example ``<|0.00|> hello<|0.50|>``."""
        parts: list[str] = []
        text: list[int] = []
        for id in [*_checked(ids), None]:
            if id is not None and id < self.special.eot:
                text.append(int(id))
                continue
            parts += [self.decode(text)] if text else []
            text = []
            parts += [self.special.name(int(id))] if id is not None else []
        return "".join(parts)

    @functools.cached_property
    def non_speech(self) -> tuple[int, ...]:
        """Pieces that say how something is said or what else is heard (brackets, notes), as openai/whisper lists them.

        Hyphen and apostrophe are among them only where a word would begin.
        """
        signs = [*'"#()*+/:;<=>@[\\]^_`{|}~「」『』', "-(", "-[", "('", '("', "♪♪", "♪♪♪"]
        signs += [3 * sign for sign in "<>-()"]
        signs += [2 * sign for sign in "<>-()[]{}"]
        found = {self.encode(" -")[0], self.encode(" '")[0]}
        for sign in [*signs, *"♩♪♫♬♭♮♯"]:
            for ids in (self.encode(sign), self.encode(f" {sign}")):
                if len(ids) == 1 or sign in "♩♪♫♬♭♮♯":
                    found.add(ids[0])
        return tuple(sorted(found))

    def words(self, ids: Sequence[int], language: str | None = None) -> list[tuple[str, list[int]]]:
        """Pieces of text gathered into words: (text, its ids) each; spaces stay in front of their words.

        Args:
            ids: pieces of text; a special token is a word of its own.
            language: where one writes without spaces, each letter is a word.
        """
        letters = self._whole_letters(ids)
        if language in UNSPACED:
            return letters
        found: list[tuple[str, list[int]]] = []
        for text, own in letters:
            apart = own[0] >= self.special.eot or text.startswith(" ") or text.strip() in string.punctuation
            if apart or not found:
                found.append((text, own))
            else:
                before, others = found[-1]
                found[-1] = (before + text, others + own)
        return found

    def _whole_letters(self, ids: Sequence[int]) -> list[tuple[str, list[int]]]:
        """The shortest runs of pieces that are whole letters."""
        complete, at = self.written(ids), 0
        found: list[tuple[str, list[int]]] = []
        run: list[int] = []
        for id in ids:
            run.append(id)
            text = self.written(run)
            broken = text.find("\ufffd")
            if broken < 0 or complete[at + broken : at + broken + 1] == "\ufffd":
                found.append((text, run))
                run = []
                at += len(text)
        return found


CAPTIONS = 49408  # published vocabulary: 256 bytes, the same at the end of a word, 48,894 merges, start and end
END_OF_WORD = "</w>"
_WORD = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clean(caption: str) -> str:
    """A caption as CLIP reads it: entities of HTML resolved, one blank between words, small letters.

    As in openai/CLIP's ``simple_tokenizer.py``, but for the repairs of the library ftfy (wrong encodings, curly
    quotation marks), which are left to whoever collects captions.
    """
    if not isinstance(caption, str):
        raise TypeError(f"a caption is a text, not {type(caption).__name__}.")
    text = unicodedata.normalize("NFC", html.unescape(html.unescape(caption)))
    return " ".join(text.split()).lower()


class CaptionTokenizer:
    """Captions as rows of ids: the start, pieces, the end, and zeros up to the longest of them.

    Args:
        bpe: the library's tokenizer, without special tokens; the start's id follows those of its pieces, then the
            end's, the largest.
        context: the most ids of a row.
        mark: what ends a word in the vocabulary; nothing where a blank begins it, as :func:`train_merges` does it.
    """

    def __init__(self, bpe: Tokenizer, context: int, mark: str = "") -> None:
        whole("context", context, 2)
        self.bpe, self.context, self.mark = bpe, context, mark
        self.start = bpe.get_vocab_size()
        self.end = self.start + 1

    @classmethod
    def from_merges(cls, merges: Sequence[str], vocab_size: int, context: int) -> Self:
        """The vocabulary of 256 bytes and these merges, each ``"left right"``, then start and end.

        Raises:
            VocabularyError: their number does not fit the model's.
        """
        return cls(_of_merges(merges, vocab_size - 2), context)

    @classmethod
    def published(cls, context: int = 77) -> Self:
        """OpenAI's vocabulary for CLIP, from the package open_clip (or OpenAI's own, clip).

        Raises:
            VocabularyError: neither is installed.
        """
        for package in ("open_clip", "clip"):
            try:
                path = files(package) / "bpe_simple_vocab_16e6.txt.gz"
                lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
                break
            except (ImportError, OSError):
                continue
        else:
            raise VocabularyError(
                "CLIP's published vocabulary comes with the package open_clip; run: pip install open_clip_torch"
            )
        letters = sorted(LETTERS)
        pairs = [(left, right) for left, right in (line.split() for line in lines[1 : CAPTIONS - 2 * 256 - 1])]
        pieces = [*letters, *(letter + END_OF_WORD for letter in letters), *(a + b for a, b in pairs)]
        bpe = Tokenizer(
            models.BPE(
                vocab={piece: id for id, piece in enumerate(pieces)}, merges=pairs, end_of_word_suffix=END_OF_WORD
            )
        )
        bpe.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        return cls(bpe, context, END_OF_WORD)

    def encode(self, caption: str) -> list[int]:
        """Pieces of one caption, without start and end."""
        text = clean(caption)
        return self.bpe.encode(text if self.mark or not text else f" {text}", add_special_tokens=False).ids

    def __call__(self, captions: str | Sequence[str], *, cut: bool = False) -> Tensor:
        """One caption or several as (B, N) int64, N as the longest needs it.

        Args:
            captions: their texts.
            cut: leave out the end of what is too long, as OpenAI's ``truncate=True``; else it is an error.

        Raises:
            ValueError: no caption, or one that is too long; the line says which.
        """
        listed = [captions] if isinstance(captions, str) else captions
        if not isinstance(listed, list | tuple) or not listed:
            raise ValueError(f"captions are {captions!r:.60}; give a text, or a list of at least one.")
        rows = []
        for caption in listed:
            pieces, most = self.encode(caption), self.context - 2
            if len(pieces) > most and not cut:
                raise ValueError(
                    f"{caption[:40]!r}... has {len(pieces)} pieces, {most} is the most; shorten it, or give cut=True."
                )
            rows.append([self.start, *pieces[:most], self.end])
        longest = max(len(row) for row in rows)
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, up to the end; halves of letters become U+FFFD."""
        letters: list[str] = []
        for id in _checked(ids):
            if id == self.end:
                break
            letters.append(self.bpe.id_to_token(id) or "")
        text = bytes(LETTERS.index(letter) for letter in "".join(letters)).decode("utf-8", "replace")
        return (text.replace(self.mark, " ") if self.mark else text).strip()

    def knows(self, caption: str) -> bool:
        """Whether it has met such writing: False where every single byte of a caption stays a piece of its own.

        Then no two bytes of it were ever seen together, as with a script that training had none of.
        """
        text = clean(caption)
        spelled = text.replace(" ", "") if self.mark else f" {text}"
        return not text or text.isascii() or len(self.encode(caption)) < len(spelled.encode("utf-8"))


@functools.lru_cache(maxsize=8)
def caption_tokenizer(merges: tuple[str, ...], vocab_size: int, context: int) -> CaptionTokenizer:
    """The tokenizer of these merges, or without any CLIP's published one; made once.

    Raises:
        VocabularyError: the vocabulary is the published one and not installed, or there is none of this size.
    """
    if merges:
        return CaptionTokenizer.from_merges(merges, vocab_size, context)
    if vocab_size != CAPTIONS:
        raise VocabularyError(f"no published vocabulary has {vocab_size:,} pieces; give the model its merges.")
    return CaptionTokenizer.published(context)


@functools.lru_cache(maxsize=8)
def tokenizer(merges: tuple[str, ...], special: SpecialTokens) -> TextTokenizer:
    """The tokenizer of these merges, or without any the published one of this size; made once."""
    return TextTokenizer.from_merges(merges, special) if merges else TextTokenizer.published(special)


def train_merges(texts: Iterable[str], pieces: int) -> tuple[str, ...]:
    """Learn which pairs to merge, the most frequent first (Sennrich et al., 2016, algorithm 1).

    Args:
        texts: to learn from.
        pieces: size of the vocabulary, the 256 bytes included.

    Returns:
        ``"left right"`` each, in order; fewer where the texts have no more pairs.
    """
    whole("pieces", pieces, 256)
    listed: list[Any] = list(texts) if isinstance(texts, Iterable) and not isinstance(texts, str) else [None]
    if not all(isinstance(text, str) for text in listed):
        raise TypeError("texts must be texts, one after the other: a list of them, or a file's lines.")
    bpe = _bpe({}, [])
    trainer: Any = trainers.BpeTrainer(
        vocab_size=pieces, initial_alphabet=sorted(LETTERS), show_progress=False, min_frequency=2
    )
    bpe.train_from_iterator(listed, trainer)
    merges = json.loads(bpe.to_str())["model"]["merges"]
    return tuple(" ".join(merge) for merge in merges)


def _ranked(content: bytes) -> Tokenizer:
    """A tokenizer of a file with a rank for each piece: any two neighbours whose union has a rank may merge."""
    ranks: dict[bytes, int] = {}
    for line in content.splitlines():
        if line:
            encoded, rank = line.split()
            ranks[base64.b64decode(encoded)] = int(rank)
    word = {piece: "".join(LETTERS[byte] for byte in piece) for piece in ranks}
    merges: list[tuple[int, str, str]] = []
    for piece, number in ranks.items():
        halves = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        splits = [(a, b) for a, b in halves if a in ranks and b in ranks]
        splits.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [(number, word[a], word[b]) for a, b in splits]
    merges.sort(key=lambda merge: merge[0])
    return _bpe({word[piece]: number for piece, number in ranks.items()}, [(a, b) for _, a, b in merges])
