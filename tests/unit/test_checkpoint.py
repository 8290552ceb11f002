"""Checkpoints: whole or not at all, and damage is seen."""

from pathlib import Path

import pytest
import torch

from mmcourse import checkpoint
from mmcourse.models import ViT, ViTConfig

TINY = ViTConfig(image_size=8, patch_size=4, channels=1, classes=3, width=8, layers=1, heads=2, mlp=8)


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    model = ViT(TINY).eval()
    model.save_pretrained(tmp_path / "m.safetensors", metrics={"accuracy": 1})
    again = ViT.from_pretrained(tmp_path / "m.safetensors")
    assert again.config == TINY
    assert again.metadata["metrics"] == {"accuracy": 1}
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("where", [0.3, 0.99])
def test_truncation_and_tampering_are_seen(tmp_path: Path, where: float) -> None:
    path = tmp_path / "m.safetensors"
    ViT(TINY).save_pretrained(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * where)])
    with pytest.raises(checkpoint.CheckpointError, match="truncated") as caught:
        checkpoint.load(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    with pytest.raises(checkpoint.CheckpointError, match="altered"):
        checkpoint.load(path)
    path.write_bytes(whole.replace(b"learned", b"l3arned", 1))  # the metadata is sealed too
    with pytest.raises(checkpoint.CheckpointError, match="altered"):
        checkpoint.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, {"x": torch.ones(2)}, {})

    def broken(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(checkpoint, "save_file", broken)
    with pytest.raises(checkpoint.CheckpointError, match="no space left"):
        checkpoint.save(path, {"x": torch.zeros(2)}, {})
    assert torch.equal(checkpoint.load(path)[0]["x"], torch.ones(2))
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(checkpoint.CheckpointError, match="choose a folder"):
        checkpoint.save(tmp_path / "file" / "m.safetensors", {"x": torch.ones(1)}, {})


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(checkpoint.CheckpointError, match="the course has"):
        ViT.from_pretrained("no-such-model")
    with pytest.raises(checkpoint.CheckpointError, match="not there"):
        ViT.from_pretrained("missing.safetensors")
    with pytest.raises(ValueError, match=r"Did you mean 'vit-b/16'"):
        ViTConfig.preset("vit-b16")
    with pytest.raises(ValueError, match="no field 'patchsize'"):
        ViTConfig.preset("vit-b/16", patchsize=8)


@pytest.mark.parametrize("name", checkpoint.names())
def test_course_checkpoints_are_intact_and_say_how_they_were_made(name: str) -> None:
    path = checkpoint.find(name)
    _, about = checkpoint.load(path)
    assert path.stat().st_size < 8 * 2**20
    assert about["recipe"]["name"] == name
    assert len(about["data"]["fingerprint"]) == 64
    assert about["data"]["split"] != "test"
    for key in ("model", "config", "metrics", "machine", "wall_seconds", "cpu_seconds", "command"):
        assert about[key]
