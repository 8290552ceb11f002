"""The loop: the same end after a kill, the same weights from two processes as from one."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from mmcourse import checkpoint
from mmcourse.data import load
from mmcourse.data.augment import Affine, Compose, Elastic
from mmcourse.data.order import batch_indices
from mmcourse.models import ViT, ViTConfig
from mmcourse.recipes import recipe, train
from mmcourse.recipes.making import _told
from mmcourse.training import Classification, Score, Settings, accuracy, fit
from mmcourse.training.loop import History, learning_rate

SCRIPT = """
import sys, torch
from mmcourse.data import load
from mmcourse.models import ViT, ViTConfig
from mmcourse.training import Classification, Settings, fit
from mmcourse.data.augment import Affine
import time
torch.manual_seed(0)
model = ViT(ViTConfig(image_size=8, patch_size=2, channels=1, classes=10, width=16, layers=1, heads=2, mlp=16,
                      dropout={dropout}))
settings = Settings(steps={steps}, batch_size=8, ema_decay=0.9, save_seconds=0.0)
def on_step(step, row):
    if {slow}:
        time.sleep(0.05)
        print(step, flush=True)
fit(model, load("digits").augmented(Affine(5)), Classification(), settings, folder={folder!r}, progress=False,
    on_step=on_step)
import os
if os.environ.get("RANK", "0") == "0":
    model.save_pretrained({out!r})
"""


def run(steps: int, folder: str | None, out: str, slow: bool = False, dropout: float = 0.1) -> list[str]:
    script = SCRIPT.format(steps=steps, folder=folder, out=out, slow=slow, dropout=dropout)
    return [sys.executable, "-c", script]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(path)[0]


def test_killed_and_resumed_ends_with_the_same_weights(tmp_path: Path) -> None:
    exec(run(25, None, str(tmp_path / "whole.safetensors"))[2], {})  # here: importing torch is most of a process
    arguments = run(25, str(tmp_path / "state"), str(tmp_path / "broken.safetensors"), slow=True)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 9:
                break
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    kept = checkpoint.load(tmp_path / "state" / "resume.safetensors")[1]["step"]
    assert 9 <= kept < 25
    rest = subprocess.run(arguments, check=True, timeout=120, capture_output=True, encoding="utf-8")
    assert int(rest.stdout.split()[0]) == kept  # it went on, it did not begin again
    whole, resumed = weights(tmp_path / "whole.safetensors"), weights(tmp_path / "broken.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    exec(run(6, None, str(tmp_path / "one.safetensors"), dropout=0.0)[2], {})
    (tmp_path / "two.py").write_text(run(6, None, str(tmp_path / "two.safetensors"), dropout=0.0)[2], encoding="utf-8")
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    subprocess.run([*launch, "--standalone", str(tmp_path / "two.py")], check=True, timeout=180, env=environment)
    one, two = weights(tmp_path / "one.safetensors"), weights(tmp_path / "two.safetensors")
    for name in one:
        assert torch.allclose(one[name], two[name], atol=2e-4), name


RESUMED = """
import os, sys, torch
from mmcourse.data import load
from mmcourse.models import ViT, ViTConfig
from mmcourse.training import Classification, Settings, fit
rank, stop, out = os.environ.get("RANK", "0"), int(sys.argv[1]), sys.argv[2]
torch.manual_seed(int(rank))  # the others begin with other weights, and with an empty folder
model = ViT(ViTConfig(image_size=8, patch_size=2, channels=1, classes=10, width=16, layers=1, heads=2, mlp=16))
def on_step(step, row):
    if step == stop:
        raise SystemExit
batch = int(sys.argv[3])
fit(model, load("digits"), Classification(), Settings(6, batch, ema_decay=0.9, save_seconds=0.0), progress=False,
    folder=os.path.join(os.path.dirname(out), "state" + rank), on_step=on_step)
