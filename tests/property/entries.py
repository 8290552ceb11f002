"""The public entries, each with generated arguments: sensible ones, and those that bug reports are made of.

``python tests/property/entries.py 1000`` tries each entry on so many inputs and prints the counts; the test beside
this file does the same with a few. An input may end in a result, or in one line of an allowed kind that this package
itself raised. Anything else is a fault: an error from inside a library, a call that hangs, memory out of proportion.
"""

from __future__ import annotations

import dataclasses
import math
import resource
import signal
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

import mmcourse
import mmcourse.checkpoint

PACKAGE = str(Path(mmcourse.__file__).parent)
ALLOWED = (ValueError, TypeError, IndexError, mmcourse.checkpoint.CheckpointError)
SECONDS, MEGABYTES = 20, 600


class FaultError(AssertionError):
    """An input that ended in something a reader should never see."""


@dataclass(frozen=True)
class Entry:
    """One public function with a strategy for its arguments.

    Attributes:
        name: as a reader would write it.
        call: takes the generated arguments by name.
        arguments: a strategy for each.
        holds: what must be true of a result, given the arguments.
    """

    name: str
    call: Callable[..., Any]
    arguments: dict[str, st.SearchStrategy[Any]] = field(default_factory=dict)
    holds: Callable[..., bool] = lambda result, **_: True


