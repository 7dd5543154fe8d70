"""docs/results.md: what trainings found, written from their own files."""

import json
from typing import Any

import pandas as pd

from fer.comparison import deck_table, markdown, restricted_table, with_interval
from fer.data.dataset import FaceDataset
from fer.emotions import FIVE_EMOTIONS
from fer.outputs import ModelFolder
from fer.slices import OTHER

#: F1 per class, in the order of ``FIVE_EMOTIONS``, as printed in the deck that this project grew out of.
DECK = {
    "VGGFace": (0.67, 0.56, 0.92, 0.67, 0.83),
    "MobileNetV2": (0.57, 0.40, 0.89, 0.62, 0.77),
    "VGG16": (0.54, 0.51, 0.87, 0.61, 0.78),
    "ResNet-50": (0.52, 0.47, 0.82, 0.56, 0.77),
}


def results_page(
    dataset: FaceDataset,
    ingest: dict[str, Any],
    validation: dict[str, Any],
    folders: list[ModelFolder],
    table: pd.DataFrame,
    ensemble: dict[str, Any],
    slices: pd.DataFrame,
    abstention: pd.DataFrame,
    ablations: pd.DataFrame,
    images: str,
    records: str,
    faces: str,
) -> str:
    """The page as Markdown.

    Args:
        dataset: what was trained on.
        ingest: the ingest report.
        validation: the checks' report.
        folders: the trained architectures, best first.
        table: the comparison with latency, where it was measured.
        ensemble: the ensemble's summary.
        slices: every model's accuracy on parts of the test split.
        abstention: what stands of every model's answers where it may abstain.
        ablations: one architecture's trainings with a single change each; empty where there is none.
        images: where the figures stand, relative to the page.
        records: where the answers that every figure comes from stand, relative to the page.
        faces: the folder of the figures that show single faces.
    """
    sections = [
        f"# Results on {dataset.name}",
        "Written by `python -m pipelines results` from the files that the runs left; no figure is typed by hand. Every "
        f"model's answers to the images of validation and test, and what it is, are kept in [{records}]({records}), "
        "whichever machine trained it.",
        "## What produced them",
        _provenance(dataset, folders),
        "## The data",
        _data(dataset, ingest),
        f"![Class distribution]({images}/class_distribution.png)",
        f"![The average face of every emotion]({images}/average_faces.png)",
        f"![Happy against each other emotion]({images}/contrast_images.png)",
        "## The checks",
        _checks(validation),
        "## The architectures",
        "Chosen on validation (PublicTest in FER-2013), reported on test (PrivateTest), which nothing was selected on. "
        "Intervals are 95 % percentile bootstraps.",
        markdown(deck_table(table, dataset.classes)),
        *_unmeasured(table),
        "Test images of which the source's train split holds an exact copy count in the table above. Without them:",
        markdown(_without_copies(table)),
        f"![Architectures compared]({images}/comparison.png)",
        *_decks_task(dataset, folders),
        "## The ensemble",
        _ensemble(ensemble, dataset, folders),
        *_ablations(ablations),
        "## Where they fail",
        *(f"![Confusion matrix of {folder.run['title']}]({images}/{confusion_name(folder)})" for folder in folders),
        "Accuracy of the ten-view answers on parts of the test split." + _taggers(slices),
        markdown(slices),
        "Single faces stay out of Git, since the photographs are other people's. The command that wrote this page drew "
        f"them into `{faces}`: every model's answers to the same faces (`samples.png`), the best model's surest "
        "mistakes from ten views of a face, with FER+'s votes where there are any (`mistakes.png`), and what moves the "
        "answer to one view of the best one trained on that machine (`saliency.png`): a square of 8 pixels is covered "
        "with the face's mean grey, everywhere in turn, and the map shows by how much the log-odds of the answer fall, "
        "as a mean of the squares on a pixel.",
        "## When a model abstains",
        "For every class the threshold is the lowest probability above which its answers on validation are right as "
        "often as `promote.certain_precision` asks, by the 95 % lower bound of that share. Answers below it are "
        "withheld; by class: the threshold, and how many of the answers above it are right.",
        markdown(abstention),
    ]
    return "\n\n".join(sections) + "\n"


def confusion_name(folder: ModelFolder) -> str:
    """File name of a model's confusion matrix beside the page."""
    return f"confusion_{folder.name}.png"


def _unmeasured(table: pd.DataFrame) -> list[str]:
    if not table["latency_ms"].isna().any():
        return []
    return ["Milliseconds were measured together on one machine; `-`: not among those measured."]


def _decks_task(dataset: FaceDataset, folders: list[ModelFolder]) -> list[str]:
    """The five-class task beside the deck's own table, where the data set has those classes."""
    if not set(FIVE_EMOTIONS) <= set(dataset.classes):
        return []
    deck = pd.DataFrame(DECK, index=list(FIVE_EMOTIONS)).T.map("{:.2f}".format).rename_axis("in the deck").reset_index()
    return [
        "## The deck's task: five classes",
        f"The models above restricted to {', '.join(FIVE_EMOTIONS)}: test images with one of these labels, and the "
        "largest of these five probabilities. F1 per class, from one view of a face and from the mean answer to ten "
        "(mirrored, moved by 2 pixels towards every corner).",
        markdown(restricted_table(folders, FIVE_EMOTIONS)),
        "What the deck reports for its own trainings on FER-2013:",
        markdown(deck),
    ]


