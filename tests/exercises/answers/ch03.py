"""Chapter 3: features of a convolutional network as tokens."""

# ruff: noqa: N806
import math

import numpy as np
import torch
from torch import nn


def _field_backwards(layers):
    field = 1
    for kernel, stride in reversed(layers):
        field = (field - 1) * stride + kernel
    return field


def _field_recursive(layers):
    if not layers:
        return 1
    kernel, stride = layers[0]
    return kernel + (_field_recursive(layers[1:]) - 1) * stride


def _field_numpy(layers):
    kernels, strides = np.array(layers).T
    jumps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return 1 + ((kernels - 1) * jumps).sum()


def _field_tensor(layers):
    t = torch.tensor(layers)
    return 1 + ((t[:, 0] - 1) * torch.cat([torch.ones(1), t[:-1, 1].cumprod(0)])).sum().long()


def _field_sum(layers):
    return 1 + sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers))


def _field_popping(layers):
    layers = list(layers)
    field, jump = 1, 1
    while layers:
        kernel, stride = layers.pop(0)
        field, jump = field + (kernel - 1) * jump, jump * stride
    return float(field)


def _field_pops_input(layers):
    field, jump = 1, 1
    while layers:
        kernel, stride = layers.pop(0)
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


def _field_last_jump(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        field += (kernel - 1) * jump
    return field


def _field_jump_added(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump += stride
    return field


def _field_from_zero(layers):
    field, jump = 0, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def _field_stride_replaces(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump = stride
    return field


def _field_reversed_wrongly(layers):
    field, jump = 1, 1
    for kernel, stride in reversed(layers):
        field += (kernel - 1) * jump
        jump *= stride
    return field


def _field_half_kernel(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += kernel // 2 * jump
        jump *= stride
    return field


def _field_early_return(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
        return field


def _flat_loop(features):
    B, D, h, w = features.shape
    out = np.empty((B, h * w, D))
    for y in range(h):
        for x in range(w):
            out[:, y * w + x] = features[:, :, y, x]
    return out


RIGHT = {
    "03.size": [
        lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride + 1,
        lambda n, kernel, stride, padding: len(range(0, n + 2 * padding - kernel + 1, stride)),
        lambda n, kernel, stride, padding: math.floor((n + 2 * padding - kernel) / stride + 1),
        lambda n, kernel, stride, padding: np.floor((n + 2 * padding - kernel) / stride).astype(int) + 1,
        lambda n, kernel, stride, padding: nn.Conv1d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, n)).shape[-1],
        lambda n, kernel, stride, padding: torch.tensor(n + 2 * padding - kernel) // stride + 1,
        lambda n, kernel, stride, padding: np.int32((n + 2 * padding - kernel + stride) // stride),
    ],
    "03.tokens": [
        lambda height, width, stride: math.ceil(height / stride) * math.ceil(width / stride),
        lambda height, width, stride: (-(-height // stride)) * (-(-width // stride)),
        lambda height, width, stride: ((height + stride - 1) // stride) * ((width + stride - 1) // stride),
        lambda height, width, stride: len(range(0, height, stride)) * len(range(0, width, stride)),
        lambda height, width, stride: int(np.ceil(height / stride) * np.ceil(width / stride)),
        lambda height, width, stride: torch.zeros(height, width)[::stride, ::stride].numel(),
        lambda height, width, stride: np.prod([math.ceil(s / stride) for s in (height, width)]),
        lambda height, width, stride: np.ceil(height / stride) * np.ceil(width / stride),
    ],
    "03.receptive-field": [
        _field_backwards,
        _field_recursive,
        _field_numpy,
        _field_tensor,
        _field_sum,
        _field_popping,
    ],
    "03.flatten": [
        lambda features: features.flatten(2).transpose(1, 2),
        lambda features: features.permute(0, 2, 3, 1).reshape(features.shape[0], -1, features.shape[1]),
        lambda features: np.asarray(features).reshape(*features.shape[:2], -1).swapaxes(1, 2),
        lambda features: torch.einsum("bdhw->bhwd", features).flatten(1, 2),
        lambda features: features.double().flatten(2).mT,
        _flat_loop,
        lambda features: features.flatten(2).transpose(1, 2).tolist(),
    ],
    "03.parameters": [
        lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + outputs * bias,
        lambda kernel, inputs, outputs, bias: outputs * (kernel * kernel * inputs + int(bias)),
        lambda kernel, inputs, outputs, bias: sum(
            p.numel() for p in nn.Conv2d(inputs, outputs, kernel, bias=bias).parameters()
        ),
        lambda kernel, inputs, outputs, bias: np.prod([kernel, kernel, inputs, outputs]) + (outputs if bias else 0),
        lambda kernel, inputs, outputs, bias: torch.tensor((kernel**2 * inputs + bool(bias)) * outputs),
        lambda kernel, inputs, outputs, bias: np.float64(kernel**2 * inputs * outputs + (bias and outputs)),
    ],
}

WRONG = {
    "03.size": {
        "one padding": lambda n, kernel, stride, padding: (n + padding - kernel) // stride + 1,
        "no plus one": lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride,
        "true division": lambda n, kernel, stride, padding: (n + 2 * padding - kernel) / stride + 1,
        "no padding": lambda n, kernel, stride, padding: (n - kernel) // stride + 1,
        "rounds up": lambda n, kernel, stride, padding: math.ceil((n + 2 * padding - kernel) / stride) + 1,
    },
    "03.tokens": {
        "rounds down": lambda height, width, stride: (height // stride) * (width // stride),
        "rounds once": lambda height, width, stride: math.ceil(height * width / stride**2),
        "one side": lambda height, width, stride: math.ceil(height / stride),
        "divides once": lambda height, width, stride: height * width // stride,
        "rounds to the nearest": lambda height, width, stride: round(height / stride) * round(width / stride),
    },
    "03.receptive-field": {
        "strides left out": lambda layers: 1 + sum(k - 1 for k, _ in layers),
        "stride of its own layer": _field_last_jump,
        "strides added": _field_jump_added,
        "starts at zero": _field_from_zero,
        "changes its input": _field_pops_input,
    },
    "03.flatten": {
        "reshape alone": lambda features: features.reshape(features.shape[0], -1, features.shape[1]),
        "channels first": lambda features: features.flatten(2),
        "columns first": lambda features: features.transpose(2, 3).flatten(2).transpose(1, 2),
        "pooled": lambda features: features.mean((2, 3)),
        "everything flat": lambda features: features.flatten(1),
    },
    "03.parameters": {
        "bias for each kernel": lambda kernel, inputs, outputs, bias: (kernel**2 + bias) * inputs * outputs,
        "kernel once": lambda kernel, inputs, outputs, bias: kernel * inputs * outputs + outputs * bias,
        "one bias": lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + bias,
        "no bias": lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs,
        "inputs left out": lambda kernel, inputs, outputs, bias: kernel**2 * outputs + outputs * bias,
    },
}

HELD_OUT = {
    "03.size": {
        "kernel added": lambda n, kernel, stride, padding: (n + 2 * padding + kernel) // stride + 1,
        "stride left out": lambda n, kernel, stride, padding: n + 2 * padding - kernel + 1,
        "plus one inside": lambda n, kernel, stride, padding: (n + 2 * padding - kernel + 1) // stride,
        "n over stride": lambda n, kernel, stride, padding: n // stride,
        "square": lambda n, kernel, stride, padding: ((n + 2 * padding - kernel) // stride + 1) ** 2,
    },
    "03.tokens": {
        "ceil of the product over the stride": lambda height, width, stride: math.ceil(height * width / stride),
        "one more on each side": lambda height, width, stride: (height // stride + 1) * (width // stride + 1),
        "pair": lambda height, width, stride: (math.ceil(height / stride), math.ceil(width / stride)),
        "adds": lambda height, width, stride: math.ceil(height / stride) + math.ceil(width / stride),
        "not rounded": lambda height, width, stride: height / stride * width / stride,
        "height twice": lambda height, width, stride: math.ceil(height / stride) ** 2,
    },
    "03.receptive-field": {
        "last stride only": _field_stride_replaces,
        "from the wrong end": _field_reversed_wrongly,
        "half kernels": _field_half_kernel,
        "returns after one layer": _field_early_return,
        "product of kernels": lambda layers: math.prod(k for k, _ in layers),
        "area": lambda layers: _field_backwards(layers) ** 2,
    },
    "03.flatten": {
        "h and w kept": lambda features: features.permute(0, 2, 3, 1),
        "batch merged": lambda features: features.permute(0, 2, 3, 1).flatten(0, 2),
        "viewed after a half permutation": lambda features: features.permute(0, 2, 1, 3).reshape(
            features.shape[0], -1, features.shape[1]
        ),
        "first picture": lambda features: features[0].flatten(1).T,
        "turned": lambda features: features.flatten(2).transpose(1, 2).flip(1),
    },
    "03.parameters": {
        "bias always": lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + outputs,
        "added channels": lambda kernel, inputs, outputs, bias: kernel**2 * (inputs + outputs) + outputs * bias,
        "bias of the inputs": lambda kernel, inputs, outputs, bias: kernel**2 * inputs * outputs + inputs * bias,
        "outputs left out": lambda kernel, inputs, outputs, bias: kernel**2 * inputs + bias,
        "twice the kernel": lambda kernel, inputs, outputs, bias: 2 * kernel * inputs * outputs + outputs * bias,
    },
}
