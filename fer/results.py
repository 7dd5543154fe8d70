"""docs/results.md: what trainings found, written from their own files."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from fer.comparison import deck_table, markdown, restricted_table, with_interval
from fer.data.dataset import FaceDataset
from fer.deck import Pair, deck_lines
from fer.emotions import FIVE_EMOTIONS
from fer.outputs import ModelFolder
from fer.repeats import mean_and_spread, seeds_table, title_of
from fer.slices import OTHER


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
    """
    sections = [
        f"# Results on {dataset.name}",
        "Written by `python -m pipelines results` from what is kept of the runs; no figure but the deck's is typed by "
        f"hand. Every model's answers to the images of validation and test, and what it is, are in [{records}]"
        f"({records}), whichever machine trained it. Models are chosen on validation{' (PublicTest)' if deck else ''} "
        f"and reported on test{' (PrivateTest)' if deck else ''}, which nothing was selected on. Intervals are 95 % "
        "percentile bootstraps of the images; chance in the seed is not in them. A figure is of one run "
        "where it does not say otherwise.",
        "## In short",
        in_short(table, ensemble, deck, families),
        "## The architectures",
        markdown(deck_table(table, dataset.classes)),
        *_unmeasured(table),
        "Test images of which the source's train split holds an exact copy count in the table above. Without them:",
        markdown(_without_copies(table)),
        f"![Architectures compared]({images}/comparison.png)",
        *_decks_task(dataset, folders, deck),
        "## The ensemble",
        _ensemble(ensemble, dataset.classes, any(folder.job.teacher for folder in folders)),
        *_seeds(families),
        *_ablations(ablations),
        "## Where they fail",
        *(f"![Confusion matrix of {folder.run['title']}]({images}/{confusion_name(folder)})" for folder in folders),
        "Accuracy of the ten-view answers on parts of the test split." + _taggers(slices),
        markdown(slices),
        "Single faces stay out of Git, since the photographs are other people's. The command that wrote this page drew "
        f"them into `{faces}`: every model's answers to the same faces (`samples.png`), the best model's surest "
        "mistakes from ten views of a face, with FER+'s votes where there are any (`mistakes.png`), and what moves the "
        "answer to one view of the best one trained on that machine, if any (`saliency.png`): a square of 8 pixels is "
        "covered with the face's mean grey, everywhere in turn, and the map shows by how much the log-odds of the "
        "answer fall, as a mean of the squares on a pixel.",
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
        markdown(_trainings(folders, families)),
    ]
    return "\n\n".join(sections) + "\n"


def in_short(table: pd.DataFrame, ensemble: dict[str, Any], deck: list[Pair], families: list[list[ModelFolder]]) -> str:
    """The findings, a line each."""
    best, members = table.iloc[0].to_dict(), len(ensemble["weights"])
    lines = [
        f"The best of the architectures below by validation macro-F1 is {best['title']} "
        f"({best['params'] / 1e6:.1f} M parameters): accuracy {_percent(best, 'test')} from one view of a face, "
        f"{_percent(best, 'test_ten_views')} from ten."
    ]
    for family in families:
        one, ten = (
            mean_and_spread([100 * folder.metrics[f"{split}.accuracy"] for folder in family], digits=1)
            for split in ("test", "test_ten_views")
        )
        spread = f"mean ± standard deviation of {len(family)} seeds"
        lines.append(f"{title_of(family)}, {spread}: {one} % from one view, {ten} % from ten.")
    if members > 1:
        test, ten = (_percent(ensemble["metrics"], split) for split in ("test", "test_ten_views"))
        lines.append(f"The ensemble of {members}: {test} from one view, {ten} from ten.")
    if same := deck[:-1]:
        counts = (f"{pair.here.run['title']} {_counts(pair)}" for pair in same)
        lines.append(f"F1 beside the deck's own of the same architecture, class by class: {'; '.join(counts)}.")
    for pair in deck[-1:]:
        lines.append(f"Beside the deck's highest figure of every class: {pair.here.run['title']} {_counts(pair)}.")
    return "\n".join(f"- {line}" for line in lines)


def _counts(pair: Pair) -> str:
    clearly = f"clearly in {pair.clearly_higher}, clearly lower in {pair.clearly_lower}"
    return f"higher in {pair.higher} of {len(pair.ours)} ({clearly})"


def confusion_name(folder: ModelFolder) -> str:
    """File name of a model's confusion matrix beside the page."""
    return f"confusion_{folder.name}.png"


def _unmeasured(table: pd.DataFrame) -> list[str]:
    if not table["latency_ms"].isna().any():
        return []
    return ["Milliseconds were measured together on one machine; `-`: not among those measured."]


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
        'unseen images; which ones is not known here. "Higher" counts classes; clearly: the deck\'s figure, however it '
        "was rounded, lies outside the 95 % interval of ours. The last line sets the deck's highest figure of every "
        "class against the best model here. `-`: no record of that architecture is kept.",
        markdown(deck_lines(deck)),
    ]


def _seeds(families: list[list[ModelFolder]]) -> list[str]:
    if not families:
        return []
    return [
        "## Chance in the seed",
        "The same training by several seeds; `python -m pipelines repeat <architecture> <seed>` repeats each with the "
        "data set and the recipe of the page's last table set in `params.yaml`. Mean ± sample standard deviation.",
        markdown(seeds_table(families)),
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


def _ensemble(summary: dict[str, Any], classes: tuple[str, ...], students: bool) -> str:
    metrics = summary["metrics"]
    day = " Distilled models are left out; each learned from the ensemble of its day, named in the page's last table."
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


def _trainings(folders: list[ModelFolder], families: list[list[ModelFolder]]) -> pd.DataFrame:
    """What each model is and what made it: a line a fact, a column a model or a family of seeds."""
    groups = [(folder.run["title"], [folder]) for folder in folders]
    groups += [(title_of(family), family) for family in families]
    columns = []
    for _, group in groups:
        run = group[0].run
        facts = {
            "weights": run["weights"] + _teacher(group[0]),
            "epochs": f"{run['epochs']} (epoch {', '.join(str(one.run['best_epoch']) for one in group)} kept)",
            "minutes of all epochs": _each(_minutes(one) for one in group),
            "seed": _each(str(one.job.seed) for one in group),
            "precision chosen": run["precision"],
            "commit": _each(one.commit[:12] for one in group),
            "model sha256": _each(f"`{one.run['model_sha256'][:12]}`" for one in group),
        }
        told = {"recipe": run["recipe"], "software": run["software"]}
        columns.append(pd.Series(facts | pd.json_normalize(told, sep=": ").iloc[0].to_dict()))
    table = pd.concat(columns, axis=1).fillna("-").astype(str).set_axis([title for title, _ in groups], axis=1)
    return table.rename_axis("").reset_index()


def _each(facts: Iterable[str]) -> str:
    """The different ones of a family's facts."""
    return ", ".join(dict.fromkeys(facts))


def _minutes(folder: ModelFolder) -> str:
    if "minutes" not in folder.about:
        return "-"
    cores, accelerator = (folder.about.get(name) for name in ("cores", "accelerator"))
    machine = " and ".join(filter(None, (f"{cores} cores" if cores else "", accelerator)))
    return f"{folder.about['minutes']:.0f}" + (f" on {machine}" if machine else "")


def _percent(figures: Mapping[Any, Any], split: str) -> str:
    """An accuracy with its interval in percent."""
    ends = (f"{100 * figures[f'{split}.accuracy.{end}']:.1f}" for end in ("low", "high"))
    return f"{100 * figures[f'{split}.accuracy']:.1f} % [{', '.join(ends)}]"


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
