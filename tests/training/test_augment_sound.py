"""Each change of sounds does what its name says, to each sound by itself, the same for the same generator."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmcourse.data import SoundDataset
from mmcourse.data import augment_sound as a
from mmcourse.data.augment import Augmentation, Compose

RATE = 16_000
EVERY: list[Augmentation] = [
    a.Speed(0.2), a.Tempo(0.2), a.Formants(0.2), a.Gain(), a.Noise(), a.Babble(), a.Room(), a.Telephone(),
    a.Microphone(), a.Clip(), a.Shift(0.1), a.Sometimes(a.Speed(0.2)),
]  # fmt: skip


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def tones(hertz: list[float], seconds: float = 0.5) -> Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return 0.5 * torch.sin(2 * math.pi * torch.tensor(hertz)[:, None] * time)


def pitch(sound: Tensor) -> float:
    return float(torch.fft.rfft(sound, 4 * RATE).abs().argmax()) / 4


def decibels(loud: Tensor, soft: Tensor) -> Tensor:
    return 10 * (loud.square().sum(1) / soft.square().sum(1)).log10()


@pytest.mark.parametrize("change", EVERY, ids=str)
def test_the_same_generator_changes_the_same_way(change: Augmentation) -> None:
    sounds = tones([200.0, 300.0, 700.0])
    before = sounds.clone()
    found = change(sounds, generator())
    assert torch.equal(sounds, before), "what was given is not written on"
    assert torch.equal(found, change(sounds, generator()))
    assert found.shape[0] == 3
    assert found.shape[1] >= sounds.shape[1]
    assert bool(torch.isfinite(found).all())
    assert not torch.equal(found[:, :8000], change(sounds, generator(3))[:, :8000])
    assert str(change)
    assert bool(torch.isfinite(change(torch.zeros(2, 4000), generator())).all()), "silence stays finite"
    with pytest.raises(ValueError, match=r"sounds|2 dimensions"):
        change(torch.zeros(2, 1, 4000), generator())


def test_speed_moves_pitch_and_length_together() -> None:
    sounds = tones([400.0, 400.0])
    speeds = torch.tensor([[0.8], [1.25]])
    slow, fast = a.resampled(sounds, speeds)
    assert len(slow) == 10_000
    assert pitch(slow) == pytest.approx(320, abs=1)
    assert pitch(fast) == pytest.approx(500, abs=1)
    assert float(fast[6401:].abs().max()) == 0
    torch.testing.assert_close(a.resampled(sounds, torch.ones(2, 1)), sounds)


def test_tempo_moves_length_alone() -> None:
    slow, fast = a.stretched(tones([400.0, 400.0]), torch.tensor([[0.8], [1.25]]))
    assert pitch(slow[1000:9000]) == pytest.approx(400, abs=4)
    assert pitch(fast[1000:5500]) == pytest.approx(400, abs=4)
    assert float(slow[8500:9500].abs().max()) > 0.3
    assert float(fast[7200:].abs().max()) < 0.05


def test_formants_move_and_pitch_stays() -> None:
    """A pulse train through one resonance: harmonics stay where they are, the loudest of them moves."""
    pulses = torch.zeros(1, 8000)
    pulses[:, ::128] = 1  # 125 Hz
    size = 16_384
    hertz = torch.fft.rfftfreq(size, 1 / RATE)
    voice = a._filtered(pulses, torch.exp(-(((hertz - 1000) / 300) ** 2))[None], size)
    moved = a.moved_formants(voice, torch.tensor([[1.3]]))
    before, after = pitch(voice[0]), pitch(moved[0])
    assert before == pytest.approx(1000, abs=5)
    assert 1200 < after < 1400
    assert after % 125 == pytest.approx(0, abs=5) or after % 125 == pytest.approx(125, abs=5)
    torch.testing.assert_close(a.moved_formants(voice, torch.ones(1, 1)), voice, atol=1e-4, rtol=0)


def test_noise_and_babble_are_as_loud_as_they_say() -> None:
    sounds = tones([200.0, 500.0, 900.0])
    for change in (a.Noise((10.0, 10.0)), a.Babble((10.0, 10.0), 1)):
        added = change(sounds, generator()) - sounds
        torch.testing.assert_close(decibels(sounds, added), torch.full((3,), 10.0), atol=0.3, rtol=0)
    padded = torch.nn.functional.pad(sounds, (0, 8000))
    added = a.Noise((10.0, 10.0), (0.0, 0.0))(padded, generator()) - padded
    torch.testing.assert_close(decibels(sounds, added[:, :8000]), torch.full((3,), 10.0), atol=0.5, rtol=0)


def test_colours_of_noise() -> None:
    silent = torch.full((1, 16_000), 1e-3)
    slopes = []
    for colour in (0.0, 1.0, 2.0):
        power = torch.fft.rfft(a.Noise((-40.0, -40.0), (colour, colour))(silent, generator())).abs().square()[0]
        slopes.append(float(10 * (power[200:400].mean() / power[2000:4000].mean()).log10()))
    assert slopes[0] == pytest.approx(0, abs=1)
    assert slopes[1] == pytest.approx(10, abs=1)
    assert slopes[2] == pytest.approx(20, abs=1.5)


def test_a_room_answers_after_the_sound_and_dies_away() -> None:
    clap = torch.zeros(4, 16_000)
    clap[:, 100] = 1
    heard = a.Room((0.3, 0.3), (0.0, 0.0))(clap, generator())
    assert float(heard[:, :100].abs().max()) < 1e-5
    early, late = heard[:, 500:1500].square().sum(1), heard[:, 2900:3900].square().sum(1)
    torch.testing.assert_close(10 * (early / late).log10(), torch.full((4,), 30.0), atol=4, rtol=0)  # 60 dB in 0.3 s


def test_bands_and_microphones() -> None:
    sounds = tones([100.0, 1000.0, 5000.0])
    kept = a.Telephone(((300.0, 3400.0),))(sounds, generator())
    lost = decibels(sounds, kept)
    assert lost[0] > 20
    assert abs(lost[1]) < 0.5
    assert lost[2] > 20
    assert abs(float(decibels(sounds[:1], a.Telephone(((0.0, 4000.0),))(sounds[:1], generator()))[0])) < 0.5
    coloured = a.Microphone(6.0)(tones([1000.0] * 64), generator())
    assert 2 < float(decibels(coloured, tones([1000.0] * 64)).std()) < 8


def test_clip_gain_shift() -> None:
    sounds = tones([200.0, 300.0])
    assert float(a.Clip(0.5)(sounds, generator()).abs().max()) < 0.5
    assert a.Gain((-6.0, -6.0))(sounds, generator()).abs().max() == pytest.approx(0.5 * 10**-0.3, abs=1e-3)
    late = a.Shift(0.1)(sounds, generator())
    starts = (late.abs() > 0.01).int().argmax(1)
    assert late.shape == (2, 9600)
    assert starts[0] != starts[1]
    torch.testing.assert_close(late.square().sum(1), sounds.square().sum(1))


def test_sometimes_leaves_the_rest() -> None:
    sounds = tones([200.0] * 200, 0.05)
    found = a.Sometimes(a.Gain((-20.0, -20.0)), 0.3)(sounds, generator())
    changed = (found != sounds).any(1)
    assert 40 < int(changed.sum()) < 80
    assert torch.equal(found[~changed], sounds[~changed])
    assert torch.equal(a.Sometimes(a.Gain(), 0.0)(sounds, generator()), sounds)


def test_masks_are_stripes_of_the_mean() -> None:
    spectrograms = torch.rand(16, 50, 40)
    found = a.Mask(1, 10, 1, 8)(spectrograms, generator())
    hidden = found != spectrograms
    rows, columns = hidden.all(2).sum(1), hidden.all(1).sum(1)
    assert int(rows.max()) <= 10
    assert int(columns.max()) <= 8
    assert len(rows.unique()) > 3
    torch.testing.assert_close(hidden.sum((1, 2)), rows * 40 + columns * 50 - rows * columns)
    means = spectrograms.mean((1, 2), keepdim=True).expand_as(found)
    assert torch.equal(found[hidden], means[hidden])
    assert torch.equal(a.Mask(0, 0, 0, 0)(spectrograms, generator()), spectrograms)


def test_it_belongs_to_the_data() -> None:
    data = SoundDataset("s", "train", sounds=list(tones([200.0, 300.0, 400.0])), rate=RATE)
    both = Compose(a.Speed(0.1), a.Noise())
    changed = data.augmented(both, of="sounds")
    assert changed.fingerprint != data.augmented(Compose(a.Speed(0.2), a.Noise()), of="sounds").fingerprint
    assert torch.equal(changed.training_batch(0, 2, 0)["sounds"], changed.training_batch(0, 2, 0)["sounds"])
    assert "speed and pitch by 10%; noise" in repr(changed)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: a.Speed(1.0), "change is 1.0"),
        (lambda: a.Noise((10.0, 0.0)), "must not be larger"),
        (lambda: a.Room((0.0, 0.5)), "seconds is 0.0"),
        (lambda: a.Telephone(()), "bands is empty"),
        (lambda: a.Mask(times=-1), "times is -1"),
        (lambda: a.Sometimes(a.Clip(), 2.0), "share is 2.0"),
        (lambda: a.Speed()(torch.zeros(0, 4), generator()), "holds no sample"),
    ],
)
def test_wrong_settings_are_one_line(wrong: object, says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as error:
        wrong()  # type: ignore[operator]
    assert "\n" not in str(error.value)
