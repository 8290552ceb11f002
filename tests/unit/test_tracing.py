"""Every model is exported, compiled without a break, mapped over its batch and built on the meta device, and says the
same: nothing in a forward looks at values."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mmcourse import models
from mmcourse.base import Model
from mmcourse.models import AST, ASTConfig, ImageGPT, ImageGPTConfig, ViT, ViTConfig
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


IMAGES = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
CODES = torch.randint(5, (2, 96), generator=torch.Generator().manual_seed(0))
MAKE: dict[str, tuple[Callable[[], Model], Tensor]] = {
    "ViT of patches": (vit, IMAGES),
    "ViT of pixels": (lambda: vit(tokens="pixels", positions="sinusoidal_2d", pool="mean"), IMAGES),
    "ViT of a ResNet": (lambda: vit(tokens="resnet", positions="sinusoidal_1d"), IMAGES),
    "ImageGPT": (lambda: ImageGPT(ImageGPTConfig.from_dict({"colours": 5} | SMALL)), CODES),
    "AST": (ast, torch.randn(2, 24, 16, generator=torch.Generator().manual_seed(0))),
    "AST of another length": (ast, torch.randn(2, 37, 16, generator=torch.Generator().manual_seed(0))),
    "VQTokenizer": (lambda: VQTokenizer(VQConfig(codes=7, width=16, stride=4)), IMAGES),
    "Palette": (lambda: Palette(PaletteConfig(5, 3)), IMAGES),
}
every_model = pytest.mark.parametrize("name", MAKE)


def made(name: str) -> tuple[Model, Tensor]:
    torch.manual_seed(0)
    build, example = MAKE[name]
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
    program = torch.export.export(model, (example,))
    same(program.module()(example.flip(0)), model(example.flip(0)))


@every_model
@torch.no_grad()
def test_compile_without_a_break(name: str) -> None:
    model, example = made(name)
    same(torch.compile(model, fullgraph=True, backend="aot_eager")(example), model(example))


@pytest.mark.parametrize("name", [name for name in MAKE if name != "VQTokenizer"])
@torch.no_grad()
def test_mapped_over_the_batch(name: str) -> None:
    model, example = made(name)
    same(torch.vmap(lambda x: model(x[None])[0])(example), model(example))


@pytest.mark.parametrize("name", [name for name in MAKE if name != "Palette"])  # nothing of which is trained
def test_trained_alike_through_a_compiler(name: str) -> None:
    """Gradients flow through the compiled graph as through the model's own."""
    gradients = []
    for wrap in (lambda m: m, lambda m: torch.compile(m, fullgraph=True, backend="aot_eager")):
        model, example = made(name)
        out = wrap(model)(example)
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert gradients[0]
    same(tuple(gradients[0]), tuple(gradients[1]))


@pytest.mark.parametrize(
    ("kind", "preset"), [(kind, name) for kind in (ViT, ImageGPT, AST) for name in kind.config_class.PRESETS]
)
def test_presets_on_the_meta_device(kind: type[Model], preset: str) -> None:
    changes = {} if kind is AST else {"image_size": 28 if preset.endswith("14") else 32}
    config = kind.config_class.preset(preset, **changes)
    with torch.device("meta"):
        model = kind(config)
        if kind is AST:
            example = torch.rand(1, config.frames, 128)  # type: ignore[attr-defined]
        else:
            example = torch.zeros(1, 1024, dtype=torch.long) if kind is ImageGPT else torch.rand(1, 3, *config.size)  # type: ignore[attr-defined]
        logits = model(example)
    assert logits.shape == ((1, 1024, 512) if kind is ImageGPT else (1, getattr(config, "classes", 1000)))
    assert {p.device.type for p in [*model.parameters(), *model.buffers()]} == {"meta"}
