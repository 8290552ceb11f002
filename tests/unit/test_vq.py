"""The codebook: gradients, the moving average, restarts; and the tokenizer of pictures around it."""

import re
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
import torch.nn.functional as F

from mmcourse.tokens.vq import VectorQuantizer, VQConfig, VQTokenizer, perplexity, usage


def quantizer(codes: int = 6, width: int = 3, **options: object) -> VectorQuantizer:
    torch.manual_seed(0)
    return VectorQuantizer(codes, width, **{"warm": -1, "restart": 0.0, **options})  # type: ignore[arg-type]


def tokens(batch: int = 4, count: int = 10, width: int = 3) -> torch.Tensor:
    return torch.randn(batch, count, width, generator=torch.Generator().manual_seed(1))


def test_each_token_becomes_its_nearest_code() -> None:
    book = quantizer(unit=False).eval()
    found = book(tokens())
    distance = torch.cdist(tokens(), book.codebook.expand(4, -1, -1))
    assert torch.equal(found.codes, distance.argmin(-1))
    assert torch.allclose(found.tokens, book.codebook[found.codes], atol=1e-6)


def test_gradients_pass_straight_through() -> None:
    book = quantizer(unit=False, commitment=0.0).eval()
    x, weight = tokens().requires_grad_(), torch.randn(4, 10, 3)
    (book(x).tokens * weight).sum().backward()
    assert torch.equal(x.grad, weight)


def test_the_commitment_pulls_the_token_and_not_the_code() -> None:
    book = quantizer(unit=False, commitment=0.5).eval()
    x = tokens().requires_grad_()
    book(x).loss.backward()
    expected = 0.5 * 2 * (x - book.codebook[book.nearest(x)]) / x.numel()
    assert torch.allclose(x.grad, expected, atol=1e-6)
    assert book.codebook.grad is None
    learned = quantizer(unit=False, decay=None)
    learned(tokens()).loss.backward()
    assert learned.codebook.grad.abs().sum() > 0


def test_the_moving_average_is_the_formula() -> None:
    book = quantizer(unit=False, decay=0.9).train()
    before, share, x = book.codebook.clone(), book.share.clone(), tokens().flatten(0, 1)
    codes = book(tokens()).codes.flatten()
    for j in range(6):
        mine = x[codes == j]
        new = 0.9 * share[j] + 0.1 * len(mine) / len(x)
        assert torch.allclose(book.share[j], new)
        assert torch.allclose(
            book.codebook[j], (0.9 * share[j] * before[j] + 0.1 * mine.sum(0) / len(x)) / new, atol=1e-6
        )


def test_evaluation_moves_nothing() -> None:
    book = quantizer(restart=0.5).eval()
    before = {name: tensor.clone() for name, tensor in book.state_dict().items()}
    book(tokens())
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())


def test_dead_codes_are_put_where_tokens_are() -> None:
    near = F.normalize(torch.tensor([1.0, 0.0, 0.0]) + 0.05 * tokens(8, 50), dim=-1)
    collapsed, repaired = quantizer(16, decay=0.9), quantizer(16, decay=0.9, restart=0.2)
    for _ in range(60):
        collapsed(near)
        repaired(near)
    collapsed.eval()
    repaired.eval()
    assert usage(collapsed(near).codes, 16) <= 0.25
    assert usage(repaired(near).codes, 16) >= 0.75


@pytest.mark.parametrize("unit", [True, False])
def test_codes_that_gradients_move_can_be_restarted(unit: bool) -> None:
    book = quantizer(16, unit=unit, decay=None, restart=2.0).train()
    before = book.codebook.detach().clone()
    found = book(tokens().requires_grad_())
    assert not torch.equal(book.codebook, before)  # some were, between the forward and the backward
    (found.tokens.sum() + found.loss).backward()
    again = quantizer(16, unit=unit, decay=None).train()
    again(tokens()).loss.backward()
    assert torch.allclose(book.codebook.grad, again.codebook.grad)


@pytest.mark.parametrize("decay", [0.9, None])
def test_codes_stay_in_full_precision_where_the_rest_does_not(decay: float | None) -> None:
    half, full = quantizer(decay=decay, restart=0.9, warm=0), quantizer(decay=decay, restart=0.9, warm=0)
    x = tokens().bfloat16()
    for _ in range(3):
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16):
            found = half(x)
        torch.manual_seed(0)
        assert torch.equal(found.codes, full(x.float()).codes)
    assert torch.equal(half.codebook, full.codebook)


