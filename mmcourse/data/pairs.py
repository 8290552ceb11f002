"""Pictures with captions from WebDataset shards, as CLIP reads them; what is of no use is skipped and counted.

A sample is a picture (``.jpg``, ``.png``, ``.webp``) and its caption (``.txt``), as img2dataset writes them::

    decoder = PairDecoder(model.tokenizer, model.config.size, model.config.preprocessing)
    pairs = ShardedDataset("shards/", decode=decoder, buffer=10_000)
    fit(model, pairs, Contrastive(), Settings(steps=100_000, batch_size=4096))

Put into a file, this runs on one machine, ``python train.py``, or on many, each of which has the shards::

    torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint FIRST:29500 train.py

Every process compares its share of the batch with all of it (:func:`mmcourse.training.contrastive_loss`), so that the
batch, not the share, says how hard a step is.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmcourse.checks import sides, whole
from mmcourse.data.dataset import Batch
from mmcourse.data.shards import PICTURES, opened
from mmcourse.tokens.images import Preprocessing, preprocess
from mmcourse.tokens.text import CaptionTokenizer


@dataclass(frozen=True)
class PairDecoder:
    """From the files of a sample to ``"images"`` (C, H, W) and ``"tokens"`` (N,); give it to ``ShardedDataset``.

    Args:
        tokenizer: of the model.
        size: height and width of pictures.
        preprocessing: how pictures come to that size.
        channels: C.
        cut: leave out the end of a caption that is too long; else its sample is skipped.
    """

    tokenizer: CaptionTokenizer
    size: tuple[int, int]
    preprocessing: Preprocessing = Preprocessing(resize="crop", interpolation="bicubic")  # noqa: RUF009 (it is frozen)
    channels: int = 3
    cut: bool = False

    def __post_init__(self) -> None:
        sides("size", self.size)
        whole("channels", self.channels)
        if not isinstance(self.tokenizer, CaptionTokenizer):
            raise TypeError(f"tokenizer is {self.tokenizer!r:.60}; give a CaptionTokenizer, as model.tokenizer.")

    def __call__(self, sample: dict[str, bytes]) -> Batch:
        """One pair.

        Raises:
            ValueError: no picture or one that cannot be decoded, no caption, or one that is empty, too long, no UTF-8,
                or in a script of which the vocabulary knows nothing; the line says which.
        """
        content = next((sample[ending] for ending in PICTURES if ending in sample), None)
        if content is None or "txt" not in sample:
            raise ValueError(f"a pair is a picture and a .txt; it has {', '.join(sample) or 'nothing'}")
        try:
            caption = sample["txt"].decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(f"its caption is no UTF-8 ({error.reason})") from error
        if not caption:
            raise ValueError("its caption is empty")
        if not self.tokenizer.knows(caption):
            raise ValueError(f"its caption is in a script that the vocabulary does not know: {caption[:20]!r}")
        tokens = self.tokenizer(caption, cut=self.cut)[0]
        images = preprocess(opened(content), self.preprocessing, self.size, self.channels)[0]
        return {"images": images, "tokens": tokens}
