"""AST: its positions on other grids, the start from a ViT, the sounds that reach it, and those that do not."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from mmcourse.models import AST, ASTConfig, ViT, ViTConfig
from mmcourse.models.ast import move_positions
from mmcourse.tokens.patches import PatchEmbedding
from mmcourse.tokens.spectrogram import LogMelConfig

MEL = LogMelConfig.preset("ast-speech-commands", bands=32)
TINY = ASTConfig(MEL, frames=40, patch_size=8, stride=5, classes=3, width=16, layers=2, heads=2, mlp=32)
LOUDEST = dataclasses.replace(TINY, placing="loudest", log_mel=dataclasses.replace(MEL, recipe="relative"))


def tone(seconds: float, rate: int = 16000, hertz: float = 440.0) -> Tensor:
    return 0.3 * torch.sin(2 * math.pi * hertz * torch.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("stride", [(5, 5), (3, 4), (8, 8), (9, 2)])
def test_overlapping_patches_by_hand(stride: tuple[int, int]) -> None:
    tokens = PatchEmbedding(4, 2, 6, stride)
    images = torch.rand(2, 2, 11, 17)
    rows, columns = tokens.grid(11, 17)
    by_hand = [
        tokens.project(images[:, :, r * stride[0] : r * stride[0] + 4, c * stride[1] : c * stride[1] + 4]
                       .permute(0, 2, 3, 1).flatten(1))
        for r in range(rows) for c in range(columns)
    ]  # fmt: skip
    torch.testing.assert_close(tokens(images), torch.stack(by_hand, 1))
    torch.testing.assert_close(tokens.as_convolution()(images).flatten(2).mT, tokens(images))


def test_published_sizes() -> None:
    with torch.device("meta"):
        models = {name: AST(ASTConfig.preset(name)) for name in ASTConfig.PRESETS}
    assert models["ast-base"].grid == (12, 101)
    assert models["ast-base-esc50"].grid == (12, 50)
    assert models["ast-base-speech-commands"].grid == (12, 12)
    # ViT-B's blocks; one-channel patches, 1,214 positions, two tokens, head of 527 with its norm
    blocks, patches = 12 * (12 * 768**2 + 13 * 768) + 2 * 768, 256 * 768 + 768
    whole = blocks + patches + (1214 + 2) * 768 + 2 * 768 + 527 * 769
    assert models["ast-base"].parameter_count() == whole


def test_positions_are_cut_in_the_middle_and_stretched() -> None:
    table = torch.cat([torch.full((2, 1), -1.0), torch.arange(20.0)[:, None]])  # 4 rows of 5
    cut = move_positions(table, (4, 5), (2, 3))
    assert cut.flatten().tolist() == [-1, -1, 6, 7, 8, 11, 12, 13]
    assert move_positions(table, (4, 5), (4, 5)) is table
    wide = move_positions(table, (4, 5), (4, 10))[2:].view(4, 10)
    assert torch.equal(wide[:, 0], torch.arange(0.0, 20.0, 5))
    assert (wide.diff(dim=1) >= 0).all()
    assert torch.equal(move_positions(table, (4, 5), (8, 5))[:2], table[:2])


def test_other_lengths_are_read() -> None:
    model = AST(TINY).eval()
    assert model(torch.rand(2, 40, 32)).shape == (2, 3)
    assert model.attention_maps(torch.rand(1, 63, 32)).shape == (2, 1, 2, 2 + 5 * 12, 2 + 5 * 12)
    longer = model.adapted(frames=63)
    assert longer.config.frames == 63
    x = torch.rand(2, 63, 32)
    assert torch.equal(longer(x), model(x))
    fresh = model.adapted(classes=7)
    assert fresh(x).shape == (2, 7)
    assert torch.equal(fresh.encoder.norm.weight, model.encoder.norm.weight)


def test_start_from_a_vit() -> None:
    vit = ViT(ViTConfig(image_size=32, patch_size=8, channels=3, classes=5, width=16, layers=2, heads=2, mlp=32))
    torch.nn.init.normal_(vit.class_token)
    model = AST.from_vit(vit, dataclasses.replace(TINY, stride=8, frames=32))
    grey = torch.rand(2, 1, 32, 32)
    # The same picture in all channels, as a spectrogram on the same grid, gives the same tokens.
    ours = model.embed(grey[:, 0].mT)
    assert model.grid == vit.grid == (4, 4)
    theirs = vit.embed(grey.expand(-1, 3, -1, -1))
    torch.testing.assert_close(ours[:, 0], theirs[:, 0])
    torch.testing.assert_close(ours[:, 1], theirs[:, 0])
    torch.testing.assert_close(ours[:, 2:], theirs[:, 1:])
    other = AST.from_vit(vit, dataclasses.replace(TINY, patch_size=16))
    flat = torch.ones(1, 40, 32)  # a stretched kernel sums to the same
    level = vit.tokens(torch.ones(1, 3, 32, 32))[0, 0]
    torch.testing.assert_close(other.tokens(flat.mT[:, None])[0, 0], level, atol=1e-2, rtol=0.05)
    with pytest.raises(ValueError, match="has width 16, the AST 32"):
        AST.from_vit(vit, dataclasses.replace(TINY, width=32))
    with pytest.raises(ValueError, match="pool='mean'"):
        AST.from_vit(ViT(dataclasses.replace(vit.config, pool="mean")), TINY)


@pytest.mark.parametrize("before", [0.0, 0.7, 5.0])
@pytest.mark.parametrize("gain", [0.01, 1.0])
def test_the_loudest_part_is_read_wherever_it_stands(before: float, gain: float) -> None:
    model = AST(LOUDEST)
    sound = tone(0.2) * torch.hann_window(3200)
    inside = torch.cat([torch.zeros(round(before * 16000)), gain * sound, torch.zeros(48000)])
    torch.testing.assert_close(model.preprocess(inside), model.preprocess(sound), atol=1e-3, rtol=0)
    assert abs(int(model.preprocess(inside)[0].amax(1).argmax()) - TINY.frames / 2) <= 1


@pytest.mark.parametrize("config", [TINY, LOUDEST])
def test_an_hour_is_read_in_pieces(config: ASTConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    model = AST(config)
    sound = torch.cat([torch.zeros(30_000), tone(0.5), torch.zeros(30_000)])
    whole = model.preprocess(sound)
    monkeypatch.setattr("mmcourse.models.ast.PIECE", 5_000)
    torch.testing.assert_close(model.preprocess(sound), whole)


@pytest.mark.parametrize("config", [TINY, LOUDEST])
@pytest.mark.parametrize(
    "sound",
    [torch.zeros(16000), torch.zeros(1), torch.ones(1), tone(0.01), tone(3), torch.rand(2, 900), [0.1, 0.2, 0.1],
     [tone(0.1), tone(1)], tone(1).double(), torch.full((16000,), 0.5), tone(1).numpy()],
    ids=["silence", "one sample", "one loud sample", "10 ms", "3 s", "batch", "numbers", "lengths", "double", "flat",
         "array"],
)  # fmt: skip
def test_odd_sounds_end_in_probabilities(config: ASTConfig, sound: object) -> None:
    found = AST(config).eval().predict(sound)
    assert found.shape[1] == 3
    torch.testing.assert_close(found.sum(1), torch.ones(len(found)))


@pytest.mark.parametrize("config", [TINY, LOUDEST])
def test_any_sample_rate(config: ASTConfig) -> None:
    model = AST(config)
    wanted = model.preprocess(tone(1))
    for rate in (8000, 44100, 96000):
        found = model.preprocess(tone(1, rate), rate)
        assert (found - wanted)[:, 5:30, :20].abs().mean() < 0.02, rate  # 8,000 Hz have no high bands


@pytest.mark.parametrize(
    ("sound", "error", "line"),
    [
        (torch.tensor([0.1, math.nan]), ValueError, "NaN or infinite samples"),
        (torch.tensor([math.inf]), ValueError, "NaN or infinite samples"),
        (torch.zeros(0), ValueError, "holds no sample"),
        (torch.rand(16000, 2), ValueError, "the mean over the channels"),
        (torch.rand(1, 2, 16000), ValueError, "one channel"),
        (torch.zeros(16000, dtype=torch.int16), TypeError, r"floats in \[-1, 1\]"),
        (torch.full((16000,), 20000.0), ValueError, r"samples reach 2e\+04"),
        ("seven.wav", TypeError, "must be numbers"),
        (0.5, ValueError, "one channel"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line(sound: object, error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line) as caught:
        AST(TINY).predict(sound)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"frames": 7}, "smaller P"), ({"stride": (0, 1)}, "stride"), ({"placing": "end"}, "placing"),
     ({"heads": 3}, "3 heads"), ({"head_epsilon": 0.0}, "head_epsilon"), ({"stride": (1, 2, 3)}, "stride")],
)  # fmt: skip
def test_bad_configurations(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        dataclasses.replace(TINY, **changes)  # type: ignore[arg-type]


def test_what_forward_refuses() -> None:
    model = AST(TINY)
    with pytest.raises(ValueError, match=r"reads \(B, F, 32\)"):
        model(torch.rand(2, 32, 40))
    with pytest.raises(TypeError, match="float64"):
        model(torch.rand(2, 40, 32).double())
    with pytest.raises(ValueError, match="NaN"):
        model.attention_maps(torch.full((1, 40, 32), math.nan))
