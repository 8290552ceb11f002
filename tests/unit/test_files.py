"""Files are whole or not there: modes, links, what a killed writer leaves, long names, a full disk."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmcourse import checkpoint, files


@pytest.fixture
def mask() -> object:
    before = os.umask(0o022)
    yield before
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path, mask: int, umask: int, expected: int) -> None:
    os.umask(umask)
    files.write_text(tmp_path / "new", "1")
    checkpoint.save(tmp_path / "m.safetensors", {"x": torch.ones(1)}, {})
    (tmp_path / "plain").write_text("1", encoding="utf-8")
    assert mode(tmp_path / "new") == mode(tmp_path / "m.safetensors") == mode(tmp_path / "plain") == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    files.write_text(path, "new")
    assert (path.read_text(encoding="utf-8"), mode(path)) == ("new", 0o640)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    link.symlink_to(target)
    for text in ("first", "second"):  # a link to nothing yet, then to a file
        files.write_text(link, text)
        assert link.is_symlink()
        assert target.read_text(encoding="utf-8") == text
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["file"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_text(path, "old")

    def fail() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_text_is_utf8_with_plain_ends_of_lines(tmp_path: Path) -> None:
    files.write_text(tmp_path / "file", "ã·\n")
    assert (tmp_path / "file").read_bytes() == b"\xc3\xa3\xc2\xb7\n"


def test_a_long_name_leaves_room_for_the_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    files.write_text(path, "1")
    assert path.read_text(encoding="utf-8") == "1"


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with files.replacing(path) as temporary:
        os.link(temporary, tmp_path / f"{temporary.name[:-5]}x.part")  # as if its writer had been killed
    for other in (".n.safetensors.abc.part", "m.safetensors.part", "notes"):
        (tmp_path / other).write_text("mine", encoding="utf-8")
    assert files.remove_stale(path) == 1
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"m.safetensors", ".n.safetensors.abc.part", "m.safetensors.part", "notes"}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for folder in (tmp_path / "file" / "folder", tmp_path / "nul\0byte", tmp_path / ("x" * 300)):
        with pytest.raises(ValueError, match="choose a folder") as caught:
            files.check_writable(folder)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
def test_a_disk_without_room_keeps_the_old_checkpoint_and_says_so_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    checkpoint.save(path, {"x": torch.ones(2)}, {})
    program = (
        "import resource, sys, torch; from mmcourse import checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: checkpoint.save(sys.argv[1], {'x': torch.zeros(100_000)}, {})\n"
        "except checkpoint.CheckpointError as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, encoding="utf-8", check=True)
    assert "cannot be written" in said.stdout
    assert said.stdout.count("\n") == 1
    assert torch.equal(checkpoint.load(path)[0]["x"], torch.ones(2))
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("I/O error (os error 28)")])
def test_a_full_disk_is_named(error: Exception) -> None:
    assert files.reason(error) == "no space is left on the disk"
