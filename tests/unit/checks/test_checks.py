import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from face_datasets import small_dataset, with_images, with_values, without_rows

from fer.checks.report import CheckReport
from fer.checks.run import run_checks
from fer.data.dataset import FaceDataset
from fer.data.ingest import build_dataset
from fer.emotions import FIVE_EMOTIONS
from fer.errors import UserError
from fer.params import load_params

SUITES = Path(__file__).parents[3] / "fer/expectations"
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
# rows of small_dataset(): 56 of train, 28 of validation, 28 of test, the classes in code order
TRAIN, VALIDATION, TEST = 3, 60, 100


@pytest.fixture(scope="module")
def clean() -> FaceDataset:
    return small_dataset()


# what the suites' checks say
BLANK_TRAIN, BLANK_HELD_OUT = "no train image is blank", "no validation or test image is blank"
LEAK, REPEAT = "no train image is in validation or test too", "no image is in train twice"
CONFLICT, INTACT = "no image has two emotions", "every image still has the sha256 that ingest recorded"
BRIGHTNESS = "the mean grey value of 99 % of the images is between 40 and 215"
CONTRAST = "the standard deviation of the grey values of 99 % of the images is between 20 and 100"
LIKENESS = "98 % of the images correlate with the average face by more than -0.25"
KNOWN_EMOTION, KNOWN_SPLIT = "every emotion is a class of the task", "every split is train, validation or test"
PROPORTIONS = "validation and test have the classes in the proportions of train, within 0.1"
ALL_CLASSES, SHARES = "every class has images in every split", "every class has 0.5 to 60 % of its split"


def failures(report: CheckReport) -> dict[tuple[str, str], tuple[str, ...]]:
    """Rows named by every failed check, by what it says and its severity."""
    found = (*report.critical_failures, *report.warnings)
    return {(result.description, result.severity): result.rows for result in found}


def with_votes(dataset: FaceDataset) -> FaceDataset:
    votes = {f"votes.{name}": 10 if name == "neutral" else 0 for name in VOTES}
    return replace(dataset, table=dataset.table.assign(**votes))


def test_a_clean_data_set_passes_every_check(clean: FaceDataset) -> None:
    report = run_checks(with_votes(clean), SUITES, 10)
    assert failures(report) == {}
    assert "votes_sum" not in {check.column for check in report.skipped}
    assert {result.suite for result in report.results} == {"classes", "distributions", "images", "labels"}
    assert all(result.unexpected == 0 and result.remedy for result in report.results)


def test_the_suites_adapt_to_the_classes_of_the_task() -> None:
    assert failures(run_checks(small_dataset(classes=FIVE_EMOTIONS), SUITES, 10)) == {}


def test_the_vote_checks_are_skipped_and_reported_without_votes(clean: FaceDataset) -> None:
    report = run_checks(clean, SUITES, 10)
    assert "votes_sum" in {check.column for check in report.skipped}
    assert "votes_sum" not in {column for result in report.results for column in result.columns}


@pytest.mark.parametrize(
    ("column", "value", "check"), [("emotion", "bored", KNOWN_EMOTION), ("split", "holdout", KNOWN_SPLIT)]
)
def test_an_unknown_label_is_critical(clean: FaceDataset, column: str, value: str, check: str) -> None:
    report = run_checks(with_values(clean, column, {TRAIN: value}), SUITES, 10)
    assert failures(report) == {(check, "critical"): ("face-003",)}


@pytest.mark.parametrize(
    ("column", "check"), [("emotion", "every image has an emotion"), ("split", "every image has a split")]
)
def test_a_missing_label_is_critical(
    clean: FaceDataset, column: str, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaceDataset, "fingerprint", "0" * 16)  # which needs every label
    report = run_checks(with_values(clean, column, {TRAIN: None}), SUITES, 10)
    assert failures(report) == {(check, "critical"): ("face-003",)}


def test_two_images_of_one_name_are_critical(clean: FaceDataset) -> None:
    report = run_checks(with_values(clean, "source_id", {TRAIN: "face-007"}), SUITES, 10)
    assert failures(report) == {("no source_id names two images", "critical"): ("face-007", "face-007")}


@pytest.mark.parametrize(("votes", "severity"), [(11, "critical"), (8, "critical"), (9, "warning")])
def test_votes_that_do_not_sum_to_ten_are_found(clean: FaceDataset, votes: int, severity: str) -> None:
    report = run_checks(with_values(with_votes(clean), "votes.neutral", {TEST: votes}), SUITES, 10)
    (named,) = [rows for (check, found), rows in failures(report).items() if "FER+" in check and found == severity]
    assert named == ("face-100",)
    assert bool(report.critical_failures) == (severity == "critical")


