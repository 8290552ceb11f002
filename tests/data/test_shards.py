"""Streams of shards: the same items as in memory, the same order for the same seed, broken samples skipped."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from mmcourse import checkpoint
from mmcourse.data import ShardedDataset, SoundDataset, collate, load, write_shards
from mmcourse.data.augment import Affine
from mmcourse.models import ViT, ViTConfig
from mmcourse.training import Classification, Settings, fit

DIGITS = load("digits").subset(50)
TINY = ViTConfig(image_size=8, patch_size=4, channels=1, classes=10, width=8, layers=1, heads=1, mlp=8)


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return write_shards(DIGITS, tmp_path / "shards", per_shard=16)


def key(item: dict[str, object]) -> tuple[bytes, int]:
    images = item["images"]
    assert isinstance(images, torch.Tensor)
    return images.numpy().tobytes(), int(item["labels"])  # type: ignore[call-overload]


def test_a_stream_holds_what_was_written(shards: list[Path]) -> None:
    assert [path.name for path in shards] == [f"digits-{i:06d}.tar" for i in range(4)]
    stream = ShardedDataset(shards[0].parent)
    assert [key(item) for item in stream] == [key(DIGITS[i]) for i in range(50)]
    loaded = list(DataLoader(stream, batch_size=20, collate_fn=collate))
    assert torch.cat([batch["images"] for batch in loaded]).equal(DIGITS.batch()["images"])
    workers = DataLoader(stream, batch_size=None, num_workers=2)
    assert Counter(key(item) for item in workers) == Counter(key(DIGITS[i]) for i in range(50))
    assert not stream.skipped
    assert repr(stream) == "Dataset('shards': a stream of 4 shards)"


@pytest.mark.parametrize("buffer", [1, 7, 1000])
def test_every_epoch_shows_every_item_once_in_an_order_of_its_own(shards: list[Path], buffer: int) -> None:
    stream = ShardedDataset(shards, buffer=buffer)
    steps = [stream.training_batch(step, 10, seed=0) for step in range(10)]
    keys = [key({name: value[i] for name, value in batch.items()}) for batch in steps for i in range(10)]
    assert Counter(keys[:50]) == Counter(keys[50:]) == Counter(key(DIGITS[i]) for i in range(50))
    assert keys[:50] != keys[50:]
    other = ShardedDataset(shards, buffer=buffer)
    assert any(
        not torch.equal(other.training_batch(step, 10, seed=1)["images"], steps[step]["images"]) for step in range(5)
    )


def test_any_step_can_be_gone_on_from(shards: list[Path]) -> None:
    stream = ShardedDataset(shards, buffer=7)
    steps = [stream.training_batch(step, 8, seed=3) for step in range(20)]  # three epochs and a bit
    for step in (0, 5, 6, 13, 19):
        again = pickle.loads(pickle.dumps(stream)).training_batch(step, 8, seed=3)
        fresh = ShardedDataset(shards, buffer=7).training_batch(step, 8, seed=3)
        for found in (again, fresh):
            assert all(torch.equal(found[name], steps[step][name]) for name in steps[step]), step


def test_the_loop_learns_from_a_stream_and_goes_on_bit_for_bit(shards: list[Path], tmp_path: Path) -> None:
    class Stop(Exception):  # noqa: N818
        pass

    def run(folder: Path | None, stop: int | None = None) -> dict[str, torch.Tensor]:
        def on_step(step: int, row: dict[str, float]) -> None:
            if step == stop:
                raise Stop

        torch.manual_seed(0)
        model = ViT(TINY)
        data = ShardedDataset(shards, buffer=7).augmented(Affine(10))
        settings = Settings(12, 8, ema_decay=0.9, save_seconds=0.0)
        fit(model, data, Classification(), settings, folder=folder, progress=False, on_step=on_step)
        return model.state_dict()

    whole = run(None)
    with pytest.raises(Stop):
        run(tmp_path / "run", stop=7)
    assert checkpoint.load(tmp_path / "run" / "resume.safetensors")[1]["step"] == 7
    resumed = run(tmp_path / "run")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def add(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "a") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_broken_samples_are_skipped_and_counted(shards: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    add(shards[0], {"a.png": b"no picture", "a.cls": b"3"})
    add(shards[1], {"b.cls": b"3"})  # the picture is missing
    add(shards[2], {"c.npy": pickle.dumps(DIGITS), "c.cls": b"3"})  # nothing is unpickled
    add(shards[2], {"d.png": b"\x89PNG\r\n", "d.cls": b"many"})
    stream = ShardedDataset(shards, buffer=5)
    assert len(list(stream)) == 50
    assert sorted(where.split("/")[1] for where in stream.skipped) == ["a", "b", "c", "d"]
    for step in range(30):  # epoch after epoch they are counted once
        assert len(stream.training_batch(step, 10, 0)["labels"]) == 10
    assert len(stream.skipped) == 4
    assert len(caplog.records) == 4
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_a_shard_that_is_cut_off_gives_what_is_whole(shards: list[Path]) -> None:
    whole = shards[1].read_bytes()
    shards[1].write_bytes(whole[: len(whole) // 2])
    stream = ShardedDataset(shards)
    items = list(stream)
    assert 34 < len(items) < 50
    assert shards[1].name in {where.split("/")[0] for where in stream.skipped}
    shards[2].write_bytes(b"no tar at all")
    assert 18 < len(list(ShardedDataset(shards))) < 34


def test_where_nothing_can_be_read_one_line_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.tar").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"no sample of .* can be read") as caught:
        ShardedDataset(tmp_path).training_batch(0, 2, 0)
    assert "\n" not in str(caught.value)
    for missing in (tmp_path / "no.tar", [tmp_path / "empty.tar", "pipe:echo"], tmp_path / "folder", []):
        with pytest.raises(ValueError, match="is no shard"):
            ShardedDataset(missing)
    with pytest.raises(ValueError, match="at least 1"):
        ShardedDataset(tmp_path / "empty.tar", buffer=0)


def test_sounds_captions_and_fingerprints(tmp_path: Path) -> None:
    sounds = SoundDataset(
        "tones", "train", sounds=[torch.linspace(-1, 1, n) for n in (3, 5)], rate=8000, captions=["low", "höher"]
    )
    paths = write_shards(sounds, tmp_path)
    batch = next(iter(DataLoader(ShardedDataset(paths), batch_size=2, collate_fn=collate)))
    expected = sounds.batch()
    assert batch["captions"] == ["low", "höher"]
    assert all(torch.equal(batch[name], expected[name]) for name in ("sounds", "sound_lengths"))
    first = ShardedDataset(paths).fingerprint
    assert first == ShardedDataset(tmp_path).fingerprint
    write_shards(replace(sounds, captions=["low", "tiefer"]), tmp_path)
    assert ShardedDataset(paths).fingerprint != first


def test_pictures_of_different_sizes_are_one_line(tmp_path: Path) -> None:
    write_shards(DIGITS.subset(3), tmp_path)
    larger = replace(load("photos", size=8).subset(3), captions=None)
    write_shards(larger, tmp_path)
    with pytest.raises(ValueError, match="differ in shape"):
        ShardedDataset(tmp_path).training_batch(0, 6, 0)
