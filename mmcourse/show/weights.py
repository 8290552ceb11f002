"""Weights of course checkpoints for figures that compute in the page: int8, a scale for each row, one small file.

A matrix of a small model needs no more: each row keeps its largest value exactly and the others to 1/254 of it. What is
short (biases, norms) stays float32. The page's arithmetic then agrees with Python's on the same rounded weights.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmcourse import checkpoint

SHORT = 1024
"""Tensors of fewer values stay float32."""

PARTS = {"ViT": ("",), "VQTokenizer": ("decoder.", "quantizer.codebook")}
"""What the page can compute: models by name, and which of their tensors it needs."""


def _needed(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A checkpoint's tensors that the page needs, under the names that it uses."""
    tensors, metadata = checkpoint.load(checkpoint.find(name))
    model, config = metadata["model"], metadata["config"]
    if model not in PARTS:
        raise ValueError(f"{name} is a {model}; the page can compute {' and '.join(PARTS)}.")
    if config.get("tokens") == "resnet":
        raise ValueError(f"{name} has a ResNet in front; the page computes ViTs on pixels and patches.")
    kept = {key: value for key, value in tensors.items() if key.startswith(PARTS[model])}
    return kept, config


def _int8(tensor: Tensor) -> tuple[np.ndarray, np.ndarray]:
    rows = tensor.detach().double().flatten(1).numpy()
    scale = (np.abs(rows).max(1) / 127).clip(1e-12).astype(np.float32)
    whole = np.rint(rows / scale[:, None].astype(np.float64)).clip(-127, 127).astype(np.int8)
    return scale, whole


def _is_long(tensor: Tensor) -> bool:
    return tensor.ndim >= 2 and tensor.shape[0] > 1 and tensor.numel() >= SHORT


def rounded(name: str) -> dict[str, Tensor]:
    """The tensors as the page has them, by name: what int8 and its scales give back.

    Args:
        name: a course checkpoint, or the path of one.

    Raises:
        ValueError: a model that the page cannot compute.
    """
    tensors, _ = _needed(name)
    out = {}
    for key, value in tensors.items():
        if _is_long(value):
            scale, whole = _int8(value)
            out[key] = torch.from_numpy(whole.astype(np.float32) * scale[:, None]).reshape(value.shape)
        else:
            out[key] = value.float()
    return out


def script(name: str) -> str:
    """A checkpoint as a script that hands its weights to the page's figures (``_static/models/NAME.js``).

    Args:
        name: a course checkpoint, or the path of one.

    Raises:
        ValueError: a model that the page cannot compute.
    """
    tensors, config = _needed(name)
    table: list[tuple[str, list[int], str]] = []
    data = bytearray()
    # float32 first: the page reads it in place only where four bytes are aligned.
    for key, value in sorted(tensors.items(), key=lambda item: (_is_long(item[1]), item[0])):
        if _is_long(value):
            scale, whole = _int8(value)
            data += scale.astype("<f4").tobytes() + whole.tobytes()
            table.append((key, list(value.shape), "i8"))
        else:
            data += value.detach().float().contiguous().numpy().astype("<f4").tobytes()
            table.append((key, list(value.shape), "f32"))
    about = {"config": config, "tensors": table, "data": base64.b64encode(bytes(data)).decode()}
    return f"mmLive.put({json.dumps(str(name))},{json.dumps(about, sort_keys=True, separators=(',', ':'))});\n"
