"""Contrastive losses: the published formulas, and from two processes what one process gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F
from open_clip.loss import SigLipLoss

from mmcourse import checkpoint
from mmcourse.models.clip import Pairs
from mmcourse.training import Contrastive, contrastive_loss, sigmoid_loss

SCRIPT = """
import os, sys, torch
from mmcourse import checkpoint
from mmcourse.data import ImageDataset, PairDataset, TextDataset, load
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.training import Contrastive, Settings, fit

sizes = {"embed": 8, "image_size": 8, "patch_size": 4, "channels": 1, "text_context": 24, "vocab_size": 258}
for half in ("vision", "text"):
    sizes |= {f"{half}_width": 8, f"{half}_layers": 1, f"{half}_heads": 2, f"{half}_mlp": 16}
sizes |= {"logit_bias": -10.0 if sys.argv[2] == "sigmoid" else None}
sizes |= {"preprocessing": __import__("mmcourse.tokens.images").tokens.images.PIXELS}
torch.manual_seed(0)
model = CLIP(CLIPConfig.from_dict(sizes))
digits = load("digits").subset(64)
texts = [f"digit {i:2} is {n}\\xff" for i, n in enumerate(digits.labels.tolist())]  # one byte, the largest, ends it
words = TextDataset("words", "train", texts=texts, encode=lambda text: list(text.encode("latin-1")))
pairs = PairDataset("pairs", "train", parts=(ImageDataset("pictures", "train", images=digits.images), words))
losses, gradients = [], {}

def keep(step, row):
    losses.append(row["loss"])
    if step == 0:
        gradients.update({name: p.grad.clone() for name, p in model.named_parameters()})

fit(model, pairs, Contrastive(sys.argv[2]), Settings(3, 8, max_grad_norm=None), progress=False, on_step=keep)
rank = os.environ.get("RANK", "0")
checkpoint.save(sys.argv[1] + rank, {**gradients, "losses": torch.tensor(losses)}, {})
"""


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_two_processes_give_the_loss_and_the_gradients_of_one(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "one"), kind])
    exec(SCRIPT, {})
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    subprocess.run([*launch, str(tmp_path / "two"), kind], check=True, timeout=240, env=environment)
    one = checkpoint.load(tmp_path / "one0")[0]
    for rank in "01":
        two = checkpoint.load(tmp_path / f"two{rank}")[0]
        assert one.keys() == two.keys()
        for name, tensor in one.items():
            assert (tensor - two[name]).abs().max() <= 1e-5, (rank, name)
    assert one["losses"][0] > one["losses"][2] > 0
    told = [float(tensor.abs().max()) for name, tensor in one.items() if "key.bias" not in name]
    assert min(told) > 1e-5  # there was a gradient to compare; a key's bias never has one


def vectors(seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(5, 7, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_losses_are_open_clips() -> None:
    images, texts, scale, bias = vectors(0), vectors(1), torch.tensor(14.0), torch.tensor(-3.0)
    theirs = open_clip.ClipLoss()(images, texts, scale)
    assert torch.allclose(contrastive_loss(images, texts, scale), theirs, atol=1e-6)
    assert torch.allclose(contrastive_loss(images, texts, scale, bias), theirs, atol=1e-6)
    theirs = SigLipLoss()(images, texts, scale, bias)
    assert torch.allclose(sigmoid_loss(images, texts, scale, bias), theirs, atol=1e-6)


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_pairs_that_fit_cost_less_than_pairs_that_do_not(kind: str) -> None:
    images, scale, bias = torch.eye(5), torch.tensor(20.0), torch.tensor(-10.0)

    def model(images: torch.Tensor, tokens: torch.Tensor) -> Pairs:
        return Pairs(images, tokens, scale, bias)

    right, report = Contrastive(kind)(model, {"images": images, "tokens": images})  # type: ignore[arg-type]
    wrong, other = Contrastive(kind)(model, {"images": images, "tokens": images.roll(1, 0)})  # type: ignore[arg-type]
    assert float(right) < 0.01 < 1 < float(wrong)
    assert (float(report["accuracy"]), float(other["accuracy"])) == (1, 0)


def test_what_makes_no_pairs_is_one_line() -> None:
    for loss in (contrastive_loss, sigmoid_loss):
        with pytest.raises(ValueError, match="as many vectors of each"):
            loss(vectors(0), vectors(0)[:2], torch.tensor(1.0))
        with pytest.raises(TypeError, match="texts"):
            loss(vectors(0), torch.zeros(5, 7, dtype=torch.long), torch.tensor(1.0))
    with pytest.raises(ValueError, match="kind of loss"):
        Contrastive("triplet")  # type: ignore[arg-type]
