"""One sampler for every decoder: greedy, sampled or by beams, with rules on the logits. See :ref:`sec-07-sampling`."""

from mmcourse.generation.beam import Beams, beam_search
from mmcourse.generation.decoding import Decodes
from mmcourse.generation.filters import (
    Likelihood,
    LogitFilter,
    MinLength,
    Suppress,
    SuppressFirst,
    Temperature,
    TimestampRules,
    TopK,
    TopP,
)
from mmcourse.generation.sampling import generate

__all__ = [
    "Beams",
    "Decodes",
    "Likelihood",
    "LogitFilter",
    "MinLength",
    "Suppress",
    "SuppressFirst",
    "Temperature",
    "TimestampRules",
    "TopK",
    "TopP",
    "beam_search",
    "generate",
]
