"""Retrieval: the exact answer, nearly always that of the graph, and ranks that cannot be cheated."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmcourse.retrieval import ROWS, Index, recall


def vectors(rows: int, width: int = 16, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(rows, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_the_exact_index_is_a_sorted_matrix_product() -> None:
    items, queries = vectors(50), vectors(ROWS + 3, seed=1)
    found = Index(items).search(queries, 4)
    scores, order = (queries @ items.T).sort(dim=1, descending=True)
    assert torch.equal(found.indices, order[:, :4])
    assert torch.allclose(found.scores, scores[:, :4])


def test_the_graph_of_faiss_finds_nearly_all_of_it() -> None:
    items, queries = vectors(5000), vectors(200, seed=1)
    exact, found = Index(items).search(queries), Index(items, "faiss").search(queries)
    both = [len({*a} & {*b}) for a, b in zip(exact.indices.tolist(), found.indices.tolist(), strict=True)]
    assert sum(both) >= 0.95 * 2000
    same = exact.indices == found.indices
    assert torch.allclose(exact.scores[same], found.scores[same], atol=1e-5)


def test_recall_counts_ranks_by_hand() -> None:
    items = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    queries = torch.tensor([[0.9, 0.1], [0.5, 0.5]])  # the second is nearer to the item that nobody asked for
    found = recall(queries, items, at=(1, 2, 3))
    assert [str(found[k]) for k in (1, 2, 3)] == ["50.0% (1 of 2)", "50.0% (1 of 2)", "100.0% (2 of 2)"]
    many = vectors(2 * ROWS + 1)
    assert recall(many, many)[1].percent == 100
    assert recall(torch.ones(20, 3), torch.ones(20, 3))[10].percent == 0  # all alike: nothing is found


def test_what_cannot_be_searched_is_one_line() -> None:
    items = vectors(5)
    for call in (
        lambda: Index(items).search(vectors(2, 8)),
        lambda: Index(items).search(vectors(2), 6),
        lambda: Index(torch.full((2, 3), torch.nan)),
        lambda: Index(items, "tree"),  # type: ignore[arg-type]
        lambda: recall(items, items[:3]),
        lambda: recall(items, items, at=()),
    ):
        with pytest.raises(ValueError, match=r".") as caught:
            call()
        assert "\n" not in str(caught.value)
