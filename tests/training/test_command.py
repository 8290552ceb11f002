"""The command line: what it prints, what it writes, and how it says no."""

import io
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mmcourse
from mmcourse import checkpoint
from mmcourse.__main__ import main
from mmcourse.data import ImageDataset, load
from mmcourse.models import ViT
from mmcourse.recipes import RECIPES, Recipe, train


def test_train_then_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "pixels-digits", "--steps", "2", "--seed", "3", "--folder", str(tmp_path)]) == 0
    path = tmp_path / "pixels-digits.safetensors"
    tensors, about = checkpoint.load(path)
    assert about["command"] == "mmcourse train pixels-digits --steps 2 --seed 3"
    assert f"of 359), written to {path}" in capsys.readouterr().out
    assert main(["evaluate", str(path)]) == 0
    about["metrics"]["accuracy"]["correct"] += 2  # more than 0.3 points of 359
    checkpoint.save(path, tensors, about)
    assert main(["evaluate", str(path)]) == 1
    assert "accuracy differs by more than" in capsys.readouterr().err
    del about["recipe"]
    checkpoint.save(path, tensors, about)
    assert main(["evaluate", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_validation_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "WEIGHTS", tmp_path / "weights")
    assert main(["train", "pixels-digits", "--steps", "1", "--validate"]) == 0
    assert "of 288) of validation data" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["pixels-digits", "vit-mnist5k", "tokens-pixels-14"])
def test_validation_is_no_test_data(name: str) -> None:
    chosen = RECIPES[name]
    learn, held = chosen.validation()
    assert len(learn) + len(held) == len(chosen.load(chosen.split))

    def pictures(data: ImageDataset) -> set[bytes]:
        return {image.numpy().tobytes() for image in data.images}

    assert not pictures(held) & pictures(learn)
    assert not (pictures(held) | pictures(learn)) & pictures(chosen.load("test"))


def test_a_recipe_can_shrink_its_pictures() -> None:
    small, whole = RECIPES["tokens-pixels-14"].load("validation"), load("mnist5k", "validation")
    assert small.images.shape == (400, 1, 14, 14)
    assert torch.equal(small.labels, whole.labels)
    assert abs(int(small.images[7, 0, 5, 6]) - float(whole.images[7, 0, 10:12, 12:14].float().mean())) <= 0.5
    assert small.fingerprint != whole.fingerprint


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_fits_its_data(name: str) -> None:
    chosen = RECIPES[name]
    assert "test" not in chosen.split
    data = chosen.load("test", **chosen.held_out)
    model = chosen.model().eval()
    with torch.no_grad():
        loss, _ = chosen.objective(model, data.batch([0, 1]))
    assert math.isfinite(loss)
    largest = {"10_whisper": 10_000_000, "12_clip": 8_000_000}.get(chosen.chapter, 2_000_000)
    assert model.parameter_count() <= largest
    assert chosen.name == name


def test_comparisons_differ_in_the_model_alone() -> None:
    for chapter in ("02_patches", "03_cnn_tokens", "04_positions"):
        first, *others = [recipe for recipe in RECIPES.values() if recipe.chapter == chapter]
        for other in others:
            for field in ("settings", "objective", "augmentation", "data", "split", "measure"):
                assert getattr(other, field) == getattr(first, field), (other.name, field)


@pytest.mark.parametrize("name", checkpoint.names())
def test_course_checkpoints_score_what_they_say(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", name]) == 0
    assert "when it was made" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "vit-mnist"], "did you mean 'vit-mnist5k'"),
        (["train", "pixels-digits", "--steps", "0"], "at least 1"),
        (["evaluate", "no-such"], "unknown checkpoint 'no-such'"),
        (["data", "digit"], "digits"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "the following arguments are required: command"),
        (["train"], "the following arguments are required: name"),
        (["draw"], "invalid choice: 'draw'"),
        (["train", "pixels-digits", "--steps", "many"], "invalid int value: 'many'"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    said = capsys.readouterr().err
    assert says in said
    assert said.startswith("mmcourse: ")
    assert said.count("\n") == 1


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"mmcourse {mmcourse.__version__}\n"


@pytest.mark.parametrize("encoding", ["cp932", "gbk", "cp949", "cp1251", "cp437", "cp850", "ascii"])
def test_any_pipe_can_be_printed_to(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    assert main(["data"]) == 0
    assert "mnist5k" in written.getvalue().decode(encoding)


def test_whoever_reads_may_stop_early() -> None:
    """As in ``mmcourse doctor | head``."""
    command = [sys.executable, "-u", "-m", "mmcourse", "doctor"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith("Python ")
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(60) == 1


def test_data_prints_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "digits"]) == 0
    assert "1,797" in capsys.readouterr().out
    assert main(["data"]) == 0
    assert "mnist5k" in capsys.readouterr().out


def test_doctor_says_what_is_damaged_and_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"half a fi")
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setattr(checkpoint, "WEIGHTS", tmp_path)
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(
        "importlib.metadata.requires", lambda _: ["torch<1", "no-such-thing>=2", "no-tool; extra=='test'"]
    )
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "checkpoints: 0 intact, 1 damaged" in said
    assert "set MMCOURSE_CACHE" in said
    assert "tested with <1" in said
    assert "pip install 'no-such-thing>=2'" in said
    assert "no-tool: missing (only for the tests)" in said
    monkeypatch.setattr("importlib.metadata.requires", lambda _: ["torch>=2"])
    (tmp_path / "broken.safetensors").unlink()
    assert main(["doctor"]) == 0


