import re
from xml.etree import ElementTree

import pytest

from mmcourse import show
from mmcourse.show import diagrams, vectors

SIZES = {"H": 28, "W": 28, "C": 1, "P": 7, "D": 64, "L": 3, "K": 10, "h": 8, "w": 8, "k": 512, "B": 256, "d": 8}


def pictures(body: str) -> list[ElementTree.Element]:
    """The drawings of a diagram, parsed: a tag that is not closed is an error."""
    tree = ElementTree.fromstring(body)
    return tree.findall("{http://www.w3.org/2000/svg}svg")


def said(svg: ElementTree.Element) -> str:
    return " ".join("".join(t.itertext()) for t in svg.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize("kind", diagrams.KINDS)
@pytest.mark.parametrize("sizes", [{}, SIZES], ids=["letters", "numbers"])
def test_each_diagram_has_two_layouts_with_the_same_words_and_a_name(kind: str, sizes: dict) -> None:
    wide, phone = pictures(show.diagram(kind, sizes=sizes, caption="What to see.").body)
    for picture, width in ((wide, vectors.WIDE), (phone, vectors.PHONE)):
        assert picture.get("role") == "img"
        assert len(picture.get("aria-label", "")) > 30
        assert float(picture.get("viewBox", "").split()[2]) == width
    words = {w for w in said(wide).split() if w.isalpha() and len(w) > 4}
    assert words <= set(said(phone).split()) | {"gradients", "straight"}, "a telephone leaves something out"


@pytest.mark.parametrize("kind", diagrams.KINDS)
def test_every_part_can_be_lit_and_only_that_one(kind: str) -> None:
    assert not [
        g for g in ElementTree.fromstring(show.diagram(kind).body).iter() if "lit" in g.get("class", "").split()
    ]
    for name in diagrams.parts(kind):
        drawn = show.diagram(kind, lit=name)
        assert repr(drawn) == f"diagram {kind}, lit: {name}"
        lit = [
            g.get("data-part") for g in ElementTree.fromstring(drawn.body).iter() if "lit" in g.get("class", "").split()
        ]
        if name in ("residual", "straight_through"):
            assert drawn.body.count("var(--d-vermilion)") > show.diagram(kind).body.count("var(--d-vermilion)")
        else:
            assert set(lit) == {name}


def test_numbers_follow_from_others() -> None:
    words = said(pictures(show.diagram("vit", sizes={"H": 28, "P": 4, "C": 3, "D": 64}).body)[0])
    for number in ("49 × 48", "48 × 64", "50 × 64"):  # m × P²C, P²C × D, (m + 1) × D
        assert number in words.replace("\u00a0", " ")


def test_words_fit_into_their_drawing_even_in_wide_letters() -> None:
    for kind in diagrams.KINDS:
        drawing = diagrams.KINDS[kind](diagrams._derived({**SIZES, "H": 224, "W": 224, "P": 16, "D": 1024}), ())
        assert round(drawing.wide.width) <= vectors.WIDE
        assert round(drawing.phone.width) <= vectors.PHONE


def test_no_label_is_smaller_than_nine_pixels() -> None:
    # A drawing changes to its telephone's layout at 640 of 740 units.
    small = [float(size) for size in re.findall(r"font-size:([\d.]+)px", diagrams.diagram("palette").body)]
    assert small
    assert min(small) * 640 / vectors.WIDE >= 9


def test_colours_are_names_so_that_one_file_serves_both_themes() -> None:
    for kind in ("block", "whisper", "two_towers"):
        body = show.diagram(kind).body
        assert "var(--mm-ink,#1d2129)" in body
        assert not re.findall(r'(?:fill|stroke)="(?:black|white|#000|#fff)"', body)


def test_a_model_takes_any_way_in_and_out() -> None:
    body = show.diagram("model", tokens_in="colours", tokens_out="colours", sizes={"k": 64}).body
    assert "decoder" in body
    body = show.diagram("model", tokens_in="pixels", tokens_out="class").body
    assert "encoder" in body


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: show.diagram("vt"), "did you mean 'vit'"),
        (lambda: show.diagram("palette", lit="center"), "it has colours, centres, codes, picture"),
        (lambda: show.diagram("model", tokens_in="smell"), "choose one of pixels, patches"),
        (lambda: show.diagram("patch", sizes={"H": 30, "P": 7}), "P must divide both sides"),
        (lambda: show.diagram("positions", way="rotary"), "choose 'learned' or 'sinusoid'"),
        (lambda: show.diagram("encoder_decoder", tokens_out="class"), "choose text, codes, colours or sound"),
    ],
)
def test_mistakes_get_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_labels_are_escaped_and_mathematics_is_set() -> None:
    part = vectors.label("a < b & $Z_{l-1}^{0}$")
    text = ElementTree.fromstring(part.body)
    assert "".join(text.itertext()).replace("\u200b", "") == "a < b & Zl-10"
    assert vectors.wrap("one $a b$ three", 40) == ["one", "$a b$", "three"]
