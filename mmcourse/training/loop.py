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

import contextlib
import json
import math
import operator
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from mmcourse import checkpoint
from mmcourse.data.order import generator
from mmcourse.files import check_writable, remove_stale
from mmcourse.identity import describe, differences
from mmcourse.training.objectives import Objective


@dataclass(frozen=True)
class Settings:
    """How long and how fast to train.

    Args:
        steps: updates of the weights.
        batch_size: B, over all processes together.
        learning_rate: the largest, after the warm-up; it then falls along a cosine to zero.
        warmup: share of the steps in which the rate rises from zero.
        cycles: how many times it rises and falls, each time over as many steps.
        weight_decay: of the weights of linear maps and convolutions, and of nothing else (AdamW).
        max_grad_norm: largest norm of the gradient; None for no limit.
        ema_decay: weight of the old in the running mean of the weights that is kept at the end; 0 for none.
        seed: of batches, augmentation and dropout.
        precision: ``"auto"`` (bfloat16 on a GPU that has it, else float32), ``"32"`` or ``"bf16"``.
        save_seconds: seconds between two saved states, the most that an interruption can cost.

    Raises:
        ValueError: a number that makes no sense; the line names it.
    """

    steps: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    warmup: float = 0.1
    cycles: int = 1
    weight_decay: float = 0.05
    max_grad_norm: float | None = 1.0
    ema_decay: float = 0.0
    seed: int = 0
    precision: str = "auto"
    save_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 1), ("cycles", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name}={value!r}: a whole number, at least {least}, is needed.")
        if self.cycles > self.steps:
            raise ValueError(f"cycles={self.cycles}: at most as many as steps, {self.steps}, are possible.")
        bounds = {
            "learning_rate": ("above 0 and below 1,000,000", lambda x: 0 < x < 1e6),
            "warmup": ("from 0 to 1", lambda x: 0 <= x <= 1),
            "weight_decay": ("at least 0", lambda x: x >= 0),
            "max_grad_norm": ("above 0, or None for no limit,", lambda x: x > 0),
            "ema_decay": ("from 0 to below 1", lambda x: 0 <= x < 1),
            "save_seconds": ("at least 0", lambda x: x >= 0),
        }
        for name, (needed, holds) in bounds.items():
            value = getattr(self, name)
            if value is None and name == "max_grad_norm":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) \
                    or not holds(value):  # fmt: skip
                raise ValueError(f"{name}={value!r}: a number {needed} is needed.")
        if self.precision not in ("auto", "32", "bf16"):
            raise ValueError(f"precision {self.precision!r} is unknown; choose 'auto', '32' or 'bf16'.")


@dataclass(repr=False)
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

    def __repr__(self) -> str:
        """One line, since a cell that ends with :func:`fit` shows it; the rows are in ``rows``."""
        if not self.rows:
            return "History(no rows)"
        first, last = self.rows[0], self.rows[-1]
        return (
            f"History({len(self.rows)} rows, step {first['step']} to {last['step']}, "
            f"loss {first['loss']:.3f} to {last['loss']:.3f})"
        )


def learning_rate(step: int, settings: Settings) -> float:
    """Linear warm-up, then half a cosine down to zero, once or several times (Loshchilov & Hutter, 2017)."""
    long = math.ceil(settings.steps / settings.cycles)
    step -= long * min(step // long, settings.cycles - 1)
    warm = max(1, round(settings.warmup * long))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, long - warm)))


MOMENTS = {"step", "exp_avg", "exp_avg_sq"}  # what AdamW remembers of a parameter
DECAYED = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)


