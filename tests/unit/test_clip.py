"""CLIP: what ends a text, what a scale may be, classifiers made of names, and what is refused in one line."""

from __future__ import annotations

import math

import pytest
import torch

from mmcourse.models import CLIP, CLIPConfig
from mmcourse.models.clip import MOST
from mmcourse.tokens.text import CaptionTokenizer, VocabularyError, caption_tokenizer, train_merges
from mmcourse.transformer import AttentionMaps

TEXTS = ["a red circle above a blue star", "a blue star", "um círculo vermelho"] * 3
MERGES = train_merges([f" {text}" for text in TEXTS], 290)
SMALL = CLIPConfig(
    embed=12, image_size=16, patch_size=8, vision_width=16, vision_layers=2, vision_heads=2, vision_mlp=32,
    text_context=14, vocab_size=258 + len(MERGES), text_width=16, text_layers=2, text_heads=2, text_mlp=32,
    merges=MERGES,
)  # fmt: skip


def small(**changes: object) -> CLIP:
    torch.manual_seed(0)
    return CLIP(CLIPConfig.from_dict({**vars(SMALL), **changes})).eval()


def test_what_follows_the_end_of_a_text_changes_nothing() -> None:
    model = small()
    ids = model.tokenize(["a blue star", "a red circle above a blue star"])
    assert ids[0, -1] == 0  # the first is shorter
    other = ids.clone()
    other[0, ids[0].argmax() + 1 :] = 7
    with torch.no_grad():
        found, again, alone = model.encode_texts(ids), model.encode_texts(other), model.encode_texts(ids[:1, :5])
    assert torch.allclose(found, again, atol=1e-6)
    assert torch.allclose(found[:1], alone, atol=1e-6)
    assert torch.allclose(found.norm(dim=1), torch.ones(2))


def test_the_first_of_several_ends_is_read() -> None:
    end = SMALL.vocab_size - 1
    ids = torch.tensor([[end - 1, 5, end, 9, end, end]])
    with torch.no_grad():
        for model in (small(), small(eot=end)):
            assert torch.allclose(model.encode_texts(ids), model.encode_texts(ids[:, :3]), atol=1e-6)
        assert torch.allclose(small(eot=5).encode_texts(ids), small(eot=5).encode_texts(ids[:, :2]), atol=1e-6)


@pytest.mark.parametrize("changes", [{}, {"resnet_layers": (1, 1, 1, 1), "vision_width": 4, "image_size": 32}])
def test_pictures_of_another_size_are_read_and_attention_is_shown(changes: dict[str, object]) -> None:
    model, maps = small(**changes), AttentionMaps()
    side = model.config.size[0]
    with torch.no_grad():
        found = model.encode_images(torch.rand(2, 3, 2 * side, side))
        model.encode_images(torch.rand(2, 3, side, side), maps)
    assert found.shape == (2, 12)
    places = 5 if not changes else 2
    assert maps.self_attention[-1].shape == (2, 2, 1, places)  # only the pooled token is asked for at the end
    assert torch.allclose(maps.self_attention[-1].sum(-1), torch.ones(2, 2, 1))


def test_the_scale_starts_at_its_temperature_and_stays_below_a_hundred_in_training() -> None:
    model = small()
    pictures, ids = torch.rand(2, 3, 16, 16), model.tokenize(["a star", "a circle"])
    assert float(model.logit_scale.detach().exp()) == pytest.approx(1 / 0.07)
    with torch.no_grad():
        model.logit_scale.fill_(6.0)
    assert float(model(pictures, ids).scale.detach()) == pytest.approx(math.exp(6))  # as it was published
    pairs = model.train()(pictures, ids)
    assert float(pairs.scale.detach()) == pytest.approx(100)
    pairs.logits().sum().backward()
    assert float(model.logit_scale) == pytest.approx(MOST)
    assert model.logit_scale.grad is not None
    assert float(model.logit_scale.grad) != 0  # it can come down again


