"""Files of any reader, recordings of people, speech made here: what is heard, and what one line says."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from mmcourse.data import DataUnavailableError, SoundDataset, SpeechDataset, card, load, sound_file
from mmcourse.data import speech as speech_module
from mmcourse.data.sound_file import SoundFileError
from mmcourse.data.sounds import PackedSounds, SoundFiles
from mmcourse.data.speech import made, trimmed, voices
from mmcourse.data.synthesizer import SpeechUnavailableError, Utterance


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MMCOURSE_DATA", str(tmp_path / "data"))


def tone(seconds: float = 0.5, rate: int = 16_000, hertz: float = 440.0) -> Tensor:
    return 0.5 * torch.sin(2 * math.pi * hertz * torch.arange(round(seconds * rate)) / rate)


def write(path: Path, samples: Tensor | None = None, rate: int = 16_000, **options: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (tone() if samples is None else samples).numpy(), rate, **options)
    return path


# files


@pytest.mark.parametrize(
    ("name", "rate", "channels", "options", "close"),
    [
        ("a.wav", 16_000, 1, {}, 1e-4),
        ("a.wav", 8_000, 2, {"subtype": "PCM_U8"}, 0.02),
        ("a.wav", 96_000, 2, {"subtype": "PCM_24"}, 0.01),
        ("a.wav", 44_100, 1, {"subtype": "FLOAT"}, 0.01),
        ("a.flac", 22_050, 2, {}, 0.01),
        ("a.ogg", 48_000, 1, {}, 0.05),
        ("a.mp3", 44_100, 1, {}, 0.1),
    ],
)
def test_every_format_rate_and_width_is_heard_as_the_same_tone(
    tmp_path: Path, name: str, rate: int, channels: int, options: dict[str, str], close: float
) -> None:
    heard = tone(rate=rate)
    write(tmp_path / name, torch.stack([heard] * channels, 1), rate, **options)
    found = sound_file.read(tmp_path / name)
    assert found.dtype == torch.float32
    assert abs(len(found) - 8000) <= (1200 if name.endswith("mp3") else 1)
    middle = found[2000:6000]
    phase = torch.arange(4000) * 2 * math.pi * 440 / 16_000  # as loud and as high, whatever a codec's delay
    loud = 2 * torch.stack([(middle * phase.sin()).mean(), (middle * phase.cos()).mean()]).norm()
    assert abs(float(loud) - 0.5) < close
    assert float((middle.square().mean() - loud**2 / 2).abs()) < close


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000])
def test_blocks_have_no_seam(tmp_path: Path, rate: int) -> None:
    from torchaudio.functional import resample

    noise = torch.rand(round(2.345 * rate)) - 0.5
    path = write(tmp_path / "noise.wav", noise, rate, subtype="FLOAT")
    pieces = list(sound_file.blocks(path, seconds=0.31))
    assert len(pieces) > 5
    torch.testing.assert_close(torch.cat(pieces), resample(noise, rate, 16_000), atol=1e-5, rtol=0)
    assert sound_file.duration(path) == pytest.approx(2.345, abs=1e-4)


def test_an_open_file_is_read_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.flac")
    with open(path, "rb") as file:
        assert torch.equal(sound_file.read(file), sound_file.read(path))


def test_stereo_is_averaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", torch.stack([tone(), -tone()], 1), subtype="FLOAT")
    assert float(sound_file.read(path).abs().max()) == 0


def broken(folder: Path, how: str) -> Path:
    path = folder / "a.wav"
    if how == "missing":
        return path
    if how == "text":
        path.write_text("This is no sound.", encoding="utf-8")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no samples":
        write(path, torch.zeros(0))
    elif how in ("nan", "inf"):
        write(path, torch.tensor([0.0, float(how)]), subtype="FLOAT")
    elif how == "half a wav":
        whole = write(path).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        whole = write(folder / "a.flac", torch.rand(32_000)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "is no file"),
        ("text", "holds no sound"),
        ("empty", "holds no sound"),
        ("no samples", "0 samples"),
        ("nan", "NaN or infinity"),
        ("inf", "NaN or infinity"),
        ("half a wav", "says that it holds 16,000 bytes of sound, but 7,978 are there"),
        ("half a flac", "copy it again"),
    ],
)
def test_what_cannot_be_heard_is_one_line(tmp_path: Path, how: str, says: str) -> None:
    path = broken(tmp_path, how)
    with pytest.raises(SoundFileError, match=says) as error:
        sound_file.read(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_header_written_before_the_length_was_known_is_no_lie(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    whole = bytearray(path.read_bytes())
    at = whole.index(b"data") + 4
    whole[4:8] = whole[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(whole)
    assert len(sound_file.read(path)) == 8000


# sounds that do not lie in memory


def test_packed_sounds_are_what_was_packed(tmp_path: Path) -> None:
    sounds = [tone(0.1), tone(0.2), torch.tensor([2.0, -2.0])]
    packed = PackedSounds.packed(sounds)
    assert packed.lengths.tolist() == [1600, 3200, 2]
    torch.testing.assert_close(packed[1], sounds[1], atol=2e-5, rtol=0)
    assert packed[-1].tolist() == [32767 / 32768, -1]
    with pytest.raises(IndexError, match="there are 3"):
        packed[3]
    packed.samples.tofile(tmp_path / "x.int16")
    mapped = PackedSounds.mapped(tmp_path / "x.int16", packed.lengths)
    again = pickle.loads(pickle.dumps(mapped[1:]))
    assert torch.equal(again[0], packed[1])
    assert b"".join(mapped.content()) == b"".join(packed.content())
    data = SoundDataset("s", "train", sounds=mapped, rate=16_000, labels=torch.arange(3))
    batch = data[1:].batch()
    assert batch["sound_lengths"].tolist() == [3200, 2]
    assert batch["sounds"].shape == (2, 3200)
    assert data[1:].fingerprint != data.fingerprint
    assert data.subset([0, 1, 2]).fingerprint == data.fingerprint


def test_files_are_read_when_asked_for(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{i}.wav", tone(0.1 * (i + 1))) for i in range(3)]
    kept: dict[Path, Tensor] = {}
    data = SoundDataset("s", "train", sounds=SoundFiles(files, 16_000, kept), rate=16_000)
    assert not kept
    assert len(data[1:][0]["sounds"]) == 3200
    assert list(kept) == [files[1]]
    before = data.fingerprint
    write(files[1], -tone(0.2))
    assert SoundDataset("s", "train", sounds=SoundFiles(files), rate=16_000).fingerprint != before
    assert len(pickle.loads(pickle.dumps(data)).sounds.kept) == 0


# people


def test_speakers_are_the_parts_of_fsdd(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "free-spoken-digit-dataset-1.0.10" / "recordings"
    for speaker in ("george", "theo"):
        for digit in range(3):
            write(folder / f"{digit}_{speaker}_0.wav", tone(0.1 + 0.01 * digit), 8_000)
    data = load("fsdd", "theo")
    assert isinstance(data, SpeechDataset)
    assert data.rate == 16_000
    assert len(load("fsdd", "george+theo")) == 6
    assert set(data.concepts or []) == {"theo"}
    batch = data[1:].batch()
    assert batch["labels"].tolist() == [1, 2]
    assert batch["captions"] == batch["translations"] == ["one", "two"]
    assert batch["sound_lengths"].tolist() == [3520, 3840]
    with pytest.raises(ValueError, match="did you mean 'jackson'"):
        load("fsdd", "jacksn")
    with pytest.raises(DataUnavailableError, match="no recording of 'lucas'"):
        load("fsdd", "lucas")


def test_languages_are_the_parts_of_gcompris(tmp_path: Path) -> None:
    for language in ("en", "br"):
        for digit in (0, 6):
            write(tmp_path / "data" / "gcompris-voices" / language / "alphabet" / f"U003{digit}.ogg")
    data = load("gcompris-digits", "all")
    assert list(zip(data.concepts or [], data.labels.tolist(), strict=True)) == [("br", 0), ("en", 0), ("en", 6)]
    assert card("gcompris-digits").counts["br"] == card("gcompris-digits").counts["cs"] == 9


@pytest.mark.parametrize("name", ["fsdd", "gcompris-digits"])
def test_what_is_not_there_is_one_line_with_its_address(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataUnavailableError, match=f"{card(name).address} there") as error:
        load(name, "all")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "data") in str(error.value)


# speech that is made here


def test_voices_are_in_one_part_each() -> None:
    parts = [set(voices(part)) for part in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [80, 12, 12]
    assert len(set().union(*parts)) == 104


def test_speech_is_the_same_whoever_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Utterance(word, f"en-us+{voice}") for voice in ("f3", "m1") for word in ("one", "two", "three")]
    monkeypatch.setattr(speech_module, "CHUNK", 4)
    first = made("x", listed)
    kept = sorted((tmp_path / "cache").iterdir())
    assert b"".join(made("x", listed).content()) == b"".join(first.content())
    assert sorted((tmp_path / "cache").iterdir()) == kept
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "other"))
    assert b"".join(made("x", listed).content()) == b"".join(first.content())
    assert 0.15 < len(first[0]) / 16_000 < 1
    assert not torch.equal(first[0], first[3])
    data = next(path for path in kept if path.suffix == ".int16")
    data.write_bytes(data.read_bytes()[:-2])  # half a file is made again
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "cache"))
    assert b"".join(made("x", listed).content()) == b"".join(first.content())


def test_speech_needs_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [Utterance("one"), Utterance("two")]
    kept = made("x", listed)
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    assert b"".join(made("x", listed).content()) == b"".join(kept.content())


def test_what_cannot_be_said_is_one_line() -> None:
    with pytest.raises(ValueError, match="no voice 'zz'") as error:
        made("x", [Utterance("one", "zz")])
    assert "\n" not in str(error.value)


def test_without_a_synthesizer_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def absent(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(speech_module, "version", absent)
    with pytest.raises(SpeechUnavailableError, match=r"pip install 'mmcourse\[speech\]'"):
        made("x", [Utterance("one")])


def test_silence_is_cut_at_the_ends_alone() -> None:
    silent = torch.zeros(4000)
    sound = torch.cat([silent, tone(0.1), silent, tone(0.1), silent])
    assert abs(len(trimmed(sound)) - (2 * 1600 + 4000 + 2 * 800)) < 10
    assert torch.equal(trimmed(silent), silent)


def test_spoken_digits_are_split_by_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_module, "ACCENTS", ("en-us",))
    data = load("spoken-digits", "validation", takes=1)
    assert len(data) == 120
    assert set(data.concepts or []) == set(voices("validation"))
    assert data.labels is not None
    assert [data.captions[i] for i in range(10)] == data.classes
    assert data.labels.bincount().tolist() == [12] * 10
    assert np.ptp(data.sounds.lengths.numpy()) > 0
    counts = card("spoken-digits").counts
    assert counts["test"] == counts["validation"] == 12 * 8 * 2 * 10