@contextmanager
def limits() -> Iterator[None]:
    """A clock and a memory gauge around one call."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def late(*_: object) -> None:
        raise FaultError(f"no answer within {SECONDS} s")

    alarmed = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    if alarmed:
        old = signal.signal(signal.SIGALRM, late)
        signal.alarm(SECONDS)
    try:
        yield
    finally:
        if alarmed:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if grown > MEGABYTES:
        raise FaultError(f"the call took {grown:.0f} MB")


def attempt(entry: Entry, arguments: dict[str, Any]) -> str:
    """``"result"`` or ``"refused"``; anything else is a :class:`FaultError`."""
    try:
        with limits(), warnings.catch_warnings():
            warnings.simplefilter("error")
            result = entry.call(**arguments)
    except FaultError:
        raise
    except ALLOWED as error:
        frames = traceback.extract_tb(error.__traceback__)
        if not frames[-1].filename.startswith(PACKAGE):
            where = next((f for f in reversed(frames) if f.filename.startswith(PACKAGE)), frames[0])
            raise FaultError(f"{type(error).__name__} from outside, below {Path(where.filename).name}:{where.lineno}: "
                        f"{str(error)[:200]}") from error  # fmt: skip
        if not (frames[-1].line or "").startswith("raise"):  # "3" < 1 is no line for a reader, wherever it stands
            raise FaultError(f"{type(error).__name__} that nobody wrote, at {Path(frames[-1].filename).name}:"
                        f"{frames[-1].lineno}: {str(error)[:200]}") from error  # fmt: skip
        if "\n" in str(error).strip():
            raise FaultError(f"more than one line: {error}") from error
        return "refused"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(PACKAGE)]
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        raise FaultError(f"{type(error).__name__}{where}: {str(error)[:200]}") from error
    if not entry.holds(result, **arguments):
        raise FaultError("the result is not right")
    return "result"


# --- what bug reports are made of ---------------------------------------------------------------------------------

def mostly(right: st.SearchStrategy[Any], wrong: list[Any]) -> st.SearchStrategy[Any]:
    """Nine right values to one wrong one, so that calls with many arguments also come to a result."""
    return st.integers(0, 9).flatmap(lambda i: st.sampled_from(wrong) if i == 7 else right)  # 0 would come too often


NAN = float("nan")
INTEGERS = mostly(
    st.one_of(st.integers(1, 8), st.sampled_from([16, 64])),
    [0, -1, 10**6, 10**12, -(10**9), True, 2.0, 2.5, float("nan"), "3", None, np.int64(4)],
)
SMALL = mostly(st.integers(1, 4), [0, -1, 6, True, 2.5, float("nan"), "3", None])
REALS = mostly(st.floats(0, 1), [-1.0, 1e-40, 1e300, float("nan"), float("inf"), -float("inf"), True, "0.5", None, 2])
DTYPES = st.sampled_from(
    [torch.float32] * 18 + [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
)


@st.composite
def tensors(draw: Any, shapes: st.SearchStrategy[tuple[int, ...]], low: float = 0.0, high: float = 1.0) -> Any:
    """Mostly floats in a range; sometimes another type, a poisoned value, an array or a list."""
    shape = draw(shapes)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    values = low + (high - low) * torch.rand(shape, generator=generator)
    value = values.to(draw(DTYPES))
    if value.is_floating_point() and value.numel() and draw(st.integers(0, 9)) == 7:
        value.view(-1)[draw(st.integers(0, value.numel() - 1))] = draw(
            st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e30, -5.0, 255.0])
        )
    kind = draw(st.integers(0, 23))
    if kind == 13 and value.dtype != torch.bfloat16:
        return value.numpy()
    if kind == 17 and value.numel() < 200:
        return value.tolist()
    return value


def shapes(*sides: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    """The right number of dimensions mostly, else another."""
    right, wrong = st.tuples(*sides), st.lists(st.integers(0, 5), max_size=5).map(tuple)
    return st.integers(0, 9).flatmap(lambda i: wrong if i == 7 else right)


def side(*values: int) -> st.SearchStrategy[int]:
    return st.sampled_from(values)


SIDES = side(8, 8, 8, 4, 6, 12, 1)
PICTURES = tensors(shapes(side(1, 2, 3, 0), side(3, 3, 3, 1, 4), SIDES, SIDES))


@st.composite
def codes(draw: Any, count: int, shapes_: st.SearchStrategy[tuple[int, ...]]) -> Any:
    """Numbers of a codebook, sometimes one too many, negative, or of another type."""
    shape = draw(shapes_)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    low, high = draw(st.sampled_from([(0, count)] * 9 + [(-1, count), (0, count + 2)]))
    value = torch.randint(low, high, shape, generator=generator)
    kind = draw(st.integers(0, 19))
    if kind == 11:
        return value.to(draw(st.sampled_from([torch.uint8, torch.int32, torch.float32, torch.bool])))
    if kind == 13:
        return value.numpy()
    return value.tolist() if kind == 17 and value.numel() < 200 else value


def entries() -> list[Entry]:
    """Every public entry that takes what a reader may give."""
    return [*tokens(), *pictures(), *models(), *published(), *decoding(), *data(), *training(), *pages(), *computed()]


def tokens() -> list[Entry]:
    from mmcourse.tokens import palette, patches, pixels, positions, vq

    torch.manual_seed(0)
    colours = palette.Palette(palette.PaletteConfig(8, 3))
    colours.load_state_dict({**colours.state_dict(), "colours": torch.rand(8, 3)})
    tokenizer = vq.VQTokenizer(vq.VQConfig(width=8, encoder=1, decoder=1, codes=16, warm=0)).eval()
    pair = mostly(st.sampled_from([(2, 4), (4, 2), (1, 8)]), [(2, 2), (3, 3), (0, 8), (2.0, 4), None, 3, (2,), "ab"])
    either = st.one_of(pair, st.tuples(SMALL, SMALL))
    points = tensors(shapes(side(1, 2, 5, 30), side(1, 2, 3)))
    grid = codes(8, shapes(side(1, 2), side(8, 8, 4, 9)))
    return [
        Entry("patchify", patches.patchify, {"images": PICTURES, "patch_size": SMALL}),
        Entry("unpatchify", patches.unpatchify, {
            "patches": tensors(shapes(side(1, 2), side(8), side(12))),
            "patch_size": mostly(side(2), [1, 0, -2, 2.5, True, None]),
            "size": mostly(st.sampled_from([(4, 8), (8, 4), (2, 16)]), [(4, 4), (5, 8), None, 3, (4.0, 8)]),
            "channels": mostly(side(3), [1, 0, 2.5, True, None])}),
        Entry("to_sequence", pixels.to_sequence, {"images": PICTURES}),
        Entry("to_image", pixels.to_image, {
            "sequence": tensors(shapes(side(1, 2), side(8, 8, 6), side(1, 3))), "size": pair}),
        Entry("attention_bytes", pixels.attention_bytes, {"tokens": INTEGERS, "heads": INTEGERS, "batch": INTEGERS}),
        Entry("sinusoidal_1d", positions.sinusoidal_1d, {"count": SMALL, "width": SMALL}),
        Entry("sinusoidal_2d", positions.sinusoidal_2d, {"rows": SMALL, "columns": SMALL, "width": SMALL}),
        Entry("one_hot", positions.one_hot, {"count": SMALL}),
        Entry("interpolate", positions.interpolate, {
            "table": tensors(shapes(side(9, 9, 8), side(4, 2))), "from_grid": pair, "to_grid": either,
            "prefix": mostly(side(1), [0, -1, 2.5, True, None])}),
        Entry("kmeans", palette.kmeans, {"points": points, "k": SMALL, "weights": st.one_of(
            st.none(), tensors(shapes(side(1, 2, 5, 30)))), "starts": SMALL, "steps": SMALL, "tolerance": REALS},
            holds=lambda result, **_: bool(result.centres.isfinite().all())),
        Entry("fit_palette", palette.fit_palette, {
            "images": PICTURES, "size": SMALL, "starts": st.just(1), "steps": SMALL}),
        Entry("Palette.encode", colours.encode, {"images": PICTURES},
              holds=lambda result, **_: int(result.min()) >= 0 and int(result.max()) < 8),
        Entry("Palette.decode", colours.decode, {"codes": grid, "size": pair}),
        Entry("VQTokenizer.encode", tokenizer.encode, {"images": PICTURES}),
        Entry("VQTokenizer.decode", tokenizer.decode, {
            "codes": codes(16, shapes(side(1, 2), side(8, 8, 4))), "size": pair}),
        Entry("usage", vq.usage, {"codes": codes(8, shapes(side(1, 5, 20))), "size": INTEGERS},
              holds=lambda result, **_: 0 <= result <= 1),
        Entry("perplexity", vq.perplexity, {"codes": codes(8, shapes(side(1, 5, 20))), "size": INTEGERS}),
        Entry("VQConfig", vq.VQConfig, {
            "channels": SMALL, "stride": SMALL, "width": SMALL, "codes": SMALL, "code_width": SMALL, "decay": REALS,
            "commitment": REALS, "restart": REALS}),
        Entry("PaletteConfig", palette.PaletteConfig, {"size": INTEGERS, "channels": INTEGERS}),
    ]  # fmt: skip


def pictures() -> list[Entry]:
    from mmcourse.tokens.images import Preprocessing, preprocess

    @st.composite
    def photographs(draw: Any) -> Any:
        """Of PIL, in any of its modes."""
        mode = draw(st.sampled_from(["L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16", "I", "F"]))
        return Image.new(mode, (draw(side(1, 5, 9)), draw(side(1, 7))), draw(st.sampled_from([0, 1, None])))

    shares = st.lists(st.floats(0.1, 1), min_size=1, max_size=3).map(tuple)
    numbers = mostly(shares, [(), None, 0.5, (NAN,), (0.5, "1")])
    any_one = st.one_of(PICTURES, photographs(), tensors(shapes(SIDES, SIDES, side(3, 1)), 0, 255).map(_as_bytes))
    size = st.tuples(SMALL, SMALL)
    options = {
        "mean": numbers, "std": numbers, "resize": st.sampled_from(["stretch", "crop", None, "fit", 3]),
        "crop": mostly(st.floats(0.1, 1), [0, -1, 2, NAN, None, "1"]),
        "interpolation": st.sampled_from(["bilinear", "bicubic", "nearest", None]),
    }  # fmt: skip
    how = st.sampled_from([Preprocessing(), Preprocessing(resize="stretch"),
                           Preprocessing(resize="crop", crop=0.5, interpolation="bicubic")])  # fmt: skip
    return [
        Entry("Preprocessing", Preprocessing, options),
        Entry("preprocess", preprocess, {
            "pictures": st.one_of(any_one, st.lists(any_one, max_size=3), st.sampled_from([None, 3, "a.png"])),
            "how": how, "size": st.one_of(st.just((4, 6)), size), "channels": mostly(side(3, 1), [0, 2, None, True])},
            holds=lambda result, **_: bool((result >= 0).all() and (result <= 1).all())),
    ]  # fmt: skip


def _as_bytes(value: Any) -> Any:
    """Pixels as picture files hold them, where they can be."""
    usable = isinstance(value, Tensor) and value.is_floating_point() and bool(value.isfinite().all())
    return value.clamp(0, 255).to(torch.uint8).numpy() if usable else value


def _as_doubles(value: Any) -> Any:
    return value.double() if isinstance(value, Tensor) and value.dtype == torch.float32 else value


FOREIGN = [None, -1, 0, 10**6, 2**40, True, 2.5, NAN, "x", "", [], [1], [8, 8], {}, {"height": 8}, [[0.5]]]


@st.composite
def meddled(draw: Any, good: dict[str, Any]) -> dict[str, Any]:
    """A configuration from outside: as it should be, or with a field that is missing or holds what it should not."""
    found = dict(good)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        name = draw(st.sampled_from(sorted(good)))
        found.pop(name, None)
        if draw(st.booleans()):
            found[name] = draw(st.sampled_from(FOREIGN))
    return found


@st.composite
def damaged(draw: Any, good: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors from outside: as they should be, or one missing, left over, of another shape or type."""
    found = dict(good)
    name = draw(st.sampled_from(sorted(good)))
    kind = draw(st.sampled_from(["as it is"] * 6 + ["missing", "left over", "flat", "cut", "half", "whole"]))
    if kind in ("missing", "left over"):
        tensor = found.pop(name)
        if kind == "left over":
            found |= {name: tensor, draw(st.sampled_from(["x", "blocks.99.norm1.weight", f"{name}.bias"])): tensor}
    elif kind != "as it is":
        tensor = found[name]
        found[name] = {"flat": tensor.flatten(), "cut": tensor[:1], "half": tensor.half(), "whole": tensor.int()}[kind]
    return found