def test_a_missing_split_is_critical(clean: FaceDataset) -> None:
    report = run_checks(without_rows(clean, clean.rows("validation")), SUITES, 20)
    missing = next(result for result in report.critical_failures if result.columns == ("split",))
    assert missing.observed == "missing: validation"
    assert failures(report)[ALL_CLASSES, "critical"] == tuple(f"validation {emotion}" for emotion in clean.classes)


def test_a_class_absent_from_a_split_is_critical(clean: FaceDataset) -> None:
    fear = [row for row in clean.rows("test") if clean.table["emotion"][row] == "fear"]
    report = run_checks(without_rows(clean, fear), SUITES, 10)
    assert failures(report)[ALL_CLASSES, "critical"] == ("test fear",)


def test_a_class_that_dominates_its_split_is_a_warning(clean: FaceDataset) -> None:
    # one image of every other class stays
    happy = with_values(clean, "emotion", {row: "happy" for row in clean.rows("test") if row % 4 != 0})
    assert failures(run_checks(happy, SUITES, 10)) == {
        (SHARES, "warning"): ("test happy",),
        (PROPORTIONS, "warning"): (),
    }


def test_a_class_that_hardly_occurs_is_a_warning() -> None:
    dataset = small_dataset(train=40, held_out=1)
    disgust = np.flatnonzero(dataset.labels == 1)[1:40]
    rare = with_values(dataset, "emotion", dict.fromkeys(disgust, "happy"))
    assert failures(run_checks(rare, SUITES, 10)) == {(SHARES, "warning"): ("train disgust",)}


BLANK = np.full((48, 48), 90, np.uint8)


