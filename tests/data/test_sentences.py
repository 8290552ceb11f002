"""The grammar says in four languages what it means: agreement, contraction, elision, numbers; parts share nothing."""

from __future__ import annotations

import pytest

from mmcourse.data import SpeechDataset, load, sentences
from mmcourse.data.sentences import LANGUAGES, digits, joined, lexicon, number, ordinal, phrase, plain, sentence, words
from mmcourse.data.speech import voices


def meaning(english: str) -> dict:
    for table in vars(lexicon()).values():
        for row in table:
            if row["en"][0] == english or getattr(row["en"], "singular", None) == english:
                return row
    raise AssertionError(english)


@pytest.mark.parametrize(
    ("noun", "determiner", "adjective", "plural", "says"),
    [
        ("cat", 3, "black", False, "three black cats | três gatos pretos | tres gatos negros | trois chats noirs"),
        ("apple", 2, "blue", False, "two blue apples | duas maçãs azuis | dos manzanas azules | deux pommes bleues"),
        ("bird", "a", "old", False, "an old bird | um pássaro velho | un pájaro viejo | un vieil oiseau"),
        ("tree", "the", "new", False, "the new tree | a árvore nova | el árbol nuevo | le nouvel arbre"),
        ("school", "the", None, False, "the school | a escola | la escuela | l'école"),
        ("owl", "the", None, False, "the owl | a coruja | el búho | le hibou"),
        ("owl", "the", "old", True, "the old owls | as corujas velhas | los búhos viejos | les vieux hiboux"),
        ("horse", 21, "white", False,
         "twenty-one white horses | vinte e um cavalos brancos | veintiún caballos blancos | "
         "vingt et un chevaux blancs"),
        ("key", 31, "brown", False,
         "thirty-one brown keys | trinta e uma chaves marrons | treinta y una llaves marrones | "
         "trente et une clés marron"),
        ("sister", "my", None, False, "my sister | minha irmã | mi hermana | ma sœur"),
        ("friend", "our", None, True, "our friends | nossos amigos | nuestros amigos | nos amis"),
        ("spider", "my", None, False, "my spider | minha aranha | mi araña | mon araignée"),
        ("fish", "the", "small", True,
         "the small fish | os peixes pequenos | los peces pequeños | les petits poissons"),
        ("hospital", 2, None, False, "two hospitals | dois hospitais | dos hospitales | deux hôpitaux"),
    ],
)  # fmt: skip
def test_phrases_agree(noun: str, determiner: str | int, adjective: str | None, plural: bool, says: str) -> None:
    quality = meaning(adjective) if adjective else None
    found = [phrase(code, meaning(noun), determiner, quality, plural) for code in LANGUAGES]
    assert found == says.split(" | ")


@pytest.mark.parametrize(
    ("language", "preposition", "text", "says"),
    [
        ("pt", "em", "a praia", "na praia"),
        ("pt", "ao lado de", "os gatos", "ao lado dos gatos"),
        ("pt", "a", "a escola", "à escola"),
        ("es", "a", "el rey", "al rey"),
        ("es", "cerca de", "la casa", "cerca de la casa"),
        ("fr", "à", "le marché", "au marché"),
        ("fr", "à côté de", "les chats", "à côté des chats"),
        ("fr", "jusqu'à", "l'école", "jusqu'à l'école"),
        ("en", "near", "the cat", "near the cat"),
    ],
)
def test_prepositions_take_the_article_in(language: str, preposition: str, text: str, says: str) -> None:
    assert joined(language, preposition, text) == says


def test_until_the_market_is_contracted_in_french_too() -> None:
    said = [sentence("fr", seed)[0] for seed in range(4000)]
    assert "Va tout droit jusqu'au marché." in said
    assert not any("jusqu'à le " in text or " de le " in text or " à le " in text for text in said)