def published() -> list[Entry]:
    from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig
    from mmcourse.pretrained import CONVERTERS, hub
    from mmcourse.pretrained.convert import write
    from mmcourse.pretrained.vit import TIMM, timm_from_state

    torch.manual_seed(0)
    small: dict[str, Any] = {"width": 8, "layers": 2, "heads": 2, "mlp": 8}
    vit = ViT(ViTConfig(image_size=8, patch_size=4, classes=3, **small))
    gpt = ImageGPT(ImageGPTConfig(image_size=4, colours=8, **small))
    found = []
    for model, converter in zip((vit, gpt), CONVERTERS, strict=True):
        config, processor, state = converter.publish(model)
        names = converter.tensors(state, model.config, converter.classes[0], spelling=0)
        found.append(Entry(f"{type(model).__name__} as transformers stores it", converter.read, {
            "config": meddled(config), "state": damaged(names),
            "processor": st.one_of(meddled(processor), meddled(processor), st.none())}))  # fmt: skip
    timm = {"image_size": 8, "patch_size": 4, "heads": 2, "global_pool": "token", "epsilon": 1e-6, "dropout": 0.0}
    cfg = {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.9, "interpolation": "bicubic", "crop_mode": "center"}
    return [
        *found,
        Entry("ViT as timm stores it", timm_from_state, {
            "state": damaged(write(vit.state_dict(), TIMM, vit.config)), "config": meddled(timm),
            "pictures": meddled(cfg)}),
        Entry("hub.is_published", hub.is_published, {"name_or_path": st.one_of(
            st.text(max_size=5), st.sampled_from(["a/b", "x" * 300, "\0", "/", ".", Path("a")]))}),
        Entry("ViTConfig.from_dict", ViTConfig.from_dict, {"values": meddled(dataclasses.asdict(vit.config))}),
        Entry("ImageGPTConfig.from_dict", ImageGPTConfig.from_dict, {
            "values": meddled(dataclasses.asdict(gpt.config))}),
    ]  # fmt: skip


