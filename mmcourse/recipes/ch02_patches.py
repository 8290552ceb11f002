"""Chapter 2: one token per patch, and how large a patch should be."""

from mmcourse.recipes.common import compared

RECIPES = [
    compared(f"patches-p{p}", f"ViT with patches of {p} x {p} pixels", "02_patches", patch_size=p)
    for p in (2, 4, 7, 14)
]
