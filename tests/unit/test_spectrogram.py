"""Frames, STFT, mel and logarithm against their definitions, a stream against the whole, and the way back."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.tokens.spectrogram import (
    LogMel,
    LogMelConfig,
    frame,
    griffin_lim,
    hann,
    hz_to_mel,
    istft,
    mel_filters,
    mel_to_hz,
    mel_to_linear,
    stft,
)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_frames_overlap_and_share_memory():
    x = torch.arange(10.0)
    assert frame(x, 4, 3).tolist() == [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9]]
    assert frame(x, 4, 3).data_ptr() == x.data_ptr()
    with pytest.raises(ValueError, match="3 samples are fewer than a window of 4"):
        frame(x[:3], 4, 1)


def test_a_sine_stands_in_its_own_frequency():
    rate, n = 16000, 400
    for k in (5, 50, 150):
        x = torch.sin(2 * math.pi * k * rate / n * torch.arange(rate) / rate)
        spectrum = stft(x, hann(n).float(), 160).abs()[10]
        assert int(spectrum.argmax()) == k
        assert spectrum[k] == pytest.approx(n / 4, rel=1e-3)  # half of Hann's sum n / 2 goes to each sign


def test_the_power_of_a_frame_is_its_energy():
    x, window = noise(400), hann(400).float()
    spectrum = stft(x, window, 400, centre=False)[0].abs().square()
    both_sides = spectrum[0] + spectrum[-1] + 2 * spectrum[1:-1].sum()
    assert both_sides / 400 == pytest.approx(float((x * window).square().sum()), rel=1e-4)  # Parseval


def test_a_window_of_kaldis_ends_where_it_began() -> None:
    kaldi, whisper = LogMelConfig.preset("ast-esc50"), LogMelConfig.preset("whisper-80")
    assert LogMel(kaldi).window[0] == LogMel(kaldi).window[-1] == 0
    assert LogMel(whisper).window[0] == 0 < LogMel(whisper).window[-1]


@pytest.mark.parametrize("scale", ["htk", "slaney", "kaldi"])
def test_mel_scales(scale):
    hertz = torch.linspace(0, 8000, 500, dtype=torch.float64)
    mel = hz_to_mel(hertz, scale)
    assert (mel.diff() > 0).all()
    assert torch.allclose(mel_to_hz(mel, scale), hertz, atol=1e-6)
    thousand = float(hz_to_mel(torch.tensor(1000.0, dtype=torch.float64), scale))
    assert thousand == pytest.approx(15 if scale == "slaney" else 1000, abs=0.1)


def test_triangles_have_area_one_and_no_gap():
    filters = mel_filters(40, 1024, 16000, scale="slaney", equal_area=True)
    assert filters.shape == (513, 40)
    assert torch.allclose(filters.sum(0) * 16000 / 1024, torch.ones(40, dtype=torch.float64), atol=0.05)
    plain = mel_filters(40, 1024, 16000, scale="htk")
    peak_to_peak = slice(int(plain[:, 0].argmax()) + 1, int(plain[:, -1].argmax()))
    assert torch.allclose(plain[peak_to_peak].sum(1), torch.ones(1, dtype=torch.float64), atol=1e-9)
    with pytest.raises(ValueError, match="inside 0 to 8000 Hz"):
        mel_filters(40, 400, 16000, high=9000)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.sampled_from(["whisper-80", "ast-audioset"]), st.integers(700, 5000), st.integers(1, 1200))
def test_a_stream_says_what_the_whole_says(preset, samples, piece):
    log_mel = LogMel(LogMelConfig.preset(preset))
    x = noise(samples)
    assert torch.allclose(torch.cat(list(log_mel.stream(x.split(piece)))), log_mel.mel(x), rtol=1e-3, atol=1e-4)
    assert log_mel.frames(samples) == len(log_mel.mel(x))


def test_each_waveform_of_a_batch_is_scaled_by_itself():
    log_mel = LogMel(LogMelConfig.preset("whisper-80"))
    x = torch.stack([noise(4000), 0.001 * noise(4000, seed=1)])
    assert torch.allclose(log_mel(x)[1], log_mel(x[1]), atol=1e-5)
    assert log_mel(torch.zeros(4000)).unique().tolist() == [-1.5]  # silence: (-10 + 4) / 4


def test_unreadable_sounds_say_why():
    log_mel = LogMel(LogMelConfig.preset("whisper-80"))
    with pytest.raises(TypeError, match="samples / 32768"):
        log_mel(torch.zeros(4000, dtype=torch.int16))
    with pytest.raises(ValueError, match="1 samples cannot be mirrored by 200"):
        log_mel(torch.zeros(1))
    with pytest.raises(ValueError, match="0 samples are too few"):
        list(log_mel.stream([]))
    with pytest.raises(ValueError, match="recipe 'openai'"):
        LogMelConfig(recipe="openai")


def test_there_and_back():
    x, window = noise(2, 4000), hann(400).float()
    assert torch.allclose(istft(stft(x, window, 100), window, 100), x, atol=1e-5)


def test_griffin_lim_finds_phases_that_agree():
    t = torch.arange(8000) / 8000
    x = 0.3 * torch.sin(2 * math.pi * (300 + 400 * t) * t)
    window = hann(400).float()
    magnitude = stft(x, window, 100).abs()

    def error(y):
        return float((stft(y, window, 100).abs() - magnitude).norm() / magnitude.norm())

    errors = [error(griffin_lim(magnitude, window, 100, iterations=n)) for n in (0, 8, 60)]
    assert errors[0] > 0.3 > errors[1] > errors[2]
    assert errors[2] < 0.1
    with pytest.raises(ValueError, match="K = 201 are needed"):
        griffin_lim(magnitude[:, :100], window, 100)


def test_bands_come_back_as_the_same_bands():
    filters = mel_filters(40, 400, 16000, scale="slaney", equal_area=True).float()
    power = stft(noise(8000), hann(400).float(), 160).abs().square()
    found = mel_to_linear(power @ filters, filters)
    assert (found >= 0).all()
    assert float((found @ filters - power @ filters).norm() / (power @ filters).norm()) < 0.05
