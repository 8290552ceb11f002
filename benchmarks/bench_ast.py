"""AST beside transformers, and log-mel spectrograms beside torchaudio, librosa and openai-whisper.

Transformers' model holds the same weights; every spectrogram is the same one up to rounding. All run in turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import librosa
import numpy as np
import torch
import torchaudio
import whisper
from record import record, row, side_by_side
from torch import Tensor

from mmcourse import machine
from mmcourse.models import AST, ASTConfig
from mmcourse.pretrained import to_transformers
from mmcourse.tokens.spectrogram import LogMel, LogMelConfig

SOUNDS = {"ast-base-speech-commands": (4, 9), "ast-base": (1, 5)}  # sounds in a batch, turns
MINUTES, TURNS = 5, 9


def forwards() -> list[dict[str, Any]]:
    rows = []
    for preset, (count, turns) in SOUNDS.items():
        ours = AST(ASTConfig.preset(preset)).eval()
        theirs = to_transformers(ours)[0]
        assert theirs.config._attn_implementation == "sdpa", "the fastest that it has on this machine"
        c = ours.config
        x = torch.randn(count, c.frames, c.log_mel.bands)
        calls = [torch.no_grad()(lambda: ours(x)), torch.no_grad()(lambda: theirs(x).logits)]  # noqa: B023
        assert torch.allclose(calls[0](), calls[1](), atol=1e-3), "another model"
        for threads in sorted({1, machine.cores()}):
            torch.set_num_threads(threads)
            seconds = side_by_side(*calls, repeats=turns)
            what = f"AST-B, {count} x {c.frames} frames, forward"
            rows.append(row(what, *seconds, "transformers"))
    return rows


def librosa_whisper(sound: np.ndarray) -> np.ndarray:
    """Whisper's log-mel by librosa's own functions."""
    power = np.abs(librosa.stft(sound, n_fft=400, hop_length=160, pad_mode="reflect")) ** 2
    mel = np.dot(librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), power[:, :-1])
    level = np.log10(np.maximum(mel, 1e-10))
    return (np.maximum(level, level.max() - 8) + 4) / 4


def spectrograms() -> list[dict[str, Any]]:
    sound = torch.rand(MINUTES * 60 * 16000) - 0.5
    kaldi, openai = LogMel(LogMelConfig.preset("ast-audioset")), LogMel(LogMelConfig.preset("whisper-80"))

    def by_kaldi() -> Tensor:
        found = torchaudio.compliance.kaldi.fbank(
            sound[None], htk_compat=True, sample_frequency=16000, window_type="hanning", num_mel_bins=128, dither=0.0
        )
        return (found - kaldi.config.mean) / (2 * kaldi.config.deviation)

    rivals: list[tuple[str, str, Callable[[], Any], Callable[[], Any]]] = [
        ("Kaldi's filter bank, 128 bands", "torchaudio", lambda: kaldi(sound), by_kaldi),
        ("Whisper's log-mel, 80 bands", "openai-whisper", lambda: openai(sound).T,
         lambda: whisper.log_mel_spectrogram(sound)),
        ("Whisper's log-mel, 80 bands", "librosa", lambda: openai(sound).T, lambda: librosa_whisper(sound.numpy())),
    ]  # fmt: skip
    rows = []
    for what, library, ours, theirs in rivals:
        assert np.allclose(ours(), theirs(), atol=2e-3), f"{library} makes another spectrogram"
        for threads in sorted({1, machine.cores()}):
            torch.set_num_threads(threads)
            seconds = side_by_side(ours, theirs, repeats=TURNS)
            rows.append(row(f"{what}, {MINUTES} minutes", *seconds, library))
    return rows


def main() -> None:
    torch.manual_seed(0)
    record("ast", forwards() + spectrograms())


if __name__ == "__main__":
    main()