def _ablations(table: pd.DataFrame) -> list[str]:
    if len(table) < 2:
        return []
    return [
        "## What each part brings",
        "The first training once more with a single thing changed. Each row is one run of one seed, repeated by its "
        "command with the data set and recipe of this page set in `params.yaml`.",
        markdown(table),
    ]


def _taggers(slices: pd.DataFrame) -> str:
    """What the parts by FER+'s verdict mean, where they are there."""
    if not slices.iloc[:, 0].isin([OTHER]).any():
        return ""
    return (
        " Ten FER+ taggers judged every image of FER-2013 anew: where they disagree with the label, a model that "
        "answers as they do counts as wrong."
    )


def _ensemble(summary: dict[str, Any], dataset: FaceDataset, folders: list[ModelFolder]) -> str:
    metrics = summary["metrics"]
    titles = {folder.name: folder.run["title"] for folder in folders}
    day = " A distilled model learned from the ensemble of its day, which the first table names."
    members = ", ".join(f"{titles[name]} {weight:.2f}" for name, weight in summary["weights"].items())
    rows = [
        {
            "answers to": views,
            "accuracy": with_interval(metrics, f"{split}.accuracy"),
            "macro-F1": f"{metrics[f'{split}.macro_f1']:.3f}",
        }
        | {f"F1 {name}": f"{metrics[f'{split}.f1.{name}']:.3f}" for name in dataset.classes}
        | {"calibration error": f"{metrics[f'{split}.ece']:.3f}"}
        for split, views in (("test", "one view"), ("test_ten_views", "ten views"))
    ]
    return (
        "The mean of several models' answers on the test split. Members and weights are those that lower the log-loss "
        f"on validation most, picked one at a time among all that is kept: {members}."
        f"{day if any(folder.job.teacher for folder in folders) else ''}\n\n{markdown(pd.DataFrame(rows))}"
    )


def _provenance(dataset: FaceDataset, folders: list[ModelFolder]) -> str:
    rows = [
        {
            "architecture": folder.run["title"],
            "weights": folder.run["weights"] + _teacher(folder),
            "epochs": f"{folder.run['epochs']} (epoch {folder.run['best_epoch']} kept)",
            "minutes of all epochs": _minutes(folder),
            "seed": str(folder.run["seed"]),
            "precision": folder.run["precision"],
            "commit": folder.commit[:12],
            "recipe": f"`{json.dumps(folder.run['recipe'])}`",
            "software": ", ".join(f"{name} {value}" for name, value in folder.run["software"].items()),
            "model sha256": f"`{folder.run['model_sha256'][:12]}`",
        }
        for folder in folders
    ]
    return f"Data fingerprint `{dataset.fingerprint}`.\n\n{markdown(pd.DataFrame(rows))}"


def _minutes(folder: ModelFolder) -> str:
    if "minutes" not in folder.about:
        return "-"
    cores = folder.about["cores"]
    return f"{folder.about['minutes']:.0f}" + (f" on {cores} cores" if cores else "")


def _teacher(folder: ModelFolder) -> str:
    teacher = folder.job.teacher
    return f"; targets: {100 * teacher.share:.0f} % answers of {teacher.members}" if teacher else ""


def _data(dataset: FaceDataset, ingest: dict[str, Any]) -> str:
    source = ingest["source"]
    counts = pd.DataFrame(source["counts"]).T.rename_axis("as it came").astype(str).reset_index()
    used = dataset.counts().rename_axis("as it is used").astype(str).reset_index()
    copies = ", ".join(f"{split} {count}" for split, count in source["train_copy"].items())
    removed = ", ".join(f"{reason} {count}" for reason, count in ingest["removed"].items())
    facts = (
        f"{source['images']:,} images, {source['unique_images']:,} of them unique; {source['blank']} blank; surplus "
        f"copies inside train {source['surplus_copies']['train']:,}; evaluation images with an exact copy in train: "
        f"{copies}; groups of equal images with conflicting labels: {source['conflicting_groups']}. "
        f"Taken out of train: {removed}."
    )
    return f"{markdown(counts)}\n\n{facts}\n\n{markdown(used)}"


def _checks(validation: dict[str, Any]) -> str:
    results = validation["results"]
    passed = sum(result["success"] for result in results)
    failed = [result for result in results if not result["success"]]
    lines = [f"{passed} of {len(results)} checks pass."]
    lines += [
        f"- {result['severity']}: {result['description']}: {result['unexpected']} rows, such as "
        f"{', '.join(result['rows'][:3])}"
        for result in failed
    ]
    return "\n".join(lines)


def _without_copies(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "architecture": row["title"],
                "images": f"{row['test_without_copies.support']:.0f}",
                "accuracy": with_interval(row.to_dict(), "test_without_copies.accuracy"),
                "macro-F1": with_interval(row.to_dict(), "test_without_copies.macro_f1"),
                "calibration error (all test images)": f"{row['test.ece']:.3f}",
            }
            for _, row in table.iterrows()
        ]
    )
