"""From a recipe to a file: ``make train MODEL=NAME`` or ``mmcourse train NAME``."""

from __future__ import annotations

import os
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mmcourse import checkpoint, machine
from mmcourse.base import Model
from mmcourse.files import check_writable, remove_stale
from mmcourse.recipes.recipe import Recipe
from mmcourse.recipes.registry import recipe
from mmcourse.training.loop import History, Settings, fit, locked
from mmcourse.training.metrics import Mean, Measured, Score

RUNS = Path("runs")
"""Where training writes unless it is told otherwise, in the folder where the command is given."""


def _fit(
    chosen: Recipe, settings: Settings, data: Any, folder: Path | None, progress: bool
) -> tuple[Model, History]:
    torch.manual_seed(settings.seed)
    model = chosen.model()
    given = data if chosen.augmentation is None else data.augmented(chosen.augmentation)
    return model, fit(model, given, chosen.objective, settings, folder=folder, progress=progress)


def try_out(name: str, *, progress: bool = True, **overrides: Any) -> Measured:
    """Train without a trace and measure on validation data: how settings are chosen.

    Args:
        name: of the recipe.
        progress: show a bar.
        overrides: settings that shall differ, for example ``learning_rate=1e-3``.
    """
    chosen = recipe(name)
    learn, held = chosen.validation()
    model, _ = _fit(chosen, replace(chosen.settings, **overrides), learn, None, progress)
    return chosen.measure(model, held, lambda: learn)


def estimate(name: str, **overrides: Any) -> tuple[float, str] | None:
    """How long a recipe takes: seconds, scaled by steps from what the course's own checkpoint took, and its machine.

    None where there is no such checkpoint yet.
    """
    settings = replace(recipe(name).settings, **overrides)
    try:
        _, about = checkpoint.load(checkpoint.WEIGHTS / f"{name}.safetensors")
        steps = about["recipe"]["settings"]["steps"]
        return about["wall_seconds"] * settings.steps / steps, str(about["machine"])
    except (checkpoint.CheckpointError, KeyError, TypeError, ZeroDivisionError):
        return None


def train(
    name: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    install: bool = False,
    progress: bool = True,
    **overrides: Any,
) -> tuple[Measured, Path]:
    """Make a checkpoint by its recipe, measure it on held-out data, and write it with all that is known about it.

    The weights are written before they are measured, so that a measure that fails costs nothing.

    Args:
        name: of the recipe.
        folder: where to write ``NAME.safetensors`` and, until it is done, the state to go on from; None for
            ``runs/NAME``.
        install: replace the course's own checkpoint in the package instead; only with ``folder`` left out.
        progress: show a bar.
        overrides: settings that shall differ, for example ``steps=100``; they are written down too.

    Returns:
        What the model reaches on held-out data, and the file.

    Raises:
        ValueError: an unknown recipe or setting, or a folder that cannot be written; said before the first step.
        Interrupted: Ctrl-C, after the state was saved.
    """
    if install and folder is not None:
        raise ValueError("install replaces the course's own checkpoint and takes no folder; leave one of them out.")
    chosen = recipe(name)
    settings = replace(chosen.settings, **overrides)
    state = RUNS / name if folder is None else Path(folder)
    target = (checkpoint.WEIGHTS if install else state) / f"{name}.safetensors"
    first = int(os.environ.get("RANK", "0")) == 0
    if folder is not None:
        state = state / "state" / name
    if first:
        check_writable(target.parent)
        check_writable(state)
    data = chosen.load(chosen.split)
    model, history = _fit(chosen, settings, data, state, progress)
    given = {**overrides, **({"install": True} if install else {})}
    options = "".join(f" --{k.replace('_', '-')}{'' if v is True else f' {v}'}" for k, v in given.items())
    model.metadata = {
        "recipe": {
            "name": name,
            "title": chosen.title,
            "chapter": chosen.chapter,
            "settings": asdict(settings),
            **_objective(chosen),
            "augmentation": "none" if chosen.augmentation is None else str(chosen.augmentation),
            "shrink": chosen.shrink,
            "options": chosen.options,
        },
        "data": {"name": chosen.data, "split": chosen.split, "examples": len(data), "fingerprint": data.fingerprint},
        "metrics": {},
        "history": _told(history),
        "machine": machine.describe(),
        "wall_seconds": round(history.wall_seconds),
        "cpu_seconds": round(history.cpu_seconds),
        "command": f"mmcourse train {name}{options}" if overrides else f"make train MODEL={name}",
    }
    if chosen.half:
        model = model.half()
    if not first:
        return chosen.evaluate(model), target
    with locked(state):
        remove_stale(target)
        model.save_pretrained(target)
        found = chosen.evaluate(model)
        metrics = {key: {"split": "test", **chosen.held_out, **asdict(value)} for key, value in found.items()}
        model.save_pretrained(target, metrics=metrics)
        model.metadata["metrics"] = metrics
        (state / "resume.safetensors").unlink(missing_ok=True)
    return found, target


def _told(history: History) -> dict[str, list[float]]:
    """What every reported step told; what an objective told of some steps alone is left out."""
    shared = [key for key in history.rows[0] if key != "rate" and all(key in row for row in history.rows)]
    return {key: [round(row[key], 4) for row in history.rows] for key in shared}


def _objective(chosen: Recipe) -> dict[str, Any]:
    """The objective with its options, for the metadata."""
    options: dict[str, Any] = vars(chosen.objective) if is_dataclass(chosen.objective) else {}
    smoothing = {"label_smoothing": options.get("label_smoothing", 0.0)}
    return {"objective": type(chosen.objective).__name__, **smoothing}


def evaluate(name_or_path: str | os.PathLike[str]) -> dict[str, tuple[Score | Mean, Score | Mean]]:
    """Measure a checkpoint again on the data that its recipe holds out.

    Args:
        name_or_path: of a course checkpoint, or a file that :func:`train` wrote.

    Returns:
        For each measure what is found now, and what was written down when the checkpoint was made.

    Raises:
        CheckpointError: no such file, damage, or a file that does not say which recipe made it, or what it scored.
    """
    path = checkpoint.find(name_or_path)
    _, about = checkpoint.load(path)
    named, then = about.get("recipe"), about.get("metrics")
    if not isinstance(named, dict) or not isinstance(named.get("name"), str) or not isinstance(then, dict):
        missing = "'metrics'" if isinstance(named, dict) else "'recipe'"
        raise checkpoint.CheckpointError(
            f"{path.name} does not say {missing}; evaluate a file that `mmcourse train` wrote."
        )
    chosen = recipe(named["name"])
    found = chosen.evaluate(type(chosen.model()).from_pretrained(path))
    try:
        return {key: (value, type(value).stored(then[key])) for key, value in found.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoint.CheckpointError(
            f"{path.name} does not say what it scored ({error}); evaluate a file that `mmcourse train` wrote."
        ) from error
