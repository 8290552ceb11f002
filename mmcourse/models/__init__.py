"""Tokens + transformer: each published model of the lecture, exactly, in one file of its own."""

from mmcourse.models.vit import ViT, ViTConfig, attention_rollout

__all__ = ["ViT", "ViTConfig", "attention_rollout"]
