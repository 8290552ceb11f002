"""What a model must beat before it is praised: cheap rivals, trained on the same data.

:class:`NeighbourCounts` and :class:`PixelCNN` stand against ImageGPT (:ref:`sec-07-likelihood`), :class:`SmallCNN`
against ViT (:ref:`sec-05-training`). Rivals that scikit-learn has (nearest neighbours, support vectors) are called
where they are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.tokens.palette import Palette, PaletteConfig

FOUR = ((0, -1), (-1, 0), (-1, -1), (-1, 1))
"""Left, above, above left, above right: (rows, columns) from a pixel to its neighbour."""

TEN = (*FOUR, (0, -2), (-2, 0), (-1, 2), (-1, -2), (-2, 1), (-2, -1))
"""Every neighbour at most two pixels away of which at least one step is short; most telling first."""


class NeighbourCounts:
    """The colour of a pixel, guessed from how often it stood beside the same neighbours: a table, no network.

    A context of n neighbours is rare where n is large, so its counts are mixed with the guess of the first n - 1:

        p_n(c) = (count(c, context) + strength p_{n-1}(c)) / (count(context) + strength),

    down to p_0, the frequency of the colour (mixed with the uniform one in the same way). These are the back-off of
    language models (Dirichlet prior, MacKay & Peto, 1995) and the template contexts of JBIG.

    Args:
        codes: (M, N) int64, pictures to count in.
        colours: Number of colours, K.
        width: W, so that N = H W.
        neighbours: (rows, columns) from a pixel to each neighbour, the most telling first; all must have been read
            before it in raster order. Outside the picture stands a colour of its own.
        strength: of the shorter context, in counts; choose it on validation data.

    Raises:
        ValueError: a neighbour that is not read before the pixel, or codes that are no pictures of that width.
    """

    def __init__(
        self,
        codes: Tensor,
        colours: int,
        width: int,
        neighbours: Sequence[tuple[int, int]] = FOUR,
        strength: float = 50.0,
    ) -> None:
        late = [place for place in neighbours if place >= (0, 0)]
        if late:
            raise ValueError(f"neighbour {late[0]} is not read before the pixel; give rows above, or columns left.")
        self.colours, self.width, self.neighbours, self.strength = colours, width, tuple(neighbours), strength
        self.contexts: list[Tensor] = []  # of each length, the sorted numbers of the contexts that were seen
        self.pairs: list[Tensor] = []  # the sorted numbers context * K + colour that were seen
        self.counts: list[tuple[Tensor, Tensor]] = []  # how often each context, how often each pair
        colour, around = codes.flatten(), self._around(codes)
        context = torch.zeros_like(colour)
        for length in range(len(self.neighbours) + 1):
            if length:
                context = context * (colours + 1) + around[length - 1]
            seen, context, often = context.unique(return_inverse=True, return_counts=True)
            pairs, together = (context * colours + colour).unique(return_counts=True)
            self.contexts.append(seen)
            self.pairs.append(pairs)
            self.counts.append((often, together))

    def _around(self, codes: Tensor) -> list[Tensor]:
        """The colour of each neighbour of every pixel, K outside the picture: one (M N,) for each neighbour."""
        if codes.dim() != 2 or codes.shape[1] % self.width:
            raise ValueError(f"codes of shape {tuple(codes.shape)} are no rows of {self.width} pixels.")
        grid = codes.unflatten(1, (-1, self.width))
        reach = max((max(-row, abs(column)) for row, column in self.neighbours), default=0)
        padded, (height, width) = F.pad(grid, (reach,) * 4, value=self.colours), grid.shape[1:]
        return [
            padded[:, reach + row : reach + row + height, reach + column : reach + column + width].flatten()
            for row, column in self.neighbours
        ]

    def probability(self, codes: Tensor) -> Tensor:
        """p of every pixel's colour, those before it being given: (B, N) int64 -> (B, N) float64."""
        colour, around = codes.flatten(), self._around(codes)
        context, known = torch.zeros_like(colour), torch.ones_like(colour, dtype=torch.bool)
        p = torch.full(colour.shape, 1 / self.colours, dtype=torch.float64)
        for length, (often, together) in enumerate(self.counts):
            if length:
                context = context * (self.colours + 1) + around[length - 1]
            context, found = _place(self.contexts[length], context)
            known = known & found
            pair, there = _place(self.pairs[length], context * self.colours + colour)
            alone = torch.where(known, often[context], 0)
            both = torch.where(known & there, together[pair], 0)
            p = (both + self.strength * p) / (alone + self.strength)
        return p.view_as(codes)

    def bits(self, codes: Tensor) -> Tensor:
        """-log2 of :meth:`probability`, (B, N): what each pixel costs."""
        return -self.probability(codes).log2()


