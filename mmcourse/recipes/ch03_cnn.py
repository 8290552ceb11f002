"""Chapter 3: tokens from pixels, patches and a CNN, with about the same number of parameters."""

from mmcourse.recipes.common import compared

RECIPES = [
    compared("tokens-pixels", "One token per pixel", "03_cnn_tokens", tokens="pixels", width=56, mlp=224, heads=4),
    compared(
        "tokens-pixels-14",
        "One token per pixel of pictures shrunk to 14 x 14, because 784 tokens cost too much",
        "03_cnn_tokens",
        shrink=2,
        image_size=14,
        tokens="pixels",
        width=56,
        mlp=224,
        heads=4,
    ),
    compared("tokens-patches", "One token per patch of 4 x 4 pixels", "03_cnn_tokens", width=56, mlp=224, heads=4),
    compared(
        "tokens-resnet",
        "One token per vector of a narrow ResNet-18, cut at stride 8",
        "03_cnn_tokens",
        tokens="resnet",
        features=12,
        width=48,
        mlp=192,
        heads=4,
    ),
]