def test_a_bias_is_added_to_all_logits() -> None:
    with_bias, without = small(logit_bias=-10.0), small()
    with_bias.load_state_dict({**without.state_dict(), "logit_bias": torch.tensor(-10.0)})
    pictures = torch.rand(2, 3, 16, 16)
    difference = with_bias.match(pictures, ["a", "b", "c"]) - without.match(pictures, ["a", "b", "c"])
    assert torch.allclose(difference, torch.full((2, 3), -10.0), atol=1e-5)


def test_a_classifier_is_the_mean_of_its_prompts_at_length_one() -> None:
    model = small()
    classes, prompts = ["star", "circle", "{}"], ["a {}", "the {} {}", "{}"]
    found = model.classifier(classes, prompts)
    with torch.no_grad():
        first = model.encode_texts(model.tokenize(["a star", "the star star", "star"])).mean(0)
    assert torch.allclose(found[0], first / first.norm(), atol=1e-6)
    assert torch.allclose(found.norm(dim=1), torch.ones(3))
    pictures = torch.randint(256, (2, 3, 40, 24), dtype=torch.uint8)
    said = model.classify(pictures, classes, prompts)
    with torch.no_grad():
        cosines = model.encode_images(model.preprocess(pictures)) @ found.T
    assert torch.allclose(said, (cosines / 0.07).softmax(1), atol=1e-5)
    assert model.match(pictures, "a star").shape == (2, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch_size": 7}, "cannot be cut"),
        ({"resnet_layers": (1, 1, 1), "image_size": 32}, "give four"),
        ({"resnet_layers": (1, 0, 1, 1), "image_size": 32}, "give four"),
        ({"resnet_layers": (1, 1, 1, 1), "image_size": 32, "vision_width": 5}, "choose an even one"),
        ({"resnet_layers": "abcd"}, "give a tuple of int"),
        ({"merges": [1]}, "give a tuple of str"),
        ({"text_context": 1}, "text_context is 1"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"text_heads": 3}, "cannot be shared by 3 heads"),
        ({"eot": -1}, "eot is -1"),
    ],
)
def test_a_configuration_that_makes_no_model_is_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        small(**changes)
    assert "\n" not in str(caught.value)


def test_wrong_inputs_are_one_line() -> None:
    model = small()
    with pytest.raises(ValueError, match="14 a row at most"):
        model.encode_texts(torch.zeros(1, 15, dtype=torch.long))
    with pytest.raises(ValueError, match="int64"):
        model.encode_texts(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="4 channels"):
        model.encode_images(torch.rand(1, 4, 16, 16))
    with pytest.raises(ValueError, match="no place for a name"):
        model.classifier(["a"], ["a photo"])
    with pytest.raises(ValueError, match="at least one"):
        model.classifier([])
    with pytest.raises(ValueError, match="pieces, 12 is the most"):
        model.match(torch.rand(3, 16, 16), "zyx wvu tsr qpo")
    with pytest.raises(VocabularyError, match="no published vocabulary has 1,000"):
        caption_tokenizer((), 1000, 77)
    with pytest.raises(VocabularyError, match="the model has 98"):
        CaptionTokenizer.from_merges(MERGES, 100, 10)


def test_own_captions_come_back_and_strange_scripts_are_told() -> None:
    tokenizer = small().tokenizer
    rows = tokenizer(["A  red &amp; blue CIRCLE", "", "círculo"], cut=True)
    assert len(rows) == 3
    assert rows.shape[1] <= 14
    assert rows[1].tolist() == [tokenizer.start, tokenizer.end] + (rows.shape[1] - 2) * [0]
    assert tokenizer.decode(rows[2].tolist()[1:]) == "círculo"
    assert tokenizer.decode(tokenizer.encode("A  red &amp; blue CIRCLE")) == "a red & blue circle"
    assert [tokenizer.knows(text) for text in ("círculo", "zyx", "星", "звезда", "a 星", "")] == [
        True, True, False, False, True, True,
    ]  # fmt: skip
    assert tokenizer.decode(tokenizer.encode("звезда")) == "звезда"  # nothing is unknown to bytes
