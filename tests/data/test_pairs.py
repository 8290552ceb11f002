"""Pairs from shards: what is of no use is skipped and counted, with its reason; the rest is what the model reads."""

from __future__ import annotations

import io
import struct
import tarfile
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmcourse.data import PairDecoder, ShardedDataset
from mmcourse.models import CLIP, CLIPConfig
from mmcourse.tokens.text import train_merges
from mmcourse.training import Contrastive, Settings, fit

CAPTIONS = ["a red square", "a blue square", "ein grüner Würfel", "um quadrado"]
MERGES = train_merges([f" {caption.lower()}" for caption in CAPTIONS * 3], 300)


def model() -> CLIP:
    torch.manual_seed(0)
    sizes = {"embed": 8, "image_size": 16, "patch_size": 8, "text_context": 12, "vocab_size": 258 + len(MERGES)}
    for half in ("vision", "text"):
        sizes |= {f"{half}_width": 8, f"{half}_layers": 1, f"{half}_heads": 2, f"{half}_mlp": 16}
    return CLIP(CLIPConfig.from_dict({**sizes, "merges": MERGES}))


def png(colour: str, size: tuple[int, int] = (20, 30), mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few bytes that says it holds side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


GOOD = [{"png": png("red"), "txt": caption.encode()} for caption in CAPTIONS]
GOOD += [{"jpg": png("blue", (16, 16), "L"), "txt": b"a  BLUE &amp; red square\n"}]
BAD = {
    "no picture": ({"txt": b"a square"}, "a pair is a picture"),
    "no caption": ({"png": png("red")}, "a pair is a picture"),
    "empty": ({"png": png("red"), "txt": b" \n"}, "empty"),
    "too long": ({"png": png("red"), "txt": b"a red square " * 9}, "10 is the most"),
    "unknown script": ({"png": png("red"), "txt": "赤い四角".encode()}, "a script that the vocabulary does not know"),
    "no utf-8": ({"png": png("red"), "txt": b"\xff\xfe\x00"}, "no UTF-8"),
    "undecodable": ({"png": b"no picture", "txt": b"a square"}, "cannot identify"),
    "cut off": ({"png": png("red")[:60], "txt": b"a square"}, "truncated"),
    "bomb": ({"png": bomb(12_000), "txt": b"a square"}, "decompression bomb"),
    "larger bomb": ({"png": bomb(60_000), "txt": b"a square"}, "decompression bomb"),
}


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    with tarfile.open(tmp_path / "pairs-000000.tar", "w") as tar:
        samples = {**{f"good{i}": one for i, one in enumerate(GOOD)}, **{key: one for key, (one, _) in BAD.items()}}
        for key, files in samples.items():
            for ending, content in files.items():
                entry = tarfile.TarInfo(f"{key.replace(' ', '-')}.{ending}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    return tmp_path


def decoder(cut: bool = False) -> PairDecoder:
    clip = model()
    return PairDecoder(clip.tokenizer, clip.config.size, clip.config.preprocessing, cut=cut)


def test_what_is_of_no_use_is_skipped_and_counted_with_its_reason(shard: Path) -> None:
    stream = ShardedDataset(shard, decode=decoder())
    items = list(stream)
    assert len(items) == len(GOOD)
    found = {where.split("/")[1].replace("-", " "): why for where, why in stream.skipped.items()}
    found["no utf-8"] = found.pop("no utf 8")
    assert found.keys() == BAD.keys()
    for key, (_, reason) in BAD.items():
        assert reason in found[key], key
        assert "\n" not in found[key]
    assert all(item["images"].shape == (3, 16, 16) for item in items)
    tokenizer = model().tokenizer
    assert tokenizer.decode(items[4]["tokens"].tolist()[1:]) == "a blue & red square"


def test_long_captions_are_cut_where_that_is_asked_for(shard: Path) -> None:
    stream = ShardedDataset(shard, decode=decoder(cut=True))
    assert len(list(stream)) == len(GOOD) + 1
    assert len(stream.skipped) == len(BAD) - 1


def test_the_loop_learns_from_pairs_in_shards(shard: Path) -> None:
    clip = model()
    before = clip.text.embedding.weight.detach().clone()
    stream = ShardedDataset(shard, decode=decoder(), buffer=3)
    history = fit(clip, stream, Contrastive(), Settings(4, 5), progress=False)
    assert history["loss"][-1] > 0
    assert not torch.equal(clip.text.embedding.weight, before)


def test_a_decoder_of_nothing_is_one_line() -> None:
    with pytest.raises(TypeError, match="CaptionTokenizer"):
        PairDecoder(None, (16, 16))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size is"):
        PairDecoder(model().tokenizer, (16, 0, 3))  # type: ignore[arg-type]
