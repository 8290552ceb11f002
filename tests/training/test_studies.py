"""Stored studies: whole, drawn fairly, and measured again by the same command."""

import json
from itertools import product
from pathlib import Path

import pytest
import torch

from mmcourse.data import load
from mmcourse.recipes import studies
from mmcourse.recipes.studies import STUDIES, Point, Study, measure, points, some_of_each


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_a_stored_study_has_every_point_once(name: str) -> None:
    study = STUDIES[name]
    found = [(p.model, p.examples, p.seed) for p in points(name)]
    assert sorted(found) == sorted(product(study.models, study.examples, study.seeds))
    for point in points(name):
        assert point.steps == study.steps
        assert 0 < point.correct <= point.total
        assert point.parameters == studies.SMALL[point.model]().parameter_count()


def test_a_draw_has_as_many_of_each_class_and_another_seed_another_draw() -> None:
    data = load("mnist5k", "train+validation")
    one, other = some_of_each(data, 250, 0), some_of_each(data, 250, 1)
    assert one.labels is not None
    assert torch.bincount(one.labels).tolist() == [25] * 10
    assert torch.equal(some_of_each(data, 250, 0).images, one.images)
    assert not torch.equal(one.images, other.images)
    with pytest.raises(ValueError, match="multiple of 10, at most 4000"):
        some_of_each(data, 255, 0)
    with pytest.raises(ValueError, match="at most 4000"):
        some_of_each(data, 5000, 0)


def test_only_what_is_missing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(STUDIES, "tiny", Study(("CNN",), (10, 20), (0,), 1))
    first = Point("CNN", 10, 0, 1, 23946, 0.1, 100, 1000, "somewhere")
    (tmp_path / "tiny.json").write_text(json.dumps([vars(first)]), encoding="utf-8")
    measure("tiny", tmp_path)
    found = points("tiny", tmp_path)
    assert [p.examples for p in found] == [10, 20]
    assert found[0] == first
    assert found[1].total == 1000
    assert capsys.readouterr().out.startswith("CNN, 20 digits, 1 steps, seed 0")
    measure("tiny", tmp_path)
    assert capsys.readouterr().out == ""
