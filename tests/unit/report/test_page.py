"""The page of results, of tiny models on a small data set, and the published one against the records."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from face_datasets import small_dataset
from trained_models import PARAMS, write_trained

from fer.checks.report import CheckReport, CheckResult
from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.evaluation.comparison import comparison_table, validation_gain
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.predictions import SCORE, probability_columns
from fer.inference.classifier import PACKAGE, Card
from fer.params import Params, load_params
from fer.report.ablations import COPIES_KEPT, Ablation, ablation_groups
from fer.report.calibration import calibration_table
from fer.report.comparison import models_table
from fer.report.data_reports import IngestReport
from fer.report.latency import latencies, with_latencies
from fer.report.model_tables import abstention_table, ensemble_table, restricted_table
from fer.report.page import results_page
from fer.report.published import published_table, twins_of, twins_table
from fer.report.records import best_first, trained_below
from fer.report.reference_study import pairs_with_study, study_table
from fer.report.released import HIGHER, released_on, released_table, trainings_of
from fer.report.results import Links, Results, pairs_on, summarize_ensemble
from fer.report.seeds import seed_groups, seeds_table
from fer.report.tables import estimate, markdown, percent
from fer.report.training_details import details_table

RECORDS = PARAMS.parent / "docs/records/fer-2013"
PAGE = PARAMS.parent / "docs/results.md"


@pytest.fixture(scope="module")
def dataset() -> FaceDataset:
    return small_dataset(train=2, held_out=6)


@pytest.fixture(scope="module")
def params() -> Params:
    params = load_params(PARAMS)
    return params.model_copy(update={"compare": params.compare.model_copy(update={"bootstrap": 20})})


def results_of(models: list[ModelFolder], dataset: FaceDataset, params: Params, folder: Path) -> Results:
    counts = dataset.counts().T.to_dict()
    source = {"images": 1234, "unique_images": 1200, "blank": 3, "conflicting_groups": 5}
    source |= {"surplus_copies": {"train": 17}, "train_copy": {"validation": 1, "test": 2}, "counts": counts}
    failed = CheckResult(
        suite="labels",
        expectation="expect_column_values_to_be_unique",
        description="no image has two emotions",
        remedy="remove them",
        columns=("emotion",),
        severity="warning",
        success=False,
        unexpected=4,
        share=0.1,
        rows=("a", "b", "c", "d"),
        observed=None,
    )
    table = comparison_table(models, params.compare)
    return Results(
        params=params,
        dataset=dataset,
        ingest=IngestReport.model_validate({"source": source, "removed": {"leak": 6}, "dataset": {"counts": counts}}),
        checks=CheckReport(
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            images=len(dataset),
            results=(replace(failed, success=True), failed),
            skipped=(),
            flaws=(),
        ),
        models=models,
        table=with_latencies(table, folder / "comparison.csv", folder / "latency.csv"),
        ensemble=summarize_ensemble(models, [], params),
        pairs=pairs_on(dataset, models, params),
        seed_groups=[],
        ablations=[],
        released=released_on(dataset),
        links=Links("records/small", "images/small", "reports/faces"),
    )


@pytest.fixture(scope="module")
def results(dataset: FaceDataset, params: Params, tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("page")
    models = [write_trained(folder, dataset, name, seed) for seed, name in enumerate(("mini", "vgg16"))]
    return results_of(best_first(models), dataset, params, folder)


def test_the_page_of_other_data_leaves_out_what_is_of_fer2013(results: Results) -> None:
    page = results_page(results)
    headings = [line.removeprefix("## ") for line in page.splitlines() if line.startswith("## ")]
    assert headings[:3] == ["In short", "The architectures", "The reference study's task: five classes"]
    assert not {"Published figures", "Variation between seeds", "Ablations"} & set(headings)
    assert "PrivateTest" not in page
    assert "fer webcam" not in page
    assert "Latency is" not in page


def test_the_page_shows_the_data_as_the_reports_tell_it(results: Results) -> None:
    page = results_page(results)
    for words in (
        "1,234 images, 1,200 of them unique; 3 blank; surplus copies inside train 17;",
        "an exact copy in train: validation 1, test 2; groups of equal images with conflicting labels: 5.",
        "Taken out of train: leak 6.",
        "0 test images have an exact copy in validation, and 0 are one of another test image.",
        "1 of 2 checks pass.\n- warning: no image has two emotions: 4 rows, such as a, b, c\n",
    ):
        assert words in page


def test_what_chance_explains_is_said(results: Results, tmp_path: Path) -> None:
    first, second = results.models[:2]
    near = estimate(validation_gain(first, second, results.params.compare))
    assert f"on validation they differ by {near}, which chance explains." in results_page(results)
    shutil.copytree(first.path, tmp_path / first.name)
    right = rightly(ModelFolder(tmp_path / first.name))
    far = estimate(validation_gain(right, second, results.params.compare))
    page = results_page(replace(results, models=[right, *results.models[1:]]))
    assert f"on validation they differ by {far}.\n" in page


def test_a_paragraph_is_one_line_and_nothing_is_left_open(results: Results) -> None:
    page = results_page(results)
    assert "\n\n\n" not in page
    assert "{{" not in page
    assert "{%" not in page
    for before, line in zip(page.splitlines(), page.splitlines()[1:], strict=False):
        assert not before or not line or line.startswith(("|", "-")), (before, line)


def test_the_reference_study_stands_beside_the_same_test_images_only(
    results: Results, published: list[ModelFolder]
) -> None:
    pairs = pairs_with_study(published, results.params.compare)
    shown = results_page(replace(results, pairs=pairs))
    assert markdown(study_table(pairs)) in shown
    assert "## Published figures" in shown
    five = replace(results.dataset, classes=FIVE_EMOTIONS)
    assert "## Published figures" not in results_page(replace(results, pairs=pairs, dataset=five))


def test_a_training_with_the_copies_kept_stands_beside_its_own(results: Results, published: list[ModelFolder]) -> None:
    pairs = pairs_with_study(published, results.params.compare)
    by_name = {folder.name: folder for folder in published}
    mini, compact, vgg16 = by_name["mini"], by_name["compact"], by_name["vgg16"]
    # VGG16 has 15 million parameters. That compact's other training is another network's shows which figure is which.
    groups = [
        [Ablation(own.run.title, "", own), Ablation("", "", other, COPIES_KEPT)]
        for own, other in ((vgg16, mini), (compact, mini))
    ]
    shown = results_page(replace(results, pairs=pairs, ablations=groups))
    twins = twins_of(groups, results.params.compare)
    assert markdown(twins_table(twins, results.params.compare)) in shown
    kept, without = (percent(figures, "test_ten_views.accuracy") for figures in twins[1].figures[::-1])
    assert kept.startswith(f"{100 * mini.metrics['test_ten_views.accuracy']:.1f} %")
    assert (
        "- Compact CNN, trained on train as it was published, copies of test images included: "
        f"{kept} from ten views, and {without} when it is trained without them, both on all test images, one run each."
    ) in shown
    assert "- VGG16, trained on train" not in shown
    alone = results_page(replace(results, pairs=pairs))
    assert "With the copies in train" not in alone
    assert "an exact copy of 2 test images" in alone, "the published works trained on them, whatever was trained here"


def test_one_member_is_no_ensemble(results: Results) -> None:
    alone = summarize_ensemble(results.models[:1], [], results.params)
    page = results_page(replace(results, ensemble=alone))
    title = results.models[0].run.title
    assert f"No second model's predictions lower the log-loss on validation: {title} 1.00." in page
    assert "The ensemble of" not in page


@pytest.fixture(scope="module")
def published() -> list[ModelFolder]:
    found = best_first(trained_below(RECORDS / "models"))
    assert found
    return found


def on_small(name: str, folder: ModelFolder) -> Card:
    """The package's card, as if its network came of this training."""
    trained = folder.run.model_sha256
    return replace(Card.load(PACKAGE / name), fingerprint=folder.run.fingerprint, trained_sha256=trained)


