"""A model is added by a file of its own in each room and a line in one list each: a scratch one is, in a copy.

Nothing else of the package is touched, and everything else works with it: presets, checkpoints, published files in both
directions, training and measuring by its recipe, tracing, the reference.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MODEL = '''
from dataclasses import dataclass

from torch import Tensor, nn

from mmcourse.base import Model, ModelConfig
from mmcourse.tokens.patches import PatchEmbedding
from mmcourse.transformer import Encoder, TransformerConfig


@dataclass(frozen=True)
class ScratchConfig(ModelConfig):
    """Sizes."""

    width: int = 8
    layers: int = 1
    PRESETS = {"scratch-s": {"width": 16}}


class Scratch(Model):
    """Patches without positions, an encoder, a head on their mean."""

    config_class = ScratchConfig

    def __init__(self, config: ScratchConfig) -> None:
        super().__init__(config)
        self.tokens = PatchEmbedding(4, 1, config.width)
        self.encoder = Encoder(TransformerConfig(config.width, 2, config.layers, config.width))
        self.head = nn.Linear(config.width, 10)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1, H, W) -> (B, 10)."""
        return self.head(self.encoder(self.tokens(images)).mean(1))
'''
CONVERTER = '''
from mmcourse.models import Scratch, ScratchConfig
from mmcourse.pretrained.convert import Converter, Row

BLOCK = ["self_attention_norm", "mlp_norm", "mlp.up", "mlp.down"]
BLOCK += [f"self_attention.{part}" for part in ("query", "key", "value", "out")]


class ScratchConverter(Converter):
    """``ScratchForPictures``."""

    model = Scratch
    classes = ("ScratchForPictures",)
    model_type = "scratch"
    rows = (
        Row("tokens.project", "embed"),
        *(Row(f"encoder.blocks.{{}}.{name}", f"layer.{{}}.{name}") for name in BLOCK),
        Row("encoder.norm", "norm"),
        Row("head", "classifier"),
    )
    prefix = "scratch."
    heads = ("classifier.",)

    def config(self, theirs, processor, ours):
        """Our configuration."""
        return ScratchConfig(theirs["hidden_size"], theirs["num_hidden_layers"])

    def publish(self, model):
        """Theirs."""
        sizes = {"hidden_size": model.config.width, "num_hidden_layers": model.config.layers}
        return {"architectures": [self.classes[0]], "model_type": "scratch", **sizes}, {}, model.state_dict()
'''
RECIPE = """
from mmcourse.models import Scratch, ScratchConfig
from mmcourse.recipes.recipe import Recipe
from mmcourse.training.loop import Settings

RECIPES = [
    Recipe("scratch-digits", "A scratch model", "99_scratch", lambda: Scratch(ScratchConfig()), "digits", "train",
           Settings(steps=3, batch_size=16, learning_rate=1e-3)),
]
"""
#: File -> what is put in front of what.
LISTS = {
    "models/__init__.py": {
        "__all__ = [": "from mmcourse.models.scratch import Scratch, ScratchConfig\n\n",
        '    "ViT",': '    "Scratch",\n    "ScratchConfig",\n',
    },
    "pretrained/__init__.py": {
        "\n__all__ = [": "from mmcourse.pretrained.scratch import ScratchConverter\n",
        "ViTConverter(), ": "ScratchConverter(), ",
    },
    "recipes/registry.py": {
        "from mmcourse.recipes.recipe": "from mmcourse.recipes import ch99_scratch\n",
        ")\nRECIPES: dict": "    ch99_scratch,\n",
    },
}
USE = """
import sys
from pathlib import Path

import torch

sys.path.insert(0, "book/tools")
import mmcourse
import pages
from mmcourse import models, recipes
from mmcourse.models import Scratch, ScratchConfig
from mmcourse.pretrained import from_transformers, save_transformers

assert Path(mmcourse.__file__).is_relative_to(Path.cwd()), "the copy, not the package that is installed"
assert "Scratch" in models.__all__

torch.manual_seed(0)
model, images = Scratch(ScratchConfig.preset("scratch-s")).eval(), torch.rand(3, 1, 8, 12)
expected = model(images)
assert expected.shape == (3, 10)
assert torch.allclose(torch.export.export(model, (images,)).module()(images), expected, atol=1e-6)

model.save_pretrained("scratch.safetensors")
assert torch.equal(Scratch.from_pretrained("scratch.safetensors")(images), expected)

save_transformers(model, "published")
assert torch.equal(Scratch.from_pretrained("published")(images), expected)
class ScratchForPictures(torch.nn.Module):  # as an object of another package
    def state_dict(self):
        from safetensors.torch import load_file
        return load_file("published/model.safetensors")
    class config:
        def to_dict():
            return {"hidden_size": 16, "num_hidden_layers": 1}
assert torch.equal(from_transformers(ScratchForPictures())(images), expected)

found, path = recipes.train("scratch-digits", "trained", progress=False)
assert recipes.evaluate(path)["accuracy"] == (found["accuracy"], found["accuracy"])

assert {"mmcourse.models.scratch"} <= set(pages.on_page("models"))
assert {"mmcourse.pretrained.scratch"} <= set(pages.on_page("checkpoints"))
print("all of it")
"""


def copy_of_the_package(folder: Path) -> None:
    """Code and tools, without weights."""
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors")
    for name in ("mmcourse", "book/tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)


def add_model(package: Path) -> None:
    """Its file in each room, and a line in the list of each room."""
    for path, text in (
        ("models/scratch.py", MODEL),
        ("pretrained/scratch.py", CONVERTER),
        ("recipes/ch99_scratch.py", RECIPE),
    ):
        (package / path).write_text(f'"""A scratch model."""\n{text}', encoding="utf-8")
    for path, insertions in LISTS.items():
        text = (package / path).read_text(encoding="utf-8")
        for before, line in insertions.items():
            assert text.count(before) == 1, f"{path} has no one place for {line!r}"
            text = text.replace(before, line + before)
        (package / path).write_text(text, encoding="utf-8")


def test_a_model_is_its_own_files_and_one_list_each(tmp_path: Path) -> None:
    copy_of_the_package(tmp_path)
    add_model(tmp_path / "mmcourse")
    done = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "all of it"
