"""torchvision's sets: small stand-ins in the real on-disk formats, and what is said without a network."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import pickle
import shutil
import socket
import struct
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from mmcourse.data import DataUnavailableError, card, downloads, load
from mmcourse.data.downloads import EMBEDDED, SOURCES

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("MMCOURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, counts: tuple[int, int] = (100, 30)) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True)
    written = {}
    for part, count in zip(("train", "t10k"), counts, strict=True):
        images = RANDOM.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        written[part] = images
    return written


def test_fashion_mnist_from_files_put_by_hand(offline: Path) -> None:
    written = write_idx(offline / "FashionMNIST" / "raw")
    sizes = {part: len(load("fashion-mnist", part)) for part in ("train", "validation", "test")}
    assert sizes == {"train": 90, "validation": 10, "test": 30}
    data = load("fashion-mnist", "test")
    assert np.array_equal(data.images[:, 0].numpy(), written["t10k"])
    assert data.classes[0] == "T-shirt/top"
    validation = load("fashion-mnist", "validation")
    assert validation.labels.bincount().tolist() == [1] * 10
    whole = {image.tobytes() for image in written["train"]}
    assert {image.numpy().tobytes() for image in load("fashion-mnist", "train+validation").images} == whole


def test_mnist_classes_are_plain_digits(offline: Path) -> None:
    write_idx(offline / "MNIST" / "raw")
    assert load("mnist").classes == [str(digit) for digit in range(10)]


def test_cifar10_from_pickled_batches(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = offline / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    kind = torchvision.datasets.CIFAR10
    sums = {}
    first = b""
    for number, name in enumerate([*(name for name, _ in kind.train_list), "test_batch"]):
        pixels = RANDOM.integers(0, 256, (20, 3072), dtype=np.uint8)
        first = first or pixels[0].tobytes()
        content = pickle.dumps({"data": pixels, "labels": [(i + number) % 10 for i in range(20)]}, protocol=2)
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    content = pickle.dumps({"label_names": [f"class {i}" for i in range(10)]}, protocol=2)
    (folder / "batches.meta").write_bytes(content)
    monkeypatch.setattr(kind, "train_list", [[name, sums[name]] for name, _ in kind.train_list])
    monkeypatch.setattr(kind, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": hashlib.md5(content).hexdigest()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's own remark on old pickles
        assert len(load("cifar10", "train")) == 90
        assert len(load("cifar10", "validation")) == 10
        data = load("cifar10", "all")
    assert data.images.shape == (120, 3, 32, 32)
    assert data.classes[9] == "class 9"
    assert first in {image.numpy().tobytes() for image in data.images}, "channels, rows, columns are in place"


def test_eurosat_from_a_folder_of_pictures_of_several_sizes(offline: Path, tmp_path: Path) -> None:
    for place in ("Forest", "River"):
        folder = offline / "eurosat" / "2750" / place
        folder.mkdir(parents=True)
        for number in range(10):
            colour = (0, 255, 0) if place == "Forest" else (0, 0, 255)
            Image.new("RGB", (64 + number, 64), colour).save(folder / f"{place}_{number}.png")
    sizes = {part: len(load("eurosat", part, size=16)) for part in ("train", "validation", "test")}
    assert sizes == {"train": 14, "validation": 2, "test": 4}
    data = load("eurosat", "all", size=16)
    assert data.classes == ["Forest", "River"]
    assert data.images[data.labels == 0][0, :, 8, 8].tolist() == [0, 255, 0]
    assert load("eurosat").images.shape[1:] == (3, 64, 64)
    assert list((tmp_path / "cache").glob("eurosat-train-16-*.safetensors"))


@pytest.mark.parametrize("name", list(SOURCES))
def test_without_a_network_one_line_says_what_to_do(
    name: str, offline: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataUnavailableError) as error:
        load(name)
    message = str(error.value)
    assert "\n" not in message
    assert repr(name) in message
    assert str(offline) in message
    assert "could not be downloaded" in message
    assert "could not be downloaded (Name or service not known)" in message
    assert "by hand" in message
    assert "MMCOURSE_DATA" in message
    assert ", ".join(EMBEDDED) in message
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_a_damaged_file_is_named_as_such(offline: Path) -> None:
    write_idx(offline / "MNIST" / "raw")
    path = offline / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataUnavailableError, match=r"is damaged in .*delete it there") as error:
        load("mnist")
    assert "\n" not in str(error.value)


def test_a_data_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("mine", encoding="utf-8")
    monkeypatch.setenv("MMCOURSE_DATA", str(blocked))
    with pytest.raises(DataUnavailableError) as error:
        load("cifar10")
    assert "\n" not in str(error.value)
    assert blocked.read_text(encoding="utf-8") == "mine"


def test_what_is_fetched_is_kept_and_the_lock_is_no_obstacle(
    offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = tmp_path / "away"
    write_idx(away)
    resources = []
    for path in sorted(away.iterdir()):
        whole = gzip.compress(path.read_bytes())
        (away / f"{path.name}.gz").write_bytes(whole)
        resources.append((f"{path.name}.gz", hashlib.md5(whole).hexdigest()))
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", resources)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", ["http://course.invalid/"])

    def deliver(url: str, to: str, **_: object) -> None:
        shutil.copy(away / url.rsplit("/", 1)[1], to)

    monkeypatch.setattr(downloads, "_retrieve", deliver)
    monkeypatch.setattr(torchvision.datasets.utils, "_get_redirect_url", lambda url, **_: url)
    assert len(load("fashion-mnist", "test")) == 30
    assert (offline / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte").is_file()
    shutil.rmtree(away)
    assert torch.equal(load("fashion-mnist", "test").labels.bincount(), torch.full((10,), 3))


@pytest.mark.parametrize("name", list(SOURCES))
def test_every_source_is_a_class_of_torchvision_with_a_card(name: str) -> None:
    assert hasattr(torchvision.datasets, SOURCES[name].torchvision)
    counts = SOURCES[name].counts
    assert set(counts) == {"train", "validation", "test"}
    assert sum(counts.values()) == sum(SOURCES[name].sizes.values())
    assert card(name).counts == counts


def test_a_broken_picture_is_named_in_one_line(offline: Path) -> None:
    folder = offline / "eurosat" / "2750" / "Forest"
    folder.mkdir(parents=True)
    for number in range(4):
        Image.new("RGB", (64, 64)).save(folder / f"Forest_{number}.png")
    whole = (folder / "Forest_2.png").read_bytes()
    for broken in (whole[: len(whole) // 2], b"no picture"):
        (folder / "Forest_2.png").write_bytes(broken)
        with pytest.raises(DataUnavailableError, match="picture 2 of 'eurosat' is damaged") as error:
            load("eurosat", size=8)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["above", "absolute", "link"])
def test_an_archive_may_not_write_outside_its_folder(tmp_path: Path, kind: str) -> None:
    archive, inside = tmp_path / "set.tar.gz", tmp_path / "inside"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo({"above": "../outside", "absolute": str(tmp_path / "outside"), "link": "link"}[kind])
        if kind == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, str(tmp_path)
            tar.addfile(entry)
            entry = tarfile.TarInfo("link/outside")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"evil"))
    refused = contextlib.nullcontext() if kind == "absolute" else pytest.raises(tarfile.FilterError)
    with downloads._safely(), refused:  # an absolute name is put inside, without its slash
        torchvision.datasets.utils.extract_archive(str(archive), str(inside))
    assert not (tmp_path / "outside").exists()
    assert "extraction_filter" not in vars(tarfile.TarFile)  # and nobody else's archives are touched


class Dripping(io.BytesIO):
    """A server's answer, a byte at a time; time passes by the clock of the test."""

    length = 100

    def __init__(self, clock: list[float], seconds: float) -> None:
        super().__init__(b"x" * 100)
        self.clock, self.seconds = clock, seconds

    def read1(self, size: int | None = -1) -> bytes:
        self.clock[0] += self.seconds
        return self.read(1)


def test_a_server_that_sends_a_byte_a_second_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(downloads.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(downloads.urllib.request, "urlopen", lambda *_, **__: Dripping(clock, 1.0))
    with pytest.raises(TimeoutError, match="only 1 bytes a second"):
        downloads._retrieve("http://course.invalid/set", tmp_path / "set")
    assert clock[0] <= downloads.WATCH_SECONDS
    clock[0] = 0.0
    monkeypatch.setattr(downloads.urllib.request, "urlopen", lambda *_, **__: Dripping(clock, 1e-4))
    downloads._retrieve("http://course.invalid/set", tmp_path / "set")
    assert (tmp_path / "set").read_bytes() == b"x" * 100
