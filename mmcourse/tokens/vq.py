"""A learned codebook: an encoder, K codes, a decoder; a picture becomes a few indices. See :ref:`sec-06-codebook`.

VQ-VAE (van den Oord et al., 2017), with the codebook as a moving average (their appendix A.1) and unit-length codes
of few numbers (ViT-VQGAN, Yu et al., 2022, section 3.2). :class:`VectorQuantizer` knows nothing of pictures: it serves
any sequence of vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.checks import real, tensor, whole
from mmcourse.tokens.images import check_images, check_pixels
from mmcourse.tokens.palette import check_codes, kmeans, nearest_centre, rows_and_columns


class Quantized(NamedTuple):
    """What a :class:`VectorQuantizer` gives.

    Attributes:
        tokens: (B, N, d), each replaced by its nearest code; gradients pass straight through to the input.
        codes: (B, N) int64, which code that is.
        loss: a number; what pulls tokens to their codes (and codes to their tokens, where gradients move them).
    """

    tokens: Tensor
    codes: Tensor
    loss: Tensor


def _check_options(decay: float | None, commitment: float, warm: int, restart: float) -> None:
    """Refuse what a quantizer or its configuration could make no sense of."""
    if decay is not None:
        real("decay (None to move the codes by gradients)", decay, below=1.0)
    real("commitment", commitment)
    real("restart", restart)
    if isinstance(warm, bool) or not isinstance(warm, int):
        raise ValueError(f"warm is {warm!r}; give a whole number of batches, a negative one for no k-means.")


def _whole_batch(share: Tensor) -> Tensor:
    """The batch in its order, of which process r of R holds examples r, r + R, r + 2R, …; alone, r holds all."""
    if not (dist.is_available() and dist.is_initialized()):
        return share
    shares = [torch.empty_like(share) for _ in range(dist.get_world_size())]
    dist.all_gather(shares, share.contiguous())
    return torch.stack(shares, 1).flatten(0, 1)


class VectorQuantizer(nn.Module):
    """The nearest of K codes for each vector of a sequence (van den Oord et al., 2017, equations 1 to 3).

    Derived in :ref:`sec-06-codebook`; what the options cure is in :ref:`sec-06-collapse`.

    Args:
        codes: Number of codes, K.
        width: d, numbers of a code.
        unit: compare directions only; codes and tokens have length 1 (Yu et al., 2022).
        decay: of the moving average that moves the codes; None to move them by gradients.
        commitment: weight of the pull of a token towards its code, beta in the paper.
        warm: training batches that pass without being quantized. Then k-means over the tokens of one batch places the
            codes; a negative number, or a batch of fewer than K different tokens, leaves them where they started, at
            random.
        restart: a code that is used for less than this share of a fair share of the tokens (1/K) is put on a random
            token of the batch; 0 for never.

    Raises:
        ValueError: no codes or no width, or a decay outside 0 <= decay < 1.
    """

    def __init__(
        self,
        codes: int,
        width: int,
        *,
        unit: bool = True,
        decay: float | None = 0.99,
        commitment: float = 0.25,
        warm: int = 0,
        restart: float = 0.05,
    ) -> None:
        super().__init__()
        whole("codes", codes)
        whole("width", width)
        _check_options(decay, commitment, warm, restart)
        self.unit, self.decay, self.commitment, self.warm, self.restart = unit, decay, commitment, warm, restart
        start = torch.randn(codes, width)
        self.codebook = nn.Parameter(F.normalize(start, dim=-1) if unit else start, requires_grad=decay is None)
        self.register_buffer("share", torch.full((codes,), 1 / codes))  # of the tokens, moving average
        self.register_buffer("batches", torch.tensor(0))  # seen in training
        self.share: Tensor
        self.batches: Tensor

    def vectors(self) -> Tensor:
        """The codes, (K, d)."""
        # Of a copy: a restart overwrites codes before the gradient has gone back through this division.
        return F.normalize(self.codebook.clone(), dim=-1) if self.unit else self.codebook

    def _precise(self, tokens: Tensor) -> Tensor:
        """Tokens in the codebook's precision, of length 1 where the codes are."""
        tokens = tokens.to(self.codebook.dtype)
        return F.normalize(tokens, dim=-1) if self.unit else tokens

    def nearest(self, tokens: Tensor) -> Tensor:
        """Index of the nearest code: (…, d) -> (…) int64; the same as ``forward``'s codes."""
        return nearest_centre(self._precise(tokens).detach(), self.vectors().detach())

    def look_up(self, codes: Tensor) -> Tensor:
        """Vectors for indices: (…) int64 -> (…, d).

        Raises:
            ValueError: no index, or one that is no code.
        """
        check_codes(codes, len(self.codebook))
        return self.vectors()[codes]

    def forward(self, tokens: Tensor) -> Quantized:
        """Quantize, and while training also move the codes: (B, N, d) -> tokens (B, N, d), codes (B, N), loss.

        Raises:
            ValueError: tokens of another shape; in training, NaN or infinity, which an average would keep for ever.
        """
        tensor("tokens", tokens, floating=True)
        if tokens.dim() != 3 or tokens.shape[-1] != self.codebook.shape[-1]:
            raise ValueError(f"tokens are {tuple(tokens.shape)}; this book needs (B, N, {self.codebook.shape[-1]}).")
        tokens = self._precise(tokens)  # a moving average in half precision would stand still
        if self.training:
            if self.batches < self.warm:
                self.batches += 1
                return Quantized(tokens, nearest_centre(tokens.detach(), self.vectors()), tokens.new_zeros(()))
            whole = _whole_batch(tokens.detach()).flatten(0, 1)
            if not whole.isfinite().all():
                raise ValueError("tokens hold NaN or infinity; codes are left as they were; mend the input.")
            self.batches += 1
            if self.batches == self.warm + 1:
                self._start(whole)
        codes = nearest_centre(tokens.detach(), self.vectors().detach())
        found = self.vectors()[codes]
        loss = self.commitment * F.mse_loss(tokens, found.detach())
        if self.decay is None:
            loss = loss + F.mse_loss(found, tokens.detach())
        if self.training:
            self._move(whole, _whole_batch(codes).flatten())
        return Quantized(tokens + (found - tokens).detach(), codes, loss)

    @torch.no_grad()
    def _start(self, tokens: Tensor) -> None:
        if len(tokens.unique(dim=0)) >= len(self.codebook):
            self.codebook.copy_(kmeans(tokens.cpu(), len(self.codebook), starts=1, steps=20).centres)
            self._agree()

    @torch.no_grad()
    def _move(self, tokens: Tensor, codes: Tensor) -> None:
        """One step of the moving average (van den Oord et al., 2017, appendix A.1), then restarts."""
        count = torch.bincount(codes, minlength=len(self.codebook)).to(tokens)
        decay = 0.99 if self.decay is None else self.decay
        share = decay * self.share + (1 - decay) * count / len(tokens)
        if self.decay is not None:
            total = torch.zeros_like(self.codebook).index_add_(0, codes, tokens) / len(tokens)
            used = share > 0
            moved = (decay * self.share[:, None] * self.codebook + (1 - decay) * total)[used] / share[used, None]
            self.codebook[used] = F.normalize(moved, dim=-1) if self.unit else moved
        self.share.copy_(share)
        dead = (self.share * len(self.codebook) < self.restart).nonzero().flatten()
        if len(dead):
            self.codebook[dead] = tokens[torch.randint(len(tokens), (len(dead),), device=tokens.device)]
            self.share[dead] = 1 / len(self.codebook)
        self._agree()

    def _agree(self) -> None:
        """Several processes draw different random numbers; the codes of the first one count."""
        if dist.is_available() and dist.is_initialized():
            dist.broadcast(self.codebook, 0)
            dist.broadcast(self.share, 0)


