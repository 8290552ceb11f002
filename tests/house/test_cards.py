"""A model card is made of a checkpoint's metadata, which may come from anybody: it stays text."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from markdown_it import MarkdownIt
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "tools"))

from pages import model_card  # noqa: E402

HOSTILE = [
    "<script>alert(1)</script>",
    "a\n\n```{include} ../../secret\n```\n",
    "`x` {include}`secret` {eval-rst}`x`",
    "`` ` <b>",
    "x | y | z",
    "[a](javascript:alert(1)) ![b](http://elsewhere) <http://elsewhere>",
    "$x$ $$y$$ {{ substitution }} (label)=",
    "| |\n|---|\n# heading\n% comment\n+++\n",
    "&lt;script&gt; \\<b> &#60;i>",
]
TENSORS = {"weight": torch.zeros(3)}
ALLOWED = {"table_open", "thead_open", "tbody_open", "tr_open", "th_open", "td_open", "inline", "heading_open"}


def everywhere(text: str) -> dict[str, Any]:
    """Metadata with the same text in every place."""
    inner = {text: text, "deeper": {text: text}}
    return {
        "model": text,
        "config": inner,
        "recipe": {"title": text, "name": text, "augmentation": text, "settings": inner},
        "data": {"name": text, "split": text, "examples": text, "fingerprint": text},
        "metrics": {text: text, "accuracy": {"value": text, text: text}},
        "machine": text,
        "command": text,
        "wall_seconds": text,
    }


def parsed(card: str) -> list[Any]:
    """The card's tokens as the book's own parser makes them, those inside lines among them."""
    extensions = {"amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath", "fieldlist"}
    config = MdParserConfig(enable_extensions=extensions | {"substitution", "tasklist"})
    from myst_parser.mdit_to_docutils.base import DocutilsRenderer

    parser: MarkdownIt = create_md_parser(config, DocutilsRenderer)
    tokens = parser.parse(card)
    return tokens + [child for token in tokens for child in token.children or []]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_metadata_acts(text: str) -> None:
    card = model_card("name", TENSORS, everywhere(text), 100)
    tokens = parsed(card)
    kinds = {token.type for token in tokens}
    clean = {token.type for token in parsed(model_card("name", TENSORS, everywhere("word"), 100))}
    assert kinds <= clean, kinds - clean
    raw = {token.content for token in tokens if token.type.startswith("html")}
    assert raw <= {"<br>"}
    assert sum(token.type == "tr_open" for token in tokens) == 14
    assert sum(token.type == "td_open" for token in tokens) == 26, "no text opens a cell"


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"recipe": None, "data": None, "metrics": None},
        {"recipe": [1], "data": "text", "metrics": [], "config": [2]},
        {"metrics": {"accuracy": None}},
        {"metrics": {"accuracy": {"total": 3}}},
        {"metrics": {"accuracy": {"correct": "many", "total": None}}},
        {"wall_seconds": "long", "data": {"examples": None}},
    ],
)
def test_metadata_may_lack_anything(metadata: dict[str, Any]) -> None:
    card = model_card("name", TENSORS, metadata, 100)
    assert len(re.findall(r"^\| \*\*", card, re.MULTILINE)) == 13
