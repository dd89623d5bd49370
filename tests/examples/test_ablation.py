"""Every variant is trained and measured; the page shows what is stored."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch

from examples import ablation
from examples.ablation import BRIEF, ESTIMATORS, MEASURES, STILL, VARIANTS, as_table, main
from ptus.errors import UserError
from ptus.model.checkpoint import load_model
from tests.training.conftest import data

__all__ = ["data"]

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.once
def test_all_variants(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brief = replace(BRIEF, steps=1, batch=1, precision="float32")
    told = replace(ESTIMATORS, steps=1, batch=1, precision="float32")
    given = {"data": (data,), "clips": (data,), "puppets": data, "output": tmp_path, "frames": 4}
    given |= {"config": brief, "estimators": told}
    main(**given)  # type: ignore[arg-type]
    found = json.loads((tmp_path / "ablation.json").read_text())
    assert found["training"]["steps"] == 1
    assert list(found["variants"]) == list(VARIANTS)
    for name, facts in found["variants"].items():
        model = load_model(tmp_path / name.replace(" ", "-") / "model.safetensors")
        assert facts["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    estimators = load_model(tmp_path / "estimators-of-slim" / "model.safetensors").face.state_dict()
    for name in ("slim", "without-coarse-to-fine"):
        torch.testing.assert_close(load_model(tmp_path / name / "model.safetensors").face.state_dict(), estimators)
    configs = [facts["config"] for facts in found["variants"].values()]
    assert all(configs.count(config) == 1 for config in configs)
    assert list(found["puppets"]) == ["c"]
    assert found["puppets"]["c"].keys() == {*VARIANTS, STILL}
    assert (tmp_path / "ablation.md").read_text() == as_table(found)
    sheet = cv2.imread(str(tmp_path / "ablation.png"))
    assert sheet is not None and sheet.shape == (48 + 166, 6 + 7 * 166, 3)

    def not_again(**_: object) -> None:
        raise AssertionError("a run that is there is gone on with")

    monkeypatch.setattr(ablation, "init", not_again)
    main(**given)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"slim was begun at 128 pixels with .*steps=1,.*; give another --output"):
        main(**{**given, "config": replace(brief, steps=2)})  # type: ignore[arg-type]


def test_the_table_says_means() -> None:
    values = {name: {measure: number + 0.25 for measure in MEASURES} for number, name in enumerate([*VARIANTS, STILL])}
    more = {name: {measure: value + 0.5 for measure, value in found.items()} for name, found in values.items()}
    facts = {name: {"parameters": 1_500_000, "flops_a_frame": 2e9} for name in VARIANTS}
    table = as_table({"variants": facts, "clips": {"a": values, "b": more}, "puppets": {"c": values}})
    lines = table.splitlines()
    assert len(lines) == 2 + 2 * (1 + len(VARIANTS) + 1)
    assert len({line.count("|") for line in lines}) == 1
    assert lines[3].startswith("| slim | 1.50 M | 2.00 | 0.5000 |") and lines[3].endswith("| 0.50 |")
    assert lines[-1].startswith("| still |  |  | 5.2500 |")


def test_the_page_shows_what_is_stored() -> None:
    found = json.loads((DOCS / "training" / "ablation.json").read_text(encoding="utf-8"))
    assert as_table(found) in (DOCS / "ablation.md").read_text(encoding="utf-8")
