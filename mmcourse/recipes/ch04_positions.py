"""Chapter 4: what becomes of a transformer without positions, and with other ones."""

from mmcourse.recipes.common import compared

RECIPES = [
    compared(f"positions-{kind}", f"ViT with positions: {kind}", "04_positions", positions=kind)
    for kind in ("none", "sinusoidal_1d", "sinusoidal_2d")
]