def ranked(tmp_path: Path, dataset: FaceDataset, count: int) -> list[ModelFolder]:
    """Trainings of one architecture that could be released, the worst first."""
    folders = [write_trained(tmp_path / str(seed), dataset, "mini", seed) for seed in range(count)]
    return best_first(folders)[::-1]


def test_a_model_of_the_package_stands_beside_the_trainings_that_could_be_it(
    dataset: FaceDataset, tmp_path: Path
) -> None:
    worst, middle, best = ranked(tmp_path, dataset, 3)
    pretrained = write_trained(tmp_path / "imagenet", dataset, "mini", 9)
    facts = best.run.model_copy(update={"weights": "imagenet", "model_sha256": "9" * 64})
    shutil.copy(best.path / "predictions.parquet", pretrained.path)
    (pretrained.path / "run.json").write_text(facts.to_json())
    others = {"other": worst, "best": best, "pretrained": ModelFolder(pretrained.path)}
    assert others["pretrained"].metrics[SCORE] == best.metrics[SCORE] > middle.metrics[SCORE] > worst.metrics[SCORE]
    settings = load_params(PARAMS).compare
    (row,) = released_table({"mini": on_small("mini", middle)}, {"own": middle, **others}, settings).to_dict("records")
    assert (row["model"], row["training"], row[HIGHER]) == ("`mini`", "own", "1 of 2, clearly 0")
    assert row["accuracy"] == f"{Card.load(PACKAGE / 'mini').metrics['test.accuracy']:.3f}"
    (row,) = released_table({"mini": on_small("mini", middle)}, others, settings).to_dict("records")
    assert (row["training"], row[HIGHER]) == ("-", "-"), "no record of it"


