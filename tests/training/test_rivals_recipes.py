"""Recipes of chapters 5 and 7 that stand beside the main model: codes as words, and what a picture of them costs."""

import math

import pytest
import torch
import torch.nn.functional as F

from mmcourse.data import load
from mmcourse.models import ImageGPT, ImageGPTConfig
from mmcourse.recipes import recipe
from mmcourse.recipes.ch07_imagegpt import NextCode
from mmcourse.tokens.vq import VQTokenizer


def test_next_code_reads_the_tokenizer_s_codes_and_leaves_it_alone() -> None:
    images = load("emoji", "validation", size=32).batch(range(3))["images"]
    torch.manual_seed(0)
    model = ImageGPT(ImageGPTConfig(image_size=8, colours=1024, width=16, layers=1, heads=2, mlp=16)).eval()
    codes = VQTokenizer.from_pretrained("vq-emoji").encode(images)
    loss, _ = NextCode("vq-emoji")(model, {"images": images})
    wanted = F.cross_entropy(model(codes).flatten(0, 1), codes.flatten())
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
    loss.backward()
    with pytest.raises(ValueError, match="NextCode needs 'images'"):
        NextCode("vq-emoji")(model, {"labels": codes})


def test_a_model_that_knows_nothing_pays_ten_bits_a_code_of_1024() -> None:
    chosen = recipe("codes-emoji")
    model = chosen.model().eval()
    torch.nn.init.zeros_(model.get_submodule("head").weight)
    some = chosen.load("validation").subset(20)
    found = chosen.measure(model, some, lambda: some)
    assert found["bits per code"].value == pytest.approx(math.log2(1024), abs=1e-4)
    assert found["bits per picture"].value == pytest.approx(640, abs=1e-2)
    assert found["bits per picture"].total == 20


@pytest.mark.parametrize(("name", "limit"), [("cnn-mnist5k", 25_000), ("hybrid-mnist5k", 180_000)])
def test_rivals_of_chapter_5_differ_from_the_vit_in_model_and_steps_alone(name: str, limit: int) -> None:
    rival, main = recipe(name), recipe("vit-mnist5k")
    assert (rival.data, rival.split, rival.objective, rival.augmentation) == (
        main.data,
        main.split,
        main.objective,
        main.augmentation,
    )
    assert rival.settings.batch_size == main.settings.batch_size
    assert rival.settings.steps <= main.settings.steps
    assert rival.model().parameter_count() < limit < main.model().parameter_count()