@pytest.mark.parametrize(
    ("plant", "check", "severity", "rows"),
    [
        (lambda d: with_images(d, {TRAIN: BLANK}), BLANK_TRAIN, "critical", ("face-003",)),
        (lambda d: with_images(d, {TEST: BLANK}), BLANK_HELD_OUT, "warning", ("face-100",)),
        (lambda d: with_images(d, {TRAIN: d.images[TEST]}), LEAK, "critical", ("face-003",)),
        (lambda d: with_images(d, {VALIDATION: d.images[TRAIN]}), LEAK, "critical", ("face-003",)),
        (lambda d: with_images(d, {TRAIN: d.images[0]}), REPEAT, "critical", ("face-003",)),
        (lambda d: with_images(d, {VALIDATION: d.images[TEST]}), CONFLICT, "warning", ("face-060", "face-100")),
        (lambda d: with_values(d, "sha256", {TRAIN: "0" * 64}), INTACT, "critical", ("face-003",)),
    ],
)
def test_a_planted_flaw_is_found_and_named(
    clean: FaceDataset,
    plant: Callable[[FaceDataset], FaceDataset],
    check: str,
    severity: str,
    rows: tuple[str, ...],
) -> None:
    report = run_checks(plant(clean), SUITES, 10)
    assert failures(report)[check, severity] == rows
    assert {result.description for result in report.critical_failures} <= {check}


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (lambda image: image // 8, BRIGHTNESS),
        (lambda image: 235 + image // 16, BRIGHTNESS),
        (lambda image: 120 + image // 16, CONTRAST),
        (lambda image: np.where(image > 128, 255, 0), CONTRAST),
        (lambda image: 255 - image, LIKENESS),
    ],
)
def test_an_odd_image_is_named_and_several_are_a_warning(
    clean: FaceDataset, spoil: Callable[[np.ndarray], np.ndarray], check: str
) -> None:
    one = run_checks(with_images(clean, {TRAIN: spoil(clean.images[TRAIN])}), SUITES, 10)
    assert failures(one) == {}
    assert next(result.rows for result in one.results if result.description == check) == ("face-003",)
    several = run_checks(with_images(clean, {row: spoil(clean.images[row]) for row in (3, 60, 100)}), SUITES, 10)
    assert failures(several)[check, "warning"] == ("face-003", "face-060", "face-100")
    assert several.critical_failures == ()


def test_images_that_are_not_square_are_critical(clean: FaceDataset) -> None:
    smaller = clean.images[:, :44, :46].copy()
    report = run_checks(with_images(replace(clean, images=smaller), dict(enumerate(smaller))), SUITES, 2)
    assert failures(report)["every image is as wide as high", "critical"] == ("face-000", "face-001")


def test_copies_and_blanks_that_the_user_keeps_are_warnings(clean: FaceDataset) -> None:
    flawed = with_images(clean, {TRAIN: clean.images[TEST], 4: BLANK, 5: clean.images[0]})
    critical = run_checks(flawed, SUITES, 10).critical_failures
    assert {result.description for result in critical} == {BLANK_TRAIN, LEAK, REPEAT}
    kept = run_checks(flawed, SUITES, 10, cleaned=False)
    assert kept.critical_failures == ()
    assert {BLANK_TRAIN, LEAK, REPEAT} <= {result.description for result in kept.warnings}


def test_the_failure_message_is_one_line_with_rows_and_remedy(clean: FaceDataset) -> None:
    flawed = with_values(with_images(clean, {4: BLANK}), "emotion", {1: "bored", 2: "bored", 3: "bored"})
    message = run_checks(flawed, SUITES, 2).failure_message()
    assert message == (
        "small faces: failed check: no train image is blank: rows that break it: 1 (face-004); "
        "delete these rows in the source; the pipeline leaves them out where data.remove_copies is true "
        "(1 more failed critically, see the report)"
    )
    labels = run_checks(with_values(clean, "emotion", {1: "bored", 2: "bored", 3: "bored"}), SUITES, 2)
    assert "rows that break it: 3 (face-001, face-002, ...); correct these labels" in labels.failure_message()
    with pytest.raises(ValueError, match="no critical check failed"):
        run_checks(clean, SUITES, 2).failure_message()


def test_the_report_counts_what_became_of_planted_flaws(clean: FaceDataset) -> None:
    table = clean.table.assign(flaw="")
    table.loc[[3, 4], "flaw"] = ["dark", "wrong_label"]
    removed = table.iloc[[0, 1]].assign(source_id=["gone-1", "gone-2"], flaw=["blank", ""], reason="blank", copy_of="")
    planted = with_images(
        replace(clean, table=table, removed=removed), {3: clean.images[3] // 8, 7: clean.images[7] // 8}
    )
    flaws = {
        flaw.flaw: (flaw.planted, flaw.removed, flaw.flagged, flaw.missed)
        for flaw in run_checks(planted, SUITES, 1).flaws
    }
    assert flaws == {"": (111, 1, 1, 109), "blank": (1, 1, 0, 0), "dark": (1, 0, 1, 0), "wrong_label": (1, 0, 0, 1)}


def test_the_json_is_the_same_on_every_run(clean: FaceDataset, tmp_path: Path) -> None:
    flawed = with_images(clean, {TRAIN: clean.images[TEST], VALIDATION: BLANK})
    first = run_checks(flawed, SUITES, 10).to_json()
    assert run_checks(flawed, SUITES, 10, tmp_path / "site").to_json() == first
    content = json.loads(first)
    counted = {"checks": 23, "passed": 20, "remarks": 0, "warnings": 2, "critical_failures": 1, "skipped": 14}
    assert content["summary"] == counted
    leak = next(result for result in content["results"] if result["description"] == LEAK)
    assert leak["rows"] == ["face-003"]
    assert leak["share"] == pytest.approx(1 / 56, abs=1e-6)


def test_the_site_stands_alone_and_names_the_rows(clean: FaceDataset, tmp_path: Path) -> None:
    site = tmp_path / "site"
    run_checks(with_images(clean, {TRAIN: BLANK}), SUITES, 10, site)
    index = (site / "index.html").read_text()
    assert "face-003" in index
    links = set(re.findall(r'href="([^"]+)"', index))
    assert len(links) == 4
    assert all((site / link).is_file() for link in links)
    for page in site.rglob("*.html"):
        assert not re.search(r"""<(script|link|img)[^>]*(src|href)="https?:|url\(.?https?:""", page.read_text()), page


def test_a_folder_without_suites_is_a_user_error(clean: FaceDataset, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no expectation suite .* set validate.suites"):
        run_checks(clean, tmp_path, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "expect_column_values_to_be_in_sett"}, "expect_column_values_to_be_in_sett"),
        ({"kwargs": {"colum": "emotion", "value_set": []}}, "colum"),
        ({"kwargs": {"column": "emotions", "value_set": []}}, "no column 'emotions'; use one of emotion, split"),
        ({"severity": "fatal"}, "fatal"),
        ({"notes": ""}, "add description .* and notes"),
        (
            {"kwargs": {"column": "emotion", "value_set": {"$PARAMETER": "klasses"}}},
            "no parameter 'klasses'; use one of classes",
        ),
    ],
)
def test_a_mistake_in_an_expectation_is_a_user_error(
    clean: FaceDataset, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    expectation = {
        "type": "expect_column_values_to_be_in_set",
        "description": "emotions are known",
        "notes": "correct them",
        "severity": "critical",
        "kwargs": {"column": "emotion", "value_set": ["happy"]},
    }
    suite = {"name": "own", "expectations": [expectation | change]}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(suite))
    with pytest.raises(UserError, match=message) as caught:
        run_checks(clean, tmp_path, 10)
    assert str(caught.value).startswith(str(tmp_path / "own.yaml"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "name: [", "name: own", "name: other\nexpectations: [{}]", "name: own\nexpectations: []"),
        *("name: own\nexpectations: [2026-13-45]", "name: own\nexpectations: [1]", "[" * 5000),
    ],
)
def test_a_file_that_is_no_suite_is_a_user_error(clean: FaceDataset, tmp_path: Path, text: str) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(UserError, match=r"own\.yaml"):
        run_checks(clean, tmp_path, 10)


