"""Which item belongs to which part: fixed by hashing, so that no random generator and no new item moves one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from mmcourse.checks import choose

PARTS = ("train", "validation", "test")


def rank(key: object, seed: int = 0) -> int:
    """A 64-bit number that looks random and depends on the key and the seed alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big")


def stratified(labels: Sequence[int], counts: dict[str, int], seed: int = 0) -> dict[str, list[int]]:
    """Deal items into parts of exactly the given sizes, each class in the same proportion everywhere.

    Within a class the items go in the order of a hash of their index. A part's share of a class is
    rounded so that the part's total is exact: the largest remainders are rounded up.

    Args:
        labels: N class indices.
        counts: The size of each part; they add up to N.
        seed: Another seed deals differently.

    Returns:
        For each part the sorted indices of its items.

    Raises:
        ValueError: If the sizes do not add up to N.
    """
    total = len(labels)
    if sum(counts.values()) != total:
        raise ValueError(f"the parts {counts} hold {sum(counts.values())} items but there are {total}")
    queues: dict[int, list[int]] = {}
    for index in sorted(range(total), key=lambda i: rank(i, seed)):
        queues.setdefault(labels[index], []).append(index)
    parts: dict[str, list[int]] = {}
    left = total
    for part, size in counts.items():
        exact = {label: len(queue) * size / left if left else 0.0 for label, queue in queues.items()}
        quota = {label: int(share) for label, share in exact.items()}
        by_remainder = sorted(quota, key=lambda label: (quota[label] - exact[label], label))
        for label in by_remainder[: size - sum(quota.values())]:
            quota[label] += 1
        taken: list[int] = []
        for label, queue in queues.items():
            taken += queue[: quota[label]]
            queues[label] = queue[quota[label] :]
        parts[part] = sorted(taken)
        left -= size
    return parts


def part_of(key: str, validation: float = 0.1, test: float = 0.1) -> str:
    """The part of one item from its own key: adding items to the set moves none of the old ones."""
    where = rank(key) / 2**64
    if where < test:
        return "test"
    return "validation" if where < test + validation else "train"


def parse(name: str, split: str, available: Iterable[str]) -> list[str]:
    """The parts that a split such as ``"train+validation"`` names.

    ``"all"`` names every part. A set without a validation part takes ``"train+validation"`` as its
    training part, so that one call trains the final model on every set.

    Raises:
        ValueError: If a part is unknown, or named twice.
    """
    parts = list(available)
    if split == "all":
        return parts
    if split == "train+validation" and "validation" not in parts:
        return ["train"]
    wanted = str(split).split("+")
    if len(set(wanted)) != len(wanted):
        raise ValueError(f"split {split!r} of {name!r} names a part twice; write each once")
    if "all" in wanted:
        raise ValueError(f"split {split!r} of {name!r}: 'all' already holds every part; write it alone")
    for part in wanted:
        choose(f"split of {name!r}:", part, [*parts, "all"])
    return wanted