def _one_of_two(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    book = quantizer(16, decay=0.9, restart=0.9, warm=0).train()
    torch.manual_seed(rank)  # restarts draw other tokens in each process
    for _ in range(5):
        book(tokens()[rank::2])
    torch.save(book.state_dict(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_keep_the_codebook_of_one(tmp_path: Path) -> None:
    processes.spawn(_one_of_two, (str(tmp_path),), nprocs=2)
    whole = quantizer(16, decay=0.9, restart=0.9, warm=0).train()
    torch.manual_seed(0)
    for _ in range(5):
        whole(tokens())
    for name, tensor in whole.state_dict().items():
        for rank in range(2):
            assert torch.allclose(torch.load(tmp_path / f"{rank}.pt")[name], tensor, atol=1e-5), name


def test_k_means_starts_the_codes_after_the_warm_batches() -> None:
    book = quantizer(5, warm=2)
    before = book.codebook.clone()
    for _ in range(2):
        passed = book(tokens())
        assert torch.equal(passed.tokens, F.normalize(tokens(), dim=-1))
        assert torch.equal(book.codebook, before)
    book(tokens(8, 30))
    assert usage(book.eval()(tokens(8, 30)).codes, 5) == 1.0


def test_too_few_different_tokens_start_no_codes() -> None:
    book = quantizer(5, warm=0, decay=0.999)
    before = book.codebook.clone()
    few = tokens(1, 4)  # 4 tokens for 5 codes, of 12 different numbers
    book(few)
    assert float((book.codebook - before).abs().max()) < 0.1


def test_the_published_settings_are_the_usual_ones() -> None:
    """van den Oord et al. (2017), section 3.2 and appendix A.1."""
    book = VectorQuantizer(4, 2)
    assert (book.commitment, book.decay) == (0.25, 0.99)
    assert not book.codebook.requires_grad, "a moving average needs no gradient"
    assert VectorQuantizer(4, 2, decay=None).codebook.requires_grad


def test_what_the_decoder_says_of_minus_one_to_one_becomes_zero_to_one() -> None:
    model = tokenizer().eval()
    last = model.decoder[-1]
    torch.nn.init.zeros_(last.weight)
    for said, drawn in ((-1.0, 0.0), (0.0, 0.5), (1.0, 1.0)):
        torch.nn.init.constant_(last.bias, said)
        assert torch.equal(model.decode(torch.zeros(1, 4, dtype=torch.long), (2, 2)).unique(), torch.tensor([drawn]))


def test_usage_and_perplexity() -> None:
    codes = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1]])
    assert usage(codes, 8) == 0.25
    assert perplexity(codes, 8) == pytest.approx(2.0)
    assert perplexity(torch.arange(8), 8) == pytest.approx(8.0)
    assert perplexity(torch.zeros(9, dtype=torch.long), 8) == pytest.approx(1.0)


def tokenizer(**changes: object) -> VQTokenizer:
    torch.manual_seed(0)
    return VQTokenizer(VQConfig.from_dict({"width": 16, "codes": 20, "encoder": 1, "decoder": 1, "warm": 0, **changes}))


@pytest.mark.parametrize(
    ("stride", "size", "grid"), [(4, (32, 32), (8, 8)), (8, (32, 64), (4, 8)), (4, (64, 64), (16, 16))]
)
def test_pictures_become_codes_and_come_back(stride: int, size: tuple[int, int], grid: tuple[int, int]) -> None:
    model = tokenizer(stride=stride).eval()
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    codes = model.encode(images)
    assert codes.shape == (2, grid[0] * grid[1])
    assert model.grid(*size) == grid
    whole = model(images)
    assert torch.equal(whole.codes, codes)
    assert torch.allclose(model.decode(codes, grid), whole.images.clamp(0, 1), atol=1e-5)


def test_a_picture_that_is_not_square_comes_back_in_order() -> None:
    model = tokenizer().eval()
    images = torch.rand(2, 3, 20, 16, generator=torch.Generator().manual_seed(0))
    drawn = model.decode(model.encode(images), size=model.grid(20, 16))
    assert torch.allclose(drawn, model(images).images.clamp(0, 1), atol=1e-5)


@pytest.mark.parametrize("unit", [True, False])
def test_encode_and_forward_agree_in_half_precision(unit: bool) -> None:
    model = tokenizer(unit=unit, codes=200).eval()
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        found, codes = model(images), model.encode(images)
        latent = model.encoder(2 * images - 1).flatten(2).transpose(1, 2).float()
    assert torch.equal(found.codes, codes)
    latent = F.normalize(latent, dim=-1) if unit else latent
    exact = torch.cdist(latent.double(), model.quantizer.vectors().double().expand(4, -1, -1)).argmin(-1)
    assert (exact == codes).float().mean() > 0.999