def rightly(folder: ModelFolder) -> ModelFolder:
    """The training with every validation image read rightly."""
    table = folder.predictions
    columns = probability_columns(folder.classes, 1)
    one = pd.get_dummies(pd.Categorical(table["emotion"], list(folder.classes))).to_numpy(np.float32)
    table[columns] = np.where((table["split"] == "validation").to_numpy()[:, None], one, table[columns])
    table.to_parquet(folder.path / "predictions.parquet", index=False)
    return ModelFolder(folder.path)


def test_a_training_that_is_clearly_better_is_counted_as_such(dataset: FaceDataset, tmp_path: Path) -> None:
    worst, middle, best = ranked(tmp_path, dataset, 3)
    right, settings = rightly(best), load_params(PARAMS).compare
    for own, said in ((middle, "1 of 2, clearly 1"), (right, "0 of 2, clearly 0")):
        trainings = {"own": own, "worst": worst} | {"right": right, "middle": middle}
        trainings = {title: folder for title, folder in trainings.items() if title == "own" or folder is not own}
        (row,) = released_table({"mini": on_small("mini", own)}, trainings, settings).to_dict("records")
        assert row[HIGHER] == said
    gain, low, high = validation_gain(right, middle, settings)
    assert 0 < low < gain < high
    assert validation_gain(middle, right, settings)[0] == -gain


def test_a_training_that_two_tables_show_is_one(dataset: FaceDataset, tmp_path: Path) -> None:
    first, second, third = ranked(tmp_path, dataset, 3)
    changed, twin = Ablation("Changed", "", third, "no_mixup"), Ablation("Twin", "", second, COPIES_KEPT)
    own = Ablation("Mini", "", first)
    assert trainings_of([first], [], [[own, changed, twin]]) == {first.run.title: first, "Changed": third}


def test_the_page_names_the_models_of_the_package_that_know_these_faces(results: Results) -> None:
    page = results_page(results)
    assert results.released == {}
    assert "## The models in the package" not in page
    used = "`Reader()` and the command `fer` use it."
    cards = {name: on_small(name, results.models[0]) for name in ("standard", "mini")}
    shown = results_page(replace(results, released=cards))
    assert "## The models in the package" in shown
    assert shown.count(used) == 1
    assert "- `mini`, a `mini` network in int8, is in the package:" in shown
    assert used not in results_page(replace(results, released={"mini": cards["mini"]}))


def test_the_cards_of_this_data_set_are_found() -> None:
    names = {"standard", "mini"}
    fingerprint = Card.load(PACKAGE / "mini").fingerprint
    faces = small_dataset(train=2, held_out=2)
    assert released_on(faces) == {}
    faces.__dict__["fingerprint"] = fingerprint
    assert set(released_on(faces)) == names


def test_the_published_page_says_what_the_records_say(published: list[ModelFolder]) -> None:
    page, params = PAGE.read_text(), load_params(PARAMS)
    table = comparison_table(published, params.compare).join(latencies(RECORDS / "latency.csv", ""), on="model_sha256")
    groups = seed_groups([*published, *trained_below(RECORDS / "repeats")])
    assert groups
    ensemble = summarize_ensemble(published, groups, params)
    classes = published[0].classes
    trained = params.model_copy(update={"train": params.train.model_copy(update={"recipe": "full"})})
    ablations = ablation_groups(trained, published, RECORDS / "ablations")
    twins = twins_of(ablations, params.compare)
    released = {name: Card.load(PACKAGE / name) for name in ("standard", "mini")}
    assert {card.fingerprint for card in released.values()} == {published[0].run.fingerprint}
    assert twins
    for shown in (
        models_table(table, classes),
        restricted_table(published, FIVE_EMOTIONS),
        study_table(pairs_with_study(published, params.compare)),
        calibration_table(published),
        abstention_table(published, params.promote.certain_precision),
        published_table(),
        twins_table(twins, params.compare),
        ensemble_table(ensemble.metrics, classes),
        seeds_table(groups),
        released_table(released, trainings_of(published, groups, ablations), params.compare),
        details_table(published, groups),
    ):
        assert markdown(shown) in page
    assert ensemble.members in page
    best = table.iloc[0].to_dict()
    assert (
        f"{best['title']} ({best['params'] / 1e6:.1f} M parameters): accuracy {percent(best, 'test.accuracy')}" in page
    )


def test_the_published_accuracies_are_those_of_the_kept_predictions(published: list[ModelFolder]) -> None:
    """Counted here, without the code that wrote the page."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    (titles,) = (cells[1:] for cells in lines if cells[0] == "test split" and "Mini CNN" in cells)
    accuracies = next(cells[1:] for cells in lines if cells[0] == "accuracy" and len(cells) == 1 + len(titles))
    shown = dict(zip(titles, accuracies, strict=True))
    assert len(shown) == len(published)
    for folder in published:
        table = folder.predictions[folder.predictions["split"] == "test"]
        assert shown[folder.run.title] == f"{(table['emotion'] == table['predicted']).mean():.3f}"
