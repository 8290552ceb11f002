"""Chapter 3: features of a convolutional network as tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.exercises.core import Case, Exercise, register


def size(n: int, kernel: int, stride: int, padding: int) -> int:
    """Side of a convolution's output."""
    return (n + 2 * padding - kernel) // stride + 1


def tokens(height: int, width: int, stride: int) -> int:
    """Tokens of a padded network whose total stride is given."""
    return math.ceil(height / stride) * math.ceil(width / stride)


def receptive_field(layers: Sequence[tuple[int, int]]) -> int:
    """Side, in input pixels, of what one output of a stack of (kernel, stride) layers sees."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def to_tokens(features: Tensor) -> Tensor:
    """A feature map (B, D, h, w) as tokens (B, h·w, D)."""
    return features.flatten(2).transpose(1, 2)


def parameters(kernel: int, inputs: int, outputs: int, bias: bool) -> int:
    """Parameters of a convolution."""
    return kernel * kernel * inputs * outputs + (outputs if bias else 0)


def _sum_kernels(layers: Sequence[tuple[int, int]]) -> int:
    return 1 + sum(kernel - 1 for kernel, _ in layers)


def _stride_first(layers: Sequence[tuple[int, int]]) -> int:
    field, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        field += (kernel - 1) * jump
    return field


def _whole_kernels(layers: Sequence[tuple[int, int]]) -> int:
    field, jump = 0, 1
    for kernel, stride in layers:
        field += kernel * jump
        jump *= stride
    return field


def _maps(g: torch.Generator) -> list[Case]:
    return [(torch.randn(*s, generator=g),) for s in ((1, 4, 2, 3), (2, 6, 4, 4), (3, 8, 1, 5), (2, 5, 3, 2))]


register(
    Exercise(
        id="03.size",
        title="The side of a feature map",
        chapter=3,
        difficulty=1,
        importance=2,
        minutes=5,
        question="Write `size(n, kernel, stride, padding)`: the side of the output of a convolution on an "
        "input of side "
        "`n`, `padding` zeros on either end.",
        reference=size,
        wrong={
            "padding is added on both ends: n + 2·padding": (
                lambda n, kernel, stride, padding: (n + padding - kernel) // stride + 1
            ),
            "the first place of the kernel counts too: add 1": (
                lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride
            ),
            "round down: a kernel that hangs over the edge is not applied": (
                lambda n, kernel, stride, padding: -(-(n + 2 * padding - kernel) // stride) + 1
            ),
        },
        cases=lambda g: [(28, 3, 1, 1), (28, 3, 2, 1), (224, 7, 2, 3), (8, 2, 2, 0), (9, 4, 3, 0)],
        hints=("At how many places can the kernel stand?", "⌊(n + 2·padding − kernel) / stride⌋ + 1"),
    ),
    Exercise(
        id="03.tokens",
        title="Tokens at a given stride",
        chapter=3,
        difficulty=1,
        importance=3,
        minutes=4,
        question="A ResNet pads so that each side shrinks to itself divided by the total stride, **rounded up**. Write "
        "`tokens(height, width, stride)`: the number of tokens that its feature map gives.",
        reference=tokens,
        wrong={
            "padding keeps the last row and column: round up, not down": (
                lambda height, width, stride: (height // stride) * (width // stride)
            ),
            "both sides shrink: a stride of 8 gives 64 times fewer tokens, not 8": (
                lambda height, width, stride: math.ceil(height * width / stride)
            ),
            "round each side by itself, then multiply": (
                lambda height, width, stride: math.ceil(height * width / stride**2)
            ),
        },
        cases=lambda g: [(28, 28, 8), (224, 224, 8), (32, 32, 4), (30, 50, 8), (9, 17, 2)],
        hints=("28 / 8 = 3.5: how many columns has the map?", "`math.ceil`, once for each side."),
    ),
    Exercise(
        id="03.receptive-field",
        title="What one token sees",
        chapter=3,
        difficulty=3,
        importance=2,
        minutes=12,
        question="Write `receptive_field(layers)`: the side, in input pixels, of the square that one output "
        "of a stack of "
        "convolutions depends on. `layers` lists (kernel, stride) from the input on.",
        reference=receptive_field,
        wrong={
            "strides were left out: after a stride of 2, one step of the next kernel is two pixels of the "
            "input": _sum_kernels,
            "the stride of a layer came too soon: it spreads the steps of the layers after it, not its "
            "own": _stride_first,
            "the kernel's first tap adds nothing: each layer adds (kernel − 1) steps, starting from 1 "
            "pixel": _whole_kernels,
        },
        cases=lambda g: [([(3, 1)],), ([(3, 1), (3, 1)],), ([(7, 2), (3, 2)],), ([(7, 2), (3, 2), (3, 1), (3, 2)],)],
        hints=(
            "Keep two numbers: the field so far, and how many input pixels one step of the current map is.",
            "field += (kernel − 1) · jump, then jump *= stride",
        ),
    ),
    Exercise(
        id="03.flatten",
        title="A feature map as tokens",
        chapter=3,
        difficulty=1,
        importance=3,
        minutes=5,
        question="Write `to_tokens(features)`: from a feature map (B, D, h, w) to tokens (B, h·w, D): each "
        "place of the map "
        "becomes one token whose D numbers are its channels.",
        reference=to_tokens,
        wrong={
            "reshape alone mixes channels and places: a token must hold the D channels of one place": (
                lambda features: features.reshape(features.shape[0], -1, features.shape[1])
            ),
            "the tokens run down the columns: raster order takes rows from left to right": (
                lambda features: features.permute(0, 3, 2, 1).flatten(1, 2)
            ),
            "the values are right but the axes are transposed": lambda features: features.flatten(2),
        },
        cases=_maps,
        shape="(B, h·w, D)",
        hints=("Merge the two places' axes, then swap.", "`features.flatten(2).transpose(1, 2)`"),
    ),
    Exercise(
        id="03.parameters",
        title="Parameters of a convolution",
        chapter=3,
        difficulty=1,
        importance=2,
        minutes=4,
        question="Write `parameters(kernel, inputs, outputs, bias)`: how many numbers a square convolution "
        "learns, with "
        "`inputs` and `outputs` channels, and a bias where `bias` is true.",
        reference=parameters,
        wrong={
            "the kernel is a square: kernel² weights, not kernel": (
                lambda kernel, inputs, outputs, bias: kernel * inputs * outputs + (outputs if bias else 0)
            ),
            "each output channel has a kernel for every input channel: multiply by `inputs`": (
                lambda kernel, inputs, outputs, bias: kernel**2 * outputs + (outputs if bias else 0)
            ),
            "the bias was left out: one number for each output channel": (
                lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs
            ),
            "bias=False was ignored": lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + outputs,
        },
        cases=lambda g: [(3, 1, 8, True), (7, 3, 64, False), (1, 64, 128, True), (16, 3, 768, True)],
        hints=("How many numbers has one kernel? How many kernels are there?", "k²·inputs·outputs, plus outputs."),
    ),
)