def usage(codes: Tensor, size: int) -> float:
    """Share of the K codes that occur at all, from 0 to 1.

    Raises:
        ValueError: no codes, or one that is none of 0 to K - 1.
    """
    check_codes(codes, size)
    return len(codes.unique()) / size


def perplexity(codes: Tensor, size: int) -> float:
    """exp of the entropy of the codes: as many equally frequent codes would be as hard to guess, from 1 to K.

    Raises:
        ValueError: no codes, or one that is none of 0 to K - 1.
    """
    check_codes(codes, size)
    share = codes.unique(return_counts=True)[1].double() / codes.numel()  # K may be large
    return float(torch.special.entr(share).sum().exp())


@dataclass(frozen=True)
class VQConfig(ModelConfig):
    """What a learned tokenizer of pictures needs to be built.

    Args:
        channels: Number of channels, C.
        stride: side of the square of pixels that becomes one token; must divide both sides of a picture.
        width: channels between the layers.
        encoder: residual blocks before the codebook.
        decoder: residual blocks after it.
        codes: Number of codes, K.
        code_width: d, numbers of a code.
        unit, decay, commitment, warm, restart: of the :class:`VectorQuantizer`.
    """

    channels: int = 3
    stride: int = 4
    width: int = 96
    encoder: int = 2
    decoder: int = 3
    codes: int = 512
    code_width: int = 8
    unit: bool = True
    decay: float | None = 0.99
    commitment: float = 0.25
    warm: int = 200
    restart: float = 0.05

    def __post_init__(self) -> None:
        for name in ("channels", "stride", "width", "codes", "code_width"):
            whole(name, getattr(self, name))
        for name in ("encoder", "decoder"):
            whole(name, getattr(self, name), 0)
        _check_options(self.decay, self.commitment, self.warm, self.restart)