def decayed(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that weight decay pulls on, by name: chosen by the kind of module, as minGPT does.

    Weights of linear maps and convolutions; no bias, norm, embedding, position, class token or codebook. What a
    linear map shares with an embedding (tied weights) is not decayed either.
    """
    spared = {id(p) for m in model.modules() if not isinstance(m, DECAYED) for p in m.parameters(recurse=False)}
    chosen = {
        id(p)
        for module in model.modules()
        if isinstance(module, DECAYED)
        for name, p in module.named_parameters(recurse=False)
        if "weight" in name and p.requires_grad
    }
    return {name: p for name, p in model.named_parameters() if id(p) in chosen - spared}


def make_optimizer(model: nn.Module, settings: Settings) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter, 2019) whose weight decay pulls on what :func:`decayed` gives.

    Raises:
        ValueError: the model has no parameter to train.
    """
    weights = list(decayed(model).values())
    chosen = {id(p) for p in weights}
    others = [p for p in model.parameters() if id(p) not in chosen]
    if not any(p.requires_grad for p in [*weights, *others]):
        raise ValueError(f"{type(model).__name__} has no parameter to train; unfreeze some (requires_grad_).")
    groups = [{"params": weights, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=settings.learning_rate, betas=(0.9, 0.98))


def running_mean(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of weights and buffers, faster at first: after n updates it keeps n / (9 + n)."""

    def update(means: Sequence[Tensor], now: Sequence[Tensor], n: Tensor | int) -> None:
        keep = min(decay, int(n) / (9 + int(n)))
        for mean, tensor in zip(means, now, strict=True):
            if mean.is_floating_point():
                mean.lerp_(tensor, 1 - keep)
            else:
                mean.copy_(tensor)

    average = AveragedModel(model, multi_avg_fn=update, use_buffers=True)
    average.n_averaged.fill_(1)  # it begins with the first weights
    return average.requires_grad_(False).eval()


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
    data: Any,
    objective: Objective,
    settings: Settings,
    *,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    validate_steps: int = 100,
) -> History:
    """Train a model in place.

    Args:
        model: any module; it ends in evaluation mode, with the averaged weights where ``settings.ema_decay`` is set,
            on the device where it was trained.
        data: the training set: anything with ``training_batch(step, batch_size, seed)`` and ``fingerprint``, so a
            :class:`~mmcourse.data.Dataset`, one with its augmentation, or a stream of shards.
        objective: gives (loss, what to report) from (model, batch).
        settings: how long and how fast.
        folder: where to keep ``resume.safetensors``; a run that finds one there goes on from it. Ctrl-C (SIGINT) waits
            for the end of the step and saves it first.
        progress: show a bar.
        on_step: called after each step with its number and what was reported.
        validate: measures the model as it would be kept now (averaged, in evaluation mode); what it returns joins
            the history.
        validate_steps: every how many steps, and after the last one.

    Returns:
        The history of loss, rate and reported values, and the time it took.

    Raises:
        ValueError: the data is empty, the model has nothing to train, the processes cannot share a batch evenly, the
            loss is not finite, or the folder cannot be written, is in use, or holds the state of another run: other
            model, objective, augmentation, settings or data.
        Interrupted: Ctrl-C, after the state was saved in ``folder``.
    """
    if operator.length_hint(data, 1) == 0:  # a stream has no length
        raise ValueError(f"{data!r} is empty; there is nothing to learn from.")
    fabric = make_fabric(settings.precision)
    fabric.launch()
    if settings.batch_size % fabric.world_size:
        raise ValueError(
            f"a batch of {settings.batch_size} cannot be shared evenly by {fabric.world_size} processes; choose a "
            f"batch_size that {fabric.world_size} divides."
        )
    identity = run_identity(model, data, objective, settings)
    optimizer = make_optimizer(model, settings)
    wrapped, wrapped_optimizer = fabric.setup(model, optimizer)
    average = running_mean(model, settings.ema_decay) if settings.ema_decay else None
    run = _Run(model, optimizer, average, History(), identity, fabric)
    with contextlib.ExitStack() as stack:
        path = None
        if folder is not None and fabric.is_global_zero:
            stack.enter_context(locked(folder))
            path = Path(folder) / "resume.safetensors"
            remove_stale(path)
        start = run.resume(path, settings.steps) if path is not None and path.exists() else 0
        if fabric.world_size > 1:  # other machines do not see the first one's file
            start = run.share(start)
        history = run.history
        wall, cpu = time.perf_counter() - history.wall_seconds, time.process_time() - history.cpu_seconds
        last_save = time.perf_counter()
        model.train()
        stop = stack.enter_context(_between_steps()) if path is not None else _Flag()
        steps = tqdm(range(start, settings.steps), initial=start, total=settings.steps, unit="step",
                     disable=not progress or not fabric.is_global_zero)  # fmt: skip
        for step in steps:
            batch = data.training_batch(step, settings.batch_size, settings.seed)
            share = slice(fabric.global_rank, None, fabric.world_size)
            batch = fabric.to_device({name: value[share] for name, value in batch.items()})
            torch.manual_seed(int(generator(settings.seed, step, 3, fabric.global_rank).initial_seed()))  # dropout
            rate = learning_rate(step, settings)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, report = objective(wrapped, batch)
            if not loss.isfinite():
                raise ValueError(
                    f"the loss is {float(loss.detach())} at step {step}; "
                    f"lower learning_rate ({settings.learning_rate})."
                )
            optimizer.zero_grad()
            fabric.backward(loss)
            if settings.max_grad_norm is not None:
                fabric.clip_gradients(
                    wrapped, wrapped_optimizer, max_norm=settings.max_grad_norm, error_if_nonfinite=False
                )
            wrapped_optimizer.step()
            if average is not None:
                average.update_parameters(model)
            last = step == settings.steps - 1
            checked = validate is not None and ((step + 1) % validate_steps == 0 or last)
            if step % max(1, settings.steps // 200) == 0 or last or checked or on_step is not None:
                row = {"step": step, "loss": float(loss.detach()), "rate": rate}
                row |= {name: float(value) for name, value in report.items()}
                if validate is not None and checked:
                    row |= _validated(validate, model if average is None else average.module)
                    model.train()
                history.rows.append(row)
                steps.set_postfix(loss=f"{row['loss']:.3f}")
                if on_step is not None:
                    on_step(step, row)
            if path is not None and (stop or time.perf_counter() - last_save >= settings.save_seconds):
                history.wall_seconds, history.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
                run.save(path, step + 1)
                last_save = time.perf_counter()
                if stop:
                    steps.close()
                    raise Interrupted(path, step + 1, settings.steps)
        history.wall_seconds, history.cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    if average is not None:
        model.load_state_dict(average.module.state_dict())
    model.eval()
    return history


class Interrupted(KeyboardInterrupt):
    """Ctrl-C came; everything up to ``step`` is kept in the file ``path``, and the same call goes on from there."""

    def __init__(self, path: Path, step: int, steps: int) -> None:
        super().__init__(
            f"stopped after {step:,} of {steps:,} steps; {path.parent} keeps them, "
            "and the same command goes on from there"
        )
        self.path, self.step = path, step


class _Flag:
    """False until it is raised."""

    raised = False

    def __bool__(self) -> bool:
        return self.raised


@contextlib.contextmanager
def _between_steps() -> Iterator[_Flag]:
    """Let the first Ctrl-C wait for the end of a step, which can then be saved whole; the second one does not wait."""
    flag = _Flag()
    if threading.current_thread() is not threading.main_thread():  # only there may a handler be set
        yield flag
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: Any) -> None:
        flag.raised = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Keep a folder for one run; it is made, and tried for writing, before anything is computed.

    Raises:
        ValueError: it cannot be written, or another run is writing there.
    """
    check_writable(folder)
    lock = FileLock(Path(folder) / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ValueError(f"another run is writing into {folder}; wait for it, or choose another folder.") from error
    except (OSError, NotImplementedError):  # a file system without locks
        yield
        return
    try:
        yield
    finally:
        lock.release()


def run_identity(model: nn.Module, data: Any, objective: Objective, settings: Settings) -> dict[str, Any]:
    """Everything that makes a run what it is; what differs in any of it is another run.

    The model's class, configuration and structure, the objective with its options, the data with its augmentation,
    and the settings. How often the state is saved is no part of it.
    """
    kept = {name: value for name, value in asdict(settings).items() if name != "save_seconds"}
    inner = getattr(data, "augmentation", None)
    found = {"model": describe(model), "objective": describe(objective), "augmentation": describe(inner)}
    whole = {**found, "settings": kept, "data": data.fingerprint}
    return dict(json.loads(json.dumps(whole)))  # as it comes back from a file


def _validated(validate: Callable[[nn.Module], dict[str, float]], kept: nn.Module) -> dict[str, float]:
    """What ``validate`` says of the weights that would be kept now."""
    kept.eval()
    with torch.no_grad():
        return validate(kept)


@dataclass
class _Run:
    """The state of a run: what is saved, shared with other processes, and taken up again."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None
    history: History
    identity: dict[str, Any]
    fabric: Fabric

    def save(self, path: Path, step: int) -> None:
        tensors = {f"model/{n}": t for n, t in self.model.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average/{n}": t for n, t in self.average.module.state_dict().items()}
        for i, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{i}/{n}": t for n, t in moments.items()}
        checkpoint.save(path, tensors, {"identity": self.identity, "step": step, "history": asdict(self.history)})

    def resume(self, path: Path, steps: int) -> int:
        """Take up what :meth:`save` wrote, and give the step to go on with."""
        tensors, metadata = checkpoint.load(path)
        advice = "move it away, or choose another folder."
        try:
            identity, step, history = metadata["identity"], int(metadata["step"]), History(**metadata["history"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no state of a run ({error}); {advice}") from error
        differ = differences(identity, self.identity)
        if differ:
            raise ValueError(f"{path} belongs to another run: {', '.join(differ[:3])}; {advice}")
        if not 0 <= step <= steps:
            raise ValueError(f"{path} stands at step {step} of {steps}; {advice}")
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition("/")
            parts.setdefault(kind, {})[rest] = tensor
        state: dict[int, dict[str, Tensor]] = {}
        try:
            for name, tensor in parts["optimizer"].items():
                i, _, moment = name.partition("/")
                state.setdefault(int(i), {})[moment] = tensor
            for number, moments in state.items():
                if set(moments) != MOMENTS:
                    raise ValueError(f"optimizer/{number} has {', '.join(sorted(moments))}")
            self._load(step, parts["model"], {**self.optimizer.state_dict(), "state": state}, parts["average"])
        except (RuntimeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{path} does not fit this model ({reason}); {advice}") from error
        self.history = history
        return step

    def share(self, start: int) -> int:
        """Give every process the first one's step, weights and moments."""
        start = int(self.fabric.broadcast(start))
        if start:
            average = {} if self.average is None else self.average.module.state_dict()
            self._load(start, *self.fabric.broadcast((self.model.state_dict(), self.optimizer.state_dict(), average)))
        return start

    def _load(self, step: int, model: dict[str, Tensor], optimizer: dict[str, Any], average: dict[str, Tensor]) -> None:
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        if self.average is not None:
            self.average.module.load_state_dict(average)
            self.average.n_averaged.fill_(1 + step)