def _as_ids(value: Any) -> Any:
    return (value.nan_to_num(0, 0, 0).clamp(0, 1) * 7).long() if isinstance(value, Tensor) else value


def models() -> list[Entry]:
    from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig, attention_rollout
    from mmcourse.transformer import TransformerConfig

    torch.manual_seed(0)
    small: dict[str, Any] = {"width": 8, "layers": 1, "heads": 2, "mlp": 8}
    vit = ViT(ViTConfig(image_size=8, patch_size=4, classes=3, **small)).eval()
    gpt = ImageGPT(ImageGPTConfig(image_size=4, colours=8, **small)).eval()
    sizes = mostly(st.sampled_from([8, 12, (8, 4)]), [0, 7, (8,), (8, 4, 4), "8", True, None, 2.5])
    widths, heads = mostly(side(4, 8, 16), [0, 7, -4, "8", True, 10**12]), mostly(side(1, 2), [0, 3, -1, True, None])
    dropout = mostly(st.floats(0, 0.9), [1.0, -0.1, float("nan"), "0.1", None])
    number = {"width": widths, "layers": SMALL, "heads": heads, "mlp": SMALL, "epsilon": REALS, "dropout": dropout}
    whole = codes(8, shapes(side(1, 2), side(16, 5)))
    return [
        Entry("ViT", vit, {"images": PICTURES}),
        Entry("ViT.preprocess", vit.preprocess, {"pictures": PICTURES}),
        Entry("ViT.attention_maps", vit.attention_maps, {"images": PICTURES}),
        Entry("ViT.with_classes", vit.with_classes, {"classes": SMALL}),
        # forward looks at no value, so that it traces: ids out of range are torch's own error (mmcourse.base).
        Entry("ImageGPT", gpt, {"codes": tensors(shapes(side(1, 2), side(16, 5))).map(_as_ids)}),
        Entry("ImageGPT.negative_log_likelihood", gpt.negative_log_likelihood, {"codes": whole}),
        Entry("ImageGPT.features", gpt.features, {"codes": whole}),
        Entry("attention_rollout", attention_rollout, {
            "maps": tensors(shapes(side(1, 2), side(1, 2), side(2), side(3, 5), side(3, 5))), "residual": REALS}),
        Entry("ViTConfig", ViTConfig, {"image_size": sizes,
                                       "patch_size": mostly(side(1, 2, 4), [0, 3, -1, 2.5, True]), "channels": SMALL,
                                       "classes": SMALL, **number}),
        Entry("ImageGPTConfig", ImageGPTConfig, {"image_size": sizes, "colours": SMALL, "channels": SMALL, **number}),
        Entry("TransformerConfig", TransformerConfig, number),
        Entry("ViTConfig.preset", ViTConfig.preset, {"name": st.one_of(
            st.sampled_from(["vit-b/16", "vit-b16", "vit-ti/16", None, 3]), st.text(max_size=6))}),
    ]  # fmt: skip