def _place(found: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Where each wanted number stands in a sorted list, and whether it does."""
    place = torch.searchsorted(found, wanted).clamp(max=len(found) - 1)
    return place, found[place] == wanted


@dataclass(frozen=True)
class SmallCNNConfig(ModelConfig):
    """Size of a :class:`SmallCNN`.

    Args:
        image_size: side of the square pictures, in pixels; two poolings halve it, the third takes the mean's place.
        channels: Number of channels, C.
        classes: number of classes.
        widths: channels after each of the three convolutions.
    """

    image_size: int = 28
    channels: int = 1
    classes: int = 10
    widths: tuple[int, int, int] = (16, 32, 64)

    def __post_init__(self) -> None:
        if self.image_size < 4 or min(self.channels, self.classes, *self.widths) < 1:
            raise ValueError(f"{self}: a side of at least 4 pixels and at least 1 of everything else are needed.")


class SmallCNN(Model):
    """Three convolutions of 3 x 3, each with ReLU and max pooling, then one linear layer.

    What convolutions are told before they see data, and a ViT is not: neighbours belong together, and a shape is the
    same shape wherever it stands.

    Args:
        config: sizes.
    """

    config_class = SmallCNNConfig
    config: SmallCNNConfig

    def __init__(self, config: SmallCNNConfig) -> None:
        super().__init__(config)
        layers: list[nn.Module] = []
        pools = (2, 2, config.image_size // 4)  # the last one leaves one place
        for (before, after), pool in zip(pairwise((config.channels, *config.widths)), pools, strict=True):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(pool)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(config.widths[-1], config.classes)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> logits (B, classes)."""
        return self.head(self.features(images).flatten(1))


@dataclass(frozen=True)
class SoundCNNConfig(ModelConfig):
    """Size of a :class:`SoundCNN`.

    Args:
        classes: number of classes.
        widths: channels of each stage; every stage begins by halving time and frequency.
    """

    classes: int = 10
    widths: tuple[int, ...] = (24, 48, 96)

    def __post_init__(self) -> None:
        if not self.widths or min(self.classes, *self.widths) < 1:
            raise ValueError(f"{self}: at least one stage and at least 1 of everything are needed.")


class SoundCNN(Model):
    """AST's cheap rival: stages of two 3 x 3 convolutions with batch norm, then the loudest answer of each channel.

    Where a word stands on the spectrogram is no part of what it can say, by construction.

    Args:
        config: sizes.
    """

    config_class = SoundCNNConfig
    config: SoundCNNConfig

    def __init__(self, config: SoundCNNConfig) -> None:
        super().__init__(config)
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *config.widths)):
            for wide, stride in ((before, 2), (after, 1)):
                layers += [nn.Conv2d(wide, after, 3, stride, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(config.widths[-1], config.classes)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """(B, F, M) -> logits (B, classes)."""
        return self.head(self.features(spectrograms[:, None]).amax((2, 3)))


class MaskedConv2d(nn.Conv2d):
    """A convolution that reads no pixel that comes later in raster order (van den Oord et al., 2016, section 3.4).

    Args:
        before: channels in.
        after: channels out.
        size: side of the kernel, odd.
        own: whether the pixel itself is read: not by the first layer (mask A), by all others (mask B).
    """

    def __init__(self, before: int, after: int, size: int, *, own: bool) -> None:
        super().__init__(before, after, size, padding=size // 2)
        mask = torch.ones(size, size)
        mask[size // 2, size // 2 + own :] = 0
        mask[size // 2 + 1 :] = 0
        self.register_buffer("mask", mask, persistent=False)
        self.mask: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H, W)."""
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class PixelBlock(nn.Module):
    """A residual block of half the width inside (van den Oord et al., 2016, figure 5)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(width, width // 2, 1)
        self.look = MaskedConv2d(width // 2, width // 2, 3, own=True)
        self.widen = nn.Conv2d(width // 2, width, 1)
        self.dropout = nn.Dropout2d(dropout)
        nn.init.zeros_(self.widen.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, H, W) -> (B, D, H, W)."""
        return x + self.widen(self.dropout(F.relu(self.look(F.relu(self.narrow(F.relu(x)))))))


@dataclass(frozen=True)
class PixelCNNConfig(ModelConfig):
    """Size of a :class:`PixelCNN`.

    Args:
        image_size: side of the square pictures, in pixels; N is its square.
        colours: K, colours of the palette.
        channels: C, numbers of one colour.
        width: channels between the layers.
        blocks: residual blocks; each lets a pixel see one row further up.
        dropout: share of channels that a block drops while training.
    """

    image_size: int = 24
    colours: int = 64
    channels: int = 3
    width: int = 64
    blocks: int = 6
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.image_size, self.colours, self.channels, self.blocks) < 1 or self.width < 2:
            raise ValueError(f"{self}: a width of at least 2 and at least 1 of everything else are needed.")


class PixelCNN(Model):
    """ImageGPT's question put to a CNN: the next colour, from a 7 x 7 mask and residual blocks of masked convolutions.

    van den Oord et al. (2016). Colours, palette and likelihood are those of :class:`~mmcourse.models.ImageGPT`; only
    who reads whom is fixed by kernels instead of learned by attention.

    Args:
        config: sizes.
    """

    config_class = PixelCNNConfig
    config: PixelCNNConfig

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__(config)
        c = config
        self.palette = Palette(PaletteConfig(c.colours, c.channels))
        self.embedding = nn.Embedding(c.colours, 32)
        self.first = MaskedConv2d(32, c.width, 7, own=False)
        self.places = nn.Parameter(torch.zeros(1, c.width, c.image_size, c.image_size))
        self.blocks = nn.Sequential(*(PixelBlock(c.width, c.dropout) for _ in range(c.blocks)))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(c.width, 128, 1), nn.ReLU(), nn.Conv2d(128, c.colours, 1))

    @property
    def length(self) -> int:
        """N, colours of one picture."""
        return self.config.image_size**2

    def forward(self, codes: Tensor) -> Tensor:
        """Logits (B, N, K) of every colour of whole pictures (B, N) int64, given those before it.

        Raises:
            ValueError: another number of colours.
        """
        side = self.config.image_size
        if codes.dim() != 2 or codes.shape[1] != self.length:
            raise ValueError(f"codes are {tuple(codes.shape)}; give (B, {self.length}), whole pictures.")
        x = self.embedding(codes).transpose(1, 2).unflatten(2, (side, side))
        return self.head(self.blocks(self.first(x) + self.places)).flatten(2).transpose(1, 2)

    def negative_log_likelihood(self, codes: Tensor) -> Tensor:
        """-log p of pictures in nats, (B, N) -> (B,)."""
        return F.cross_entropy(self(codes).transpose(1, 2), codes, reduction="none").sum(1)
