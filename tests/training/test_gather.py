"""Two processes with a contrastive loss: the loss and the gradients of one process with the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmcourse.training import gather_with_gradients

SCRIPT = """
import os, sys, torch
import torch.nn.functional as F
from torch import nn
from mmcourse import checkpoint
from mmcourse.data import PairDataset, ImageDataset, TextDataset, load
from mmcourse.training import Settings, fit, gather_with_gradients

class Towers(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.image, self.text = nn.Linear(64, 8), nn.Embedding(256, 8)
        self.scale = nn.Parameter(torch.tensor(2.0))
    def forward(self, images, tokens):
        pictures, texts = self.image(images.flatten(1)), self.text(tokens).mean(1)
        return F.normalize(pictures, dim=-1), F.normalize(texts, dim=-1), self.scale

losses, gradients = [], {}
model = Towers()

def contrastive(wrapped, batch):
    pictures, texts, scale = wrapped(batch["images"], batch["tokens"])
    pictures, texts = gather_with_gradients(pictures), gather_with_gradients(texts)
    logits = scale * pictures @ texts.T
    target = torch.arange(len(logits))
    loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    losses.append(float(loss.detach()))
    return loss, {}

def keep(step, row):
    if step == 0:
        gradients.update({name: p.grad.clone() for name, p in model.named_parameters()})

digits = load("digits").subset(64)
words = TextDataset("words", "train", texts=[f"digit {i:2} is {n}" for i, n in enumerate(digits.labels.tolist())])
pairs = PairDataset("pairs", "train", parts=(ImageDataset("pictures", "train", images=digits.images), words))
fit(model, pairs, contrastive, Settings(3, 8, max_grad_norm=None), progress=False, on_step=keep)
rank = os.environ.get("RANK", "0")
checkpoint.save(sys.argv[1] + rank, {**gradients, "losses": torch.tensor(losses)}, {})
"""


def test_one_process_gathers_nothing() -> None:
    mine = torch.rand(2, 3)
    assert gather_with_gradients(mine) is mine


def test_two_processes_give_the_loss_and_the_gradients_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmcourse import checkpoint

    script = tmp_path / "run.py"
    script.write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "one")])
    exec(SCRIPT, {})
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1"}
    subprocess.run([*launch, str(tmp_path / "two")], check=True, timeout=240, env=environment)
    one = checkpoint.load(tmp_path / "one0")[0]
    for rank in "01":
        two = checkpoint.load(tmp_path / f"two{rank}")[0]
        assert one.keys() == two.keys()
        assert one["losses"][0] > one["losses"][2] > 0
        for name, tensor in one.items():
            assert (tensor - two[name]).abs().max() <= 1e-5, (rank, name)
    assert min(float(tensor.abs().max()) for tensor in one.values()) > 1e-4  # there was a gradient to compare
