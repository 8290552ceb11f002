"""The public entries, each with generated arguments.

``python tests/property/entries.py 1000`` tries each entry on so many inputs and prints the counts; the test beside
this file does the same with a few, and holds this list against what the package offers.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import itertools
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from inputs import (
    INTEGERS,
    NAN,
    PICTURES,
    REALS,
    SIDES,
    SMALL,
    Entry,
    as_bytes,
    as_doubles,
    as_ids,
    codes,
    damaged,
    meddled,
    mostly,
    shapes,
    side,
    tensors,
    trial,
)  # fmt: skip
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor


def entries() -> list[Entry]:
    """Every public entry that takes what a reader may give."""
    return [
        *tokens(), *layers(), *sounds(), *pictures(), *models(), *listening(), *hearing(), *drawing(), *speaking(),
        *published(), *matching(), *decoding(), *data(), *scenes(), *own_data(),
        *training(), *learning(), *exercises(), *pages(), *computed(), *alive(),
    ]  # fmt: skip


PART = "a part of what is tried, which has looked at its arguments before"
RESULT = "what another entry returns"
CHECK = "itself the check that others call; tests of its own"
LONG = "trains or measures for minutes; its arguments are those of fit, recipe and checkpoint.find"

#: Public names that no entry tries, each with the reason; a test holds the two lists against what the package offers.
NOT_TRIED = {
    **dict.fromkeys(["tokens.images.check_images", "tokens.images.check_pixels", "tokens.images.check_preprocessing",
                     "tokens.palette.check_codes", "tokens.palette.rows_and_columns"], CHECK),
    **dict.fromkeys(["tokens.palette.z_order", "tokens.palette.byte_colours", "tokens.palette.merge_equal",
                     "tokens.palette.start_centres", "tokens.images.Normalise", "tokens.vq.ResidualBlock",
                     "tokens.frames.FrameBlock",
                     "transformer.quick_gelu", "transformer.make_norm", "transformer.attention_mask",
                     "transformer.scaled_dot_product", "transformer.Attention", "transformer.MLP", "transformer.Block",
                     "transformer.Stack", "transformer.initialise", "cache.Cache", "cache.LayerCache", "base.Model",
                     "base.ModelConfig", "checkpoint.checksum", "data.augment.Augmentation", "data.augment.percent",
                     "data.augment.pictures", "data.dataset.Dataset", "generation.decoding.Decodes",
                     "generation.filters.LogitFilter", "training.metrics.device_of",
                     "training.gather.gather_with_gradients", "exercises.core.Exercise"], PART),
    **dict.fromkeys(["tokens.palette.Clustering", "tokens.vq.Quantized", "tokens.vq.Reconstruction",
                     "tokens.frames.Frames", "models.whisper.Heard", "models.clip.Pairs", "tokens.text.VocabularyError",
                     "transformer.AttentionMaps", "generation.beam.Beams", "data.cards.Card", "exercises.core.Verdict",
                     "training.loop.History", "training.loop.Interrupted", "checkpoint.CheckpointError",
                     "data.downloads.DataUnavailableError", "show.explore.Explorer", "show.html.Html", "show.live.Live",
                     "show.pictures.Picture", "show.sound.Sound", "recipes.recipe.Recipe"], RESULT),
    **dict.fromkeys(["recipes.making.train", "recipes.making.try_out", "recipes.making.evaluate",
                     "training.metrics.evaluate_classification"], LONG),
    **dict.fromkeys(["pretrained.from_transformers", "pretrained.to_transformers", "pretrained.vit.from_timm",
                     "pretrained.vit.to_timm", "pretrained.clip.from_open_clip", "pretrained.to_openai"],
                    "takes another library's model; what it reads of it is tried as files"),
    **dict.fromkeys(["checkpoint.names", "data.cards.names", "data.describe", "show.theme.style", "show.pictures.bare"],
                    "takes nothing that could be wrong, or axes of matplotlib alone"),
}  # fmt: skip


def _palette(size: int) -> Any:
    from mmcourse.tokens.palette import Palette, PaletteConfig

    torch.manual_seed(0)
    colours = Palette(PaletteConfig(size, 3))
    colours.load_state_dict({**colours.state_dict(), "colours": torch.rand(size, 3)})
    return colours


def tokens() -> list[Entry]:
    from mmcourse.tokens import palette, patches, pixels, positions, vq

    colours = _palette(8)
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
        Entry("nearest_centre", palette.nearest_centre, {
            "points": points, "centres": tensors(shapes(side(1, 4), side(1, 2, 3)))}),
        Entry("kmeans_steps", lambda **o: list(itertools.islice(palette.kmeans_steps(**o), 3)), {
            "points": points, "k": SMALL, "weights": st.one_of(st.none(), tensors(shapes(side(1, 2, 5, 30)))),
            "seed": INTEGERS}, of=(palette.kmeans_steps,)),
        Entry("fit_palette(seed)", lambda **o: palette.fit_palette(torch.rand(1, 3, 4, 4), **o), {
            "size": SMALL, "starts": SMALL, "steps": SMALL, "seed": INTEGERS}, of=(palette.fit_palette,)),
        Entry("VQTokenizer", tokenizer, {"images": PICTURES}),
        Entry("VectorQuantizer", lambda tokens, **o: vq.VectorQuantizer(**o)(tokens), {
            "tokens": tensors(shapes(side(1, 2), side(8), side(4))), "codes": SMALL,
            "width": mostly(side(4), [0, -1, 3, True, 2.5, None]), "unit": st.booleans(),
            "decay": st.one_of(st.none(), REALS), "commitment": REALS,
            "warm": mostly(st.integers(-1, 1), [True, 0.5, None]), "restart": REALS}, of=(vq.VectorQuantizer,)),
    ]  # fmt: skip


def layers() -> list[Entry]:
    """First and middle layers: what they are built with, and what they are then called with."""
    from mmcourse.tokens import cnn, patches, pixels, positions
    from mmcourse.transformer import Decoder, Encoder, TransformerConfig

    def small(**more: Any) -> TransformerConfig:
        return TransformerConfig(width=8, heads=2, layers=1, mlp=8, **more)

    encoder, decoder = Encoder(small()).eval(), Decoder(small()).eval()
    reader = Decoder(small(cross_attention=True)).eval()
    sequence = tensors(shapes(side(1, 2), side(3, 5), side(8)), -1, 1)
    padding = st.one_of(st.none(), tensors(shapes(side(1, 2), side(3, 5))).map(
        lambda mask: mask > 0.5 if isinstance(mask, Tensor) else mask))
    wide, two = mostly(side(4, 8), [0, -1, 2.5, True, None, "8"]), {"channels": mostly(side(3), [0, 1, -1, True, 2.5])}
    grid = mostly(st.sampled_from([(2, 4), (4, 2), (1, 8)]), [(0, 8), (2.0, 4), None, 3, (2,), "ab"])

    def positioned(tokens: Any, at: Any, **options: Any) -> Tensor:
        return positions.Positions(**options)(tokens, at)

    def continued(x: Any, rows: Any) -> Tensor:
        cache = decoder.start(padding=rows)
        decoder(x, cache=cache)
        return decoder(x, cache=cache)

    return [
        Entry("PatchEmbedding", lambda images, **o: patches.PatchEmbedding(**o)(images), {
            "images": PICTURES, "patch_size": SMALL, "width": wide, **two}, of=(patches.PatchEmbedding,)),
        Entry("PixelTokens", lambda images, **o: pixels.PixelTokens(**o)(images), {
            "images": PICTURES, "width": wide, **two}, of=(pixels.PixelTokens,)),
        Entry("ResNetTokens", lambda images, **o: cnn.ResNetTokens(**o)(images), {
            "images": PICTURES, "width": wide, "features": SMALL, **two}, of=(cnn.ResNetTokens,)),
        Entry("linear_to_convolution", patches.linear_to_convolution, {
            "weight": tensors(shapes(side(4), side(12, 3))), "patch_size": mostly(side(2, 1), [0, 3, -1, 2.5, None]),
            "channels": mostly(side(3), [0, 1, -1, 2.5, None])}),
        Entry("convolution_to_linear", patches.convolution_to_linear, {
            "kernel": tensors(shapes(side(4), side(3), side(2), side(2)))}),
        Entry("Positions", positioned, {
            "kind": mostly(st.sampled_from(positions.KINDS), ["sine", None, 3]), "grid": grid,
            "width": mostly(side(8), [0, 3, -4, 2.5, True, None]), "prefix": mostly(side(0, 1), [-1, 2.5, True, None]),
            "std": REALS, "tokens": tensors(shapes(side(1, 2), side(8, 8, 9), side(8))),
            "at": st.one_of(st.none(), grid)}, of=(positions.Positions,)),
        Entry("Encoder", encoder, {"x": sequence, "key_padding_mask": padding,
                                   "wanted": mostly(st.one_of(st.none(), side(1, 2)), [0, -1, 99, 2.5, True])}),
        Entry("Decoder", decoder, {"x": sequence, "key_padding_mask": padding}),
        Entry("Decoder with memory", reader, {"x": sequence, "memory": st.one_of(sequence, sequence, st.none()),
                                              "memory_key_padding_mask": padding}),
        Entry("Decoder with cache", continued, {"x": sequence, "rows": st.one_of(
            st.none(), codes(3, shapes(side(1, 2))), st.sampled_from([3, "ab"]))}, of=(Decoder,)),
    ]  # fmt: skip


def sounds() -> list[Entry]:
    from mmcourse.tokens import spectrogram

    wave = tensors(shapes(side(64, 50, 9)), -1, 1)
    window = mostly(st.just(spectrogram.hann(16)), [spectrogram.hann(15), torch.ones(2, 8), None, [1.0], torch.ones(0)])
    hop = mostly(side(4, 8, 3), [0, -1, 2.5, True, None, 10**9])
    spectra = tensors(shapes(side(1, 2), side(5, 9), side(9)))
    scale = mostly(st.sampled_from(["htk", "slaney", "kaldi"]), ["mel", None, 3])
    length = mostly(st.one_of(st.none(), side(16, 20)), [0, -1, 2.5, True, 10**12])
    config = {
        "sample_rate": mostly(side(160, 16000), [0, -1, 2.5, True, None]), "window_size": mostly(
            side(16), [0, -1, 2.5, True, None, 17]), "hop": hop, "fft_size": mostly(side(16, 20), [8, 0, 2.5, None]),
        "bands": SMALL, "low": mostly(st.floats(0, 10), [-1.0, 1e9, NAN, None, "1"]), "scale": scale,
        "high": st.sampled_from([None, 80.0]), "equal_area": st.booleans(),
        "recipe": mostly(st.sampled_from(["whisper", "kaldi", "relative", "plain"]), ["x", None, 3]),
        "mean": REALS, "deviation": REALS,
    }  # fmt: skip

    def listened(waveform: Any, **options: Any) -> Tensor:
        return spectrogram.LogMel(spectrogram.LogMelConfig(**options))(waveform)

    def streamed(pieces: Any, recipe: str) -> list[Tensor]:
        mel = spectrogram.LogMel(spectrogram.LogMelConfig(window_size=16, hop=4, fft_size=16, bands=2, recipe=recipe))
        return list(mel.stream(pieces))

    return [
        Entry("frame", spectrogram.frame, {"waveform": wave, "size": SMALL, "hop": hop}),
        Entry("hann", spectrogram.hann, {"size": INTEGERS, "periodic": st.booleans()}),
        Entry("stft", spectrogram.stft, {"waveform": wave, "window": window, "hop": hop, "fft_size": mostly(
            st.one_of(st.none(), side(16, 20)), [8, 0, -1, 2.5]), "centre": st.booleans()}),
        Entry("istft", spectrogram.istft, {"spectrum": spectra.map(
            lambda s: torch.complex(s, s) if isinstance(s, Tensor) and s.dtype == torch.float32 else s),
            "window": window, "hop": hop, "length": length}),
        Entry("hz_to_mel", spectrogram.hz_to_mel, {"hertz": tensors(shapes(side(3, 5)), 0, 4000), "scale": scale}),
        Entry("mel_to_hz", spectrogram.mel_to_hz, {"mel": tensors(shapes(side(3, 5)), 0, 40), "scale": scale}),
        Entry("mel_filters", spectrogram.mel_filters, {
            "bands": SMALL, "fft_size": mostly(side(16, 32), [0, -1, 2.5, None, True]),
            "sample_rate": mostly(side(160, 8000), [0, -1, 2.5, None, True]), "low": REALS,
            "high": mostly(st.one_of(st.none(), st.floats(2, 80)), [-1.0, 0, NAN, 1e9, "3"]), "scale": scale,
            "equal_area": st.booleans()}, holds=lambda result, **_: bool(result.isfinite().all())),
        Entry("LogMelConfig", spectrogram.LogMelConfig, config),
        Entry("LogMel", listened, {"waveform": wave, **config}, of=(spectrogram.LogMel,)),
        Entry("LogMel.stream", streamed, {
            "pieces": st.lists(wave, max_size=3),
            "recipe": st.sampled_from(["whisper", "kaldi", "relative", "plain"])},
            of=(spectrogram.LogMel,)),
        Entry("griffin_lim", spectrogram.griffin_lim, {
            "magnitude": spectra, "window": window, "hop": hop, "iterations": SMALL, "momentum": REALS,
            "length": length, "seed": INTEGERS}),
        Entry("mel_to_linear", spectrogram.mel_to_linear, {
            "mel": tensors(shapes(side(2, 5), side(4))), "filters": tensors(shapes(side(9), side(4, 4, 3))),
            "rounds": SMALL}),
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
    any_one = st.one_of(PICTURES, photographs(), tensors(shapes(SIDES, SIDES, side(3, 1)), 0, 255).map(as_bytes))
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


def published() -> list[Entry]:
    from mmcourse import checkpoint
    from mmcourse.models import ImageGPT, ImageGPTConfig, ViT, ViTConfig, WhisperConfig
    from mmcourse.pretrained import (
        CONVERTERS,
        ast_from_state,
        ast_to_state,
        from_openai,
        from_published,
        hub,
        save_transformers,
        to_openai,
    )
    from mmcourse.pretrained.convert import write
    from mmcourse.pretrained.vit import TIMM, timm_from_state

    torch.manual_seed(0)
    small: dict[str, Any] = {"width": 8, "layers": 2, "heads": 2, "mlp": 8}
    vit = ViT(ViTConfig(image_size=8, patch_size=4, classes=3, **small))
    gpt = ImageGPT(ImageGPTConfig(image_size=4, colours=8, **small))
    whisper = small_whisper(epsilon=1e-5, encoder_mlp=32, decoder_mlp=32)
    found = []
    ast, clip = small_ast(), small_clip()
    for model, converter in zip((vit, gpt, whisper, ast, clip), CONVERTERS, strict=True):
        config, processor, state = converter.publish(model)
        names = converter.tensors(state, model.config, converter.classes[0], spelling=0)
        found.append(Entry(f"{type(model).__name__} as transformers stores it", converter.read, {
            "config": meddled(config), "state": damaged(names),
            "processor": st.one_of(meddled(processor), meddled(processor), st.none())}))  # fmt: skip

    def stored(config: Any, state: Any, text: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            content = json.dumps(config) if text is None else text
            Path(folder, hub.CONFIG).write_text(content, encoding="utf-8")
            save_file({key: tensor.clone() for key, tensor in state.items()}, Path(folder, hub.WEIGHTS))
            return from_published(folder)

    def saved(model: Any, name: str) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "file").write_text("", encoding="utf-8")
            save_transformers(model, Path(folder, name))
            return from_published(Path(folder, name))

    def loaded(metadata: Any, state: Any, cut: int) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mine.safetensors")
            checkpoint.save(path, {key: tensor.clone() for key, tensor in state.items()}, metadata)
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) - cut])
            checkpoint.load(path)
            return ViT.from_pretrained(path)

    timm = {"image_size": 8, "patch_size": 4, "heads": 2, "global_pool": "token", "epsilon": 1e-6, "dropout": 0.0}
    cfg = {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.9, "interpolation": "bicubic", "crop_mode": "center"}
    return [
        *found,
        Entry("ViT as timm stores it", timm_from_state, {
            "state": damaged(write(vit.state_dict(), TIMM, vit.config)), "config": meddled(timm),
            "pictures": meddled(cfg)}),
        Entry("from_published", stored, {
            "config": meddled(config), "state": damaged(names), "text": st.sampled_from([None] * 9 + ["", "[]", "{"])},
            of=(from_published,)),
        Entry("from_openai", from_openai, {"checkpoint": st.one_of(
            damaged(to_openai(whisper)), damaged(to_openai(clip)),
            st.builds(lambda state, dims: {"model_state_dict": state, "dims": dims},
                damaged(to_openai(whisper)), meddled({"n_audio_head": 2, "n_text_head": 2}))),
            "heads": mostly(side(2), [None, 0, 3, True, 2.5, "2"])}),
        Entry("WhisperConfig.from_dict", WhisperConfig.from_dict, {
            "values": meddled(dataclasses.asdict(whisper.config))}),
        Entry("save_transformers", saved, {"model": st.sampled_from([vit, gpt, _palette(8)]),
            "name": st.sampled_from(["a", "a/b", "x" * 300, "file/a"])}, of=(save_transformers,)),
        Entry("checkpoint.load", loaded, {
            "metadata": meddled({"model": "ViT", "config": dataclasses.asdict(vit.config), "data": {}}),
            "state": damaged(dict(vit.state_dict())), "cut": mostly(st.just(0), [1, 100, 5000])},
            of=(checkpoint.load, checkpoint.save)),
        Entry("hub.is_published", hub.is_published, {"name_or_path": st.one_of(
            st.text(max_size=5), st.sampled_from(["a/b", "x" * 300, "\0", "/", ".", Path("a")]))}),
        Entry("ViTConfig.from_dict", ViTConfig.from_dict, {"values": meddled(dataclasses.asdict(vit.config))}),
        Entry("ImageGPTConfig.from_dict", ImageGPTConfig.from_dict, {
            "values": meddled(dataclasses.asdict(gpt.config))}),
        Entry("AST as its authors store it", lambda state, heads: ast_to_state(ast_from_state(
            state, ast.config, heads=heads)), {
            "state": damaged(ast_to_state(ast)), "heads": mostly(side(2), [0, 3, True, 2.5, "2"])},
            of=(ast_from_state, ast_to_state)),
    ]  # fmt: skip


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
        Entry("ImageGPT", gpt, {"codes": tensors(shapes(side(1, 2), side(16, 5))).map(as_ids)}),
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


def small_ast() -> Any:
    from mmcourse.models import AST, ASTConfig
    from mmcourse.tokens.spectrogram import LogMelConfig

    torch.manual_seed(0)
    mel = LogMelConfig.preset("ast-esc50", bands=12)
    return AST(ASTConfig(mel, 12, 8, 4, 3, width=8, layers=2, heads=2, mlp=8)).eval()


def small_whisper(**more: Any) -> Any:
    from mmcourse.models import Whisper, WhisperConfig

    torch.manual_seed(0)
    small: dict[str, Any] = {"width": 8, "encoder_layers": 1, "encoder_heads": 2, "encoder_mlp": 8,
                             "decoder_layers": 1, "decoder_heads": 2, "decoder_mlp": 8}  # fmt: skip
    sizes = {"bands": 4, "audio_context": 4, "text_context": 6, "vocab_size": 20, "eot": 8, "languages": ("en", "fr")}
    return Whisper(WhisperConfig(**{**small, **sizes, **more})).eval()


def small_clip(**more: Any) -> Any:
    from mmcourse.models import CLIP, CLIPConfig

    torch.manual_seed(0)
    sizes: dict[str, Any] = {"embed": 6, "image_size": 8, "patch_size": 4, "text_context": 8, "vocab_size": 258}
    for half in ("vision", "text"):
        sizes |= {f"{half}_width": 8, f"{half}_layers": 1, f"{half}_heads": 2, f"{half}_mlp": 8}
    return CLIP(CLIPConfig.from_dict({**sizes, **more})).eval()


def matching() -> list[Entry]:
    """CLIP, its texts, its losses, and what is searched with its vectors."""
    from mmcourse.data import DrawingDataset, DrawingPairs, PairDecoder, load
    from mmcourse.models import CLIP, CLIPConfig, Pairs
    from mmcourse.retrieval import Index, recall
    from mmcourse.tokens.text import CaptionTokenizer, clean, train_merges
    from mmcourse.training import Contrastive, contrastive_loss, sigmoid_loss

    merges = train_merges([" a cat", " a dog"] * 3, 262)
    clip = small_clip(merges=merges, vocab_size=258 + len(merges))
    words = st.one_of(st.text(max_size=4), st.sampled_from(["a cat", "猫", "", "a" * 30, "&lt;b&gt;"]))
    texts = mostly(st.one_of(words, st.lists(words, min_size=1, max_size=3)), [[], None, 3, ["a", 3], {"a": 1}])
    prompts = st.lists(st.sampled_from(["{}", "a {}"]), min_size=1, max_size=2)
    prompts = mostly(prompts, [[], ["a"], None, "{}", ["{0}"]])
    vectors = tensors(shapes(side(3, 3, 2), side(4)), -1, 1)
    scale = mostly(st.floats(0.1, 100).map(torch.tensor), [1.0])
    ids = tensors(shapes(side(1, 2), side(8, 5))).map(as_ids)
    heads = mostly(side(1, 2), [0, 3, -1, True, None])
    return [
        Entry("CLIP", lambda images, ids: clip(images, ids).logits(), {"images": PICTURES, "ids": ids}, of=(CLIP,)),
        Entry("CLIP.match", clip.match, {"pictures": PICTURES, "texts": texts}),
        Entry("CLIP.classify", clip.classify, {"pictures": PICTURES, "prompts": prompts, "classes": mostly(
            st.just(["a cat", "a dog"]), ["a cat", [], None, ["a", 3], ["a" * 30]])}),
        Entry("CLIPConfig", CLIPConfig, {
            "embed": SMALL, "image_size": mostly(side(8, 32), [0, 7, "8", True, None]), "channels": st.just(3),
            "patch_size": mostly(side(2, 4), [0, 3, 2.5, True]), "vision_heads": heads, "text_heads": heads,
            "vision_width": mostly(side(4, 8), [0, 7, "8", True, 10**12]),
            "resnet_layers": mostly(st.just(()), [(1, 1, 1, 1), (1,), 3, None, "abcd", (1, 1, 1, 0), (1, 2.5, 1, 1)]),
            "merges": mostly(st.just(()), [["a b"], None, 3, [3]]), "temperature": REALS, "epsilon": REALS,
            "logit_bias": st.one_of(st.none(), REALS), "eot": st.one_of(st.none(), SMALL),
            "vocab_size": mostly(side(8, 40), [0, 2, "3", None]), "text_context": SMALL, "text_layers": SMALL}),
        Entry("CLIPConfig.from_dict", CLIPConfig.from_dict, {"values": meddled(dataclasses.asdict(clip.config))}),
        Entry("CaptionTokenizer", lambda captions, cut: clip.tokenizer(captions, cut=cut), {
            "captions": texts, "cut": st.booleans()}, of=(CaptionTokenizer,)),
        Entry("CaptionTokenizer.decode", clip.tokenizer.decode, {
            "ids": mostly(st.lists(st.integers(0, 270), max_size=8), [None, 3, ["a"], [-1], [10**9]])}),
        Entry("clean", clean, {"caption": st.one_of(words, st.sampled_from([None, 3, b"a"]))}),
        Entry("Index", lambda items, kind, queries, k: Index(items, kind).search(queries, k), {
            "items": vectors, "kind": mostly(side("exact", "faiss"), ["tree", None]), "queries": vectors, "k": SMALL},
            of=(Index,)),
        Entry("recall", recall, {
            "queries": vectors, "items": vectors, "at": mostly(st.just((1, 2)), [(), 3, (0,), "a"])}),
        Entry("contrastive_loss", contrastive_loss, {"images": vectors, "texts": vectors, "scale": scale}),
        Entry("sigmoid_loss", sigmoid_loss, {"images": vectors, "texts": vectors, "scale": scale}),
        Entry("Contrastive", lambda kind, images, tokens: Contrastive(kind)(
            lambda a, b: Pairs(a, b, torch.tensor(5.0)), {"images": images, "tokens": tokens})[0], {
            "kind": mostly(side("softmax", "sigmoid"), ["x", None]), "images": vectors, "tokens": vectors},
            of=(Contrastive,)),
        Entry("load drawings", lambda **o: load("drawings", "test", **o), {
            "style": mostly(side("twemoji", "openmoji"), ["apple", "twemoji+twemoji", None, 3]),
            "size": mostly(st.just(32), [7, "8", None, 2.5]),
            "language": mostly(side("en", "pt+fr"), ["xx", "", None])}, of=(load,)),
        Entry("DrawingPairs", lambda size, **o: DrawingPairs(DrawingDataset("a", "train", **o), clip.tokenizer)
              .training_batch(0, size, 0), {
            "images": tensors(shapes(side(2), side(3), side(4), side(4)), 0, 255).map(
                lambda value: value.byte() if isinstance(value, Tensor) and value.dtype == torch.float32 else value),
            "labels": mostly(codes(3, shapes(side(2, 2, 3))), [None]),
            "captions": mostly(st.just(["a", "b"]), [None, ["a"]]),
            "texts": mostly(st.just([[["a"], []], [["b"], ["c"]]]), [[[["a"]]], None]),
            "styles": mostly(st.just(["x", "y"]), [["x"], None]), "size": SMALL}, of=(DrawingDataset, DrawingPairs)),
        Entry("PairDecoder", lambda size, sample, cut: PairDecoder(clip.tokenizer, size, cut=cut)(sample), {
            "size": mostly(st.just((8, 8)), [(8, 0), 8, None, "ab"]), "cut": st.booleans(),
            "sample": st.fixed_dictionaries({"txt": words.map(str.encode)}, optional={
                "png": st.sampled_from([_png(), _png(), _png()[:30], b""])})}, of=(PairDecoder,)),
    ]  # fmt: skip


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), "red").save(file, "PNG")
    return file.getvalue()


def listening() -> list[Entry]:
    """AST, and the start that a ViT gives it."""
    from mmcourse.models import AST, ASTConfig, ViT, ViTConfig

    ast = small_ast()
    mel = ast.config.log_mel
    loud = AST(dataclasses.replace(ast.config, placing="loudest")).eval()
    sizes = {
        "frames": mostly(side(8, 12), [0, 3, True, None, 2.5]), "patch_size": mostly(side(4, 8), [0, 99, True, None]),
        "stride": mostly(st.one_of(side(1, 4), st.just((2, 3))), [0, (1,), (0, 2), None, "2", 2.5]),
        "classes": mostly(side(0, 3), [-1, True, None]), "width": mostly(side(8), [0, 7, "8", None]),
        "layers": mostly(side(1, 2), [0, True]), "heads": mostly(side(2), [0, 3]), "mlp": mostly(side(8), [0, None]),
    }  # fmt: skip
    more = {
        "log_mel": mostly(st.just(mel), [None, {}, 3]), "epsilon": REALS, "position_std": REALS, "dropout": REALS,
        "head_epsilon": mostly(st.one_of(st.none(), st.just(1e-5)), [0.0, -1, NAN, "x"]),
        "placing": mostly(st.sampled_from(["start", "loudest"]), ["end", None, 3]),
    }  # fmt: skip
    vit = ViT(ViTConfig(image_size=16, patch_size=8, channels=1, classes=3, width=8, layers=2, heads=2, mlp=8))
    heard = tensors(shapes(side(1, 2), side(12, 30), side(12)))
    sound = st.one_of(tensors(shapes(side(1, 700, 3000)), -1, 1), tensors(shapes(side(1, 2), side(900)), -1, 1))
    rate = mostly(st.one_of(st.none(), side(8000, 16000, 22050)), [0, -1, True, 2.5, "8000"])

    def built(**options: Any) -> Tensor:
        model = AST(ASTConfig(**{"log_mel": mel, **options})).eval()
        return model(torch.zeros(1, model.config.frames, mel.bands))

    return [
        Entry("ASTConfig", ASTConfig, {**sizes, **more}),
        Entry("AST built", built, sizes, of=(AST,)),
        Entry("AST", ast, {"spectrogram": heard}),
        Entry("AST.attention_maps", ast.attention_maps, {"spectrogram": heard}),
        Entry("AST.predict", ast.predict, {"sounds": sound, "sample_rate": rate}),
        Entry("AST.predict of the loudest part", loud.predict, {"sounds": sound, "sample_rate": rate},
            of=(ast.predict,)),
        Entry("AST.adapted", lambda classes, frames: ast.adapted(classes=classes, frames=frames), {
            "classes": mostly(side(0, 5), [-1, True, 2.5]), "frames": mostly(side(8, 20), [0, 3, True, 2.5])},
            of=(ast.adapted,)),
        Entry("AST.from_vit", lambda **options: AST.from_vit(vit, ASTConfig(**{"log_mel": mel, **options})), sizes,
            of=(AST.from_vit,)),
    ]  # fmt: skip


def hearing() -> list[Entry]:
    """Whisper and its tokens of text."""
    from mmcourse.models import WhisperConfig
    from mmcourse.tokens import text
    from mmcourse.tokens.positions import sinusoidal_halves

    model = small_whisper()
    special = text.SpecialTokens(258, ("en", "fr"), 5)
    tokenizer = text.TextTokenizer.from_merges(("a b", "c d"), special)
    # forward looks at no value, as in ImageGPT
    ids = codes(20, shapes(side(1, 2), side(1, 3, 7))).map(
        lambda value: value.clamp(0, 19) if isinstance(value, Tensor) and value.dtype == torch.int64 else value)
    mel = tensors(shapes(side(1, 2), side(8, 6), side(4)), -1, 1)
    alignment = mostly(st.just(()), [((0, 0),), ((9, 9),), (1,), None, 3])
    half = {"layers": SMALL, "heads": mostly(side(1, 2), [0, 3, True, None]), "mlp": SMALL}
    options = {f"{which}_{name}": value for which in ("encoder", "decoder") for name, value in half.items()}
    pieces = st.lists(st.integers(0, special.size - 1), max_size=6)
    return [
        Entry("WhisperConfig", WhisperConfig, {
            "bands": SMALL, "audio_context": SMALL, "text_context": SMALL, "vocab_size": SMALL, "eot": SMALL,
            "width": mostly(side(4, 8), [0, 2, 7, True, "8", 10**12]), "epsilon": REALS, "dropout": REALS,
            "languages": mostly(st.just(("en",)), [None, 3, ("en", 3), "en"]), "alignment_heads": alignment,
            **options}),
        Entry("Whisper", model, {"mel": mel, "ids": ids}),
        Entry("Whisper.encode", model.encode, {"mel": mel}),
        Entry("Whisper.window", model.window, {"sound": tensors(shapes(side(100, 2000)), -1, 1)}),
        Entry("Whisper.prefix", model.prefix, {
            "language": mostly(st.sampled_from(["en", "fr", None]), ["xx", 3, ""]),
            "task": mostly(st.sampled_from(["transcribe", "translate"]), ["sing", None, 3])}),
        Entry("Whisper.listen", lambda mel, ids: model.step(ids, model.start(model.listen(mel))), {
            "mel": mel, "ids": ids}, of=(model.listen,)),
        Entry("SpecialTokens.language", special.language, {"code": st.sampled_from(["en", "fr", "xx", None, 3])}),
        Entry("SpecialTokens.timestamp", special.timestamp, {"seconds": REALS}),
        Entry("TextTokenizer", lambda words: tokenizer.decode(tokenizer.encode(words)), {
            "words": mostly(st.text(max_size=8), [None, 3, b"a"])},
            holds=lambda result, words: result == words, of=(text.TextTokenizer,)),
        Entry("TextTokenizer.written", lambda ids: (tokenizer.written(ids), tokenizer.words(ids, "en")), {
            "ids": mostly(pieces, [None, 3, [10**6], [-1], ["a"], [1.5]])}, of=(text.TextTokenizer,)),
        Entry("train_merges", text.train_merges, {
            "texts": mostly(st.lists(st.text(max_size=6), max_size=4), [None, 3, [3], [None]]),
            "pieces": mostly(side(256, 260), [0, 255, -1, True, 2.5, None])}),
        Entry("sinusoidal_halves", sinusoidal_halves, {
            "count": SMALL, "width": mostly(side(4, 8), [0, 2, 7, -1, True, 2.5, None])}),
    ]  # fmt: skip


def scenes() -> list[Entry]:
    """Captions and pictures of scenes."""
    from mmcourse.data import load, scene_captions, scene_detector

    sentence = st.sampled_from(["a small red circle on the left", "uma estrela azul acima de um quadrado preto",
                                "A big blue star below a black cross."])  # fmt: skip
    words = mostly(sentence, ["a red dog", "", None, 3, "a red circle", "a" * 300])
    square = tensors(shapes(side(1, 2), side(3), side(32, 16), side(32, 16)))
    return [
        Entry("load scenes", lambda **o: load("scenes", "test", **o), {
            "size": mostly(side(16, 32), [0, 8, 999, 2.5, True, "32", None]),
            "language": mostly(st.sampled_from(["en", "pt", "en+pt"]), ["fr", "", None, 3, "en+"]),
            "count": mostly(side(1, 3), [0, -1, 2.5, True, "3"])}, of=(load,)),
        Entry("parse_caption", scene_captions.parse_caption, {"text": words}),
        Entry("detect", scene_detector.detect, {"images": square}),
        Entry("verdicts", scene_detector.verdicts, {
            "captions": st.lists(words, min_size=1, max_size=2), "images": square}),
        Entry("holds", scene_detector.holds, {"caption": words, "image": tensors(shapes(side(3), side(32), side(32)))}),
    ]  # fmt: skip


def small_parti(**more: Any) -> Any:
    from mmcourse.models import Parti, PartiConfig
    from mmcourse.tokens.vq import VQConfig

    torch.manual_seed(0)
    small: dict[str, Any] = {"width": 8, "mlp": 8, "encoder_layers": 1, "decoder_layers": 1, "heads": 2}
    codebook = VQConfig(width=8, encoder=1, decoder=1, codes=16, warm=0)
    sizes = {"tokenizer": codebook, "grid": 2, "text_vocab_size": 258, "text_context": 6, "merges": ("a b",)}
    return Parti(PartiConfig(**{**small, **sizes, **more})).eval()


def drawing() -> list[Entry]:
    """Parti, and pictures of captions."""
    from mmcourse.drawing import draw, rerank
    from mmcourse.models import PartiConfig

    model = small_parti()
    texts = mostly(st.lists(st.text(max_size=4), min_size=1, max_size=2), [[], "ab", None, 3, ["a" * 50], [3]])
    # forward looks at no value, as in ImageGPT
    ids, written = (codes(257, shapes(side(1, 2), side(1, 3, 7))), codes(16, shapes(side(1, 2), side(4, 4, 5))))
    ids, written = (one.map(lambda v: v.clamp(0, 15) if isinstance(v, Tensor) and v.dtype == torch.int64 else v)
                    for one in (ids, written))  # fmt: skip
    drawn = tensors(shapes(side(2), side(1, 3), side(3), side(8), side(8)))
    judge = mostly(st.just(lambda images, texts: images.flatten(1).mean(1)), [lambda images, texts: images])
    half = {name: mostly(side(1, 2), [0, -1, True, 2.5, None]) for name in ("encoder_layers", "decoder_layers")}
    return [
        Entry("PartiConfig", PartiConfig, {
            "grid": mostly(st.sampled_from([2, (2, 3)]), [0, (2,), None, "2", 2.5]), "text_vocab_size": SMALL,
            "text_context": SMALL, "width": mostly(side(8), [0, 7, "8", None]), "heads": mostly(side(2), [0, 3, True]),
            "mlp": SMALL, "dropout": REALS, "merges": mostly(st.just(("a b",)), [None, 3, ("a", 3)]), **half}),
        Entry("Parti", model, {"ids": ids, "codes": written}),
        Entry("Parti.encode", model.encode, {"images": PICTURES}),
        Entry("Parti.read", model.read, {"texts": texts}),
        Entry("Parti.negative_log_likelihood", model.negative_log_likelihood, {
            "texts": texts, "codes": codes(16, shapes(side(1, 2), side(4)))}),
        Entry("draw", lambda **o: draw(model, **o), {
            "texts": texts, "samples": SMALL, "guidance": st.one_of(st.none(), REALS), "temperature": REALS,
            "seed": mostly(side(0, 3), [2])}, of=(draw,)),
        Entry("rerank", rerank, {"images": drawn, "texts": mostly(st.just(["a", "b"]), [["a"], [], "ab", None]),
                                 "scorer": judge}),
    ]  # fmt: skip


def speaking() -> list[Entry]:
    """Codes of sounds, and text to speech."""
    from mmcourse.models import TextToSpeech, TextToSpeechConfig
    from mmcourse.speaking import speak, write_codes
    from mmcourse.tokens.frames import FramesConfig, FrameTokenizer
    from mmcourse.tokens.spectrogram import LogMelConfig

    torch.manual_seed(0)
    log_mel = LogMelConfig(window_size=64, fft_size=64, hop=16, bands=4)
    small = {"width": 8, "encoder": 1, "decoder": 1, "codes": 16, "code_width": 4}
    frames = FramesConfig(log_mel=log_mel, stride=2, warm=0, **small)  # type: ignore[arg-type]
    tokenizer = FrameTokenizer(frames).eval()
    sizes: dict[str, Any] = {"width": 8, "mlp": 8, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "length": 5}
    model = TextToSpeech(TextToSpeechConfig(
        tokenizer=frames, text_vocab_size=260, text_context=6, merges=("a b",), voices=("high", "low"), **sizes)).eval()
    texts = mostly(st.lists(st.text(max_size=3), min_size=1, max_size=2), [[], "ab", None, 3, ["a" * 50], [3]])
    voices = mostly(st.sampled_from([None, "high", "low"]), ["deep", ["low"], 3, []])
    mel = tensors(shapes(side(1, 2), side(4, 4, 3), side(4)), -1, 1)
    written = codes(17, shapes(side(1, 2), side(4, 5, 6))).map(
        lambda v: v.clamp(0, 16) if isinstance(v, Tensor) and v.dtype == torch.int64 else v)
    ids = tensors(shapes(side(1, 2), side(3))).map(as_ids)
    return [
        Entry("FramesConfig", FramesConfig, {
            "log_mel": mostly(st.just(log_mel), [LogMelConfig(), None, 3]), "stride": SMALL, "width": SMALL,
            "codes": SMALL, "code_width": SMALL, "decay": st.one_of(st.none(), REALS), "commitment": REALS,
            "restart": REALS, "warm": mostly(side(-1, 3), [-2, True, 2.5])}),
        Entry("FrameTokenizer", tokenizer, {"mel": mel}),
        Entry("FrameTokenizer.encode", tokenizer.encode, {"mel": mel}),
        Entry("FrameTokenizer.decode", tokenizer.decode, {"codes": codes(16, shapes(side(1, 2), side(3)))}),
        Entry("FrameTokenizer.spectrogram", tokenizer.spectrogram, {
            "sound": tensors(shapes(side(100, 300)), -1, 1)}),
        Entry("FrameTokenizer.waveform", tokenizer.waveform, {
            "mel": tensors(shapes(side(1, 5), side(4)), -1, 1), "iterations": SMALL, "seed": SMALL}),
        Entry("TextToSpeechConfig", TextToSpeechConfig, {
            **{name: mostly(st.just(value), [0, -1, True, 2.5, None]) for name, value in sizes.items()},
            "voices": mostly(st.just(("a", "b")), [(), ("a", "a"), None, "ab", (3,)]),
            "text_vocab_size": mostly(side(260), [2, 0, None]), "tokenizer": mostly(st.just(frames), [None, {}])}),
        Entry("TextToSpeech", model, {"ids": ids, "codes": written}),
        Entry("TextToSpeech.words", model.words, {"texts": texts, "voices": voices}),
        *(Entry(call.__name__, lambda call=call, **o: call(model, **o), {
            "texts": texts, "voices": voices, "temperature": REALS, "seed": mostly(side(0, 3), [2])}, of=(call,))
          for call in (write_codes, speak)),
    ]  # fmt: skip


def decoding() -> list[Entry]:
    from mmcourse.generation import MinLength, Suppress, Temperature, TopK, TopP, beam_search, generate
    from mmcourse.generation.filters import Likelihood, SuppressFirst, TimestampRules
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
                                 "eos": st.one_of(st.none(), st.integers(0, 7), SMALL)},
              of=(generate, Temperature, TopK, TopP)),
        Entry("beam_search", beam, {"rules": rules, "prefix": prefix, "max_new_tokens": SMALL, "beams": SMALL,
                                    "eos": st.one_of(st.none(), st.integers(0, 7), SMALL), "length_penalty": REALS,
                                    "patience": REALS}, of=(beam_search,)),
        Entry("MinLength", MinLength, {"n": SMALL, "eos": SMALL}),
        *(Entry(rule.__name__, rule, {"ids": st.one_of(st.lists(SMALL, max_size=3).map(tuple), SMALL)})
          for rule in (Suppress, SuppressFirst)),
        Entry("TimestampRules", TimestampRules, {
            "first": SMALL, "eot": SMALL, "latest": st.one_of(st.none(), SMALL),
            "never": st.one_of(st.lists(SMALL, max_size=3).map(tuple), SMALL)}),
        Entry("Likelihood", Likelihood, {"eos": SMALL}),
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
        Entry("data[i]", lambda i: digits[i], {"i": index}, of=(type(digits),)),
        Entry("data.batch", lambda i: digits.batch(i), {"i": index}, of=(type(digits),)),
        Entry("data.subset", lambda i: digits.subset(i), {"i": index}, of=(type(digits),)),
        Entry("data.batches", lambda size: next(iter(digits.batches(size))), {"size": INTEGERS}, of=(type(digits),)),
        Entry("load", lambda name, split: load(name, split), {
            "name": st.one_of(st.just("digits"), word), "split": part}, of=(load,)),
        Entry("load emoji", lambda **o: load("emoji", "test", **o), {
            "style": mostly(st.just("twemoji"), ["twemoji+twemoji", "emoji", None, 3, ""]),
            "size": mostly(st.just(32), [0, -1, 2.5, True, "32", None, NAN, 10**9]),
            "language": mostly(st.just("en"), ["xx", None, 3, "EN"])}, of=(load,)),
        Entry("card", card, {"name": word}),
        Entry("parse", lambda split: parse("digits", split, ["train", "test"]), {"split": part}, of=(parse,)),
        Entry("Affine", lambda images, **o: augment.Affine(**o)(images, generator), {
            "images": PICTURES, "degrees": REALS, "translate": REALS, "scale": REALS, "shear": REALS},
            of=(augment.Affine,)),
        Entry("Elastic", lambda images, **o: augment.Elastic(**o)(images, generator), {
            "images": PICTURES, "strength": REALS, "coarse": SMALL}, of=(augment.Elastic,)),
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
        Entry("Score", lambda **o: str(Score(**o)), {"correct": INTEGERS, "total": INTEGERS}, of=(Score,)),
        Entry("Mean", lambda **o: str(Mean(**o)), {"value": REALS, "unit": st.just("dB"), "total": INTEGERS},
              of=(Mean,)),
        Entry("checkpoint.find", checkpoint.find, {"name_or_path": st.one_of(
            st.sampled_from([*checkpoint.names(), "a.safetensors", Path("b/c.safetensors")]), st.text(max_size=5),
            st.sampled_from(["x" * 300, "vit-mnist", "a/b", "\0", None, 3]))}),
    ]  # fmt: skip


def learning() -> list[Entry]:
    """The loop, its objectives and its measures, on models of a few numbers."""
    from mmcourse import recipes
    from mmcourse.data import ImageDataset
    from mmcourse.tokens.vq import VQConfig, VQTokenizer
    from mmcourse.training import (
        Classification,
        NextColour,
        NextToken,
        Reconstruction,
        Settings,
        accuracy,
        fit,
        next_token_loss,
    )  # fmt: skip

    class Linear(torch.nn.Module):
        """Three logits from four pixels."""

        def __init__(self) -> None:
            super().__init__()
            self.map = torch.nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            return self.map(images.flatten(1))

    pixels = torch.arange(24, dtype=torch.uint8).reshape(6, 1, 2, 2)
    labelled = ImageDataset("a", "train", images=pixels, labels=torch.arange(6) % 3)
    data = mostly(st.just(labelled), [
        ImageDataset("b", "train", images=pixels), ImageDataset("c", "train", images=pixels, labels=torch.arange(6)),
        labelled.subset(0)])
    model = mostly(st.builds(Linear), [torch.nn.Identity()])
    logits = tensors(shapes(side(1, 2), side(4), side(8)), -1, 1)

    def trained(model: Any, data: Any, smoothing: Any, of: Any, **settings: Any) -> Any:
        return fit(model, data, Classification(smoothing, of), Settings(**settings), progress=False)

    said = torch.nn.Embedding(8, 8)
    said.palette = _palette(8)
    tokenizer = VQTokenizer(VQConfig(width=8, encoder=1, decoder=1, codes=16, warm=0)).eval()

    def loss(objective: Any, model: Any, **batch: Any) -> Any:
        return objective(model, {name: value for name, value in batch.items() if value is not None})[0]

    return [
        Entry("fit", trained, {
            "model": model, "data": data, "smoothing": REALS, "of": mostly(st.just("images"), ["image", None, 3]),
            "steps": SMALL, "batch_size": SMALL, "learning_rate": REALS, "ema_decay": REALS, "max_grad_norm": REALS,
            "seed": INTEGERS}, of=(fit, Classification)),
        Entry("accuracy", accuracy, {"model": model, "data": data, "batch_size": INTEGERS,
                                     "of": mostly(st.just("images"), ["image", None, 3])}),
        Entry("next_token_loss", next_token_loss, {
            "logits": logits, "targets": codes(8, shapes(side(1, 2), side(4)))}),
        Entry("NextToken", lambda **o: loss(NextToken(), torch.nn.Identity(), **o), {
            "inputs": logits, "targets": st.one_of(codes(8, shapes(side(1, 2), side(4))), st.none())}, of=(NextToken,)),
        Entry("NextColour", lambda **o: loss(NextColour(), said, **o), {"images": st.one_of(PICTURES, st.none())},
              of=(NextColour,)),
        Entry("Reconstruction", lambda **o: loss(Reconstruction(), tokenizer, **o), {
            "images": st.one_of(PICTURES, st.none())}, of=(Reconstruction,)),
        Entry("recipe", recipes.recipe, {"name": st.one_of(
            st.sampled_from([*recipes.RECIPES, "vit-mnist", "x" * 300, None, 3]), st.text(max_size=5))}),
        Entry("estimate", lambda name, **o: recipes.estimate(name, **o), {
            "name": st.sampled_from([*recipes.RECIPES, "vit-mnist", None, 3]), "steps": INTEGERS,
            "batch_size": INTEGERS}, of=(recipes.estimate,)),
    ]  # fmt: skip


def own_data() -> list[Entry]:
    """Data sets that a reader makes of what he has."""
    from mmcourse.data import (
        AugmentedDataset,
        ImageDataset,
        PairDataset,
        ShardedDataset,
        SoundDataset,
        SpeechDataset,
        TextDataset,
        augment,
        collate,
        photo,
        write_shards,
    )  # fmt: skip
    from mmcourse.data.photos import PHOTOS

    bytes_ = tensors(shapes(side(3), side(1, 3), side(4), side(4, 6)), 0, 255).map(
        lambda value: value.byte() if isinstance(value, Tensor) and value.dtype == torch.float32 else value)
    labels = st.one_of(st.none(), codes(3, shapes(side(3, 3, 3, 2))))
    words = st.one_of(st.none(), st.lists(st.text(max_size=3), min_size=3, max_size=3),
                      st.sampled_from([["one"], "abc"]))  # fmt: skip
    heard = mostly(st.lists(tensors(shapes(side(3, 7)), -1, 1), min_size=3, max_size=3), [[], None, 3, "abc"])
    generator = torch.Generator().manual_seed(0)

    def used(data: Any) -> Any:
        return data[0], data.batch(), data.subset([len(data) - 1]).fingerprint, repr(data)

    def pictures(images: Any, **rest: Any) -> Any:
        return ImageDataset("mine", "train", images=images, **rest)

    def sharded(images: Any, labels: Any, per_shard: Any, buffer: Any, size: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            write_shards(pictures(images, labels=labels), folder, per_shard)
            return ShardedDataset(folder, buffer=buffer).training_batch(0, size, 0)

    def augmented(images: Any, of: Any, **rest: Any) -> Any:
        return AugmentedDataset(pictures(images, **rest), augment.Flip(), of).training_batch(0, 2, 0)

    kinds = {"Flip": augment.Flip(), "Halve": augment.Halve(), "Recolour": augment.Recolour(0.5),
             "Outline": augment.Outline(0.5), "Shades": augment.Shades(0.5, 0.2),
             "OnWhite": augment.OnWhite(augment.Flip()),
             "Compose": augment.Compose(augment.Flip(), augment.Recolour())}  # fmt: skip
    return [
        Entry("ImageDataset", lambda **o: used(pictures(**o)), {"images": bytes_, "labels": labels, "captions": words},
              of=(ImageDataset,)),
        Entry("SoundDataset", lambda **o: used(SoundDataset("mine", "train", **o)), {
            "sounds": heard, "rate": INTEGERS, "labels": labels}, of=(SoundDataset,)),
        Entry("SpeechDataset", lambda **o: used(SpeechDataset("mine", "train", rate=8, **o)), {
            "sounds": heard, "translations": st.lists(st.text(max_size=3), min_size=2, max_size=3), "captions": words},
            of=(SpeechDataset,)),
        Entry("TextDataset", lambda **o: used(TextDataset("mine", "train", **o)), {
            "texts": words, "padding": mostly(side(0, 3), [2.5, None, "0", True]), "labels": labels},
            of=(TextDataset,)),
        Entry("PairDataset", lambda images, texts, **o: used(PairDataset("mine", "train", parts=(
            pictures(images), TextDataset("words", "train", texts=texts)), **o)), {
            "images": bytes_, "texts": mostly(st.just(["a", "b", "c"]), [["a"], [], None]), "labels": labels},
            of=(PairDataset,)),
        Entry("AugmentedDataset", augmented, {
            "images": bytes_, "of": mostly(st.just("images"), ["image", None, 3]), "labels": labels},
            of=(AugmentedDataset,)),
        Entry("write_shards", sharded, {
            "images": bytes_, "labels": labels, "per_shard": SMALL, "buffer": SMALL, "size": SMALL},
            of=(write_shards, ShardedDataset)),
        Entry("collate", collate, {"items": st.lists(st.dictionaries(
            st.sampled_from(["images", "labels"]), st.one_of(tensors(shapes(side(2, 3))), SMALL), max_size=2),
            max_size=2)}),
        Entry("photo", photo, {"name": st.one_of(
            st.sampled_from([*(one.name for one in PHOTOS), "cats", None, 3]), st.text(max_size=4))}),
        *(Entry(name, lambda images, part=part: part(images, generator), {"images": PICTURES}, of=(type(part),))
          for name, part in kinds.items()),
    ]  # fmt: skip


def exercises() -> list[Entry]:
    from mmcourse import exercises as tasks

    known = tasks.names()
    name = st.one_of(st.sampled_from([*known, "01.indx", None, 3]), st.text(max_size=5))
    value = st.one_of(PICTURES, SMALL, REALS, st.lists(SMALL, max_size=3), st.text(max_size=3),
                      st.tuples(SMALL, SMALL), st.dictionaries(SMALL, SMALL, max_size=2))  # fmt: skip
    answer = st.one_of(value.map(lambda v: lambda *_, **__: v), st.sampled_from(
        [None, 3, "x", len, dict, print, int, torch.relu, lambda: 1, lambda a: a, lambda a, b: a + b]))  # fmt: skip
    return [
        Entry("exercises.names", tasks.names, {"chapter": st.one_of(st.none(), INTEGERS)}),
        Entry("exercises.get", tasks.get, {"id": name}),
        Entry("exercises.grade", tasks.grade, {"id": st.sampled_from([*known, "01.indx"]), "answer": answer},
              holds=lambda result, **_: "\n" not in result.message),
        Entry("exercises.check", tasks.check, {"id": st.sampled_from(["01.index", "01.indx"]), "answer": answer}),
        Entry("exercises.hint", tasks.hint, {"id": name, "n": mostly(side(1, 2), [0, -1, 99, 2.5, True, "1"])}),
        Entry("exercises.card", tasks.card, {"id": name}),
        Entry("exercises.solution", tasks.solution, {"id": name}),
    ]  # fmt: skip


def drawn(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same, and matplotlib forgets the figure."""
    import matplotlib.pyplot as plt

    @functools.wraps(call)
    def draw(**arguments: Any) -> Any:
        try:
            return call(**arguments)
        finally:
            plt.close("all")

    return draw


