"""Chapter 2: patches."""

# ruff: noqa: N802, N803, N806, RUF059
import numpy as np
import torch
import torch.nn.functional as F


class DoesNotDivideError(ValueError):
    pass


def _split_message(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError(f"P = {P} does not divide {height} x {width}")
    return height // P, width // P


def _split_subclass(height, width, P):
    if P <= 0:
        raise DoesNotDivideError("P=%d is too small for %d and %d" % (P, height, width))  # noqa: UP031
    rows, rest = divmod(height, P)
    columns, other = divmod(width, P)
    if rest != 0 or other != 0:
        raise DoesNotDivideError(height, width, P)
    return [rows, columns]


def _split_array(height, width, P):
    sides = np.array([height, width])
    if P < 1 or (sides % P).any():
        raise ValueError(f"cannot cut {height}x{width} into {P}x{P}")
    return sides // P


def _split_size(height, width, P):
    if P < 1:
        raise ValueError(f"P must be positive, got {P} for {(height, width)}")
    for side in (height, width):
        if side // P * P != side:
            raise ValueError(f"{side} of {(height, width)} is no multiple of {P}")
    return torch.Size((height // P, width // P))


def _split_tensor(height, width, P):
    if not (P >= 1 and height % P == 0 and width % P == 0):
        raise ValueError("height " + str(height) + ", width " + str(width) + ", P " + str(P))
    return torch.tensor([height // P, width // P])


def _split_floats(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError(f"{height=} {width=} {P=}")
    return int(height / P), int(width / P)


def _patch_loop(images, P):
    B, C, H, W = images.shape
    rows = []
    for image in images:
        patches = [
            image[:, y : y + P, x : x + P].permute(1, 2, 0).flatten() for y in range(0, H, P) for x in range(0, W, P)
        ]
        rows.append(torch.stack(patches))
    return torch.stack(rows)


def _patch_unfold(images, P):
    u = images.unfold(2, P, P).unfold(3, P, P)
    return u.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)


def _patch_numpy(images, P):
    a = np.asarray(images)
    B, C, H, W = a.shape
    return a.reshape(B, C, H // P, P, W // P, P).transpose(0, 2, 4, 3, 5, 1).reshape(B, -1, P * P * C)


def _patch_f_unfold(images, P):
    B, C, _, _ = images.shape
    u = F.unfold(images, P, stride=P)  # (B, C P P, N)
    return u.reshape(B, C, P * P, -1).permute(0, 3, 2, 1).flatten(2)


def _patch_native_numpy(images, P):
    B, C, H, W = images.shape
    return images.reshape(B, C, H // P, P, W // P, P).transpose(0, 2, 4, 3, 5, 1).reshape(B, -1, P * P * C)


def _unpatch(patches, P, height, width):
    B, N, D = patches.shape
    C = D // (P * P)
    x = patches.reshape(B, height // P, width // P, P, P, C)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(B, C, height, width)


def _unpatch_fold(patches, P, height, width):
    B, N, D = patches.shape
    x = patches.reshape(B, N, P * P, -1).transpose(2, 3).flatten(2).transpose(1, 2)
    return F.fold(x, (height, width), P, stride=P)


def _unpatch_loop(patches, P, height, width):
    B, _, D = patches.shape
    C = D // P // P
    out = np.zeros((B, C, height, width), dtype=np.float32)
    i = 0
    for y in range(0, height, P):
        for x in range(0, width, P):
            out[:, :, y : y + P, x : x + P] = patches[:, i].numpy().reshape(B, P, P, C).transpose(0, 3, 1, 2)
            i += 1
    return out


def _unpatch_cat(patches, P, height, width):
    B, N, D = patches.shape
    x = patches.reshape(B, N, P, P, -1).permute(0, 4, 1, 2, 3)
    per_row = width // P
    rows = [torch.cat([x[:, :, r * per_row + c] for c in range(per_row)], dim=-1) for r in range(height // P)]
    return torch.cat(rows, dim=-2)


def _unpatch_double(patches, P, height, width):
    return torch.einsum(
        "brcyxk->bkrycx", patches.double().unflatten(2, (P, P, -1)).unflatten(1, (height // P, width // P))
    ).reshape(len(patches), -1, height, width)


def _unpatch_swapped_sides(patches, P, height, width):
    B, N, D = patches.shape
    x = patches.reshape(B, width // P, height // P, P, P, -1)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(B, -1, height, width)


def _conv_loop(E, P):
    C, D = E.shape[0] // P**2, E.shape[1]
    out = torch.empty(D, C, P, P)
    for y in range(P):
        for x in range(P):
            for c in range(C):
                out[:, c, y, x] = E[(y * P + x) * C + c]
    return out


def _six(images, P):
    B, C, H, W = images.shape
    return images.reshape(B, C, H // P, P, W // P, P)


def _merge(x):
    B = x.shape[0]
    return x.reshape(B, x.shape[1] * x.shape[2], -1)


def _product_remainder(height, width, P):
    if P < 1 or height * width % P**2:
        raise ValueError(f"{height} {width} {P}")
    return height // P, width // P


def _sum_remainder(height, width, P):
    if P < 1 or (height + width) % P:
        raise ValueError(f"{height} {width} {P}")
    return height // P, width // P


def _no_numbers(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError("P does not divide the sides")
    return height // P, width // P


def _prints(height, width, P):
    if P < 1 or height % P or width % P:
        print(f"{height} {width} {P}")
        return None
    return height // P, width // P


def _type_error(height, width, P):
    if P < 1 or height % P or width % P:
        raise TypeError(f"{height} {width} {P}")
    return height // P, width // P


def _only_P(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError(f"P = {P} does not fit")
    return height // P, width // P


def _returns_error(height, width, P):
    if P < 1 or height % P or width % P:
        return ValueError(f"{height} {width} {P}")
    return height // P, width // P


def _and(height, width, P):
    if P < 1 or (height % P and width % P):
        raise ValueError(f"{height} {width} {P}")
    return height // P, width // P


def _swapped_pair(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError(f"{height} {width} {P}")
    return width // P, height // P


def _zero_division(height, width, P):
    if height % P or width % P:
        raise ValueError(f"{height} {width} {P}")
    return height // P, width // P


def _count_instead(height, width, P):
    if P < 1 or height % P or width % P:
        raise ValueError(f"{height} {width} {P}")
    return (height // P) * (width // P)


def _rounds_up(height, width, P):
    if P < 1:
        raise ValueError(f"{height} {width} {P}")
    return -(-height // P), -(-width // P)


RIGHT = {
    "02.count": [
        lambda height, width, P: (height // P) * (width // P),
        lambda height, width, P: height * width // P**2,
        lambda height, width, P: int(height / P * width / P),
        lambda height, width, P: np.int64(height // P) * np.int64(width // P),
        lambda height, width, P: torch.tensor(height // P * (width // P)),
        lambda height, width, P: sum(1 for _ in range(0, height, P) for _ in range(0, width, P)),
        lambda height, width, P: len(range(0, height, P)) * len(range(0, width, P)),
        lambda height, width, P: torch.zeros(height, width)[::P, ::P].numel(),
        lambda height, width, P: np.prod(np.array([height, width]) // P),
    ],
    "02.split": [_split_message, _split_subclass, _split_array, _split_size, _split_tensor, _split_floats],
    "02.patchify": [
        _patch_loop,
        _patch_unfold,
        _patch_numpy,
        _patch_f_unfold,
        _patch_native_numpy,
        lambda images, P: _patch_numpy(images.double(), P),
        lambda images, P: _patch_loop(images, P).tolist(),
    ],
    "02.unpatchify": [
        _unpatch,
        _unpatch_fold,
        _unpatch_loop,
        _unpatch_cat,
        _unpatch_double,
        lambda patches, P, height, width: _unpatch(patches, P, height, width).numpy(),
    ],
    "02.convolution": [
        lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 0, 1),
        lambda E, P: E.T.reshape(E.shape[1], P, P, -1).permute(0, 3, 1, 2),
        lambda E, P: np.asarray(E).T.reshape(E.shape[1], P, P, -1).transpose(0, 3, 1, 2),
        lambda E, P: torch.einsum("yxcd->dcyx", E.unflatten(0, (P, P, -1))),
        lambda E, P: np.einsum("yxcd->dcyx", E.numpy().astype(float).reshape(P, P, -1, E.shape[1])),
        _conv_loop,
        lambda E, P: torch.stack([e.reshape(P, P, -1).movedim(-1, 0) for e in E.T]),
    ],
}

WRONG = {
    "02.count": {
        "one side": lambda height, width, P: width // P,
        "divides once": lambda height, width, P: height * width // P,
        "sum of the sides": lambda height, width, P: height // P + width // P,
        "class token too": lambda height, width, P: (height // P) * (width // P) + 1,
        "pixels of a patch": lambda height, width, P: P * P,
    },
    "02.split": {
        "product tested": _product_remainder,
        "sum tested": _sum_remainder,
        "no numbers": _no_numbers,
        "prints": _prints,
        "type error": _type_error,
    },
    "02.patchify": {
        "channel first in a patch": lambda images, P: _merge(_six(images, P).permute(0, 2, 4, 1, 3, 5)),
        "reshape alone": lambda images, P: images.reshape(images.shape[0], -1, P * P * images.shape[1]),
        "two axes not swapped": lambda images, P: _merge(_six(images, P).permute(0, 2, 3, 4, 5, 1)),
        "list of patches on the batch axis": lambda images, P: _patch_loop(images, P).flatten(0, 1),
        "not flattened": lambda images, P: _six(images, P).permute(0, 2, 4, 3, 5, 1),
    },
    "02.unpatchify": {
        "reshape alone": lambda patches, P, height, width: patches.reshape(len(patches), -1, height, width),
        "channel first in a patch": lambda patches, P, height, width: (
            patches.reshape(len(patches), height // P, width // P, -1, P, P)
            .permute(0, 3, 1, 4, 2, 5)
            .reshape(len(patches), -1, height, width)
        ),
        "height and width exchanged": _unpatch_swapped_sides,
        "channel last": lambda patches, P, height, width: _unpatch(patches, P, height, width).permute(0, 2, 3, 1),
        "axes not swapped": lambda patches, P, height, width: (
            patches.reshape(len(patches), height // P, width // P, P, P, -1)
            .permute(0, 5, 1, 2, 3, 4)
            .reshape(len(patches), -1, height, width)
        ),
    },
    "02.convolution": {
        "transpose and reshape": lambda E, P: E.T.reshape(E.shape[1], -1, P, P),
        "reshape alone": lambda E, P: E.reshape(E.shape[1], -1, P, P),
        "x before y": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 1, 0),
        "channel and width exchanged": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(2, 3, 0, 1),
        "channel last": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 0, 1, 2),
    },
}

HELD_OUT = {
    "02.count": {
        "float": lambda height, width, P: height * width / P**2,
        "overlapping": lambda height, width, P: (height - P + 1) * (width - P + 1),
        "height twice": lambda height, width, P: (height // P) ** 2,
        "pair": lambda height, width, P: (height // P, width // P),
        "rest counted": lambda height, width, P: (height // P + 1) * (width // P + 1),
    },
    "02.split": {
        "only P named": _only_P,
        "returns the error": _returns_error,
        "and instead of or": _and,
        "swapped": _swapped_pair,
        "P = 0 divides": _zero_division,
        "count": _count_instead,
        "rounds up": _rounds_up,
    },
    "02.patchify": {
        "columns first": lambda images, P: _merge(_six(images, P).permute(0, 4, 2, 3, 5, 1)),
        "x before y in a patch": lambda images, P: _merge(_six(images, P).permute(0, 2, 4, 5, 3, 1)),
        "tokens last": lambda images, P: _patch_loop(images, P).transpose(1, 2),
        "mean of a patch": lambda images, P: F.avg_pool2d(images, P).flatten(2).transpose(1, 2),
        "wrong split of the sides": lambda images, P: (
            images.reshape(images.shape[0], images.shape[1], P, images.shape[2] // P, P, images.shape[3] // P)
            .permute(0, 3, 5, 2, 4, 1)
            .flatten(3)
            .flatten(1, 2)
        ),
    },
    "02.unpatchify": {
        "x before y in a patch": lambda patches, P, height, width: (
            patches.reshape(len(patches), height // P, width // P, P, P, -1)
            .permute(0, 5, 1, 4, 2, 3)
            .reshape(len(patches), -1, height, width)
        ),
        "column by column": lambda patches, P, height, width: (
            patches.reshape(len(patches), width // P, height // P, P, P, -1)
            .permute(0, 5, 2, 3, 1, 4)
            .reshape(len(patches), -1, height, width)
        ),
        "transposed picture": lambda patches, P, height, width: _unpatch(patches, P, height, width).transpose(2, 3),
        "first picture only": lambda patches, P, height, width: _unpatch(patches[:1], P, height, width)[0],
        "turned upside down": lambda patches, P, height, width: _unpatch(patches, P, height, width).flip(2),
    },
    "02.convolution": {
        "flipped": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 0, 1).flip(2, 3),
        "channel first rows": lambda E, P: E.reshape(-1, P, P, E.shape[1]).permute(3, 0, 1, 2),
        "D last": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(2, 0, 1, 3),
        "not permuted": lambda E, P: E.reshape(P, P, -1, E.shape[1]),
        "divided": lambda E, P: E.reshape(P, P, -1, E.shape[1]).permute(3, 2, 0, 1) / P**2,
    },
}
