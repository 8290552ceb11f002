"""The one training loop of the book. Derived in :ref:`sec-05-training`.

Everything random in step k is drawn from (seed, k) alone. So a run that was interrupted goes on as if it had not
been: weights, optimiser and step number are all there is to remember.

Several processes: launch the same command with torchrun, for example
``torchrun --nproc-per-node 2 -m mmcourse train vit-mnist5k``; each process takes its share of every batch, so the
result is that of one process but for rounding (and for batch norm, which sees one share at a time). Several machines:
``torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint FIRST:29500 -m mmcourse train NAME`` on
each. Only the first process writes, and it tells the others from where to go on.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm.auto import tqdm

from mmcourse import checkpoint
from mmcourse.data import Dataset
from mmcourse.training.augment import Augment
from mmcourse.training.objectives import Objective


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Args:
        steps: updates of the weights.
        batch_size: B, over all processes together.
        peak_rate: learning rate after the warm-up; it then falls along a cosine to zero.
        warmup: share of the steps in which the rate rises from zero.
        weight_decay: of matrices; biases, norms and tables of positions are left alone (AdamW).
        clip: largest norm of the gradient.
        average: weight of the old in the running mean of the weights that is kept at the end; 0 for none.
        seed: of batches, augmentation and dropout.
        precision: ``"auto"`` (bfloat16 on a GPU that has it, else float32), ``"32"`` or ``"bf16"``.
        save_seconds: seconds between two saved states, the most that an interruption can cost.
    """

    steps: int
    batch_size: int = 64
    peak_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.05
    clip: float = 1.0
    average: float = 0.0
    seed: int = 0
    precision: str = "auto"
    save_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise ValueError(f"steps={self.steps} and batch_size={self.batch_size}: both must be at least 1.")
        if self.precision not in ("auto", "32", "bf16"):
            raise ValueError(f"precision {self.precision!r} is unknown; choose 'auto', '32' or 'bf16'.")


@dataclass
class History:
    """What was seen on the way.

    Attributes:
        rows: one dict for each reported step: step, loss, rate and what the objective reports.
        wall_seconds: time that passed, over all interruptions.
        cpu_seconds: time that processors of this process worked.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __getitem__(self, name: str) -> list[float]:
        return [row[name] for row in self.rows]


def learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to zero (Loshchilov & Hutter, 2017)."""
    warm = max(1, round(settings.warmup * settings.steps))
    if step < warm:
        return settings.peak_rate * (step + 1) / warm
    return settings.peak_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, settings.steps - warm)))


def batch_indices(count: int, batch_size: int, seed: int, step: int) -> Tensor:
    """The examples of step k: the data in a new random order each epoch, read on without a gap, (B,)."""
    wanted = torch.arange(step * batch_size, (step + 1) * batch_size)
    parts = []
    for epoch in wanted.div(count, rounding_mode="floor").unique().tolist():
        order = torch.randperm(count, generator=_generator(seed, epoch, 1))
        parts.append(order[wanted[wanted.div(count, rounding_mode="floor") == epoch] % count])
    return torch.cat(parts)


def _generator(*numbers: int) -> torch.Generator:
    mixed = 0
    for number in numbers:
        mixed = (mixed * 6364136223846793005 + number + 1442695040888963407) % 2**63
    return torch.Generator().manual_seed(mixed)


def make_optimizer(model: nn.Module, settings: Settings) -> torch.optim.AdamW:
    """AdamW that decays matrices only (Loshchilov & Hutter, 2019): no bias, norm, embedding or table of positions."""
    looked_up = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    matrices = [
        p
        for n, p in model.named_parameters()
        if p.dim() > 1 and not n.endswith(("table", "token", "codebook")) and id(p) not in looked_up
    ]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.peak_rate, betas=(0.9, 0.98))


def make_fabric(precision: str) -> Fabric:
    """One process, or as many as the launcher started; mixed precision where the device has it."""
    cuda = torch.cuda.is_available()
    half = precision == "bf16" or (precision == "auto" and cuda and torch.cuda.is_bf16_supported())
    local, world = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), int(os.environ.get("WORLD_SIZE", "1"))
    return Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=local,
        num_nodes=max(1, world // local),
        strategy="ddp" if world > 1 else "auto",
        precision="bf16-mixed" if half else "32-true",
    )


