"""docs/results.md: what trainings found, written from their own files."""

from typing import Any

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.emotions import EMOTIONS, FIVE_EMOTIONS
from fer.evaluation.model_folder import ModelFolder
from fer.evaluation.slices import OTHER
from fer.inference.classifier import Card
from fer.report.calibration import calibration_table
from fer.report.findings import in_short
from fer.report.published import published_table
from fer.report.reference_study import DECK, Pair, deck_lines
from fer.report.seeds import seeds_table
from fer.report.tables import deck_table, markdown, restricted_table, with_interval
from fer.report.trainings import trainings_table


def results_page(
    dataset: FaceDataset,
    ingest: dict[str, Any],
    validation: dict[str, Any],
    folders: list[ModelFolder],
    table: pd.DataFrame,
    ensemble: dict[str, Any],
    deck: list[Pair],
    slices: pd.DataFrame,
    abstention: pd.DataFrame,
    families: list[list[ModelFolder]],
    ablations: pd.DataFrame,
    images: str,
    records: str,
    faces: str,
    released: Card | None = None,
) -> str:
    """The page as Markdown.

    Args:
        dataset: what was trained on.
        ingest: the ingest report.
        validation: the checks' report.
        folders: the trained architectures, best first.
        table: the comparison with latency, where it was measured.
        ensemble: the ensemble's summary.
        deck: models beside the deck, the best one last; empty where the test split is not FER-2013's.
        slices: every model's accuracy on parts of the test split.
        abstention: what stands of every model's answers where it may abstain.
        families: trainings that differ in nothing but the seed.
        ablations: one architecture's trainings with a single change each; empty where there is none.
        images: where the figures stand, relative to the page.
        records: where the answers that every figure comes from stand, relative to the page.
        faces: the folder of the figures that show single faces.
        released: of the model in the package, where it was trained on this data set.
    """
    others = published_section(dataset, deck)
    sections = [
        f"# Results on {dataset.name}",
        f"Written by `python -m pipelines results` from what is kept of the runs{_typed(deck, others)}. Every model's "
        f"answers to the images of validation and test, and what it is, are in [{records}]({records}), whichever "
        f"machine trained it. Models are chosen on validation{' (PublicTest)' if deck else ''} and reported on "
        f"test{' (PrivateTest)' if deck else ''}, on which no epoch, weight or threshold was chosen. Intervals are "
        "95 % percentile bootstraps of the images; chance in the seed is not in them. A figure is of one run where it "
        "does not say otherwise.",
        "## In short",
        in_short(table, ensemble, deck, families, released),
        "## The architectures",
        markdown(deck_table(table, dataset.classes)),
        *_latency(table),
        "Test images of which the source's train split holds an exact copy count in the table above. Without them:",
        markdown(_without_copies(table)),
        f"![Architectures compared]({images}/comparison.png)",
        *_decks_task(dataset, folders, deck),
        *others,
        "## The ensemble",
        ensemble_section(ensemble, dataset.classes, any(folder.job.teacher for folder in folders)),
        *_seeds(families),
        *_ablations(ablations),
        "## Where they fail",
        *(f"![Confusion matrix of {folder.run['title']}]({images}/{confusion_name(folder)})" for folder in folders),
        "Accuracy of the ten-view answers on parts of the test split. The parts differ in their mix of classes too, so "
        "what names two of them need not be what sets them apart." + _taggers(slices),
        markdown(slices),
        "Single faces stay out of Git: photographs belong to other people. The command that wrote this page drew "
        f"them into `{faces}`: every model's answers to the same faces (`samples.png`), the best model's surest "
        "mistakes from ten views of a face, with FER+'s votes where there are any (`mistakes.png`), and, where it ran "
        "on a machine that had trained a model, what moves the answers of the best of these (`saliency.png`): a square "
        "of 8 pixels is covered with the face's mean grey, everywhere in turn, and the map shows by how much the "
        "log-odds of the answer to one view fall, as a mean of the squares on a pixel.",
        "## Calibration",
        "A model's temperature divides its logits; it is fitted on validation. Calibration error: the expected "
        "difference between the probability that an answer states and the share of right ones, in 15 bins (Guo et al. "
        "2017), on all test images. On the right: the answers to one view that state about 80 %, what they state on "
        "average, and how many of them are right.",
        markdown(calibration_table(folders)),
        "## When a model abstains",
        "For every class the threshold is the lowest probability above which its answers on validation are right as "
        "often as `promote.certain_precision` asks, by the 95 % lower bound of that share. Answers below it are "
        "withheld; by class: the threshold, and how many of the answers above it are right.",
        markdown(abstention),
        "## The data",
        _data(dataset, ingest),
        f"![Class distribution]({images}/class_distribution.png)",
        f"![The average face of every emotion]({images}/average_faces.png)",
        f"![Happy against each other emotion]({images}/contrast_images.png)",
        _checks(validation),
        "## How every model was trained",
        f"Data fingerprint `{dataset.fingerprint}`.",
        markdown(trainings_table(folders, families)),
    ]
    return "\n\n".join(sections) + "\n"


def _typed(deck: list[Pair], others: list[str]) -> str:
    if not deck:
        return ""
    return f"; no figure is typed by hand but the deck's{' and the published ones' if others else ''}"


