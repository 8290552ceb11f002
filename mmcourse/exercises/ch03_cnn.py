"""Chapter 3: features of a convolutional network as tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.exercises.core import Exercise, register
from mmcourse.exercises.running import Case


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


def _size(
    n: int,
    kernel: int,
    stride: int,
    padding: int,
    *,
    one_padding: bool = False,
    no_padding: bool = False,
    no_one: bool = False,
    up: bool = False,
    unrounded: bool = False,
    inside: bool = False,
    no_stride: bool = False,
    no_kernel: bool = False,
    plus_kernel: bool = False,
    precedence: bool = False,
) -> float:
    """The side of a feature map with a choice of mistakes."""
    added = 0 if no_padding else padding if one_padding else 2 * padding
    step = 1 if no_stride else stride
    one = 0 if no_one else 1
    if precedence:
        return n + added - kernel // step + one
    room = n + added - (0 if no_kernel else -kernel if plus_kernel else kernel) + (one if inside else 0)
    return (room / step if unrounded else -(-room // step) if up else room // step) + (0 if inside else one)


def _field(
    layers: Sequence[tuple[int, int]],
    *,
    no_stride: bool = False,
    early: bool = False,
    whole: bool = False,
    half: bool = False,
    zero: bool = False,
    added: bool = False,
    last: bool = False,
    backwards: bool = False,
    first: bool = False,
    squared: bool = False,
) -> int:
    """The receptive field with a choice of mistakes."""
    field, jump = (0 if zero else 1), 1
    for kernel, stride in reversed(layers) if backwards else layers:
        after = jump if no_stride else jump + stride if added else stride if last else jump * stride
        steps = kernel if whole else kernel // 2 if half else kernel - 1
        field += steps * (after if early else jump)
        jump = after
        if first:
            break
    return field**2 if squared else field


def _parameters(
    kernel: int,
    inputs: int,
    outputs: int,
    bias: bool,
    *,
    side: bool = False,
    double: bool = False,
    no_inputs: bool = False,
    no_outputs: bool = False,
    added: bool = False,
    no_bias: bool = False,
    always: bool = False,
    one_bias: bool = False,
    input_bias: bool = False,
    pair_bias: bool = False,
    place_bias: bool = False,
) -> int:
    """The parameters of a convolution with a choice of mistakes."""
    taps = kernel if side else 2 * kernel if double else kernel**2
    kernels = inputs + outputs if added else (1 if no_inputs else inputs) * (1 if no_outputs else outputs)
    more = (
        1
        if one_bias
        else inputs
        if input_bias
        else inputs * outputs
        if pair_bias
        else kernel**2 * outputs
        if place_bias
        else outputs
    )
    return taps * kernels + (more if (bias or always) and not no_bias else 0)


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
        family=_size,
        switches={
            "one_padding": "padding is added on both ends: n + 2·padding",
            "no_padding": "the padding was left out: the input is n + 2·padding long",
            "no_one": "the first place of the kernel counts too: add 1",
            "up": "round down: a kernel that hangs over the edge is not applied",
            "unrounded": "a side is a whole number: round down, divide with //",
            "inside": "the 1 is added after the division: it is the first place of the kernel",
            "no_stride": "the stride was left out: the kernel moves `stride` places at a time",
            "no_kernel": "the kernel was left out: its last place is where its end meets the input's end",
            "plus_kernel": "a larger kernel fits at fewer places: subtract it",
            "precedence": "// binds closer than + and -: put n + 2·padding - kernel in parentheses",
        },
        wrong={
            "that is n / stride: kernel and padding count too": (
                lambda n, kernel, stride, padding: n // stride,
                lambda n, kernel, stride, padding: math.ceil(n / stride),
            ),
            "one side is asked for, not the area": (
                lambda n, kernel, stride, padding: size(n, kernel, stride, padding) ** 2
            ),
        },
        cases=lambda g: [(28, 3, 1, 1), (28, 3, 2, 1), (224, 7, 2, 3), (8, 2, 2, 0), (9, 4, 3, 0), (17, 5, 4, 2)],
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
                lambda height, width, stride: math.ceil(height * width / stride),
                lambda height, width, stride: height * width // stride,
                lambda height, width, stride: height * width / stride,
                lambda height, width, stride: math.ceil(height / stride) * width,
            ),
            "round each side by itself, then multiply": (
                lambda height, width, stride: math.ceil(height * width / stride**2),
                lambda height, width, stride: height * width // stride**2,
                lambda height, width, stride: round(height * width / stride**2),
            ),
            "a side has a whole number of tokens: round each side up": (
                lambda height, width, stride: height * width / stride**2
            ),
            "round up, not to the nearest: a side of 9 at stride 8 gives 2": (
                lambda height, width, stride: round(height / stride) * round(width / stride)
            ),
            "that adds one even where the stride divides the side: round up with math.ceil": (
                lambda height, width, stride: (height // stride + 1) * (width // stride + 1)
            ),
            "both sides count: multiply the rows of the map by its columns": (
                lambda height, width, stride: math.ceil(height / stride),
                lambda height, width, stride: math.ceil(width / stride),
                lambda height, width, stride: math.ceil(height / stride) ** 2,
                lambda height, width, stride: math.ceil(width / stride) ** 2,
            ),
            "rows and columns are multiplied, not added": (
                lambda height, width, stride: math.ceil(height / stride) + math.ceil(width / stride)
            ),
            "one number is asked for: multiply the rows of the map by its columns": (
                lambda height, width, stride: (math.ceil(height / stride), math.ceil(width / stride))
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
        family=_field,
        switches={
            "no_stride": "strides were left out: after a stride of 2, one step of the next kernel is two pixels of "
            "the input",
            "early": "the stride of a layer came too soon: it spreads the steps of the layers after it, not its own",
            "whole": "a kernel adds (kernel - 1) steps to the field: its first tap stands where the field is already",
            "half": "a kernel adds (kernel - 1) steps, its two halves together",
            "zero": "one output of no layer at all sees one pixel: start from 1, not from 0",
            "added": "strides multiply: after two layers of stride 2, neighbours are 2 · 2 pixels apart, not 1 + 2 + 2",
            "last": "strides multiply along the way: the jump is the product of all strides so far, not the last one",
            "backwards": "`layers` goes from the input on: a layer is spread by the strides before it, not after it",
            "first": "the loop stopped after the first layer: is the return inside the loop?",
            "squared": "the side of the square is asked for, not its area",
        },
        wrong={
            "the kernel's first tap adds nothing: each layer adds (kernel − 1) steps, starting from 1 pixel": (
                _whole_kernels,
                lambda layers: sum(kernel for kernel, _ in layers),
            ),
            "each layer adds to the field, it does not multiply it": (
                lambda layers: math.prod(kernel for kernel, _ in layers),
                lambda layers: math.prod(kernel * stride for kernel, stride in layers),
            ),
            "that is the total stride: how far two outputs are apart, not what one of them sees": (
                lambda layers: math.prod(stride for _, stride in layers)
            ),
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
                lambda features: features.reshape(features.shape[0], -1, features.shape[1]),
                lambda features: features.permute(0, 2, 1, 3).reshape(features.shape[0], -1, features.shape[1]),
                lambda features: features.permute(0, 3, 1, 2).reshape(features.shape[0], -1, features.shape[1]),
            ),
            "the tokens run down the columns: raster order takes rows from left to right": (
                lambda features: features.permute(0, 3, 2, 1).flatten(1, 2)
            ),
            "the values are right but the axes are transposed": lambda features: features.flatten(2),
            "everything was merged into one row: a token keeps its D channels as an axis of its own": (
                lambda features: features.flatten(1),
                lambda features: features.permute(0, 2, 3, 1).flatten(1),
            ),
            "the places were averaged: each of them is a token": lambda features: features.mean((2, 3)),
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
        family=_parameters,
        switches={
            "side": "the kernel is a square: kernel² weights, not kernel",
            "double": "kernel² is kernel times kernel, not two times kernel",
            "no_inputs": "each output channel has a kernel for every input channel: multiply by `inputs`",
            "no_outputs": "every output channel has kernels of its own: multiply by `outputs`",
            "added": "a kernel joins each input channel with each output channel: multiply them, do not add",
            "no_bias": "the bias was left out: one number for each output channel",
            "always": "bias=False was ignored",
            "one_bias": "the bias has one number for each output channel, not one in all",
            "input_bias": "the bias belongs to the output channels, not to the input channels",
            "pair_bias": "the bias is added once to each output channel, not to each kernel",
            "place_bias": "the bias has one number for each output channel, not kernel² of them",
        },
        wrong={},
        cases=lambda g: [(3, 1, 8, True), (7, 3, 64, False), (1, 64, 128, True), (16, 3, 768, True)],
        hints=("How many numbers has one kernel? How many kernels are there?", "k²·inputs·outputs, plus outputs."),
    ),
)