def decoding() -> list[Entry]:
    from mmcourse.generation import MinLength, Suppress, Temperature, TopK, TopP, beam_search, generate
    from mmcourse.models import ImageGPT, ImageGPTConfig

    torch.manual_seed(0)
    gpt = ImageGPT(ImageGPTConfig(image_size=3, colours=8, width=8, layers=1, heads=2, mlp=8)).eval()
    torch.nn.init.normal_(gpt.head.weight)
    prefix = codes(8, shapes(side(1, 2), side(0, 1, 4)))
    rule = st.one_of(
        st.tuples(st.just(TopK), SMALL), st.tuples(st.just(TopP), REALS), st.tuples(st.just(Temperature), REALS)
    )

    def draw(rules: list[Any], **rest: Any) -> Tensor:
        return generate(gpt, filters=[make(value) for make, value in rules], **rest)

    def beam(rules: list[Any], **rest: Any) -> Any:
        return beam_search(gpt, filters=[make(value) for make, value in rules], **rest)

    rules = st.lists(rule, max_size=2)
    return [
        Entry("generate", draw, {"rules": rules, "prefix": prefix, "max_new_tokens": SMALL, "temperature": REALS,
                                 "eos": st.one_of(st.none(), st.integers(0, 7), SMALL)}),
        Entry("beam_search", beam, {"rules": rules, "prefix": prefix, "max_new_tokens": SMALL, "beams": SMALL,
                                    "eos": st.one_of(st.none(), st.integers(0, 7), SMALL), "length_penalty": REALS,
                                    "patience": REALS}),
        Entry("MinLength", MinLength, {"n": SMALL, "eos": SMALL}),
        Entry("Suppress", Suppress, {"ids": st.one_of(st.lists(SMALL, max_size=3).map(tuple), SMALL)}),
    ]  # fmt: skip


