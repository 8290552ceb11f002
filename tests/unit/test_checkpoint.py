"""Checkpoints: whole or not at all, and damage is seen."""

import tracemalloc
from dataclasses import asdict
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
    with pytest.raises(checkpoint.CheckpointError, match="unknown checkpoint"):
        ViT.from_pretrained("no-such-model")
    with pytest.raises(checkpoint.CheckpointError, match="not there"):
        ViT.from_pretrained("missing.safetensors")
    with pytest.raises(ValueError, match=r"did you mean 'vit-b/16'"):
        ViTConfig.preset("vit-b16")
    with pytest.raises(ValueError, match="no field 'patchsize'"):
        ViTConfig.preset("vit-b/16", patchsize=8)


@pytest.mark.parametrize("name", checkpoint.names())
def test_course_checkpoints_are_intact_and_say_how_they_were_made(name: str) -> None:
    path = checkpoint.find(name)
    _, about = checkpoint.load(path)
    assert path.stat().st_size < 16 * 2**20
    assert about["recipe"]["name"] == name
    assert len(about["data"]["fingerprint"]) == 64
    assert about["data"]["split"] != "test"
    for key in ("model", "config", "metrics", "machine", "wall_seconds", "cpu_seconds", "command"):
        assert about[key]


def resealed(path: Path, **changes: object) -> None:
    """A checkpoint whose checksum is right and whose configuration is not."""
    model = ViT(TINY)
    model.save_pretrained(path)
    tensors, about = checkpoint.load(path)
    checkpoint.save(path, tensors, {**about, "config": {**about["config"], **changes}})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"layers": 10**7}, "asks for layers=10,000,000"),
        ({"width": 2**40}, "asks for width="),
        ({"mlp": 2**24}, "mlp.* is needed"),
        ({"layers": 2}, "does not fit: missing"),
        ({"heads": 3}, "cannot be shared by 3 heads"),
        ({"width": "8"}, "makes no model"),
        ({"image_size": None}, "makes no model"),
        ({"colour": 3}, "no field 'colour'"),
    ],
)
def test_a_configuration_asks_for_no_more_than_the_file_holds(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    resealed(tmp_path / "m.safetensors", **changes)
    tracemalloc.start()
    with pytest.raises(checkpoint.CheckpointError, match=says) as caught:
        ViT.from_pretrained(tmp_path / "m.safetensors")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert peak < 50e6


def test_a_table_that_is_computed_is_bounded_too(tmp_path: Path) -> None:
    config = ViTConfig.from_dict(asdict(TINY) | {"positions": "sinusoidal_1d"})
    path = tmp_path / "m.safetensors"
    ViT(config).save_pretrained(path)
    tensors, about = checkpoint.load(path)
    checkpoint.save(path, tensors, {**about, "config": {**about["config"], "image_size": 2**30}})
    with pytest.raises(checkpoint.CheckpointError, match="asks for"):
        ViT.from_pretrained(path)


@pytest.mark.parametrize("metadata", [[1, 2], None, "text", 3])
def test_metadata_that_is_no_mapping_is_one_line(tmp_path: Path, metadata: object) -> None:
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, {"x": torch.ones(1)}, metadata)  # type: ignore[arg-type]
    with pytest.raises(checkpoint.CheckpointError, match="no mapping"):
        checkpoint.load(path)


def test_a_checkpoint_without_configuration_is_one_line(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "m.safetensors", ViT(TINY).state_dict(), {"model": "ViT"})
    with pytest.raises(checkpoint.CheckpointError, match="carries no configuration"):
        ViT.from_pretrained(tmp_path / "m.safetensors")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_model_keeps_its_type(tmp_path: Path, dtype: torch.dtype) -> None:
    model = ViT(TINY).to(dtype)
    model.save_pretrained(tmp_path / "m.safetensors")
    again = ViT.from_pretrained(tmp_path / "m.safetensors")
    assert {tensor.dtype for tensor in again.state_dict().values()} == {dtype}
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_a_model_of_two_types_keeps_both(tmp_path: Path) -> None:
    model = ViT(TINY)
    model.head.double()
    model.save_pretrained(tmp_path / "m.safetensors")
    again = ViT.from_pretrained(tmp_path / "m.safetensors")
    assert {n: t.dtype for n, t in again.state_dict().items()} == {n: t.dtype for n, t in model.state_dict().items()}


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".safetensors", "nul\0byte"])
def test_a_name_that_no_file_can_have_is_one_line(name: str) -> None:
    with pytest.raises(checkpoint.CheckpointError) as caught:
        ViT.from_pretrained(name)
    assert "\n" not in str(caught.value)


def test_loading_draws_no_random_number(tmp_path: Path) -> None:
    """More than building the model does: figures that are drawn after a checkpoint was loaded stay the same."""
    ViT(TINY).save_pretrained(tmp_path / "m.safetensors")
    torch.manual_seed(0)
    ViT(TINY)
    expected = torch.rand(3)
    torch.manual_seed(0)
    ViT.from_pretrained(tmp_path / "m.safetensors")
    assert torch.equal(torch.rand(3), expected)
