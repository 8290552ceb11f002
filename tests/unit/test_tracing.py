"""Every model is exported, compiled without a break, mapped over its batch and built on the meta device, and says the
same: nothing in a forward looks at values."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmcourse import models
from mmcourse.base import Model
from mmcourse.models import (
    AST,
    CLIP,
    ASTConfig,
    CLIPConfig,
    ImageGPT,
    ImageGPTConfig,
    Parti,
    PartiConfig,
    TextToSpeech,
    TextToSpeechConfig,
    ViT,
    ViTConfig,
    Whisper,
    WhisperConfig,
)
from mmcourse.models.clip import Pairs
from mmcourse.tokens.frames import FramesConfig
from mmcourse.tokens.images import Preprocessing
from mmcourse.tokens.palette import Palette, PaletteConfig
from mmcourse.tokens.spectrogram import LogMelConfig
from mmcourse.tokens.vq import VQConfig, VQTokenizer

SMALL = {"image_size": (8, 12), "channels": 3, "width": 16, "layers": 2, "heads": 2, "mlp": 32}
CENTRED = Preprocessing((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


def ast() -> AST:
    mel = LogMelConfig.preset("ast-esc50", bands=16)
    return AST(ASTConfig(mel, frames=24, patch_size=8, stride=(4, 6), classes=3, width=16, layers=2, heads=2, mlp=32))


def vit(**changes: object) -> ViT:
    config = {"patch_size": 4, "classes": 3, "features": 4, "preprocessing": CENTRED} | SMALL | changes
    return ViT(ViTConfig.from_dict(config))


def whisper() -> Whisper:
    sizes = {f"{half}_{what}": n for half in ("encoder", "decoder") for what, n in (("layers", 2), ("heads", 2))}
    sizes |= {"encoder_mlp": 32, "decoder_mlp": 32, "width": 16, "bands": 8}
    return Whisper(WhisperConfig(audio_context=6, text_context=9, vocab_size=13, eot=5, languages=("en",), **sizes))


def clip(**changes: object) -> CLIP:
    config = {"embed": 12, "image_size": (8, 12), "patch_size": 4, "text_context": 9, "vocab_size": 13}
    for half in ("vision", "text"):
        config |= {f"{half}_width": 16, f"{half}_layers": 2, f"{half}_heads": 2, f"{half}_mlp": 32}
    return CLIP(CLIPConfig.from_dict(config | changes))


WRITER = {"text_vocab_size": 13, "text_context": 9, "width": 16, "mlp": 32, "heads": 2}
WRITER |= {"encoder_layers": 2, "decoder_layers": 2}
VQ = VQConfig(codes=7, width=16, stride=4)


def speaker() -> TextToSpeech:
    frames = FramesConfig(LogMelConfig(bands=8), stride=3, width=16, codes=7, code_width=4)
    return TextToSpeech(TextToSpeechConfig.from_dict({"tokenizer": frames, "length": 6, "voices": ("a", "b")} | WRITER))


IMAGES = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
CODES = torch.randint(5, (2, 96), generator=torch.Generator().manual_seed(0))
MEL = torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(0))
WORDS = torch.randint(13, (2, 5), generator=torch.Generator().manual_seed(0))
WRITTEN = torch.randint(7, (2, 4), generator=torch.Generator().manual_seed(0))
MAKE: dict[str, tuple[Callable[[], Model], Tensor | tuple[Tensor, ...]]] = {
    "ViT of patches": (vit, IMAGES),
    "ViT of pixels": (lambda: vit(tokens="pixels", positions="sinusoidal_2d", pool="mean"), IMAGES),
    "ViT of a ResNet": (lambda: vit(tokens="resnet", positions="sinusoidal_1d"), IMAGES),
    "ImageGPT": (lambda: ImageGPT(ImageGPTConfig.from_dict({"colours": 5} | SMALL)), CODES),
    "AST": (ast, torch.randn(2, 24, 16, generator=torch.Generator().manual_seed(0))),
    "AST of another length": (ast, torch.randn(2, 37, 16, generator=torch.Generator().manual_seed(0))),
    "Whisper": (whisper, (MEL, torch.randint(13, (2, 7), generator=torch.Generator().manual_seed(0)))),
    "CLIP": (clip, (IMAGES, torch.randint(13, (2, 7), generator=torch.Generator().manual_seed(0)))),
    "CLIP with a ResNet": (
        lambda: clip(resnet_layers=(1, 1, 1, 1), vision_width=2, image_size=32, logit_bias=-10.0, eot=12),
        (torch.rand(2, 3, 32, 32), torch.randint(13, (2, 7), generator=torch.Generator().manual_seed(0))),
    ),
    "Parti": (lambda: Parti(PartiConfig.from_dict({"tokenizer": VQ, "grid": (2, 3)} | WRITER)), (WORDS, WRITTEN)),
    "TextToSpeech": (speaker, (WORDS, WRITTEN)),
    "VQTokenizer": (lambda: VQTokenizer(VQ), IMAGES),
    "Palette": (lambda: Palette(PaletteConfig(5, 3)), IMAGES),
}
every_model = pytest.mark.parametrize("name", MAKE)


def made(name: str) -> tuple[Model, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    build, example = MAKE[name]
    example = example if isinstance(example, tuple) else (example,)
    model = build().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model, example


def same(ours: object, theirs: object) -> None:
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    for a, b in pairs:
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_no_model_is_forgotten() -> None:
    here = {type(build()) for build, _ in MAKE.values()}
    public = {kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, Model)}
    assert public <= here


@every_model
@torch.no_grad()
def test_export(name: str) -> None:
    model, example = made(name)
    program, other = torch.export.export(model, example), [x.flip(0) for x in example]
    same(program.module()(*other), model(*other))


@every_model
@torch.no_grad()
def test_compile_without_a_break(name: str) -> None:
    model, example = made(name)
    same(torch.compile(model, fullgraph=True, backend="aot_eager")(*example), model(*example))


@pytest.mark.parametrize("name", [name for name in MAKE if name != "VQTokenizer" and "CLIP" not in name])
@torch.no_grad()
def test_mapped_over_the_batch(name: str) -> None:
    model, example = made(name)
    same(torch.vmap(lambda *xs: model(*(x[None] for x in xs))[0])(*example), model(*example))


@torch.no_grad()
def test_each_tower_of_clip_mapped_over_its_batch() -> None:
    model, (images, ids) = made("CLIP")
    same(torch.vmap(lambda x: model.encode_images(x[None])[0])(images), model.encode_images(images))
    same(torch.vmap(lambda x: model.encode_texts(x[None])[0])(ids), model.encode_texts(ids))


@pytest.mark.parametrize("name", [name for name in MAKE if name != "Palette"])  # nothing of which is trained
def test_trained_alike_through_a_compiler(name: str) -> None:
    """Gradients flow through the compiled graph as through the model's own."""
    gradients = []
    for wrap in (lambda m: m, lambda m: torch.compile(m, fullgraph=True, backend="aot_eager")):
        model, example = made(name)
        out = wrap(model)(*example)
        out = out.logits() if isinstance(out, Pairs) else out
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert gradients[0]
    same(tuple(gradients[0]), tuple(gradients[1]))