def test_training_imports_no_plotting() -> None:
    code = "import sys, mmcourse.training; sys.exit('matplotlib' in sys.modules or 'ipywidgets' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_training_leaves_the_courses_own_checkpoint_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    shutil.copy(checkpoint.find("pixels-digits"), weights)
    own = weights / "pixels-digits.safetensors"
    before = own.read_bytes()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "WEIGHTS", weights)
    assert main(["train", "pixels-digits", "--steps", "1"]) == 0
    assert own.read_bytes() == before
    made = tmp_path / "runs" / "pixels-digits" / "pixels-digits.safetensors"
    said = capsys.readouterr().out
    assert "pixels-digits: about" in said.splitlines()[0]
    assert f"copy this file to {own}" in said
    assert checkpoint.load(made)[1]["command"] == "mmcourse train pixels-digits --steps 1"
    assert main(["train", "pixels-digits", "--steps", "1", "--install"]) == 0
    about = checkpoint.load(own)[1]
    assert about["command"] == "mmcourse train pixels-digits --steps 1 --install"
    assert about["metrics"]["accuracy"]["total"] == 359
    assert not list(tmp_path.rglob("resume.safetensors"))


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setattr(Recipe, "load", None)
    assert main(["train", "pixels-digits", "--folder", str(tmp_path / "file" / "here")]) == 1
    said = capsys.readouterr().err
    assert "choose a folder" in said
    assert said.count("\n") == 1


def test_a_measure_that_fails_costs_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no such device")

    monkeypatch.setattr(Recipe, "evaluate", broken)
    with pytest.raises(RuntimeError):
        train("pixels-digits", tmp_path, progress=False, steps=1)
    assert ViT.from_pretrained(tmp_path / "pixels-digits.safetensors").metadata["recipe"]["settings"]["steps"] == 1
    assert main(["evaluate", str(tmp_path / "pixels-digits.safetensors")]) == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": None}, "'recipe'"),
        ({"recipe": {"name": ["x"]}}, "does not say"),
        ({"recipe": {"name": "no-such"}}, "unknown recipe 'no-such'"),
        ({"metrics": None}, "'metrics'"),
        ({"metrics": {}}, "what it scored"),
        ({"metrics": {"accuracy": {"correct": "many"}}}, "what it scored"),
    ],
)
def test_a_checkpoint_that_does_not_say_what_it_scored_is_one_line(
    tmp_path: Path, change: dict[str, object], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, about = checkpoint.load(checkpoint.find("pixels-digits"))
    checkpoint.save(tmp_path / "m.safetensors", tensors, {**about, **change})
    assert main(["evaluate", str(tmp_path / "m.safetensors")]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends another signal")
def test_ctrl_c_keeps_every_step_and_says_how_to_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mmcourse", "train", "pixels-digits", "--steps", "60", "--folder", str(tmp_path)]
    slow = (
        "import sys, time; from mmcourse.training import loop; from mmcourse.__main__ import main\n"
        "at = loop.learning_rate\n"
        "def wait(step, settings):\n    print(step, flush=True)\n    time.sleep(0.05)\n    return at(step, settings)\n"
        "loop.learning_rate = wait\nsys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", slow, *command[3:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.strip().isdigit() and int(line) >= 4:
                break
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        said = [line for line in process.stderr.read().splitlines() if line.startswith("mmcourse:")]
    assert process.returncode == 130
    (line,) = said
    kept = checkpoint.load(tmp_path / "state" / "pixels-digits" / "resume.safetensors")[1]["step"]
    assert kept >= 5
    assert f"stopped after {kept} of 60 steps" in line
    assert "the same command goes on from there" in line
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    whole = train("pixels-digits", tmp_path / "whole", progress=False, steps=60)[1]
    resumed = checkpoint.load(tmp_path / "pixels-digits.safetensors")[0]
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in checkpoint.load(whole)[0].items())
