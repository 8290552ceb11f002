"""Text to speech as translation: the arrow of Whisper reversed. Derived in :ref:`sec-13-speech`.

A text is read, codes of mel frames are written, as by Parti codes of a picture. That speech can be written as
discrete codes by a decoder is how AudioLM (Borsos et al., 2023) and VALL-E (Wang et al., 2023) do it; their codes come
from neural codecs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.checks import choose, whole
from mmcourse.models.text_to_codes import TextToCodes, TextToCodesConfig, Words
from mmcourse.tokens.frames import FramesConfig, FrameTokenizer


@dataclass(frozen=True)
class TextToSpeechConfig(TextToCodesConfig):
    """What a text to speech needs to be built.

    Args:
        tokenizer: of sounds; its K codes, and one more id for the end, are what the decoder writes.
        length: N, the most codes of an utterance, its end included.
        voices: names of the voices; each has a token, which stands before the text. The last ids of the vocabulary
            are theirs.
    """

    text_vocab_size: int = 258
    width: int = 192
    mlp: int = 768
    encoder_layers: int = 3
    decoder_layers: int = 4
    heads: int = 4
    tokenizer: FramesConfig = field(default_factory=FramesConfig)
    length: int = 256
    voices: tuple[str, ...] = ("voice",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.tokenizer, FramesConfig):
            raise TypeError(f"tokenizer is {self.tokenizer!r:.60}; give a FramesConfig.")
        whole("length", self.length)
        named = isinstance(self.voices, list | tuple) and all(isinstance(one, str) for one in self.voices)
        if not named or not self.voices or len(set(self.voices)) != len(self.voices):
            raise ValueError(f"voices are {self.voices!r:.60}; give a tuple of names, no name twice.")
        object.__setattr__(self, "voices", tuple(self.voices))
        whole("text_vocab_size (pieces, an end and a voice each)", self.text_vocab_size, len(self.voices) + 1)

    @property
    def eot(self) -> int:
        """The id that ends a text; those of the voices come after it."""
        return self.text_vocab_size - 1 - len(self.voices)


class TextToSpeech(TextToCodes):
    """A text encoder, a decoder of codes of mel frames, and the tokenizer that makes them and is heard.

    The tokenizer is trained first, by itself. ``mmcourse.speaking`` says texts with it.

    Args:
        config: sizes and choices.
    """

    config_class = TextToSpeechConfig
    config: TextToSpeechConfig

    def __init__(self, config: TextToSpeechConfig) -> None:
        super().__init__(config, config.tokenizer.codes + 1, config.length)
        self.tokenizer = FrameTokenizer(config.tokenizer).requires_grad_(False)

    @property
    def end_id(self) -> int:
        """The id that ends an utterance: the one after all codes."""
        return self.config.tokenizer.codes

    def words(self, texts: Sequence[str], voices: Sequence[str] | str | None = None) -> Words:
        """Texts as ids, each behind its voice and before its end.

        Args:
            texts: B texts.
            voices: a name for each, or one for all; None for the first voice.

        Raises:
            ValueError: an unknown voice, or a text that is too long.
        """
        known = self.config.voices
        if voices is not None and not isinstance(voices, str | list | tuple):
            raise TypeError(f"voices are {voices!r:.60}; give a name for each text, or one for all.")
        plain = super().words(texts)
        named = [voices or known[0]] * len(texts) if voices is None or isinstance(voices, str) else list(voices)
        if len(named) != len(texts):
            raise ValueError(f"{len(texts)} texts and {len(named)} voices; give each text one, or one name for all.")
        chosen = [self.config.eot + 1 + known.index(choose("voice", name, known)) for name in named]
        first = torch.tensor(chosen, device=plain.ids.device)[:, None]
        ids, padding = torch.cat([first, plain.ids], 1), F.pad(plain.padding, (1, 0))
        if ids.shape[1] > self.config.text_context:
            raise ValueError(
                f"a text of {ids.shape[1] - 1} tokens and its voice do not fit the {self.config.text_context} that "
                "this model reads; say it shorter."
            )
        return Words(ids, padding)

    def targets(self, mel: Sequence[Tensor]) -> Tensor:
        """What the decoder shall write of sounds: codes and the end, filled with -1.

        Args:
            mel: (F, M) each, as the tokenizer's ``spectrogram`` makes them.

        Returns:
            (B, N) int64; an utterance that is too long is cut, and has no end.
        """
        rows = [torch.cat([self.tokenizer.encode(one[None])[0], torch.tensor([self.end_id])]) for one in mel]
        rows = [row[: self.context_length] for row in rows]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-1)