def test_the_first_of_several_copies_in_train_is_no_repeat(clean: FaceDataset) -> None:
    copied = with_images(clean, {1: clean.images[0], 2: clean.images[0]})
    assert failures(run_checks(copied, SUITES, 10))[REPEAT, "critical"] == ("face-001", "face-002")


def test_copies_are_found_in_the_pixels_whatever_the_table_says(clean: FaceDataset) -> None:
    images = clean.images.copy()
    images[TRAIN] = images[TEST]
    report = run_checks(replace(clean, images=images), SUITES, 10)
    assert failures(report) == {
        (INTACT, "critical"): ("face-003",),
        (LEAK, "critical"): ("face-003",),
        (CONFLICT, "warning"): ("face-003", "face-100"),
    }


def test_one_changed_grey_value_breaks_the_integrity(clean: FaceDataset) -> None:
    images = clean.images.copy()
    images[TRAIN, 3, 5] ^= 1
    assert failures(run_checks(replace(clean, images=images), SUITES, 10)) == {(INTACT, "critical"): ("face-003",)}


def test_the_site_shows_the_datas_own_texts_as_text(clean: FaceDataset, tmp_path: Path) -> None:
    script, image = "<script>alert(1)</script>", "<img src=x onerror=alert(2)>.jpg"
    flawed = with_values(with_images(clean, {4: BLANK}), "emotion", {TRAIN: script})
    flawed = with_values(flawed, "source_id", {TRAIN: image, 4: image, 5: "$& <b>.png"})
    report = run_checks(with_values(flawed, "split", {5: "<i>fold</i>"}), SUITES, 10, tmp_path / "site")
    assert {image, "$& <b>.png"} <= {row for result in report.critical_failures for row in result.rows}
    pages = {page.relative_to(tmp_path).parts[-4:][0]: page.read_text() for page in tmp_path.rglob("*.html")}
    for page in pages.values():
        assert not re.search(r"<script>alert|<img src=x|<b>\.png|<i>fold", page)
    for page in (pages["images"], pages["labels"]):
        assert "&lt;img src=x onerror=alert(2)&gt;.jpg" in page
        assert "&amp;lt;" not in page
    assert "&lt;i&gt;fold&lt;/i&gt;" in pages["labels"]


def test_the_site_says_in_the_suites_words_what_was_checked(clean: FaceDataset, tmp_path: Path) -> None:
    run_checks(clean, SUITES, 10, tmp_path / "site")
    for suite in SUITES.glob("*.yaml"):
        (page,) = (tmp_path / "site" / "validations" / suite.stem).rglob("*.html")
        for entry in yaml.safe_load(suite.read_text())["expectations"]:
            assert (entry["description"] in page.read_text()) != bool(entry.get("meta", {}).get("optional"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_data_set_of_one_split_is_checked_all_the_same(clean: FaceDataset, split: str) -> None:
    others = [row for row in range(len(clean)) if clean.table["split"][row] != split]
    report = run_checks(without_rows(clean, others), SUITES, 20)
    assert set(failures(report)) == {
        (ALL_CLASSES, "critical"),
        (SHARES, "warning"),
        ("train, validation and test are all there", "critical"),
    }
    assert len(failures(report)[ALL_CLASSES, "critical"]) == 14


def test_the_planted_flaws_of_the_drawn_sample_are_found_where_they_stay() -> None:
    data = load_params(SUITES.parents[1] / "params.yaml").data
    sample = data.sample.model_copy(update={"images": 200, "seed": 48})
    drawn, _ = build_dataset(data.model_copy(update={"source": "sample", "remove_copies": False, "sample": sample}))
    counts = {flaw.flaw: flaw for flaw in run_checks(drawn, SUITES, 10, cleaned=False).flaws}
    for flaw in ("blank", "duplicate", "leak", "dark", "inverted"):
        assert counts[flaw].flagged == counts[flaw].planted > 0, flaw