def fit(
    model: nn.Module,
    data: Dataset,
    objective: Objective,
    settings: Settings,
    *,
    augment: Augment | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    validate_steps: int = 100,
) -> History:
    """Train a model in place.

    Args:
        model: any module; it ends in evaluation mode, with the averaged weights where ``settings.average`` is set.
        data: the training set.
        objective: gives (loss, what to report) from (model, batch).
        settings: how long and how fast.
        augment: changes the pictures of each batch.
        folder: where to keep ``resume.safetensors``; a run that finds one there goes on from it.
        progress: show a bar.
        on_step: called after each step with its number and what was reported.
        validate: measures the model as it would be kept now (averaged, in evaluation mode); what it returns joins
            the history.
        validate_steps: every how many steps, and after the last one.

    Returns:
        The history of loss, rate and reported values, and the time it took.

    Raises:
        ValueError: the data is empty, the processes cannot share a batch evenly, the loss is not finite, or the
            folder holds the state of another run.
    """
    if len(data) == 0:
        raise ValueError(f"{data!r} is empty; there is nothing to learn from.")
    fabric = make_fabric(settings.precision)
    fabric.launch()
    if settings.batch_size % fabric.world_size:
        raise ValueError(
            f"a batch of {settings.batch_size} cannot be shared evenly by {fabric.world_size} processes; choose a "
            f"batch_size that {fabric.world_size} divides."
        )
    optimizer = make_optimizer(model, settings)
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    average = {n: t.detach().clone() for n, t in model.state_dict().items()} if settings.average else {}
    identity = {"settings": asdict(settings), "data": data.fingerprint}
    path = None if folder is None else Path(folder) / "resume.safetensors"
    history, start = History(), 0
    if path is not None and fabric.is_global_zero and path.exists():
        start = _resume(path, identity, model, optimizer, average, history)
    if fabric.world_size > 1:  # other machines do not see the first one's file
        start = _share_state(fabric, start, model, optimizer, average)
    wall, cpu = time.perf_counter() - history.wall_seconds, time.process_time() - history.cpu_seconds
    last_save = time.perf_counter()
    model.train()
    steps = tqdm(range(start, settings.steps), initial=start, total=settings.steps, unit="step",
                 disable=not progress or not fabric.is_global_zero)  # fmt: skip
    for step in steps:
        images, targets = data.batch(batch_indices(len(data), settings.batch_size, settings.seed, step))
        if augment is not None:
            images = augment(images, _generator(settings.seed, step, 2))
        share = slice(fabric.global_rank, None, fabric.world_size)
        batch = fabric.to_device((images[share], targets[share]))
        torch.manual_seed(int(_generator(settings.seed, step, 3, fabric.global_rank).initial_seed()))  # dropout
        rate = learning_rate(step, settings)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, report = objective(wrapped, batch)
        if not loss.isfinite():
            raise ValueError(
                f"the loss is {float(loss.detach())} at step {step}; lower peak_rate ({settings.peak_rate})."
            )
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(wrapped, wrapped_optimizer, max_norm=settings.clip, error_if_nonfinite=False)
        wrapped_optimizer.step()
        if average:
            _update_average(average, model, min(settings.average, (1 + step) / (10 + step)))
        last = step == settings.steps - 1
        checked = validate is not None and ((step + 1) % validate_steps == 0 or last)
        if step % max(1, settings.steps // 200) == 0 or last or checked or on_step is not None:
            row = {"step": step, "loss": float(loss.detach()), "rate": rate, **{k: float(v) for k, v in report.items()}}
            if validate is not None and checked:
                row |= _validated(validate, model, average)
            history.rows.append(row)
            steps.set_postfix(loss=f"{row['loss']:.3f}")
            if on_step is not None:
                on_step(step, row)
        if path is not None and fabric.is_global_zero and time.perf_counter() - last_save >= settings.save_seconds:
            history.wall_seconds, history.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
            _save(path, identity, step + 1, model, optimizer, average, history)
            last_save = time.perf_counter()
    history.wall_seconds, history.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    if average:
        model.load_state_dict(average)
    model.eval()
    return history


@torch.no_grad()
def _update_average(average: dict[str, Tensor], model: nn.Module, keep: float) -> None:
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            average[name].lerp_(tensor, 1 - keep)
        else:
            average[name].copy_(tensor)


def _validated(
    validate: Callable[[nn.Module], dict[str, float]], model: nn.Module, average: dict[str, Tensor]
) -> dict[str, float]:
    """What ``validate`` says of the weights that would be kept now; the model goes on as it was."""
    now = {name: tensor.clone() for name, tensor in model.state_dict().items()} if average else {}
    if average:
        model.load_state_dict(average)
    model.eval()
    with torch.no_grad():
        found = validate(model)
    if now:
        model.load_state_dict(now)
    model.train()
    return found


def _share_state(
    fabric: Fabric, start: int, model: nn.Module, optimizer: torch.optim.Optimizer, average: dict[str, Tensor]
) -> int:
    """Give every process the first one's step, weights and moments."""
    start = int(fabric.broadcast(start))
    if start:
        held = fabric.broadcast((model.state_dict(), optimizer.state_dict(), average))
        model.load_state_dict(held[0])
        optimizer.load_state_dict(held[1])
        for name, tensor in held[2].items():
            average[name].copy_(tensor)
    return start


def _save(
    path: Path,
    identity: dict[str, Any],
    step: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    history: History,
) -> None:
    tensors = {f"model/{n}": t for n, t in model.state_dict().items()}
    tensors |= {f"average/{n}": t for n, t in average.items()}
    for i, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{i}/{n}": t for n, t in moments.items()}
    checkpoint.save(path, tensors, {"identity": identity, "step": step, "history": asdict(history)})


def _resume(
    path: Path,
    identity: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: dict[str, Tensor],
    history: History,
) -> int:
    tensors, metadata = checkpoint.load(path)
    if metadata["identity"] != identity:
        raise ValueError(
            f"{path} belongs to a run with other settings or data; move it away, or choose another folder."
        )
    model.load_state_dict({n[6:]: t for n, t in tensors.items() if n.startswith("model/")})
    for name, tensor in tensors.items():
        if name.startswith("average/"):
            average[name[8:]].copy_(tensor)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer/"):
            _, i, moment = name.split("/")
            state.setdefault(int(i), {})[moment] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    history.__dict__.update(metadata["history"])
    return int(metadata["step"])