class Reconstruction(NamedTuple):
    """What a :class:`VQTokenizer` gives.

    Attributes:
        images: (B, C, H, W), not clamped to [0, 1].
        codes: (B, N) int64 in raster order.
        loss: the quantizer's, a number.
    """

    images: Tensor
    codes: Tensor
    loss: Tensor


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions on a residual path (He et al., 2016), each behind a norm and a GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(1, width), nn.GroupNorm(1, width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, D, h, w) -> (B, D, h, w)."""
        return x + self.conv2(F.gelu(self.norm2(self.conv1(F.gelu(self.norm1(x))))))


class VQTokenizer(Model):
    """Pictures to codes and back: patches, residual blocks, a codebook, residual blocks, patches of pixels.

    Derived in :ref:`sec-06-codebook`. Nothing in it fixes the size of a picture: a larger one has more tokens.

    Args:
        config: sizes and choices.
    """

    config_class = VQConfig
    config: VQConfig

    def __init__(self, config: VQConfig) -> None:
        super().__init__(config)
        c = config
        self.encoder = nn.Sequential(
            nn.Conv2d(c.channels, c.width, c.stride, c.stride),
            *(ResidualBlock(c.width) for _ in range(c.encoder)),
            nn.Conv2d(c.width, c.code_width, 1),
        )
        self.quantizer = VectorQuantizer(
            c.codes,
            c.code_width,
            unit=c.unit,
            decay=c.decay,
            commitment=c.commitment,
            warm=c.warm,
            restart=c.restart,
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(c.code_width, c.width, 3, padding=1),
            *(ResidualBlock(c.width) for _ in range(c.decoder)),
            nn.Conv2d(c.width, 16 * c.stride**2, 1),
            nn.PixelShuffle(c.stride),  # 16 channels at full size: one more look across the borders of the patches
            nn.GELU(),
            nn.Conv2d(16, c.channels, 3, padding=1),
        )

    @property
    def weight(self) -> Tensor:
        """Of the first layer; pictures have its type."""
        return self.encoder[0].weight  # type: ignore[return-value]

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens of a picture of this size.

        Raises:
            ValueError: the stride does not divide it.
        """
        s = self.config.stride
        if height % s or width % s or not height or not width:
            raise ValueError(f"pictures of {height} x {width} cannot be cut into {s} x {s} pixels; crop or resize.")
        return height // s, width // s

    def forward(self, images: Tensor) -> Reconstruction:
        """Through the codebook and back: (B, C, H, W) in [0, 1] -> pictures, codes and the quantizer's loss."""
        check_images(images, self.config.channels, self.weight)
        grid = self.grid(*images.shape[-2:])
        found = self.quantizer(self.encoder(2 * images - 1).flatten(2).transpose(1, 2))
        return Reconstruction(self._draw(found.tokens, grid), found.codes, found.loss)

    def _draw(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        return (self.decoder(tokens.transpose(1, 2).unflatten(2, grid)) + 1) / 2

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Indices of codes in raster order: (B, C, H, W) in [0, 1] -> (B, N) int64, N = H W / stride².

        Raises:
            ValueError, TypeError: what is no picture in [0, 1], or a size that the stride does not divide.
        """
        check_images(images, self.config.channels, self.weight)
        check_pixels(images)
        self.grid(*images.shape[-2:])
        return self.quantizer.nearest(self.encoder(2 * images - 1).flatten(2).transpose(1, 2))

    @torch.no_grad()
    def decode(self, codes: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Pictures for indices: (B, N) int64 -> (B, C, H, W) in [0, 1].

        Args:
            codes: (B, N).
            size: rows and columns of tokens, as :meth:`grid` gives them for a picture; None for square pictures.

        Raises:
            ValueError: an index that is no code, or N tokens that make no such grid.
        """
        size = rows_and_columns(codes, size)
        return self._draw(self.quantizer.look_up(codes), size).clamp(0, 1)