def data() -> list[Entry]:
    from mmcourse.data import augment, card, load
    from mmcourse.data.splits import parse

    digits = load("digits", "test")
    count = len(digits)
    index = st.one_of(
        INTEGERS, st.integers(-count, count - 1), st.lists(st.integers(-2, count), max_size=4),
        st.slices(count), st.sampled_from([None, "3", 2.0, torch.tensor(3), np.int64(5), np.array([1, 2])]),
        st.integers(0, 3).map(lambda i: digits.labels == i), st.just(torch.ones(7, dtype=torch.bool)),
        tensors(shapes(side(1, 3)), 0, 5),
    )  # fmt: skip
    word = st.one_of(st.sampled_from(["digits", "emoji", "digit", "Digits", None, 3, "x" * 300]), st.text(max_size=5))
    part = st.one_of(st.sampled_from(
        ["train", "test", "all", "train+test", "test+all", "train+train", "validation", "train+validation", None, "+"]),
        st.text(max_size=5))  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    return [
        Entry("data[i]", lambda i: digits[i], {"i": index}),
        Entry("data.batch", lambda i: digits.batch(i), {"i": index}),
        Entry("data.subset", lambda i: digits.subset(i), {"i": index}),
        Entry("data.batches", lambda size: next(iter(digits.batches(size))), {"size": INTEGERS}),
        Entry("load", lambda name, split: load(name, split), {
            "name": st.one_of(st.just("digits"), word), "split": part}),
        Entry("load emoji", lambda **o: load("emoji", "test", **o), {
            "style": mostly(st.just("twemoji"), ["twemoji+twemoji", "emoji", None, 3, ""]),
            "size": mostly(st.just(32), [0, -1, 2.5, True, "32", None, NAN, 10**9]),
            "language": mostly(st.just("en"), ["xx", None, 3, "EN"])}),
        Entry("card", card, {"name": word}),
        Entry("parse", lambda split: parse("digits", split, ["train", "test"]), {"split": part}),
        Entry("Affine", lambda images, **o: augment.Affine(**o)(images, generator), {
            "images": PICTURES, "degrees": REALS, "translate": REALS, "scale": REALS, "shear": REALS}),
        Entry("Elastic", lambda images, **o: augment.Elastic(**o)(images, generator), {
            "images": PICTURES, "strength": REALS, "coarse": SMALL}),
    ]  # fmt: skip


def training() -> list[Entry]:
    from mmcourse import checkpoint
    from mmcourse.training import Mean, Score, Settings, bits_per_dimension, linear_probe, psnr

    features = tensors(shapes(side(6, 8), side(2, 3)))
    labels = codes(3, shapes(side(6, 8)))
    return [
        Entry("Settings", Settings, {
            "steps": INTEGERS, "batch_size": INTEGERS, "learning_rate": REALS, "warmup": REALS, "weight_decay": REALS,
            "max_grad_norm": REALS, "ema_decay": REALS, "seed": INTEGERS,
            "precision": st.sampled_from(["auto", "32", "16", None]), "save_seconds": REALS}),
        Entry("psnr", psnr, {"images": PICTURES, "originals": PICTURES}),
        Entry("bits_per_dimension", bits_per_dimension, {
            "nats": st.one_of(REALS, tensors(shapes(side(1, 3)), 0, 9)), "dimensions": INTEGERS}),
        Entry("linear_probe", linear_probe, {
            "features": features, "labels": labels, "held_out": features, "held_out_labels": labels}),
        Entry("Score", lambda **o: str(Score(**o)), {"correct": INTEGERS, "total": INTEGERS}),
        Entry("Mean", lambda **o: str(Mean(**o)), {"value": REALS, "unit": st.just("dB"), "total": INTEGERS}),
        Entry("checkpoint.find", checkpoint.find, {"name_or_path": st.one_of(
            st.sampled_from([*checkpoint.names(), "a.safetensors", Path("b/c.safetensors")]), st.text(max_size=5),
            st.sampled_from(["x" * 300, "vit-mnist", "a/b", "\0", None, 3]))}),
    ]  # fmt: skip


def pages() -> list[Entry]:
    import matplotlib.pyplot as plt

    from mmcourse import show

    def drawn(call: Callable[..., Any]) -> Callable[..., Any]:
        def draw(**arguments: Any) -> Any:
            try:
                return call(**arguments)
            finally:
                plt.close("all")

        return draw

    square = tensors(shapes(side(3, 5), side(3, 5)), -1, 1)
    rows = st.lists(st.lists(st.one_of(st.integers(), REALS, st.text(max_size=3)), max_size=3), max_size=3)
    return [
        Entry("show.images", drawn(show.images), {"batch": PICTURES, "columns": SMALL}),
        Entry("show.patches", drawn(show.patches), {
            "image": tensors(shapes(side(1, 3), side(8, 6), side(8, 6))), "P": SMALL}),
        Entry("show.heatmap", drawn(show.heatmap), {"values": square}),
        Entry("show.similarity_grid", drawn(show.similarity_grid), {
            "table": tensors(shapes(side(4, 9), side(3))), "grid": st.tuples(SMALL, SMALL)}),
        Entry("show.sequence", drawn(show.sequence), {"tokens": tensors(shapes(side(3, 5), side(3, 8, 4)))}),
        Entry("show.table", show.table, {"rows": rows, "columns": st.lists(st.text(max_size=3), max_size=3),
                                         "caption": st.text(max_size=5)}),
        Entry("show.explore", lambda **o: show.explore(**o)._repr_mimebundle_(), {
            "frames": st.dictionaries(SMALL, st.text(max_size=5), max_size=3), "label": st.text(max_size=5)}),
        Entry("show.Audio", lambda **o: show.Audio(**o)._repr_html_(), {
            "samples": tensors(shapes(side(1, 100)), -1, 1), "rate": INTEGERS}),
    ]  # fmt: skip