def confusion_name(folder: ModelFolder) -> str:
    """File name of a model's confusion matrix beside the page."""
    return f"confusion_{folder.name}.png"


def _latency(table: pd.DataFrame) -> list[str]:
    missing = table["latency_ms"].isna()
    if missing.all():
        return []
    (cores,) = table["latency_cores"].dropna().unique()
    left = "; `-`: not among those measured" if missing.any() else ""
    return [
        "Milliseconds: the median of single faces in ONNX Runtime, all measured in turn in one run on a CPU of "
        f"{cores:.0f} cores{left}."
    ]


def published_section(dataset: FaceDataset, deck: list[Pair]) -> list[str]:
    """Figures of others: none where the test images (``deck`` is empty) or the classes are not FER-2013's."""
    if not deck or dataset.classes != EMOTIONS:
        return []
    return [
        "## Published figures",
        "Models of others that answer the same test images, all seven classes, and people who label the data set anew: "
        "figures as printed in the sources, and one that the team measured. None was trained again here. Not in the "
        "table: works that chose epochs on PrivateTest, and works whose train split held test images. Some average the "
        "answers to several views of a face and stand beside our ten-view figures: the public code of Pham et al. and "
        "of EmoNeXt averages ten.",
        markdown(published_table()),
    ]


def _decks_task(dataset: FaceDataset, folders: list[ModelFolder], deck: list[Pair]) -> list[str]:
    """The five-class task where the data set has those classes, beside the deck where the images are the same."""
    if not set(FIVE_EMOTIONS) <= set(dataset.classes):
        return []
    section = [
        "## The deck's task: five classes",
        f"The models above restricted to {', '.join(FIVE_EMOTIONS)}: test images with one of these labels, and the "
        "largest of these five probabilities. F1 per class, from one view of a face and from the mean answer to ten "
        "(mirrored, moved by 2 pixels towards every corner).",
        markdown(restricted_table(folders, FIVE_EMOTIONS)),
    ]
    if not deck:
        return section
    return [
        *section,
        "The deck's figures → ours, one view of a face. The deck's networks knew these five classes alone and met "
        'unseen images; which ones is not known here. "Higher" counts classes, by the figures as printed; clearly: the '
        "deck's figure, however it was rounded, lies outside the 95 % interval of ours. Chance in the deck's own "
        "images is not in it, and nothing corrects for so many comparisons. The last line sets the deck's highest "
        f"figure of every class against the best model here.{_unkept(deck)}",
        markdown(deck_lines(deck)),
    ]


def _unkept(deck: list[Pair]) -> str:
    return "" if len(deck) > len(DECK) else " `-`: no record of that architecture is kept."


def _seeds(families: list[list[ModelFolder]]) -> list[str]:
    if not families:
        return []
    return [
        "## Chance in the seed",
        "The same training by several seeds; `python -m pipelines repeat <architecture> <seed>` repeats each, on the "
        "backend of the page's last table, with its recipe and the data set chosen in `params.yaml`. Mean ± sample "
        "standard deviation.",
        markdown(seeds_table(families)),
    ]


def _ablations(table: pd.DataFrame) -> list[str]:
    if table.empty:
        return []
    return [
        "## What each part brings",
        "A training, and the same architecture once more with one thing changed: distilled, or a change of `ablations` "
        "in `params.yaml`. Each row is one run of one seed, and what changed in the code from the commit of one row to "
        "that of another is in their difference too ([records/README.md](records/README.md)). A row's command repeats "
        "it with the page's data set, recipe and pretrained weights set in `params.yaml`, a distilled one with the "
        "members of its teacher (the page's last table) as `train.architectures` and itself among `distill.students`. "
        "Validation leaves the images out of which the source's train split holds a copy: a training that keeps the "
        "copies has seen them, and its epoch and temperature are chosen with them. Test images with such a copy count "
        "in its test accuracy and its ten views.",
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


def ensemble_section(summary: dict[str, Any], classes: tuple[str, ...], students: bool) -> str:
    """The ensemble's members and figures.

    Args:
        summary: ``members`` as text, ``weights`` and ``metrics`` with their intervals.
        classes: of the data set.
        students: whether distilled models are on the page, which are no members.
    """
    metrics = summary["metrics"]
    if len(summary["weights"]) == 1:
        return f"No second model's answers lower the log-loss on validation: {summary['members']}."
    day = (
        " Distilled models are left out. Each of them learned from the ensemble of the models that there were by then; "
        "the page's last table names these."
    )
    rows = [
        {
            "answers to": views,
            "accuracy": with_interval(metrics, f"{split}.accuracy"),
            "macro-F1": f"{metrics[f'{split}.macro_f1']:.3f}",
        }
        | {f"F1 {name}": f"{metrics[f'{split}.f1.{name}']:.3f}" for name in classes}
        | {"calibration error": f"{metrics[f'{split}.ece']:.3f}"}
        for split, views in (("test", "one view"), ("test_ten_views", "ten views"))
    ]
    return (
        "The weighted mean of several models' answers on the test split, its temperature fitted on validation. Members "
        f"and weights are those that lower the log-loss on validation most, picked one at a time: "
        f"{summary['members']}."
        f"{day if students else ''}\n\n{markdown(pd.DataFrame(rows))}"
    )


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
            }
            for _, row in table.iterrows()
        ]
    )
