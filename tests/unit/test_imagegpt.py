"""ImageGPT: what may see what, what the cache changes (nothing), and bad input."""

import math

import pytest
import torch

from mmcourse.cache import Cache
from mmcourse.models import ImageGPT, ImageGPTConfig


def tiny(**changes: object) -> ImageGPT:
    torch.manual_seed(0)
    base = {"image_size": 4, "colours": 7, "width": 32, "layers": 2, "heads": 4, "mlp": 64, "position_std": 0.5}
    return ImageGPT(ImageGPTConfig.from_dict(base | changes)).double().eval()


def speaking(**changes: object) -> ImageGPT:
    """One whose head is not at its start, where all colours are equally likely."""
    model = tiny(**changes)
    torch.nn.init.normal_(model.head.weight)
    return model


CODES = torch.randint(7, (3, 16), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("positions", ["learned", "sinusoidal_1d"])
def test_a_place_sees_only_what_came_before(positions: str) -> None:
    model = speaking(positions=positions)
    changed = CODES.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 7
    moved = (model(CODES) - model(changed)).abs().amax((0, 2))
    assert moved[:10].max() == 0
    assert (moved[10:] > 0).all()


def test_the_chances_of_all_pictures_sum_to_one() -> None:
    model = speaking(image_size=2, colours=3)
    every = torch.cartesian_prod(*[torch.arange(3)] * 4)
    assert model.negative_log_likelihood(every).neg().exp().sum().item() == pytest.approx(1.0)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal_1d"])
@pytest.mark.parametrize("pieces", [[1] * 16, [9, 1, 6]], ids=str)
def test_one_step_at_a_time_is_all_at_once(positions: str, pieces: list[int]) -> None:
    model = speaking(positions=positions)
    cache, ids = model.start(), model.prompt(CODES[:, :-1])
    steps = torch.cat([model.step(part, cache) for part in ids.split(pieces, dim=1)], dim=1)
    assert torch.allclose(steps, model(CODES), atol=1e-12)


def test_features_are_the_means_of_what_each_block_reads() -> None:
    model = tiny()
    features, seen = model.features(CODES), []
    for block in model.decoder.blocks:
        block.self_attention_norm.register_forward_hook(lambda _, inputs, normed: seen.append(normed.mean(1)))
    model(CODES)
    assert features.shape == (3, 3, 32)
    assert torch.allclose(features[:2], torch.stack(seen))


def filled(model: ImageGPT) -> Cache:
    cache = model.start()
    model.step(CODES[:, :1], cache)
    return cache


def test_an_untrained_model_guesses_evenly() -> None:
    model = tiny()
    assert model.negative_log_likelihood(CODES).tolist() == pytest.approx([16 * math.log(7)] * 3)
    maps = model.attention_maps(CODES)
    assert maps.shape == (2, 3, 4, 16, 16)
    assert maps.triu(1).abs().max() == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tiny().negative_log_likelihood(torch.full((1, 16), 8)), "palette has 7"),
        (lambda: tiny().attention_maps(torch.full((1, 16), -1)), "palette has 7"),
        (lambda: tiny().step(CODES, filled(tiny())), "16 pixels"),
        (lambda: tiny()(torch.zeros(1, 18, dtype=torch.long)), "16 pixels"),
        (lambda: tiny()(torch.zeros(1, 16)), "give int64"),
        (lambda: tiny().start(CODES), "no condition"),
        (lambda: tiny(positions="rotary"), "unknown"),
        (lambda: ImageGPTConfig.preset("imagegpt-small"), "did you mean 'imagegpt-s"),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says) as error:
        call()
    assert "\n" not in str(error.value)