def published(kind: type[Model], preset: str) -> tuple[Model, list[Tensor], tuple[int, ...]]:
    """A model of a published size, an input for it, and the shape of its logits; pictures are smaller than theirs."""
    if kind in (ViT, ImageGPT):
        config = kind.config_class.preset(preset, image_size=28 if preset.endswith("14") else 32)
        if kind is ViT:
            return kind(config), [torch.rand(1, 3, *config.size)], (1, 1000)  # type: ignore[attr-defined]
        return kind(config), [torch.zeros(1, 1024, dtype=torch.long)], (1, 1024, 512)
    model = kind(kind.config_class.preset(preset))
    if isinstance(model, AST):
        return model, [torch.rand(1, model.config.frames, 128)], (1, model.config.classes)
    assert isinstance(model, Whisper)
    c = model.config
    return model, [torch.rand(1, 20, c.bands), torch.zeros(1, 3, dtype=torch.long)], (1, 3, c.vocab_size)


@pytest.mark.parametrize(
    ("kind", "preset"), [(kind, name) for kind in (ViT, ImageGPT, AST, Whisper) for name in kind.config_class.PRESETS]
)
def test_presets_on_the_meta_device(kind: type[Model], preset: str) -> None:
    with torch.device("meta"):
        model, example, shape = published(kind, preset)
        assert model(*example).shape == shape
    assert {p.device.type for p in [*model.parameters(), *model.buffers()]} == {"meta"}
