"""What a decoder remembers while it writes: keys and values, computed once. Derived in :ref:`sec-07-sampling`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.checks import tensor

KeysValues = tuple[Tensor, Tensor]  # (B, H, M, D/H) each


class LayerCache:
    """What one block has computed already: keys and values of past tokens, and those of the memory."""

    def __init__(self, memory: KeysValues | None = None) -> None:
        self.length = 0
        self.memory = memory  # of cross-attention: computed once, never grown, copied or reordered
        self.joined: tuple[Tensor, Tensor | None] | None = None  # weight and bias of all three projections, made once
        self._room: Tensor | None = None  # (B, 2 H, room, D/H), keys above values, filled up to length

    def append(self, new: Tensor) -> KeysValues:
        """Add new tokens, keys above values (B, 2 H, n, D/H); all so far, (B, H, length, D/H) each."""
        start, self.length = self.length, self.length + new.shape[2]
        if self._room is None or self.length > self._room.shape[2]:
            # Doubling the room keeps the copying of a step constant on average, so that its cost stays flat.
            room = new.new_empty(*new.shape[:2], max(2 * self.length, 64), new.shape[3])
            if self._room is not None:
                room[:, :, :start] = self._room[:, :, :start]
            self._room = room
        self._room[:, :, start : self.length] = new
        keys, values = self._room[:, :, : self.length].chunk(2, 1)
        return keys, values

    def select(self, rows: Tensor) -> None:
        """Keep these rows of the past tokens, in this order; a row may be named twice."""
        self._room = None if self._room is None else self._room[rows]


class Cache:
    """What a decoder has read so far, so that a new token costs one step.

    :meth:`mmcourse.transformer.Decoder.start` makes it. In a beam search one row of the memory serves all beams of it.

    Attributes:
        layers: one :class:`LayerCache` a block.
        rows: B, or B times the beams of each row; None until it is known.
        padding: (B,) int64, how many tokens in front of each row are only filling; None for none.
        memory_key_padding_mask: (B, M) bool, True for tokens of the memory that nobody may read; None for none.
    """

    def __init__(
        self,
        layers: int,
        memory: Sequence[KeysValues] | None = None,
        memory_key_padding_mask: Tensor | None = None,
        padding: Tensor | None = None,
    ) -> None:
        if padding is not None:
            tensor("padding", padding, 1)
            if padding.is_floating_point() or padding.dtype == torch.bool or padding.is_complex():
                raise TypeError(f"padding is {padding.dtype}; give whole numbers of tokens in front.")
            if memory and len(padding) != len(memory[0][0]):
                raise ValueError(
                    f"padding is for {len(padding)} rows, the memory has {len(memory[0][0])}; give one a row."
                )
        self.layers = [LayerCache(None if memory is None else memory[i]) for i in range(layers)]
        self.memory_key_padding_mask = memory_key_padding_mask
        self.padding = padding
        self.rows = len(memory[0][0]) if memory else None if padding is None else len(padding)

    @property
    def length(self) -> int:
        """Number of tokens read so far, filling included."""
        return self.layers[0].length

    def places(self, n: int) -> slice | Tensor:
        """Where the next n tokens stand in their sequences, filling not counted: rows of a table of positions.

        ``table[cache.places(n)]`` is (n, D), or (B, n, D) with padding.
        """
        if self.padding is None:
            return slice(self.length, self.length + n)
        places = torch.arange(self.length, self.length + n, device=self.padding.device)
        return (places - self.padding[:, None]).clamp(min=0)

    def repeat(self, beams: int) -> None:
        """Let each row become several, side by side; they share the memory."""
        rows = self.rows or 0
        self._select(torch.arange(rows).repeat_interleave(beams))
        self.rows = rows * beams

    def reorder(self, origin: Tensor) -> None:
        """Let beam j of row i go on from what beam ``origin[i, j]`` of that row has read: (B, beams) int64."""
        first = torch.arange(len(origin), device=origin.device)[:, None] * origin.shape[1]
        self._select((first + origin).flatten())

    def _select(self, rows: Tensor) -> None:
        for layer in self.layers:
            layer.select(rows)
        self.padding = None if self.padding is None else self.padding[rows]
