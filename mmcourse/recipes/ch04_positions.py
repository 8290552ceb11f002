"""Chapter 4: what becomes of a transformer without positions, and with other ones."""

from mmcourse.recipes.common import compared

RECIPES = [
    *(
        compared(f"positions-{kind}", f"ViT with positions: {kind}", "04_positions", positions=kind)
        for kind in ("none", "sinusoidal_1d", "sinusoidal_2d")
    ),
    # The learned table with chapter 1's start, 0.3, in place of the published 0.02 that patches-p4 has.
    compared("positions-wide", "ViT with positions: learned, from a wider start", "04_positions", position_std=0.3),
]
