"""Ours beside torchaudio and Kaldi's filter bank; <= 1e-4 in float32."""

import pytest
import torch
import torchaudio.functional as AF
from torchaudio.compliance import kaldi

from mmcourse.tokens.spectrogram import LogMel, LogMelConfig, hann, istft, mel_filters, stft


def noise(*shape: int) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("size", "hop", "samples"), [(400, 160, 16000), (512, 128, 7001), (330, 100, 3333)])
def test_stft_is_torchaudios(size, hop, samples):
    x, window = noise(2, samples), torch.hann_window(size)
    theirs = AF.spectrogram(x, 0, window, size, hop, size, None, False)
    assert torch.allclose(stft(x, hann(size).float(), hop), theirs.mT, atol=1e-4)
    assert torch.allclose(hann(size).float(), window, atol=1e-6)


@pytest.mark.parametrize("bands", [10, 80, 128])
@pytest.mark.parametrize(("scale", "norm"), [("htk", None), ("htk", "slaney"), ("slaney", None), ("slaney", "slaney")])
def test_filters_are_torchaudios(bands, scale, norm):
    theirs = AF.melscale_fbanks(201, 0.0, 8000.0, bands, 16000, norm=norm, mel_scale=scale)
    ours = mel_filters(bands, 400, 16000, scale=scale, equal_area=norm is not None)
    assert torch.allclose(ours.float(), theirs, atol=1e-4)


@pytest.mark.parametrize("samples", [400, 401, 16000, 52345])
def test_asts_filter_bank_is_kaldis(samples):
    x = noise(samples)
    theirs = kaldi.fbank(
        x[None] - x.mean(),
        htk_compat=True,
        sample_frequency=16000,
        use_energy=False,
        window_type="hanning",
        num_mel_bins=128,
        dither=0.0,
        frame_shift=10,
    )
    log_mel = LogMel(LogMelConfig.preset("ast-audioset"))
    assert torch.allclose(log_mel(x - x.mean()), (theirs + 4.2677393) / (2 * 4.5689974), atol=1e-4)


def test_istft_is_torchs():
    window = hann(400).float()
    spectrum = stft(noise(2, 8000), window, 160) * torch.rand(51, 201)
    theirs = torch.istft(spectrum.mT, 400, 160, window=window)
    assert torch.allclose(istft(spectrum, window, 160), theirs, atol=1e-5)
