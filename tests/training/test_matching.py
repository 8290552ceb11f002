"""How the course CLIP is taught and measured: what it may see, what is counted, and colours that stay what they are."""

from __future__ import annotations

import torch

from mmcourse.data import DrawingPairs, emoji, load
from mmcourse.data.augment import Shades
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.recipes import recipe
from mmcourse.recipes.ch12_clip import ASKED, LEARNED, course_config, evaluate_matching, evaluate_scenes

SIZES = {"image_size": 32, "resnet_layers": (1, 1, 1, 1), "vision_width": 2, "vision_heads": 2, "text_layers": 1}


def test_the_recipe_never_sees_the_style_nor_the_concepts_that_it_is_measured_on() -> None:
    chosen = recipe("clip-emoji")
    assert "openmoji" not in LEARNED.split("+")
    assert chosen.held_out["style"] == "openmoji"
    assert chosen.split == "train+validation"
    config = course_config()
    with torch.device("meta"):
        assert CLIP(config).parameter_count() <= 8_000_000
    new = emoji.words("en")[emoji.parts()["test"][0]][0]
    assert chosen.model().tokenizer.knows(new)  # its words are spelled, though the concept was never shown


def test_measures_count_every_concept_and_the_new_ones_by_themselves() -> None:
    torch.manual_seed(0)
    model = CLIP(CLIPConfig.from_dict({**vars(course_config()), **SIZES})).eval()
    data = load("drawings", "all", style="openmoji", size=32)
    parts = emoji.parts()
    some = {*parts["test"][:20], *parts["train"][:30]}
    few = data.subset([i for i, concept in enumerate(data.concepts or []) if concept in some])
    found = evaluate_matching(model, DrawingPairs(few, model.tokenizer), lambda: few)  # type: ignore[arg-type]
    totals = {name: score.total for name, score in found.items()}
    assert totals == {
        **{f"{way}, R@{k}": 50 for way in ("picture to text", "text to picture") for k in (1, 10)},
        **{f"text to picture in {language}, R@10": 50 for language in ("pt", "es", "fr")},
        **{f"20 new concepts, {way}, R@{k}": 20 for way in ("picture to text", "text to picture") for k in (1, 10)},
    }
    assert all(0 <= score.correct <= score.total for score in found.values())  # type: ignore[union-attr]


def test_scenes_are_asked_for_each_attribute_of_a_single_shape() -> None:
    chosen = recipe("clip-scenes")
    model = chosen.model().eval()
    assert model.parameter_count() <= 8_000_000
    held = chosen.load("test", language="en", count=60)
    batch = held.training_batch(0, 4, 0)
    assert model(batch["images"], batch["tokens"]).logits().shape == (4, 4)
    found = evaluate_scenes(model, held, lambda: held)
    single = sum(concept.count(" circle") + concept.count(" square") + concept.count(" triangle")
                 + concept.count(" star") + concept.count(" cross") == 1 for concept in held.concepts)  # fmt: skip
    assert [found[f"{what} of one shape"].total for what in ASKED] == 4 * [single]  # type: ignore[union-attr]
    for words, _ in ASKED.values():  # each picture has one right answer
        for row, number in enumerate(held.labels.tolist()):
            assert number or sum(word in held.concepts[row] for word in words) == 1, held.concepts[row]


def test_shades_change_how_strong_a_colour_is_and_not_which() -> None:
    red, white = torch.zeros(64, 3, 4, 4), torch.ones(64, 3, 4, 4)
    red[:, 0] = 0.8
    changed = Shades(0.9, 0.3)(red, torch.Generator().manual_seed(0))
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed[:, 0] >= changed[:, 1]).all()
    assert torch.equal(changed[:, 1], changed[:, 2])
    assert (changed[:, 0] - changed[:, 1]).mean((1, 2)).std() > 0.1  # each picture by its own amount
    assert torch.allclose(Shades(0.9, 0.3)(white, torch.Generator().manual_seed(0)), white)
    still = torch.rand(2, 3, 4, 4)
    assert torch.allclose(Shades(0.0, 0.0)(still, torch.Generator()), still, atol=1e-6)