def pages() -> list[Entry]:
    from mmcourse import show

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
            "frames": st.dictionaries(SMALL, st.text(max_size=5), max_size=3), "label": st.text(max_size=5)},
            of=(show.explore,)),
        Entry("show.sound", lambda **o: show.sound(**o)._repr_html_(), {
            "waveform": tensors(shapes(side(1, 100)), -1, 1), "rate": INTEGERS, "label": st.text(max_size=5),
            "picture": tensors(shapes(side(1, 4), side(1, 4))), "rows": st.lists(st.text(max_size=3), max_size=4)},
            of=(show.sound,)),
    ]  # fmt: skip


def computed() -> list[Entry]:
    from mmcourse import show

    words = st.text(max_size=4)
    options = st.lists(words, max_size=4)
    square = tensors(shapes(side(2, 3), side(2, 3)), -1, 1)
    ask = {"question": st.just("What changes?")}
    wave = tensors(shapes(side(1, 100)), -1, 1)
    return [
        Entry("show.attention_overlay", show.attention_overlay, {
            "image": tensors(shapes(side(1, 3), side(8, 6), side(8, 6))), "map": tensors(shapes(side(2, 4), side(2)))}),
        Entry("show.Question", show.Question, {"text": words, "options": options, "answer": SMALL, "why": options}),
        Entry("show.diagram", show.diagram, {
            "kind": st.one_of(st.sampled_from([*show.diagrams.KINDS, "pach", None, 3]), words),
            "lit": st.one_of(st.just(()), st.sampled_from(["E", "MLP", "colours", None, 3])),
            "sizes": st.one_of(st.none(), st.dictionaries(st.sampled_from(["H", "P", "C", "D"]), SMALL)),
            "caption": words}),
        Entry("show.quiz", show.quiz, {"questions": st.lists(st.just(show.Question(
            "Q", ["a", "b"], 0, ["yes", "no"])), max_size=2), "title": words}),
        Entry("show.figure", drawn(show.figure), {
            "rows": SMALL, "columns": SMALL, "width": REALS, "height": st.one_of(st.none(), REALS)}),
        Entry("show.contrast", show.contrast, {
            "first": st.sampled_from(["black", "#fff", "nocolour", None, 3, ""]), "second": st.just("white")}),
        Entry("show.versions", lambda names: show.versions(*names), {"names": st.lists(
            st.sampled_from(["torch", "numpy", "tourch", None, 3]), max_size=2)}, of=(show.versions,)),
        Entry("live.by_hand", show.live.by_hand, {"Q": square, "K": square, "V": square, **ask}),
        Entry("live.kmeans", show.live.kmeans, {
            "points": tensors(shapes(side(20, 5), side(3))), "k": SMALL, "most": SMALL, **ask}),
        Entry("live.temperature", show.live.temperature, {
            "logits": tensors(shapes(side(12, 4)), -3, 3).map(as_doubles), "shown": SMALL, **ask}),
        Entry("live.aliasing", show.live.aliasing, {
            "tone": mostly(st.just(3000), [0, 99, 9000, 3.5, None]),
            "rate": mostly(st.just(8000), [0, 999, 10**9, None]), **ask}),
        Entry("live.stft", show.live.stft, {
            "sounds": st.dictionaries(words, st.tuples(wave, mostly(st.just(8000), [0, None, 2.5])), max_size=2),
            "sizes": mostly(st.just((8, 16)), [(), (8, 32), (3, 6), (0.5, 1)]), "start": mostly(st.just(8), [7, None]),
            **ask}),
        Entry("live.mel", show.live.mel, {
            "waveform": wave, "rate": mostly(st.just(8000), [0, None]), "bands": mostly(st.just(8), [0, 129, None]),
            "size": mostly(st.just(16), [0, 999, None]), "hop": mostly(st.just(8), [0, None]), **ask}),
        Entry("live.microphone", show.live.microphone, {
            "waveform": wave, "rate": mostly(st.just(8000), [0, None]), "bands": SMALL, **ask}),
        Entry("live.overlap", show.live.overlap, {
            "picture": tensors(shapes(side(9), side(8))), "patch": mostly(st.just(4), [0, 9, 99, None]),
            "stride": mostly(st.just(2), [0, 5, None]), "least": mostly(st.just(2), [0, 3, None]),
            "frames": mostly(st.none(), [0, 3, 99]), "hop": mostly(st.just(0.01), [0, NAN, None]), **ask}),
        Entry("live.positions", show.live.positions, {
            "tables": st.dictionaries(words, st.one_of(
                tensors(shapes(side(4), side(8))), st.tuples(st.sampled_from(["sinusoidal_1d", "x"]), SMALL)),
                max_size=2),
            "grid": mostly(st.just((2, 2)), [(2, 3), (0, 4), None, 4]), **ask}),
        Entry("live.cut", show.live.cut, {
            "image": tensors(shapes(side(1, 3), side(8), side(8))), "sizes": st.lists(SMALL, max_size=3),
            "width": INTEGERS, "heads": SMALL, "layers": SMALL, **ask}),
    ]  # fmt: skip


