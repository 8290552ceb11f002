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

from mmcourse.data import DataUnavailableError, SoundDataset, SpeechDataset, card, instruments, load, sound_file
from mmcourse.data import speech as speech_module
from mmcourse.data.people import DIGITS, joined_digits
from mmcourse.data.sound_file import SoundFileError
from mmcourse.data.sounds import PackedSounds, SoundFiles, trimmed
from mmcourse.data.speech import made, voices, words_begin
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


def test_twenty_clips_of_people_are_inside() -> None:
    data = load("people-samples")
    described = card("people-samples")
    assert data.fingerprint == described.fingerprint
    assert len(data) == described.total == 20
    assert data.labels is not None
    assert data.labels.bincount().tolist() == [2] * 10
    assert set(data.concepts or []) == {"jackson", "theo"}
    assert all(0.3 < len(sound) / 16_000 < 0.7 and float(sound.abs().max()) > 0.01 for sound in data.sounds)
    assert "share-alike" in described.licence


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def shown(data: SoundDataset) -> list[tuple[str, int | None, str]]:
    labels = [None] * len(data) if data.labels is None else data.labels.tolist()
    return list(zip(data.captions or [], labels, data.concepts or [], strict=True))


def test_words_of_gcompris_have_their_own_language_and_english(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "GCompris-voices-master"
    for name in ("en/words/apple_tree", "fr/words/apple_tree", "fr/words/unheard", "es/colors/red", "es/alphabet/16",
                 "es/alphabet/U0031", "pt_BR/words/boat", "pt_BR/words/other", "pt_BR/colors/black"):  # fmt: skip
        write(folder / f"{name}.ogg")
    text(folder / "pt_BR" / "words" / "content.json", '[{"boat.ogg": "barco"}, {"gone.ogg": "nada"}]')
    data = load("gcompris-words", "all")
    assert shown(data) == [
        ("apple tree", 0, "en"),
        ("preto", 1, "pt_BR"),
        ("barco", 1, "pt_BR"),
        ("dieciséis", 2, "es"),
        ("rojo", 2, "es"),
        ("un pommier", 3, "fr"),
    ]
    assert data.translations == ["apple tree", "black", "boat", "sixteen", "red", "an apple tree"]
    assert len(load("gcompris-words", "fr+es")) == 3


def test_prompts_are_told_from_beeps(tmp_path: Path) -> None:
    for language, said in (("en", "digits/1: one"), ("fr", "digits/1: un")):
        folder = tmp_path / "data" / "asterisk" / language
        write(folder / "digits" / "1.wav", tone(), 8_000)
        write(folder / "beep.wav", tone(), 8_000)
        text(folder / f"core-sounds-{language}.txt", "; Core sounds", "", said, "beep: [a tone]", "gone: Gone.")
    assert shown(load("asterisk", "en+fr")) == [("one", 0, "asterisk en"), ("un", 3, "asterisk fr")]


def test_speech_commands_have_their_authors_lists(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "SpeechCommands" / "speech_commands_v0.02"
    for name in ("zero/aa_nohash_0", "zero/bb_nohash_0", "yes/cc_nohash_1", "_background_noise_/dd_nohash_0"):
        write(folder / f"{name}.wav")
    text(folder / "validation_list.txt", "zero/bb_nohash_0.wav")
    text(folder / "testing_list.txt", "yes/cc_nohash_1.wav")
    assert shown(load("speech-commands", "train")) == [("zero", 34, "aa")]
    assert shown(load("speech-commands", "validation+test")) == [("yes", 33, "cc"), ("zero", 34, "bb")]
    assert len(load("speech-commands", "all").classes) == 35


def test_librispeech_gives_text_and_reader(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "LibriSpeech" / "test-clean" / "61" / "70968"
    write(folder / "61-70968-0000.flac")
    text(folder / "61-70968.trans.txt", "61-70968-0000 HE BEGAN A CONFUSED COMPLAINT", "61-70968-0001 NOT HERE")
    data = load("librispeech", "test-clean")
    assert shown(data) == [("he began a confused complaint", None, "61")]
    assert data.sounds.kept is None, "a thousand hours are not kept in memory"
    assert len(data[0]["sounds"]) == 8000
    with pytest.raises(DataUnavailableError, match="no recording of 'dev-clean'"):
        load("librispeech", "dev-clean")


def test_environmental_sounds_come_in_folds(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "ESC-50-master"
    rows = [("1-1-A-0.wav", "1", "0", "dog", "True"), ("2-2-A-49.wav", "2", "49", "hand_saw", "False"),
            ("2-3-A-41.wav", "2", "41", "chainsaw", "True")]  # fmt: skip
    text(folder / "meta" / "esc50.csv", "filename,fold,target,category,esc10,src_file,take",
         *(",".join([*row, row[0][:3], "A"]) for row in rows))  # fmt: skip
    for row in rows:
        write(folder / "audio" / row[0])
    data = load("esc50", "2")
    assert not isinstance(data, SpeechDataset)
    assert shown(data) == [("hand saw", 49, "2-2"), ("chainsaw", 41, "2-3")]
    assert all(data.classes[label] == caption for caption, label, _ in shown(data))
    assert shown(load("esc10", "all")) == [("dog", 0, "1-1"), ("chainsaw", 9, "2-3")]


def test_common_voice_in_a_language(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cv-corpus-17.0" / "pt"
    text(folder / "dev.tsv", "client_id\tpath\tsentence", 'x\ta.mp3\tEla disse "sim".')
    write(folder / "clips" / "a.mp3")
    data = load("common-voice", "validation", language="pt")
    assert shown(data) == [('Ela disse "sim".', None, "x")]
    assert len(data[0]["sounds"]) > 7000
    with pytest.raises(DataUnavailableError, match="no recording of 'test' in 'pt'"):
        load("common-voice", "test", language="pt")
    with pytest.raises(TypeError, match="it takes language"):
        load("common-voice", "test", accent="x")


def test_strings_of_digits_are_joined_from_one_voice(tmp_path: Path) -> None:
    for digit in range(10):
        for speaker, hertz in (("theo", 300 + 20 * digit), ("lucas", 1300 + 20 * digit)):
            sound = torch.nn.functional.pad(tone(0.2, 8_000, hertz), (800, 1600))
            write(tmp_path / "data" / "fsdd" / "recordings" / f"{digit}_{speaker}_0.wav", sound, 8_000)
    data = joined_digits(load("fsdd", "theo+lucas"), 12, longest=4)
    assert [len(caption.split()) for caption in data.captions or []] == [
        len(translation.split()) for translation in data.translations
    ]
    assert {len(caption.split()) for caption in data.captions or []} == {2, 3, 4}
    assert set(data.concepts or []) == {"theo", "lucas"}
    for i in range(4):
        sound, digits = data[i]["sounds"], (data.captions or [])[i].removesuffix(".").lower().split()
        base = 300 if (data.concepts or [])[i] == "theo" else 1300
        frames = sound.unfold(0, 800, 400)
        heard: list[int | None] = [None]
        for frame in frames:
            loud = float(frame.square().mean()) > 0.1
            peak = int(torch.fft.rfft(frame, 16_000).abs().argmax()) if loud else None
            digit = None if peak is None else round((peak - base) / 20)
            if digit != heard[-1] and (digit is None or heard[-1] is None):
                heard.append(digit)
        assert [DIGITS[digit] for digit in heard if digit is not None] == digits
        assert 0.2 * len(digits) < len(sound) / 16_000 < 0.6 * len(digits)
    again = joined_digits(load("fsdd", "theo+lucas"), 12, longest=4)
    assert again.fingerprint == data.fingerprint
    with pytest.raises(ValueError, match="says all ten digits"):
        joined_digits(load("fsdd", "theo").subset(9), 1)


@pytest.mark.parametrize("name", ["fsdd", "gcompris-digits", "librispeech", "common-voice"])
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
    counts = card("spoken-digits").counts  # reckoned from all accents
    monkeypatch.setattr(speech_module, "ACCENTS", ("en-us",))
    data = load("spoken-digits", "validation", takes=1)
    assert len(data) == 120
    assert set(data.concepts or []) == set(voices("validation"))
    assert data.labels is not None
    assert [data.captions[i] for i in range(10)] == data.classes
    assert data.labels.bincount().tolist() == [12] * 10
    assert np.ptp(data.sounds.lengths.numpy()) > 0
    assert counts["test"] == counts["validation"] == 12 * 8 * 2 * 10


class Fake:
    """Synthesizers that these tests do not ask for: a tone for each voice or program."""

    said: list[list[str]]

    def __init__(self) -> None:
        self.said = []

    def run(self, command: list[str | Path], **_: object) -> None:
        words = [str(word) for word in command]
        self.said.append(words)
        if words[0] == "flite":
            write(Path(words[-1]), tone(0.3))
        else:
            script = Path(words[2]).read_text(encoding="utf-8")
            for line in script.splitlines()[1::2]:
                write(Path(line.split('"')[3]), tone(0.2))


def test_words_begin_where_the_synthesizer_began_them() -> None:
    data, begun = load("speech", "validation", count=12), words_begin("validation", count=12)
    assert len(begun) == len(data)
    for sound, text, words in zip(data.sounds, data.captions or [], begun, strict=True):
        assert words[0] == (0, pytest.approx(0, abs=0.1))
        assert all(first == 0 or text[first - 1] in " '-" for first, _ in words)
        times = [at for _, at in words]
        assert times == sorted(times)
        assert times[-1] < len(sound) / 16_000
    assert max(map(len, begun)) > 3
    assert words_begin("validation", count=12) == begun


def test_other_synthesizers_say_more_for_training(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    ours = speech_module.subprocess.run

    def run(command: list[str | Path], **options: object) -> object:
        return fake.run(command) if command[0] in ("flite", "festival") else ours(command, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(speech_module.subprocess, "run", run)
    monkeypatch.setattr(speech_module.shutil, "which", lambda name: name)
    monkeypatch.setattr(speech_module, "voices", lambda part: ["f3"])
    monkeypatch.setattr(speech_module, "ACCENTS", ("en-us",))
    data = load("spoken-digits", "train+test", takes=1, synthesizers="espeak+flite+festival")
    assert list(dict.fromkeys(data.concepts or [])) == [
        "f3", *speech_module.OTHERS["flite"], *speech_module.OTHERS["festival"],
    ]  # fmt: skip
    assert len(data) == 10 * (1 + 4 + 3 + 1), "none of them is in the test part"
    lengths = data.sounds.lengths
    assert lengths[10:80].tolist() == [4800] * 40 + [3200] * 30
    assert sorted(words[0] for words in fake.said) == ["festival"] + ["flite"] * 40
    said = load("speech", "train", count=32, synthesizers="espeak+flite")
    assert [voice for voice in said.concepts or [] if ":" in voice] == ["flite:awb", "flite:kal16"]


def test_a_synthesizer_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_module.shutil, "which", lambda name: None)
    with pytest.raises(SpeechUnavailableError, match="flite is not installed"):
        load("spoken-digits", "train", synthesizers="flite")
    with pytest.raises(ValueError, match="did you mean 'festival'"):
        load("spoken-digits", "train", synthesizers="festivall")


def test_notes_and_velocities_are_in_one_part_each(monkeypatch: pytest.MonkeyPatch) -> None:
    played = []

    def play(listed: list[tuple[int, int, int]]) -> object:
        played.extend(listed)
        return ((np.full(4, program, dtype=np.int16), [4]) for program, _, _ in listed)

    monkeypatch.setattr(instruments, "version", lambda name: "1")
    monkeypatch.setattr(instruments, "_played", play)
    parts = {part: load("instruments", part) for part in ("train", "validation", "test")}
    for column in (1, 2):
        seen = [{row[column] for row in played if row[2] in instruments.VELOCITIES[part]} for part in parts]
        assert not seen[0] & seen[1]
        assert not (seen[0] | seen[1]) & seen[2]
    for part, data in parts.items():
        assert data.labels is not None
        assert data.labels.bincount().tolist() == [card("instruments").counts[part] / 16] * 16
        assert (data.captions or [])[-1] == "sound effects"
    assert parts["test"][0]["sounds"].tolist() == [0.0] * 4


def test_without_instruments_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    def absent(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(instruments, "version", absent)
    with pytest.raises(instruments.InstrumentsUnavailableError, match="--no-deps tinysoundfont"):
        load("instruments", "test")