def computed() -> list[Entry]:
    from mmcourse import show

    words = st.text(max_size=4)
    options = st.lists(words, max_size=4)
    square = tensors(shapes(side(2, 3), side(2, 3)), -1, 1)
    ask = {"question": st.just("What changes?")}
    return [
        Entry("show.attention_overlay", show.attention_overlay, {
            "image": tensors(shapes(side(1, 3), side(8, 6), side(8, 6))), "map": tensors(shapes(side(2, 4), side(2)))}),
        Entry("show.Question", show.Question, {"text": words, "options": options, "answer": SMALL, "why": options}),
        Entry("show.diagram", show.diagram, {
            "kind": st.one_of(st.sampled_from([*show.diagrams.KINDS, "pach", None, 3]), words),
            "lit": st.one_of(st.just(()), st.sampled_from(["E", "MLP", "colours", None, 3])),
            "sizes": st.one_of(st.none(), st.dictionaries(st.sampled_from(["H", "P", "C", "D"]), SMALL)),
            "caption": words}),
        Entry("live.by_hand", show.live.by_hand, {"Q": square, "K": square, "V": square, **ask}),
        Entry("live.kmeans", show.live.kmeans, {
            "points": tensors(shapes(side(20, 5), side(3))), "k": SMALL, "most": SMALL, **ask}),
        Entry("live.temperature", show.live.temperature, {
            "logits": tensors(shapes(side(12, 4)), -3, 3).map(_as_doubles), "shown": SMALL, **ask}),
        Entry("live.positions", show.live.positions, {
            "tables": st.dictionaries(words, st.one_of(
                tensors(shapes(side(4), side(8))), st.tuples(st.sampled_from(["sinusoidal_1d", "x"]), SMALL)),
                max_size=2),
            "grid": mostly(st.just((2, 2)), [(2, 3), (0, 4), None, 4]), **ask}),
        Entry("live.cut", show.live.cut, {
            "image": tensors(shapes(side(1, 3), side(8), side(8))), "sizes": st.lists(SMALL, max_size=3),
            "width": INTEGERS, "heads": SMALL, "layers": SMALL, **ask}),
    ]  # fmt: skip


def trial(entry: Entry, examples: int, first: int = 0) -> tuple[Counter[str], dict[str, dict[str, Any]]]:
    """Try an entry on so many inputs: how they ended, and one input for each kind of fault."""
    ended: Counter[str] = Counter()
    faults: dict[str, dict[str, Any]] = {}

    @seed(first)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.fixed_dictionaries(entry.arguments))
    def run(arguments: dict[str, Any]) -> None:
        try:
            ended[attempt(entry, arguments)] += 1
        except FaultError as fault:
            ended["fault"] += 1
            faults.setdefault(str(fault)[:160], arguments)

    run()
    return ended, faults


def main() -> int:
    """Print how inputs ended, an entry a line; the exit status says whether any was a fault."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    wanted = sys.argv[2:]
    total: Counter[str] = Counter()
    for entry in entries():
        if wanted and entry.name not in wanted:
            continue
        ended, faults = trial(entry, examples)
        total += ended
        print(f"{entry.name:36} {dict(ended)}", flush=True)
        for words, arguments in faults.items():
            print(f"    {words}\n        {str(arguments)[:300]!r}", flush=True)
    print(f"{sum(total.values()):,} inputs: {dict(total)}")
    return int(total["fault"] > 0 or math.isclose(sum(total.values()), 0))


if __name__ == "__main__":
    sys.exit(main())
