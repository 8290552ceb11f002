"""Text as tokens: bytes and merges there and back, published vocabularies, words."""

from __future__ import annotations

from pathlib import Path

import pytest
import whisper.tokenizer

from mmcourse.models import WhisperConfig
from mmcourse.tokens.text import LANGUAGES, SpecialTokens, TextTokenizer, VocabularyError, train_merges

TEXTS = ["Où est le café ? Ça, c'est drôle...", "¿Dónde está el niño?", " três ações; l'été  "]
TEXTS += ["日本語 🙂 ♪ text-to-speech 1,234"]


def test_merges_that_are_learned_shorten_and_lose_nothing() -> None:
    merges = train_merges([" the red house", " the red horse", " a house"] * 5, 300)
    tokenizer = TextTokenizer.from_merges(merges, SpecialTokens(256 + len(merges), ("en",), 3))
    assert len(tokenizer.encode(" the red house")) == 3
    for text in TEXTS:
        assert tokenizer.decode(tokenizer.encode(text)) == text
    with pytest.raises(VocabularyError, match="the model has 9"):
        TextTokenizer.from_merges(merges, SpecialTokens(9, ("en",), 3))


@pytest.mark.parametrize("name", ["whisper-tiny", "whisper-tiny.en", "whisper-large-v3"])
def test_published_vocabularies_are_openais(name: str) -> None:
    config = WhisperConfig.preset(name)
    theirs = whisper.tokenizer.get_tokenizer(config.multilingual, num_languages=len(config.languages), language="fr")
    ours = TextTokenizer.published(config.special)
    for text in [*TEXTS, *(f" {text}" for text in TEXTS)]:
        ids = theirs.encode(text)
        assert ours.encode(text) == ids
        assert ours.decode(ids) == text
        assert [word for word, _ in ours.words(ids, "fr")] == theirs.split_to_word_tokens(ids)[0]
    assert ours.non_speech == theirs.non_speech_tokens
    assert theirs.special_tokens == {ours.special.name(id): id for id in range(config.eot, config.vocab_size)}
    assert ours.written([*ids, config.vocab_size - 1]) == theirs.decode_with_timestamps([*ids, config.vocab_size - 1])
    assert tuple(whisper.tokenizer.LANGUAGES) == LANGUAGES


def test_what_is_no_vocabulary_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="123 pieces"):
        TextTokenizer.published(SpecialTokens(123, (), 3))
    with pytest.raises(VocabularyError, match="tokenizer"):
        TextTokenizer.from_file(tmp_path / "tokenizer.json", SpecialTokens(123, (), 3))
