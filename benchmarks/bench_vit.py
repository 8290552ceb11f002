"""ViT beside timm, transformers and vit-pytorch: classifying pictures and steps of training, on one thread and on all.

timm's and transformers' models hold the same weights as this package's; vit-pytorch's is of the same size, and its
blocks differ a little (no biases of queries, keys and values, a norm more at each patch). All run in turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from record import record, row, side_by_side
from torch import Tensor, nn
from vit_pytorch import ViT as TheirViT

from mmcourse import machine
from mmcourse.models import ViT, ViTConfig
from mmcourse.pretrained import to_timm, to_transformers

SIZES = {"ti": (16, 9), "s": (8, 7), "b": (4, 5)}  # pictures in a batch, turns
Forward = Callable[[Tensor], Tensor]


def rivals(ours: ViT) -> dict[str, tuple[nn.Module, Forward]]:
    """Each library's model, and how it gives logits."""
    c = ours.config
    transformers = to_transformers(ours)[0]
    assert transformers.config._attn_implementation == "sdpa", "the fastest that it has on this machine"
    models: dict[str, nn.Module] = {
        "timm": to_timm(ours),
        "transformers": transformers,
        "vit-pytorch": TheirViT(
            image_size=c.size[0],
            patch_size=c.patch_size,
            num_classes=c.classes,
            dim=c.width,
            depth=c.layers,
            heads=c.heads,
            mlp_dim=c.mlp,
        ),
    }
    return {
        name: (model, (lambda x, model=model: model(x).logits) if name == "transformers" else model)
        for name, model in models.items()
    }


def forwards(models: dict[str, tuple[nn.Module, Forward]], x: Tensor) -> list[Callable[[], Any]]:
    """One call each that classifies the pictures (B, C, H, W)."""
    for model, _ in models.values():
        model.eval()
    return [torch.no_grad()(lambda forward=forward: forward(x)) for _, forward in models.values()]


def steps(models: dict[str, tuple[nn.Module, Forward]], x: Tensor, labels: Tensor) -> list[Callable[[], Any]]:
    """One call each that learns from the pictures: forward, loss, backward, and the same optimiser for all."""

    def step(forward: Forward, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        F.cross_entropy(forward(x), labels).backward()
        optimizer.step()

    optimizers = [torch.optim.AdamW(model.train().parameters(), lr=1e-5, fused=True) for model, _ in models.values()]
    return [
        lambda forward=forward, optimizer=optimizer: step(forward, optimizer)
        for (_, forward), optimizer in zip(models.values(), optimizers, strict=True)
    ]


def main() -> None:
    torch.manual_seed(0)
    rows = []
    for size, (pictures, turns) in SIZES.items():
        ours = ViT(ViTConfig.preset(f"vit-{size}/16"))
        nn.init.normal_(ours.head.weight, std=0.02)  # type: ignore[arg-type]
        models: dict[str, tuple[nn.Module, Forward]] = {"mmcourse": (ours, ours), **rivals(ours)}
        x, labels = torch.rand(pictures, 3, 224, 224), torch.randint(1000, (pictures,))
        for what, calls in (("forward", forwards(models, x)), ("training step", steps(models, x, labels))):
            if what == "forward":
                expected = calls[0]()
                assert all(torch.allclose(call(), expected, atol=1e-3) for call in calls[1:3]), "another model"
            for threads in sorted({1, machine.cores()}):
                torch.set_num_threads(threads)
                seconds = side_by_side(*calls, repeats=turns)
                rows += [
                    row(f"ViT-{size.title()}/16, {pictures} pictures of 224 x 224, {what}", seconds[0], theirs, library)
                    for library, theirs in zip(list(models)[1:], seconds[1:], strict=True)
                ]
    record("vit", rows)


if __name__ == "__main__":
    main()
