"""The embedded sets: counts, splits that never move, the cache under bad conditions, one-line errors."""

from __future__ import annotations

import base64
import hashlib
import logging
import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from mmcourse import checkpoint
from mmcourse.data import DataUnavailableError, ImageDataset, card, describe, emoji, load, names, npm, photo
from mmcourse.data import cache as cache_module
from mmcourse.data.downloads import EMBEDDED
from mmcourse.data.speech import MADE
from mmcourse.data.splits import part_of, stratified


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folders(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(shared))
    monkeypatch.setenv("MMCOURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(cache_module, "_told", set())


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    message = str(error.value)
    assert message
    assert "\n" not in message
    return message


# digits and mnist5k


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_decoded_bytes_are_what_the_card_says(name: str) -> None:
    described = card(name)
    for part, fingerprint in described.fingerprints.items():
        data = load(name, part)
        assert data.fingerprint == fingerprint
        if part != "all":
            assert len(data) == described.counts[part]
    assert described.total == len(load(name, "all"))


@pytest.mark.parametrize(("name", "side"), [("digits", 8), ("mnist5k", 28)])
def test_shapes_types_and_range(name: str, side: int) -> None:
    data = load(name)
    assert data.images.shape == (card(name).counts["train"], 1, side, side)
    assert data.images.dtype == torch.uint8
    assert data.labels.dtype == torch.int64
    assert int(data.images.min()) == 0
    assert int(data.images.max()) == 255
    assert data.classes == [str(digit) for digit in range(10)]
    picture, label = data[0]["images"], data[0]["labels"]
    assert picture.dtype == torch.float32
    assert 0 <= float(picture.min()) <= float(picture.max()) <= 1
    assert isinstance(label, int)


def test_digits_keep_their_seventeen_levels() -> None:
    levels = load("digits", "all").images.unique().tolist()
    assert levels == [round(255 / 16 * ink) for ink in range(17)]


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_parts_are_disjoint_stratified_and_together_everything(name: str) -> None:
    parts = {part: load(name, part) for part in card(name).counts}
    whole = load(name, "all")
    rows = [image.numpy().tobytes() for data in parts.values() for image in data.images]
    assert Counter(rows) == Counter(image.numpy().tobytes() for image in whole.images)
    assert len(set(rows)) == len(rows), "no picture is in the set twice, so none is in two parts"
    frequency = whole.labels.bincount() / len(whole)
    for data in parts.values():
        assert (data.labels.bincount() - frequency * len(data)).abs().max() <= 1.01


def test_mnist5k_has_equally_many_of_each_digit() -> None:
    for part, each in {"train": 360, "validation": 40, "test": 100, "train+validation": 400}.items():
        assert load("mnist5k", part).labels.bincount().tolist() == [each] * 10


def test_train_and_validation_together_work_for_every_embedded_set() -> None:
    for name in EMBEDDED:
        counts = card(name).counts
        assert len(load(name, "train+validation")) == counts["train"] + counts.get("validation", 0)


def test_stratified_is_exact_and_refuses_sizes_that_do_not_add_up() -> None:
    labels = [0] * 7 + [1] * 13 + [2] * 1
    parts = stratified(labels, {"a": 10, "b": 10, "c": 1})
    assert sorted(index for part in parts.values() for index in part) == list(range(21))
    assert [len(part) for part in parts.values()] == [10, 10, 1]
    assert stratified(labels, {"a": 10, "b": 10, "c": 1}, seed=1) != parts
    with pytest.raises(ValueError, match="hold 20 items but there are 21") as error:
        stratified(labels, {"a": 20})
    one_line(error)


# emoji


def test_emoji_counts() -> None:
    counts = {part: len(listed) for part, listed in emoji.parts().items()}
    assert counts == {"train": 1519, "validation": 191, "test": 208}
    assert counts == card("emoji").counts
    assert len(emoji.concepts()) == sum(counts.values()) == 1918


def test_emoji_parts_are_the_same_concepts_in_every_style_size_and_language() -> None:
    for part, listed in emoji.parts().items():
        for options in ({}, {"style": "openmoji"}, {"size": 16}, {"language": "pt"}):
            data = load("emoji", part, **options)
            assert data.concepts == listed
            side = options.get("size", 32)
            assert data.images.shape == (len(listed), 3, side, side)
    seen = [set(listed) for listed in emoji.parts().values()]
    assert len(set.union(*seen)) == sum(len(part) for part in seen)


def test_emoji_parts_never_move() -> None:
    known = {
        "1f600": "validation",
        "1f436": "train",
        "1f431": "train",
        "2615": "train",
        "1f697": "train",
        "1f34e": "train",
        "1f1e7-1f1f7": "train",
        "1f3c3": "train",
        "39-20e3": "validation",
        "2049": "validation",
        "2194": "validation",
        "23-20e3": "test",
        "36-20e3": "test",
        "a9": "test",
    }
    assert {concept: part_of(emoji.family(concept)) for concept in known} == known
    listed = {part: ",".join(concepts) for part, concepts in emoji.parts().items()}
    digest = {part: hashlib.sha256(text.encode()).hexdigest()[:16] for part, text in listed.items()}
    assert digest == {"train": "49ac90307fa27ef2", "validation": "da9fe21704b3e2a7", "test": "b6214b60d1f8be13"}


def test_emoji_without_skin_tones_and_variation_selectors() -> None:
    for concept in emoji.concepts():
        assert not emoji.SKIN_TONES & set(concept.split("-"))
        assert "fe0f" not in concept
    assert emoji.normal("0023-FE0F-20E3") == "23-20e3"


@pytest.mark.parametrize("style", emoji.BUILT_IN)
def test_no_emoji_is_drawn_alike_in_two_parts(style: str) -> None:
    parts = [load("emoji", part, style=style) for part in ("train", "validation", "test")]
    drawn = [{image.numpy().tobytes() for image in data.images} for data in parts]
    assert not drawn[0] & drawn[1]
    assert not drawn[0] & drawn[2]
    assert not drawn[1] & drawn[2]


def test_families() -> None:
    runners = ["1f3c3", "1f3c3-200d-2640", "1f3c3-200d-2642-200d-27a1"]
    assert len({emoji.family(concept) for concept in runners}) == 1
    assert emoji.family("1f468-200d-1f680") == emoji.family("1f9d1-200d-1f680") != emoji.family("1f680")
    assert emoji.family("1f46a") == emoji.family("1f469-200d-1f469-200d-1f466")
    assert emoji.family("1f1fa-1f1f2") == emoji.family("1f1fa-1f1f8") != emoji.family("1f1e7-1f1f7")
    assert emoji.family("1f550") == emoji.family("1f567")


@pytest.mark.parametrize("style", emoji.BUILT_IN)
def test_emoji_are_drawn_in_colour_over_white(style: str) -> None:
    data = load("emoji", "all", style=style)
    assert float(data.images.float().flatten(1).std(1).min()) > 1, "no drawing is blank"
    corners = data.images[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert float((corners > 250).float().mean()) > 0.7
    assert data.images.float().std(1).amax() > 50


def test_captions_in_every_language() -> None:
    for language in emoji.languages():
        found = emoji.names(language)
        assert list(found) == list(emoji.concepts())
        assert all(name and ":" not in name and "_" not in name for name in found.values())
    spelled = {language: emoji.names(language)["1f600"] for language in ("en", "es", "pt")}
    assert spelled == {"en": "grinning face", "es": "cara sonriendo", "pt": "rosto risonho"}


def test_emoji_items_are_picture_caption_and_label() -> None:
    data = load("emoji", "validation", language="es")
    assert data.captions is not None
    assert data.labels is not None
    item = data[3]
    assert item["captions"] == data.captions[3] == data.classes[item["labels"]]
    assert item["images"].shape == (3, 32, 32)
    batch = next(iter(DataLoader(data, batch_size=8)))
    assert batch["images"].shape == (8, 3, 32, 32)
    assert list(batch["captions"]) == data.captions[:8]
    assert batch["labels"].tolist() == data.labels[:8].tolist()


def test_two_styles_in_one_set() -> None:
    both = load("emoji", "test", style="twemoji+openmoji")
    assert len(both) == 2 * 208
    assert torch.equal(both.labels[:208], both.labels[208:])
    assert not torch.equal(both.images[:208], both.images[208:])


def test_fetched_styles_say_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(npm, "command", lambda: None)
    with pytest.raises(DataUnavailableError, match="needs npm") as error:
        load("emoji", style="noto")
    assert "twemoji and openmoji need no download" in one_line(error)
    assert str(tmp_path) in one_line(error)


def test_npm_archives_are_checked_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    whole = b"an archive"
    digest = base64.b64encode(hashlib.sha512(whole).digest()).decode()
    kept = tmp_path / "npm" / "scope-thing-1.0.0.tgz"
    brings = "import pathlib; pathlib.Path('scope-thing-1.0.0.tgz').write_bytes({!r})"
    monkeypatch.setattr(npm, "command", lambda: [sys.executable, "-c", "import sys; sys.exit('no such host')"])
    with pytest.raises(npm.NpmError, match=r"no such host.*connect to the network or put scope-thing-1.0.0.tgz into"):
        npm.archive("@scope/thing", "1.0.0", digest)
    monkeypatch.setattr(npm, "command", lambda: [sys.executable, "-c", brings.format(b"another")])
    with pytest.raises(npm.NpmError, match="not the file that was tested"):
        npm.archive("@scope/thing", "1.0.0", digest)
    assert not kept.exists()
    monkeypatch.setattr(npm, "command", lambda: [sys.executable, "-c", brings.format(whole)])
    assert npm.archive("@scope/thing", "1.0.0", digest) == whole
    monkeypatch.setattr(npm, "command", lambda: None)
    assert npm.archive("@scope/thing", "1.0.0", digest) == whole, "the second time it comes from the cache"
    kept.write_bytes(b"damaged")
    with pytest.raises(npm.NpmError, match="needs npm"):
        npm.archive("@scope/thing", "1.0.0", digest)


def test_fetched_styles_are_matched_by_code_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io
    import json
    import tarfile

    icons = {
        "icons": {"grin": {"body": '<circle cx="8" cy="8" r="8" fill="#f00"/>'}},
        "aliases": {"grinning": {"parent": "grin"}},
        "height": 16,
    }
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in {"icons": icons, "chars": {"1f600": "grinning", "2b50-fe0f": "lost"}}.items():
            text = json.dumps(content).encode()
            entry = tarfile.TarInfo(f"package/{name}.json")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    monkeypatch.setattr(emoji, "_package", lambda style: whole.getvalue())
    data = load("emoji", "all", style="fluent")
    assert data.captions == ["grinning face"]
    assert data.images[0, :, 16, 16].tolist() == [255, 0, 0]
    assert data.images[0, :, 0, 0].tolist() == [255, 255, 255]


# photographs


def test_photos() -> None:
    data = load("photos")
    assert data.images.shape == (19, 3, 128, 128)
    assert card("photos").total == 19
    assert data.classes[:2] == ["astronaut", "brick"]
    assert load("photos", size=16).images.shape == (19, 3, 16, 16)
    assert photo("astronaut").shape == (3, 512, 512)
    assert photo("china").shape == (3, 427, 640)
    for name in data.classes:
        assert photo(name).dtype == torch.uint8
        assert f"{name}: " in card("photos").licence
    with pytest.raises(ValueError, match="did you mean 'astronaut'") as error:
        photo("astronut")
    one_line(error)


# the Dataset itself


def test_dataset_pickles_slices_and_batches() -> None:
    data = load("digits", "test")
    again = pickle.loads(pickle.dumps(data))
    assert again.fingerprint == data.fingerprint
    assert len(again) == 359
    few = data.subset(10)
    assert torch.equal(few.images, data.images[:10])
    assert few.fingerprint != data.fingerprint
    picked = data.subset([5, -1])
    assert picked.labels.tolist() == [int(data.labels[5]), int(data.labels[-1])]
    threes = data.subset(data.labels == 3)
    assert threes.labels.unique().tolist() == [3]
    assert torch.equal(data.batch([1, 2])["images"], torch.stack([data[1]["images"], data[2]["images"]]))
    assert data.batch()["labels"].tolist() == data.labels.tolist()
    for workers in (0, 1):
        batch = next(iter(DataLoader(data, batch_size=64, num_workers=workers)))
        assert batch["images"].shape == (64, 1, 8, 8)
        assert batch["labels"].tolist() == data.labels[:64].tolist()
    assert repr(data) == "Dataset('digits', split='test': 359 images of 1x8x8)"


def test_dataset_refuses_what_does_not_fit() -> None:
    data = load("digits", "test")
    for bad in (360, -1, [359], [-360]):
        with pytest.raises(ValueError, match="has 359") as error:
            data.subset(bad)
        one_line(error)
    with pytest.raises(IndexError, match="it has 359"):
        data[359]
    with pytest.raises(ValueError, match="uint8 is needed") as error:
        ImageDataset("mine", "train", images=torch.zeros(2, 1, 8, 8), labels=torch.zeros(2))
    one_line(error)
    with pytest.raises(ValueError, match="2 images but 3") as error:
        ImageDataset("mine", "train", images=torch.zeros(2, 1, 8, 8, dtype=torch.uint8), labels=torch.zeros(3))
    one_line(error)


def test_a_batch_costs_one_indexing(monkeypatch: pytest.MonkeyPatch) -> None:
    data, calls = load("mnist5k"), []
    content = ImageDataset._content
    monkeypatch.setattr(ImageDataset, "_content", lambda self, index: calls.append(len(index)) or content(self, index))
    items = data.__getitems__(torch.randperm(len(data))[:256].tolist())
    assert len(items) == 256
    assert calls == [256]


# the cache


def _fill(folder: str, log: str) -> None:
    os.environ["MMCOURSE_CACHE"] = folder
    original = emoji.rasterise

    def counted(size: int, **options: object) -> object:
        with open(log, "a", encoding="utf-8") as file:
            file.write("x")
        return original(size, **options)  # type: ignore[arg-type]

    emoji.rasterise = counted  # type: ignore[assignment]
    assert len(load("emoji", "test", size=12)) == 208


def test_two_processes_fill_one_cache_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    log = tmp_path / "drawn"
    workers = [spawn.Process(target=_fill, args=(str(tmp_path / "cache"), str(log))) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert log.stat().st_size == 1918, "the second process waited for the first"
    kept = sorted(path.suffix for path in (tmp_path / "cache").iterdir())
    assert [suffix for suffix in kept if suffix != ".lock"] == [".safetensors"]


@pytest.mark.parametrize("damage", ["truncated", "empty", "one bit", "another file"])
def test_a_damaged_cache_file_is_made_again(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))
    fingerprint = load("photos", size=8).fingerprint
    (path,) = tmp_path.glob("photos-8-*.safetensors")
    good, tensors = path.read_bytes(), checkpoint.load(path)[0]
    path.write_bytes({
        "truncated": good[: len(good) // 2],
        "empty": b"",
        "one bit": good[:-1] + bytes([good[-1] ^ 1]),
        "another file": b"not what it should be" * 100,
    }[damage])  # fmt: skip
    assert load("photos", size=8).fingerprint == fingerprint
    assert torch.equal(checkpoint.load(path)[0]["images"], tensors["images"])


@pytest.mark.parametrize("kind", ["a file", "in a file", "no such device", "a long name"])
def test_a_cache_that_cannot_be_written(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("mine", encoding="utf-8")
    folder = {
        "a file": blocked,
        "in a file": blocked / "cache",
        "no such device": Path("/proc/no/cache"),
        "a long name": tmp_path / ("x" * 300),
    }[kind]
    monkeypatch.setenv("MMCOURSE_CACHE", str(folder))
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    with caplog.at_level(logging.INFO, logger="mmcourse"):
        assert load("photos", size=8).images.shape == (19, 3, 8, 8)
        assert load("photos", size=8).images.shape == (19, 3, 8, 8)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "\n" not in record.getMessage()
    assert str(folder) in record.getMessage()
    assert "MMCOURSE_CACHE" in record.getMessage()
    assert blocked.read_text(encoding="utf-8") == "mine"
    assert "cannot be written" in describe()


def test_a_cache_that_cannot_be_written_leaves_no_trace_in_a_notebook(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("mine", encoding="utf-8")
    program = "import ipykernel; from mmcourse.data import load; load('photos', size=8)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MMCOURSE_CACHE": str(blocked)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == done.stderr == ""


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert len(load("photos", size=8)) == 19
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_folders_have_a_place_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMCOURSE_CACHE")
    monkeypatch.delenv("MMCOURSE_DATA")
    assert "mmcourse" in str(cache_module.cache_folder())
    assert "mmcourse" in str(cache_module.data_folder())


# what a student may type


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        (("mnist5",), {}, "did you mean 'mnist5k'"),
        (("Digits",), {}, "did you mean 'digits'"),
        (("FashionMNIST",), {}, "did you mean 'fashion-mnist'"),
        (("zzz",), {}, "choose one of: digits, mnist5k, emoji, drawings, photos"),
        (("digits", "tset"), {}, "did you mean 'test'"),
        (("digits", "validation"), {}, "choose one of: train, test, all"),
        (("digits", "train+train"), {}, "names a part twice"),
        (("digits", "test+all"), {}, "'all' already holds every part"),
        (("emoji",), {"style": "twemoji+twemoji"}, "names a style twice"),
        (("digits", ""), {}, "choose one of"),
        (("emoji",), {"style": "twemojis"}, "did you mean 'twemoji'"),
        (("emoji",), {"style": "apple"}, "choose one of: twemoji, openmoji, noto, fluent"),
        (("emoji",), {"language": "english"}, "choose one of: en, es"),
        (("emoji",), {"language": "pt-br"}, "did you mean 'pt'"),
        (("emoji",), {"size": 0}, "from 8 to 512"),
        (("emoji",), {"size": 32.5}, "from 8 to 512"),
        (("emoji",), {"size": "32"}, "from 8 to 512"),
        (("photos",), {"size": 4}, "from 8 to 1024"),
        (("photos", "validation"), {}, "choose one of: train, all"),
        (("cifar10", "val"), {}, "did you mean 'validation'"),
        (("mnist",), {"size": 64}, "leave size out"),
    ],
)
def test_unknown_words_get_one_line_with_the_closest(
    arguments: tuple[str, ...], options: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        load(*arguments, **options)
    one_line(error)


@pytest.mark.parametrize(("name", "takes"), [("digits", "none"), ("emoji", "language, size, style")])
def test_unknown_options_get_one_line(name: str, takes: str) -> None:
    with pytest.raises(TypeError, match=f"it takes {takes}") as error:
        load(name, colour="red")
    one_line(error)


# cards


@pytest.mark.parametrize("name", names())
def test_every_set_has_a_card(name: str) -> None:
    described = card(name)
    text = described.to_markdown()
    assert text.startswith(f"## {described.title}\n")
    assert described._repr_markdown_().startswith("#### ")
    for needed in ("source", "address", "licence", "citation", "splits", "shape", "summary"):
        assert getattr(described, needed)
    assert described.address.startswith("http")
    assert described.counts
    assert described.total == sum(described.counts.values())
    assert described.total > 0 or name == "common-voice"
    assert described.download is (name not in (*EMBEDDED, *MADE))
    assert all(row.count("|") == 3 for row in text.splitlines() if row.startswith("| **"))


def test_licences() -> None:
    says = {
        "digits": ["CC BY 4.0"],
        "mnist5k": ["CC BY-SA 3.0"],
        "emoji": ["Twemoji: [CC BY 4.0]", "OpenMoji: [CC BY-SA 4.0]", "share-alike"],
        "photos": ["cat: CC0", "china: CC BY 2.0", "moon: not stated"],
        "fashion-mnist": ["MIT"],
    }
    for name, parts in says.items():
        for part in parts:
            assert part in card(name).licence


def test_unknown_card() -> None:
    with pytest.raises(ValueError, match="did you mean 'emoji'") as error:
        card("emojis")
    one_line(error)


def test_describe_names_every_set_and_folder(shared: Path) -> None:
    text = describe()
    for name in names():
        assert f"  {name} " in text
    assert str(shared) in text
    assert "1,519 / 191 / 208" in text
