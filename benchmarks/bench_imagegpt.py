"""Sampling from ImageGPT with a cache beside transformers' generate: the same weights, the same length, greedy.

Also what a token costs late in a picture beside an early one, with the cache and without it.
"""

from __future__ import annotations

import time

import torch
from record import record, row, side_by_side
from transformers import ImageGPTConfig as TheirConfig
from transformers import ImageGPTForCausalImageModeling

from mmcourse.generation import generate
from mmcourse.models import ImageGPT
from mmcourse.pretrained import from_transformers

SIDE, COLOURS, BATCH = 16, 512, 4


def seconds_per_token(model: ImageGPT, places: range, cached: bool, repeats: int = 5) -> float:
    """Median seconds of the processor for one token at these places of a picture."""
    ids, taken = model.prompt(torch.randint(COLOURS, (BATCH, SIDE * SIDE - 1))), []
    with torch.no_grad():
        for _ in range(repeats):
            cache = model.start()
            model.step(ids[:, : places.start], cache)
            start = time.process_time()
            for n in places:
                if cached:
                    model.step(ids[:, n : n + 1], cache)
                else:
                    model.step(ids[:, : n + 1], model.start())
            taken.append((time.process_time() - start) / len(places))
    return sorted(taken)[repeats // 2]


def main() -> None:
    torch.set_num_threads(1)  # threads that wait for each other would count as work
    torch.manual_seed(0)
    theirs = ImageGPTForCausalImageModeling(
        TheirConfig(vocab_size=COLOURS + 1, n_positions=SIDE * SIDE, n_embd=128, n_layer=6, n_head=4)
    ).eval()
    ours = from_transformers(theirs)
    start = torch.full((BATCH, 1), COLOURS)
    length = SIDE * SIDE - 1
    rows = [
        row(
            f"{BATCH} pictures of {SIDE} x {SIDE}, 6 layers of width 128, greedy, with the cache",
            *side_by_side(
                lambda: generate(ours, start, length, temperature=0),
                lambda: theirs.generate(
                    start, attention_mask=torch.ones_like(start), max_new_tokens=length, do_sample=False
                ),
                repeats=3,
            ),
            "transformers",
        )
    ]
    early, late = range(8, 40), range(length - 34, length - 2)
    for cached, words in ((True, "with the cache"), (False, "without it")):
        rows.append(
            row(
                f"a token at places {late.start} to {late.stop} (theirs: {early.start} to {early.stop}), {words}",
                seconds_per_token(ours, late, cached),
                seconds_per_token(ours, early, cached),
                "mmcourse",
            )
        )
    record("imagegpt", rows)


if __name__ == "__main__":
    main()
