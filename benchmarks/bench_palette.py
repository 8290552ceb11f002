"""k-means with k = 512 on the pixels of emoji: time and inertia beside scikit-learn's, both on the same threads.

Three ways in which a reader could call it: on every pixel, on the different colours with their counts as weights, and
to encode pictures with what was found, emoji (few colours) and a photograph (many), beside scikit-learn and faiss.
Inertia is the mean of ten runs of one start each (n_init=1).
"""

from __future__ import annotations

import faiss
import torch
from record import record, row, side_by_side
from skimage import data
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from mmcourse.data import load
from mmcourse.tokens.palette import Palette, PaletteConfig, fit_palette, kmeans, merge_equal

K = 512
PICTURES = 300
STARTS = 10


def main() -> None:
    images = load("emoji", "train", size=32).images[:PICTURES]
    pixels = images.movedim(1, -1).reshape(-1, 3).float() / 255
    colours, counts = merge_equal(pixels)
    x, weights = colours.numpy(), counts.float().numpy()
    fitted = kmeans(colours, K, weights=counts, starts=1)
    theirs = KMeans(K, n_init=1, random_state=0).fit(x, sample_weight=weights)
    palette = Palette(PaletteConfig(K))
    palette.colours.copy_(fitted.centres)
    index = faiss.IndexFlatL2(3)
    index.add(fitted.centres.numpy())
    faiss.omp_set_num_threads(torch.get_num_threads())
    photograph = torch.from_numpy(data.astronaut().copy()).movedim(-1, 0)[None].float() / 255
    encoded = [(f"{PICTURES} emoji", images.float() / 255), ("a photograph of 512 x 512", photograph)]
    rows = [
        row(
            f"palette of {K} colours from {len(pixels):,} pixels",
            *side_by_side(
                lambda: fit_palette(images, K, starts=1),
                lambda: KMeans(K, n_init=1, random_state=0).fit(pixels.numpy()),
                repeats=2,
            ),
            "scikit-learn",
        ),
        row(
            f"the same from the {len(colours):,} different colours, weighted",
            *side_by_side(
                lambda: kmeans(colours, K, weights=counts, starts=1),
                lambda: KMeans(K, n_init=1, random_state=0).fit(x, sample_weight=weights),
            ),
            "scikit-learn",
        ),
        *(
            row(
                f"{what} as codes of {K} colours",
                *side_by_side(
                    lambda x=x: palette.encode(x),
                    lambda x=x, find=find: find(x.movedim(1, -1).reshape(-1, 3).numpy()),
                ),
                library,
            )
            for what, x in encoded
            for library, find in (("scikit-learn", theirs.predict), ("faiss-cpu", lambda p: index.search(p, 1)))
        ),
        row(
            f"inertia of {K} colours, mean of {STARTS} starts",
            sum(kmeans(colours, K, weights=counts, starts=1, seed=seed).inertia for seed in range(STARTS)) / STARTS,
            sum(KMeans(K, n_init=1, random_state=s).fit(x, sample_weight=weights).inertia_ for s in range(STARTS))
            / STARTS,
            "scikit-learn",
            "squared distance",
        ),
    ]
    record("palette", rows)


if __name__ == "__main__":
    with threadpool_limits(torch.get_num_threads()):
        main()
