"""Rivals: tables that are probabilities, read only the past and fall back on less; a network of known size."""

import math

import pytest
import torch

from mmcourse.training.rivals import FOUR, TEN, NeighbourCounts, PixelCNN, PixelCNNConfig, SmallCNN, SmallCNNConfig

K, SIDE = 3, 4


def pictures(count: int = 40, seed: int = 0) -> torch.Tensor:
    """Stripes with a little noise, so that neighbours say something."""
    g = torch.Generator().manual_seed(seed)
    rows = torch.randint(K, (count, SIDE, 1), generator=g).expand(-1, -1, SIDE)
    noise = torch.randint(K, (count, SIDE, SIDE), generator=g)
    return torch.where(torch.rand(count, SIDE, SIDE, generator=g) < 0.2, noise, rows).flatten(1)


def test_probabilities_of_all_colours_sum_to_one_at_every_place() -> None:
    model, x = NeighbourCounts(pictures(), K, SIDE, TEN, strength=2.0), pictures(5, seed=1)
    for place in range(SIDE * SIDE):
        total = torch.zeros(5, dtype=torch.float64)
        for colour in range(K):
            y = x.clone()
            y[:, place] = colour
            total += model.probability(y)[:, place]
        assert torch.allclose(total, torch.ones_like(total))


def test_by_hand_one_neighbour() -> None:
    # Rows 0 1 and 0 1: after 0 always 1; of 8 pixels 4 are 0 and 4 are 1; outside comes before 0 four times.
    model = NeighbourCounts(torch.tensor([[0, 1, 0, 1], [0, 1, 0, 1]]), 2, 2, [(0, -1)], strength=2.0)
    p = model.probability(torch.tensor([[0, 1, 1, 0]]))[0]
    base = 0.5  # (4 + 2 * 1/2) / (8 + 2)
    wanted = [(4 + 2 * base) / 6, (4 + 2 * base) / 6, (0 + 2 * base) / 6, base]  # the last context was never seen
    assert p.tolist() == pytest.approx(wanted)


def test_a_later_colour_changes_no_earlier_price() -> None:
    model, x = NeighbourCounts(pictures(), K, SIDE, TEN), pictures(1, seed=2)
    y = x.clone()
    y[0, 9] = (y[0, 9] + 1) % K
    changed = (model.bits(x) - model.bits(y)).abs()[0] > 1e-12
    assert not changed[:9].any()
    assert changed[9]


def test_neighbours_save_bits_where_neighbours_are_alike() -> None:
    train, test = pictures(400), pictures(200, seed=3)
    costs = [float(NeighbourCounts(train, K, SIDE, FOUR[:n], 3.0).bits(test).mean()) for n in (0, 1, 4)]
    assert costs[0] == pytest.approx(math.log2(K), abs=0.02)
    assert costs[1] < costs[0] - 0.3
    assert costs[2] < costs[0] - 0.3


def test_a_neighbour_that_is_not_read_yet_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(0, 1\) is not read before the pixel"):
        NeighbourCounts(pictures(), K, SIDE, [(0, -1), (0, 1)])
    with pytest.raises(ValueError, match="no rows of 5 pixels"):
        NeighbourCounts(pictures(), K, 5)


def test_small_cnn_has_the_size_that_chapter_5_names_and_reads_any_channel_count(tmp_path) -> None:
    model = SmallCNN(SmallCNNConfig()).eval()
    assert model.parameter_count() == 23_946
    x = torch.rand(2, 1, 28, 28)
    model.save_pretrained(tmp_path / "cnn.safetensors")
    again = SmallCNN.from_pretrained(tmp_path / "cnn.safetensors")
    assert torch.equal(model(x), again(x))
    assert SmallCNN(SmallCNNConfig(32, 3, 7))(torch.rand(2, 3, 32, 32)).shape == (2, 7)
    with pytest.raises(ValueError, match="at least 4 pixels"):
        SmallCNNConfig(2)


def test_pixel_cnn_reads_only_what_came_before_and_all_of_what_is_near() -> None:
    torch.manual_seed(0)
    model = PixelCNN(PixelCNNConfig(image_size=8, colours=5, width=8, blocks=2)).eval()
    for block in model.blocks:
        torch.nn.init.normal_(block.widen.weight)  # zero at the start, which would hide a leak
    x = torch.randint(5, (1, 64))
    noticed = torch.zeros(64, 64, dtype=torch.bool)  # row: which place was changed; column: whose logits moved
    for place in range(64):
        y = x.clone()
        y[0, place] = (y[0, place] + 1) % 5
        noticed[place] = (model(x) - model(y)).abs().amax(-1)[0] > 1e-6
    assert not noticed.tril().any()
    assert noticed[27 - 9, 27]  # above left
    assert noticed[27 - 7, 27]  # above right
    assert noticed[26, 27]  # left


def test_pixel_cnn_s_likelihood_is_that_of_its_logits_and_parts_of_pictures_are_refused() -> None:
    model = PixelCNN(PixelCNNConfig(image_size=4, colours=5, width=8, blocks=1)).eval()
    x = torch.randint(5, (3, 16))
    picked = model(x).log_softmax(-1).gather(2, x[..., None]).sum((1, 2))
    assert torch.allclose(model.negative_log_likelihood(x), -picked, atol=1e-5)
    with pytest.raises(ValueError, match=r"give \(B, 16\)"):
        model(x[:, :7])