@pytest.mark.parametrize("warm", [-1, 0, 1])
def test_a_batch_with_nan_leaves_the_codebook_as_it_was(warm: int) -> None:
    book = quantizer(warm=warm).train()
    book(tokens())
    before = {name: tensor.clone() for name, tensor in book.state_dict().items()}
    poisoned = tokens()
    poisoned[2, 3, 1] = float("nan")
    with pytest.raises(ValueError, match="codes are left as they were"):
        book(poisoned)
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())
    assert book(tokens()).loss.isfinite()


@pytest.mark.parametrize("unit", [True, False])
def test_it_traces_and_needs_no_values(unit: bool) -> None:
    model = tokenizer(unit=unit).eval()
    images = torch.rand(2, 3, 16, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(images)
        exported = torch.export.export(model, (images,)).module()
        compiled = torch.compile(model, fullgraph=True, backend="eager")
        for traced in (exported, compiled):
            found = traced(images)
            assert torch.equal(found.codes, expected.codes)
            assert torch.allclose(found.images, expected.images, atol=1e-6)
            assert torch.allclose(found.loss, expected.loss)
        assert model.to("meta")(images.to("meta")).codes.shape == (2, 8)


def test_a_moved_picture_has_moved_codes_inside() -> None:
    model = tokenizer(encoder=0).eval()
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    here = model.encode(images).view(8, 8)
    there = model.encode(images.roll(4, -1)).view(8, 8)
    assert torch.equal(here[:, :-1], there[:, 1:])


def test_training_learns_and_a_file_keeps_it(tmp_path: Path) -> None:
    model = tokenizer(warm=5).train()
    images = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)).repeat(1, 1, 4, 4)
    optimizer, errors = torch.optim.Adam(model.parameters(), 3e-3), []
    for _ in range(40):
        found = model(images)
        errors.append((found.images - images).square().mean())
        optimizer.zero_grad()
        (errors[-1] + found.loss).backward()
        optimizer.step()
    assert errors[-1] < 0.5 * errors[0]
    model.save_pretrained(tmp_path / "vq.safetensors")
    again = VQTokenizer.from_pretrained(tmp_path / "vq.safetensors")
    assert torch.equal(again.encode(images), model.eval().encode(images))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tokenizer()(torch.rand(1, 3, 30, 32)), "cut into 4 x 4"),
        (lambda: tokenizer().encode(torch.rand(1, 1, 32, 32)), "1 channels"),
        (lambda: tokenizer()(torch.full((1, 3, 8, 8), float("nan"))), "NaN"),
        (lambda: tokenizer().decode(torch.full((1, 4), 20)), "there are 20, 0 to 19"),
        (lambda: tokenizer().decode(torch.zeros(1, 20, dtype=torch.long)), "give size=(rows, columns)"),
        (lambda: tokenizer().decode(torch.zeros(1, 6, dtype=torch.long), (4, 2)), "4 rows of 2"),
        (lambda: tokenizer().decode(torch.zeros(4, dtype=torch.long)), r"codes[None]"),
        (lambda: tokenizer().decode(torch.zeros(1, 4)), "give indices"),
        (lambda: tokenizer().decode(torch.zeros(1, 4, dtype=torch.bool)), "give indices"),
        (lambda: tokenizer().encode(torch.full((1, 3, 8, 8), float("nan"))), "NaN"),
        (lambda: tokenizer().encode(torch.full((1, 3, 8, 8), 255.0)), "images / 255"),
        (lambda: usage(torch.tensor([1, 0, 2, 2, 0, 2, 4]), 1), "from 0 to 4; there are 1"),
        (lambda: perplexity(torch.tensor([-1, 0]), 2), "from -1 to 0"),
        (lambda: perplexity(torch.empty(0, dtype=torch.long), 2), "holds no code"),
        (lambda: quantizer(decay=1.0), "at least 0 and below 1"),
        (lambda: tokenizer(encoder=-1), "whole number of at least 0"),
        (lambda: quantizer()(torch.rand(2, 5, 4)), "needs (B, N, 3)"),
        (lambda: tokenizer(stride=0), "at least 1"),
    ],
)
def test_bad_input_is_one_line(call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=re.escape(says)) as error:
        call()
    assert "\n" not in str(error.value)
