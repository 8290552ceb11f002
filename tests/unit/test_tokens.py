"""What changes: pixels, patches, CNN features and positions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmcourse.tokens import cnn, patches, pixels, positions
from mmcourse.tokens.images import check_pixels


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_patches_and_back(batch: int, rows: int, columns: int, p: int, channels: int) -> None:
    images = torch.rand(batch, channels, rows * p, columns * p)
    cut = patches.patchify(images, p)
    assert cut.shape == (batch, rows * columns, p * p * channels)
    assert torch.equal(patches.unpatchify(cut, p, (rows * p, columns * p), channels), images)


def test_patch_order_is_row_column_channel() -> None:
    image = torch.rand(1, 3, 8, 12)
    cut = patches.patchify(image, 4)
    assert torch.equal(cut[0, 4], image[0, :, 4:8, 4:8].permute(1, 2, 0).flatten())  # second row, second column


def test_pixels_in_raster_order() -> None:
    image = torch.rand(2, 3, 4, 5)
    sequence = pixels.to_sequence(image)
    assert torch.equal(sequence[:, 7], image[:, :, 1, 2])
    assert torch.equal(pixels.to_image(sequence, (4, 5)), image)


def test_patch_embedding_equals_its_convolution() -> None:
    embed = patches.PatchEmbedding(4, 3, 10).double()
    images = torch.rand(2, 3, 8, 12, dtype=torch.float64)
    assert torch.allclose(embed(images), embed.as_convolution().double()(images).flatten(2).transpose(1, 2), atol=1e-6)
    kernel = patches.linear_to_convolution(embed.project.weight, 4, 3)
    assert torch.equal(patches.convolution_to_linear(kernel), embed.project.weight)


def test_overlapping_patches_are_counted_on_each_side_by_its_own_stride() -> None:
    embed = patches.PatchEmbedding(4, 1, 3, stride=(2, 3))
    assert embed.grid(4, 4) == (1, 1)
    assert embed.grid(9, 13) == (3, 4)  # rows 0, 2, 4; columns 0, 3, 6, 9
    assert embed(torch.rand(2, 1, 9, 13)).shape == (2, 12, 3)


@pytest.mark.parametrize("size", [28, 32, 64, 100])
def test_resnet_tokens_are_64_times_fewer(size: int) -> None:
    tokens = cnn.ResNetTokens(3, 16, features=8).eval()
    rows, columns = tokens.grid(size, size)
    assert tokens(torch.rand(1, 3, size, size)).shape == (1, rows * columns, 16)
    if size % 8 == 0:
        assert rows * columns * 64 == size * size


def test_resnet_tokens_hold_torchvisions_stages() -> None:
    from torchvision.models import resnet18

    theirs, ours = resnet18().eval(), cnn.ResNetTokens(3, 16).eval()
    parts = {"conv1": "stem.0", "bn1": "stem.1", "layer1": "stages.0", "layer2": "stages.1"}
    state = {parts[k.split(".")[0]] + k[len(k.split(".")[0]) :]: v for k, v in theirs.state_dict().items()
             if k.split(".")[0] in parts}  # fmt: skip
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert unexpected == []
    assert set(missing) == {"project.weight", "project.bias"}
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        stem = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        assert torch.allclose(ours.features(x), theirs.layer2(theirs.layer1(stem)), atol=1e-5)


def test_sinusoids_turn_at_a_constant_rate() -> None:
    """The angle between two positions depends on their distance alone."""
    table = positions.sinusoidal_1d(20, 32)
    products = table @ table.T
    for distance in (1, 5, 9):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4)
    assert torch.equal(table[0], torch.tensor([0.0, 1.0]).repeat(16))


def test_2d_sinusoids_share_rows_and_columns() -> None:
    table = positions.sinusoidal_2d(3, 5, 16).unflatten(0, (3, 5))
    assert torch.equal(table[1, :, :8], table[1, :1, :8].expand(5, -1))
    assert torch.equal(table[:, 2, 8:], table[:1, 2, 8:].expand(3, -1))
    assert len(table.flatten(0, 1).unique(dim=0)) == 15


def test_interpolation_keeps_the_class_row_and_a_plane() -> None:
    rows, columns = torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij")
    table = torch.cat([torch.full((1, 2), 7.0), torch.stack([rows, columns], -1).flatten(0, 1)])
    bigger = positions.interpolate(table, (4, 4), (8, 8))
    assert torch.equal(bigger[0], table[0])
    grid = bigger[1:].unflatten(0, (8, 8))
    assert torch.allclose(grid[..., 0].T, grid[..., 1], atol=1e-5)
    assert (grid[1:, 0, 0] > grid[:-1, 0, 0]).all()
    assert torch.equal(positions.interpolate(table, (4, 4), (4, 4)), table)


def test_one_hot_times_table_is_a_look_up() -> None:
    learned = positions.Positions("learned", (2, 3), 4)
    assert torch.equal(positions.one_hot(6) @ learned.table, learned.table)
    assert torch.equal(learned(torch.zeros(1, 6, 4))[0], learned.table)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: patches.patchify(torch.rand(1, 1, 28, 28), 5), "28 x 28 pixels cannot be cut into 5 x 5"),
        (lambda: patches.PatchEmbedding(4, 3, 8)(torch.rand(1, 1, 8, 8)), "1 channels"),
        (lambda: check_pixels(torch.full((1, 1, 8, 8), float("nan"))), "NaN"),
        (lambda: check_pixels(torch.tensor([0.5, -float("inf")])), "infinite"),
        (lambda: check_pixels(torch.tensor([0.0, 255.0])), "from 0 to 255; give them in"),
        (lambda: check_pixels(torch.tensor([-1.0, 1.0])), "from -1 to 1"),
        (lambda: patches.PatchEmbedding(4, 1, 8)(torch.rand(0, 1, 8, 8)), "no pixel"),
        (lambda: patches.PatchEmbedding(4, 1, 8)(torch.rand(1, 8, 8)), "B, C, H, W"),
        (lambda: patches.unpatchify(torch.rand(1, 4, 9), 4, (8, 8), 1), "needs"),
        (lambda: pixels.to_image(torch.rand(1, 7, 1), (2, 4)), "8 are needed"),
        (lambda: positions.sinusoidal_1d(4, 5), "odd"),
        (lambda: positions.sinusoidal_2d(2, 2, 6), "multiple of 4"),
        (lambda: positions.interpolate(torch.rand(9, 4), (3, 3), (6, 6)), "10"),
        (lambda: positions.Positions("learned", (2, 2), 8)(torch.rand(1, 5, 8)), "5 tokens, but only 4 positions"),
        (lambda: cnn.ResNetTokens(1, 8, pretrained=True), "channels=3"),
    ],
)
def test_bad_input_gets_one_line(call, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=word) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_integer_pixels_are_refused() -> None:
    with pytest.raises(TypeError, match="255"):
        pixels.PixelTokens(1, 4)(torch.zeros(1, 1, 2, 2, dtype=torch.uint8))


def test_attention_grows_with_heads_batch_type_and_the_square_of_tokens() -> None:
    assert pixels.attention_bytes(10) == 10 * 10 * 4
    assert pixels.attention_bytes(10, heads=3) == 3 * 400
    assert pixels.attention_bytes(10, batch=5) == 5 * 400
    assert pixels.attention_bytes(20, heads=3, batch=5, dtype=torch.bfloat16) == 3 * 5 * 20 * 20 * 2


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: patches.PatchEmbedding(0, 3, 8), "patch_size is 0"),
        (lambda: patches.PatchEmbedding(2, 3, 8)(torch.rand(1, 3, 4, 4).double()), "give images.float()"),
        (lambda: pixels.PixelTokens(3, True), "width is True"),
        (lambda: cnn.ResNetTokens(3, 8, -1), "features is -1"),
        (lambda: cnn.ResNetTokens(3, 8, 2)(torch.rand(1, 3, 4, 4)), "no spread to normalise by"),
        (lambda: patches.linear_to_convolution(torch.rand(4, 12), 3, 3), "need (D, 27)"),
        (lambda: positions.Positions("sine", (2, 2), 8), "unknown kind 'sine'"),
        (lambda: positions.Positions("learned", (2, 2.0), 8), "2.0"),
        (lambda: positions.Positions("learned", (2**40, 2), 8), "no machine can hold"),
    ],
)
def test_layers_refuse_what_makes_no_sense_in_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
