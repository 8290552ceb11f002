"""``mmcourse`` on the command line: train, evaluate, data, transcribe, doctor."""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import os
import platform
import runpy
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import mmcourse


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"mmcourse: {message}; `{self.prog} --help` lists what there is\n")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; errors of use come out as one line.

    Returns:
        0 where all went well, else 1.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a letter that the terminal lacks is no reason to stop
    parser = _Parser(prog="mmcourse", description="The companion to the lecture Multimodal Learning.")
    parser.add_argument("--version", action="version", version=f"mmcourse {mmcourse.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="make a checkpoint by its recipe, into runs/NAME")
    train.add_argument("name")
    where = train.add_mutually_exclusive_group()
    where.add_argument("--folder", help="where to write it (default: runs/NAME)")
    where.add_argument("--install", action="store_true", help="replace the course's own checkpoint in the package")
    train.add_argument("--steps", type=int)
    train.add_argument("--seed", type=int)
    train.add_argument("--learning-rate", type=float, help="the largest, after the warm-up")
    train.add_argument("--validate", action="store_true", help="measure on validation data only, and write nothing")
    evaluate = commands.add_parser("evaluate", help="measure a checkpoint again and hold it against what it says")
    evaluate.add_argument("name", help="of a course checkpoint, or the path of one that train wrote")
    data = commands.add_parser("data", help="the data sets, or the card of one")
    data.add_argument("name", nargs="?")
    write = commands.add_parser("transcribe", help="write what is said in a recording (wav, flac, ogg or mp3)")
    write.add_argument("file")
    write.add_argument("--model", default="whisper-course", help="a course checkpoint, a folder, or a name on the hub")
    write.add_argument("--language", help="its code, for example en; left out, the model hears which one it is")
    write.add_argument("--task", default="transcribe", help="transcribe, or translate to English")
    write.add_argument("--form", default="text", help="text, srt, vtt or json")
    write.add_argument("--beams", type=int, help="of a beam search; left out, the likeliest token is taken each time")
    write.add_argument("--words", action="store_true", help="when each word is said, too (in json)")
    write.add_argument("--prompt", default="", help="text that went before, or names that will come up")
    commands.add_parser("doctor", help="what this machine has, and what is missing")
    options = parser.parse_args(arguments)
    try:
        code: int = globals()[f"_{options.command}"](options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads, `head` for one, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, RuntimeError) as error:
        print(f"mmcourse: {error}", file=sys.stderr)
        return 1


def _train(options: argparse.Namespace) -> int:
    from mmcourse import checkpoint, recipes
    from mmcourse.training import Interrupted

    given = {key: getattr(options, key) for key in ("steps", "seed", "learning_rate")}
    overrides = {key: value for key, value in given.items() if value is not None}
    first = os.environ.get("RANK", "0") == "0"
    known = recipes.estimate(options.name, **overrides)
    if first and known is not None:
        print(f"{options.name}: about {_duration(known[0])}, as long as it took on {known[1]}", flush=True)
    try:
        if options.validate:
            reached = _said(recipes.try_out(options.name, **overrides))
            print(f"{options.name}: {reached} of validation data; nothing was written")
            return 0
        found, path = recipes.train(options.name, options.folder, install=options.install, **overrides)
    except Interrupted as stopped:
        print(f"mmcourse: {stopped}", file=sys.stderr)
        return 130
    except KeyboardInterrupt:
        print("mmcourse: stopped; the same command goes on from the last state that was saved", file=sys.stderr)
        return 130
    if first:
        print(f"{options.name}: {_said(found)}, written to {path}")
        if options.folder is None and not options.install:
            own = checkpoint.WEIGHTS / path.name
            print(f"The course's own checkpoint is as it was; to replace it, copy this file to {own}")
    return 0


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def _said(measured: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in measured.items())


def _evaluate(options: argparse.Namespace) -> int:
    from mmcourse import recipes

    differ = []
    for name, (found, stored) in recipes.evaluate(options.name).items():
        print(f"{options.name}: {name} {found} now, {stored} when it was made")
        if not found.agrees(stored):
            differ.append(name)
    if differ:
        print(
            f"{options.name}: {', '.join(differ)} differs by more than rounding explains; train it again.",
            file=sys.stderr,
        )
    return int(bool(differ))


def _data(options: argparse.Namespace) -> int:
    from mmcourse import data

    print(data.card(options.name).to_markdown() if options.name else data.describe())
    return 0


def _transcribe(options: argparse.Namespace) -> int:
    from mmcourse.checks import choose
    from mmcourse.models import Whisper
    from mmcourse.transcribe import FORMATS, Options, transcribe

    choose("form", options.form, FORMATS)
    how = Options(
        language=options.language, task=options.task, beams=options.beams, words=options.words, prompt=options.prompt
    )
    found = transcribe(Whisper.from_pretrained(options.model).float(), options.file, how)
    print(found.written(options.form))
    return 0


def _packages() -> tuple[list[str], int]:
    """A line for each package that is missing or outside the tested range, and how many of them mmcourse needs."""
    from packaging.requirements import Requirement

    lines, needed = [], 0
    for text in importlib.metadata.requires("mmcourse") or []:
        wanted = Requirement(text)
        extra = next((e for e in ("book", "test") if wanted.marker and wanted.marker.evaluate({"extra": e})), None)
        if wanted.marker and extra is None:
            continue
        purpose = {"book": " (only for building the book)", "test": " (only for the tests)", None: ""}[extra]
        try:
            found = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{wanted.name}: missing{purpose}; pip install '{wanted.name}{wanted.specifier}'")
            needed += extra is None
            continue
        if found not in wanted.specifier:
            lines.append(f"{wanted.name} {found}: tested with {wanted.specifier}{purpose}")
    return lines, needed


def _browser() -> str:
    """What the browser tests would find: the same code looks, and it comes with the repository only."""
    tool = Path(__file__).resolve().parents[1] / "book" / "tools" / "browser.py"
    if not tool.is_file():
        return "not looked for; only the tests in the repository need one"
    sys.path.insert(0, str(tool.parent))
    try:
        return runpy.run_path(str(tool))["find"]() or "not found; `make test` brings one"
    except ValueError as error:
        return str(error)
    finally:
        sys.path.remove(str(tool.parent))


def _doctor(options: argparse.Namespace) -> int:
    import torch

    from mmcourse import checkpoint, machine
    from mmcourse.data import cache

    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {machine.cores()} cores")
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        print(f"memory: {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none (the book needs none)"
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, GPU: {gpu}")
    lines, missing = _packages()
    for line in lines or ["packages: all there, all in the tested ranges"]:
        print(line)
    node = shutil.which("node") or shutil.which("node", path=os.path.dirname(sys.executable))
    print(f"Node: {node or 'not found; only building the site needs it'}")
    print(f"browser: {_browser()}")
    problem = cache.problem()
    state = (
        f"cannot be written ({problem}); set MMCOURSE_CACHE to a folder that can be" if problem else "can be written"
    )
    print(f"cache: {cache.cache_folder()} {state}")
    damaged = 0
    for name in checkpoint.names():
        try:
            checkpoint.load(checkpoint.find(name))
        except checkpoint.CheckpointError as error:
            print(error)
            damaged += 1
    print(f"checkpoints: {len(checkpoint.names()) - damaged} intact, {damaged} damaged")
    return int(damaged > 0 or missing > 0)


if __name__ == "__main__":
    sys.exit(main())
