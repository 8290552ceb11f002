"""Features of a convolutional network as tokens. Derived in :ref:`sec-03-features`."""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from mmcourse.checks import whole
from mmcourse.tokens.images import check_images

STRIDE = 8
"""Side of the square of pixels for which ResNet-18, cut after its second stage, gives one vector."""


class ResNetTokens(nn.Module):
    """ResNet-18 (He et al., 2016) cut at stride 8: 64 times fewer tokens than pixels.

    The stem (7 x 7 convolution and pooling, stride 4) and the first two stages stay; the deeper ones, of stride 16
    and 32, go. Derived in :ref:`sec-03-features`.

    Args:
        channels: C of the pictures.
        width: D of the tokens.
        features: channels of the first stage; the second has twice as many. 64 is torchvision's ResNet-18; other
            widths make a narrow network of the same shape.
        pretrained: take ImageNet weights from torchvision (a download; needs ``features=64`` and ``channels=3``).
    """

    def __init__(self, channels: int, width: int, features: int = 64, pretrained: bool = False) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("width", width), ("features", features)):
            whole(name, value)
        self.channels = channels
        if pretrained:
            if (channels, features) != (3, 64):
                raise ValueError(
                    f"published weights fit channels=3 and features=64, not {channels} and {features}; "
                    f"use pretrained=False, or those sizes."
                )
            network = resnet18(weights="IMAGENET1K_V1")
            self.stem = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
            self.stages = nn.Sequential(network.layer1, network.layer2)
        else:
            self.stem = nn.Sequential(
                nn.Conv2d(channels, features, 7, stride=2, padding=3, bias=False),
                nn.BatchNorm2d(features),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(3, stride=2, padding=1),
            )
            wider = nn.Sequential(
                nn.Conv2d(features, 2 * features, 1, stride=2, bias=False), nn.BatchNorm2d(2 * features)
            )
            self.stages = nn.Sequential(
                nn.Sequential(BasicBlock(features, features), BasicBlock(features, features)),
                nn.Sequential(
                    BasicBlock(features, 2 * features, stride=2, downsample=wider),
                    BasicBlock(2 * features, 2 * features),
                ),
            )
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.project = nn.Linear(2 * features, width)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of tokens that a picture of this size gives (edges are padded)."""
        return -(-height // STRIDE), -(-width // STRIDE)

    def features(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 2 features, ⌈H/8⌉, ⌈W/8⌉), the map before it is read as a sequence."""
        check_images(images, self.channels, self.project.weight)
        if self.training and len(images) == 1 and self.grid(*images.shape[-2:]) == (1, 1):
            raise ValueError("one picture of one token has no spread to normalise by; give more, or call eval().")
        return self.stages(self.stem(images))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, N, D) with N = ⌈H/8⌉ ⌈W/8⌉, in raster order."""
        return self.project(self.features(images).flatten(2).transpose(1, 2))
