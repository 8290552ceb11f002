"""Published weights in this package's models, and the course's own checkpoints (``weights/``)."""

from mmcourse.pretrained.transformers import from_transformers

__all__ = ["from_transformers"]