NUMBERS = {
    "en": {0: "zero", 13: "thirteen", 20: "twenty", 42: "forty-two"},
    "pt": {16: "dezesseis", 22: "vinte e dois", 99: "noventa e nove"},
    "es": {21: "veintiuno", 26: "veintiséis", 31: "treinta y uno", 80: "ochenta"},
    "fr": {17: "dix-sept", 21: "vingt et un", 70: "soixante-dix", 71: "soixante et onze", 77: "soixante-dix-sept",
           80: "quatre-vingts", 81: "quatre-vingt-un", 91: "quatre-vingt-onze", 99: "quatre-vingt-dix-neuf"},
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_are_written_out(language: str) -> None:
    for n, text in NUMBERS[language].items():
        assert number(language, n, counting=True) == text
    assert len({number(language, n, counting=True) for n in range(100)}) == 100
    with pytest.raises(ValueError, match="100 is not from 0 to 99"):
        number(language, 100)


def test_days_of_a_month() -> None:
    assert [ordinal(n) for n in (1, 4, 12, 20, 21, 30, 31)] == [
        "first", "fourth", "twelfth", "twentieth", "twenty-first", "thirtieth", "thirty-first",
    ]  # fmt: skip


def test_a_seed_means_the_same_in_every_language_and_every_time() -> None:
    for seed in range(200):
        said = [sentence(code, seed) for code in LANGUAGES]
        assert len({english for _, english in said}) == 1
        assert said[0][0] == said[0][1]
        assert len({text for text, _ in said}) >= 3 or len(said[0][0].split()) < 3
    assert sentence("pt", 3) == sentence("pt", 3)


def test_there_are_more_than_a_thousand_words() -> None:
    found = {code: {w for seed in range(6000) for w in plain(sentence(code, seed)[0]).split()} for code in LANGUAGES}
    assert all(len(listed) > 350 for listed in found.values())
    assert len(set().union(*found.values())) > 1300


def test_marks_and_capitals() -> None:
    assert sentences.written("es", "dónde está el gato?") == "¿Dónde está el gato?"
    assert sentences.written("fr", "où est l'œuf?") == "Où est l'œuf ?"
    assert plain("¿Dónde está el gato?") == "dónde está el gato"
    assert plain("Donne-moi l’œuf, s'il te plaît !") == "donne-moi l'œuf s'il te plaît"


def test_digits_are_said_one_by_one() -> None:
    said = [digits("fr", seed) for seed in range(300)]
    assert {len(plain(text).split()) for text, _ in said} == set(range(1, 9))
    assert all(word in sentences.NUMBERS["fr"].split()[:10] for text, _ in said for word in plain(text).split())
    assert "Neuf." in {text for text, _ in said}


def test_no_word_stands_alone_that_sounds_like_another_form() -> None:
    alone = dict(words("fr"))
    assert "chat" in alone
    assert "chats" not in alone
    assert alone["chevaux"] == "horses"
    assert dict(words("es"))["gatos"] == "cats"


def test_an_unknown_language_is_one_line() -> None:
    with pytest.raises(ValueError, match="unknown language 'de'"):
        sentence("de", 0)


def test_parts_of_speech_share_no_voice_and_no_sentence(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
    parts = {part: load("speech", part, count=120) for part in ("train", "validation", "test")}
    meanings = {}
    for part, data in parts.items():
        assert isinstance(data, SpeechDataset)
        assert data.labels is not None
        assert data.labels.bincount().tolist() == [30] * 4
        assert data.classes == list(LANGUAGES)
        assert set(data.concepts or []) <= set(voices(part))
        meanings[part] = {text for text in data.translations if len(text.split()) > 2}
        assert len(meanings[part]) > 80
    assert not meanings["train"] & meanings["test"]
    assert not meanings["train"] & meanings["validation"]
    assert not meanings["test"] & meanings["validation"]
    batch = parts["test"][:3].batch()
    assert set(batch) == {"sounds", "sound_lengths", "labels", "captions", "translations"}
    seconds = parts["train"].sounds.lengths / 16_000
    assert 0.15 < float(seconds.min()) < float(seconds.max()) < 8
    only = load("speech", "test", count=6, languages="fr+en", kinds="digits")
    assert only.classes == ["fr", "en"]
    assert set(plain(" ".join(only.translations)).split()) <= set(sentences.NUMBERS["en"].split()[:10])
    with pytest.raises(ValueError, match="unknown kind of speech 'songs'"):
        load("speech", "test", kinds="songs")
    with pytest.raises(ValueError, match="count is 0"):
        load("speech", "test", count=0)