model.save_pretrained(out + rank + ".safetensors")
"""


def test_processes_go_on_from_the_first_ones_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run.py").write_text(RESUMED, encoding="utf-8")
    script, out = str(tmp_path / "run.py"), str(tmp_path / "weights")
    monkeypatch.setattr(sys, "argv", [script, "3", out, "8"])
    with pytest.raises(SystemExit):
        exec(RESUMED, {})
    assert checkpoint.load(tmp_path / "state0" / "resume.safetensors")[1]["step"] == 3
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", script]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    subprocess.run([*launch, "99", out, "8"], check=True, timeout=180, env=environment)
    assert not (tmp_path / "state1").exists()  # only the first process writes
    first, second = weights(tmp_path / "weights0.safetensors"), weights(tmp_path / "weights1.safetensors")
    (tmp_path / "whole").mkdir()
    monkeypatch.setattr(sys, "argv", [script, "99", str(tmp_path / "whole" / "weights"), "8"])
    exec(RESUMED, {})
    whole = weights(tmp_path / "whole" / "weights0.safetensors")
    for name in whole:
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name], whole[name], atol=2e-4), name


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fabric, "world_size", property(lambda _: 2))
    with pytest.raises(ValueError, match="cannot be shared evenly by 2 processes"):
        fit(torch.nn.Linear(2, 2), load("digits").subset(8), Classification(), Settings(1, 7), progress=False)


def test_a_run_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    data = load("digits").subset(32)

    def start(steps: int) -> None:
        torch.manual_seed(0)
        model = ViT(ViTConfig(image_size=8, patch_size=4, channels=1, classes=10, width=8, layers=1, heads=1, mlp=8))
        fit(model, data, Classification(), Settings(steps, 8, save_seconds=0.0), folder=tmp_path, progress=False)

    start(3)
    with pytest.raises(ValueError, match=r"another run: settings\.steps \(3 there, 4 here\)") as caught:
        start(4)
    assert "\n" not in str(caught.value)
    (tmp_path / "resume.safetensors").write_bytes(b"damaged")
    with pytest.raises(checkpoint.CheckpointError, match="truncated"):
        start(3)


def test_an_epoch_shows_every_example_once() -> None:
    seen = torch.cat([batch_indices(10, 4, 0, step) for step in range(5)])
    assert seen[:10].sort().values.tolist() == list(range(10))
    assert seen[10:].sort().values.tolist() == list(range(10))
    assert seen[:10].tolist() != seen[10:].tolist()
    assert batch_indices(10, 4, 1, 0).tolist() != batch_indices(10, 4, 0, 0).tolist()


def test_the_rate_rises_then_falls_to_nothing() -> None:
    settings = Settings(steps=100, learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(step, settings) for step in range(101)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert max(rates) == rates[10] == 1.0
    assert rates[100] == pytest.approx(0.0)
    twice = [learning_rate(step, replace(settings, steps=200, cycles=2)) for step in range(201)]
    assert twice[:200] == rates[:100] * 2
    assert twice[200] == pytest.approx(0.0)
    with pytest.raises(ValueError, match="cycles=3: at most as many as steps, 2"):
        Settings(steps=2, cycles=3)


def test_what_an_objective_told_of_some_steps_alone_is_left_out() -> None:
    rows = [{"step": 0, "loss": 2.0, "rate": 1.0, "astray": 1.0}, {"step": 1, "loss": 1.00001, "rate": 1.0}]
    assert _told(History(rows)) == {"step": [0, 1], "loss": [2.0, 1.0]}


def test_a_history_at_the_end_of_a_cell_is_one_line() -> None:
    rows = [{"step": step, "loss": 2.0 / (step + 1)} for step in range(500)]
    assert repr(History(rows)) == "History(500 rows, step 0 to 499, loss 2.000 to 0.004)"
    assert repr(History()) == "History(no rows)"


def test_augmentation_depends_on_its_generator_alone() -> None:
    images = torch.rand(4, 1, 12, 12)
    augment = Compose(Affine(20, 0.1, 0.1, 5), Elastic(0.03))
    first, second, other = (augment(images, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    still = Affine()(images, torch.Generator().manual_seed(0))
    assert torch.allclose(still, images, atol=1e-5)


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    def objective(model: torch.nn.Module, batch: object) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return sum(p.sum() for p in model.parameters()) * float("inf"), {}  # type: ignore[return-value]

    with pytest.raises(ValueError, match="lower learning_rate"):
        fit(torch.nn.Linear(2, 2), load("digits").subset(8), objective, Settings(2, 4), progress=False)


def test_score_states_its_uncertainty() -> None:
    low, high = Score(975, 1000).interval()
    assert (round(low, 1), round(high, 1)) == (96.3, 98.3)
    assert str(Score(975, 1000)) == "97.5% (975 of 1,000)"


def test_a_recipe_writes_what_it_measured(tmp_path: Path) -> None:
    started = time.time()
    said, path = train("pixels-digits", tmp_path, progress=False, steps=2)
    again = ViT.from_pretrained(path)
    found = accuracy(again, load("digits", "test"))
    about = again.metadata
    assert about["metrics"]["accuracy"] == {"split": "test", "correct": found.correct, "total": 359}
    assert about["recipe"]["settings"]["steps"] == 2
    assert about["data"]["split"] == "train"
    assert about["wall_seconds"] <= time.time() - started + 1
    assert said == {"accuracy": found}


def test_unknown_recipe_is_one_line() -> None:
    with pytest.raises(ValueError, match="did you mean 'vit-mnist5k'"):
        recipe("vit-mnist")
