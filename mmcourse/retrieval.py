"""Retrieval: which texts fit a picture, and which pictures a text. Derived in :ref:`sec-12-zero-shot`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from mmcourse.checks import choose, tensor, whole
from mmcourse.training.metrics import Score

ROWS = 1024  # queries that are compared at once, so that memory does not grow with their number
LINKS, EFFORT = 32, 256  # neighbours of each item in the graph, and how many are looked at in a search


class Nearest(NamedTuple):
    """What was found, the best first.

    Attributes:
        scores: (B, k), inner products, which are cosines of vectors of length 1.
        indices: (B, k) int64, rows of the items.
    """

    scores: Tensor
    indices: Tensor


def _vectors(name: str, given: Any) -> Tensor:
    tensor(name, given, 2, floating=True)
    if not given.numel() or not bool(given.isfinite().all()):
        raise ValueError(f"{name} have shape {tuple(given.shape)}; give finite vectors (N, E), at least one.")
    return given


class Index:
    """Items that can be searched many times.

    Args:
        items: (N, E), vectors of pictures or texts.
        kind: ``"exact"`` compares with every item. ``"faiss"`` follows a graph of neighbours (Malkov & Yashunin, 2018)
            by the library faiss: nearly always the same answer, and for millions of items in a small part of the time.

    Raises:
        ValueError: no vectors, or vectors with numbers that are not finite.
        ImportError: faiss is asked for and not installed.
    """

    def __init__(self, items: Tensor, kind: Literal["exact", "faiss"] = "exact") -> None:
        choose("kind of index", kind, ("exact", "faiss"))
        self.items = _vectors("items", items)
        self.graph: Any = None
        if kind == "faiss":
            try:
                import faiss
            except ImportError as error:
                raise ImportError("an index of kind 'faiss' needs that library; run: pip install faiss-cpu") from error
            self.graph = faiss.IndexHNSWFlat(items.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
            self.graph.hnsw.efConstruction = self.graph.hnsw.efSearch = EFFORT
            self.graph.add(items.detach().float().cpu().numpy())

    def __len__(self) -> int:
        return len(self.items)

    @torch.no_grad()
    def search(self, queries: Tensor, k: int = 10) -> Nearest:
        """The k items with the largest inner product, for each of some queries (B, E)."""
        _vectors("queries", queries)
        whole("k", k)
        if k > len(self) or queries.shape[1] != self.items.shape[1] or queries.dtype != self.items.dtype:
            raise ValueError(
                f"{k} of {len(self)} items for queries {tuple(queries.shape)} {queries.dtype}; items are "
                f"{tuple(self.items.shape)} {self.items.dtype}: give the same width and type, and no larger k."
            )
        if self.graph is not None:
            scores, indices = self.graph.search(queries.float().cpu().numpy(), k)
            return Nearest(torch.from_numpy(scores).to(queries), torch.from_numpy(indices).to(queries.device))
        best = [(part @ self.items.T).topk(k) for part in queries.split(ROWS)]
        return Nearest(torch.cat([found.values for found in best]), torch.cat([found.indices for found in best]))


@torch.no_grad()
def recall(queries: Tensor, items: Tensor, at: Sequence[int] = (1, 5, 10)) -> dict[int, Score]:
    """R@k: how many queries have their own item, that of the same row, among the k best.

    Whatever is as near as the own item stands before it, so that vectors that are all alike find nothing.

    Args:
        queries: (B, E), of one modality.
        items: (N, E) of the other, the first B of them the queries' own; those that follow only distract.
        at: the k.
    """
    _vectors("queries", queries)
    _vectors("items", items)
    if queries.shape[1] != items.shape[1] or len(items) < len(queries) or queries.dtype != items.dtype:
        raise ValueError(
            f"queries {tuple(queries.shape)} {queries.dtype} and items {tuple(items.shape)} {items.dtype}; give the "
            "same width and type, and an item for each query."
        )
    if not isinstance(at, list | tuple) or not at:
        raise ValueError(f"at is {at!r}; give a tuple of numbers, as (1, 10).")
    for k in at:
        whole("k", k)
    ranks = []
    for start in range(0, len(queries), ROWS):
        scores = queries[start : start + ROWS] @ items.T
        own = scores[torch.arange(len(scores)), torch.arange(start, start + len(scores))]
        ranks.append((scores >= own[:, None]).sum(1))
    rank = torch.cat(ranks)
    return {k: Score(int((rank <= k).sum()), len(rank)) for k in at}