def alive() -> list[Entry]:
    """Figures that a course checkpoint computes in the page."""
    from mmcourse import show
    from mmcourse.checkpoint import names

    model = mostly(st.just("pixels-digits"), [*names(), "x", None, 3])
    digits = tensors(shapes(side(1, 2), side(1), side(8), side(8)))
    words = st.one_of(st.none(), st.lists(st.text(max_size=3), min_size=1, max_size=2))
    ask: dict[str, Any] = {"question": mostly(st.just("What changes?"), ["", " "]), "names": words}
    maps = tensors(shapes(side(1), side(2), side(5, 5, 6), side(5, 5, 6))).map(as_doubles)
    kernel = mostly(st.just([[0.0] * 3] * 3), [[[1.0]], [], None, [["a"] * 3] * 3, [[NAN] * 3] * 3])
    return [
        Entry("live.draw_digit", show.live.draw_digit, {"model": model, "examples": digits, **ask}),
        Entry("live.attention", show.live.attention, {
            "model": model, "images": digits, "token": st.one_of(st.none(), SMALL), **ask}),
        Entry("live.attention of maps", show.live.attention, {
            "maps": maps, "images": tensors(shapes(side(1), side(8), side(8))), "prefix": mostly(
                side(1), [0, -1, 9, 2.5, True]), "grid": mostly(st.none(), [(2, 2), (1, 4), (0, 4), 3]),
            "question": st.just("What changes?")}),
        Entry("live.shuffle", show.live.shuffle, {
            "models": st.dictionaries(st.text(max_size=3), model, min_size=1, max_size=2), "images": digits, **ask}),
        Entry("live.vit", show.live.vit, {
            "model": model, "images": digits, "patch": st.one_of(st.none(), SMALL), **ask}),
        Entry("live.codes", show.live.codes, {
            "model": mostly(st.just("vq-emoji-64codes"), ["pixels-digits", "x", None]),
            "codes": codes(64, shapes(side(1, 2), side(64, 63))),
            "images": tensors(shapes(side(1, 2), side(3), side(8), side(8))), **ask}),
        Entry("live.convolution", show.live.convolution, {
            "image": tensors(shapes(side(1, 3), side(8, 6), side(8))),
            "kernels": st.dictionaries(st.text(max_size=3), kernel, min_size=1, max_size=2),
            "strides": mostly(st.lists(side(1, 2), min_size=1, max_size=3), [[], [0], [3], None, 2, "12"]),
            "question": st.just("What changes?")}),
    ]  # fmt: skip


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
