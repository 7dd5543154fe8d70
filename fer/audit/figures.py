"""The figures of an audit: counts, shares and comparisons, as plain values."""

from typing import Any

import numpy as np
import pandas as pd
from cleanlab.dataset import find_overlapping_classes

from fer.audit.flaws import PROXIES
from fer.audit.labels import ranking_figures
from fer.data.dataset import SPLITS, FaceDataset
from fer.data.distributions import adjusted, distance, explained, explained_interval
from fer.emotions import FERPLUS_VOTES
from fer.evaluation.slices import OTHER, ferplus_verdict, ferplus_votes

#: Measurements whose distribution is shown, and compared between classes and splits.
MEASURES = ("brightness", "contrast", "sharpness", "entropy", "clipped", "side_light", "symmetry", "face_likeness")
#: Resamples behind the interval of what a class explains, and the seed that draws them.
RESAMPLES, SEED = 200, 0
#: Votes of ten from which FER+ calls an image no face.
NO_FACE_VOTES = 5


def summarize(dataset: FaceDataset, table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """All figures of an audit.

    Args:
        dataset: the data set.
        table: the audit's.
        pairs: near copies, by position.
    """
    figures: dict[str, Any] = {
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "images": len(dataset),
        "splits": {split: len(dataset.rows(split)) for split in SPLITS},
        "measures": {name: _quantiles(table[name]) for name in MEASURES},
        "flaws": {
            name.removeprefix("flaw_"): {split: int(table[name][table["split"] == split].sum()) for split in SPLITS}
            for name in map(str, table.filter(like="flaw_"))
        },
        "proxies": {name: int((proxy.score(table) >= proxy.bound).sum()) for name, proxy in PROXIES.items()},
        "exact": exact_figures(dataset),
        "near": near_figures(table, pairs),
        "labels": label_figures(dataset, table),
        "outliers": {split: int(table["outlier"][table["split"] == split].sum()) for split in SPLITS},
        "cues": cues(table),
        "drift": {split: drift(table, split) for split in SPLITS[1:]},
    }
    if "face_found" in table:
        figures["faces_found"] = float(table["face_found"].mean())
    return figures


def exact_figures(dataset: FaceDataset) -> dict[str, int]:
    """Equal images, of the source (with what cleaning took out) and of the data set."""
    everything = pd.concat([dataset.table, dataset.removed], ignore_index=True)
    blank = dataset.removed["sha256"][dataset.removed["reason"] == "blank"]
    emotions = everything.groupby("sha256")["emotion"].nunique()
    return {
        "source_images": len(everything),
        "source_surplus": int(everything["sha256"].duplicated().sum()),
        "source_conflicting_groups": int((emotions > 1).sum()),
        "source_evaluation_images_in_train": int(dataset.table["train_copy"].sum()),
        "removed_blank": len(blank),
        "surplus": int(dataset.table["sha256"].duplicated().sum()),
        "conflicting_groups": int((dataset.table.groupby("sha256")["emotion"].nunique() > 1).sum()),
    }


def near_figures(table: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    """Near copies within and across splits, and the labels of their groups."""
    grouped = table[table["near_to"] != ""]
    groups = grouped.groupby("near_to")
    split = table["split"].to_numpy()
    emotion = table["emotion"].to_numpy()
    first, second = pairs["first"].to_numpy(), pairs["second"].to_numpy()
    crossing = ["-".join(sorted((a, b), key=SPLITS.index)) for a, b in zip(split[first], split[second], strict=True)]
    leaked = near_leaks(table)
    in_train = split == "train"
    across = in_train[first] != in_train[second]
    paired = np.unique(np.where(in_train[first], second, first)[across])
    return {
        "pairs": len(pairs),
        "mirrored_pairs": int(pairs["mirrored"].sum()),
        "pairs_of_two_labels": int((emotion[first] != emotion[second]).sum()),
        "pairs_by_split": {name: int(count) for name, count in pd.Series(crossing, dtype=str).value_counts().items()},
        "groups": int(groups.ngroups),
        "images_in_groups": len(grouped),
        "surplus": len(grouped) - int(groups.ngroups),
        "largest_group": int(groups.size().max()) if len(grouped) else 0,
        "conflicting_groups": int((groups["emotion"].nunique() > 1).sum()),
        "evaluation_images_near_train": {name: int(leaked[split == name].sum()) for name in SPLITS[1:]},
        "evaluation_images_paired_with_train": {name: int((split[paired] == name).sum()) for name in SPLITS[1:]},
    }


def near_leaks(table: pd.DataFrame) -> np.ndarray:
    """bool ``[N]``: validation and test images of whose group, equal or near, train holds another image."""
    train = table["split"] == "train"
    in_train = table["near_to"].isin(table["near_to"][train & (table["near_to"] != "")])
    return (~train & in_train).to_numpy()


def label_figures(dataset: FaceDataset, table: pd.DataFrame) -> dict[str, Any]:
    """How accurate the out-of-fold predictions are, what they doubt, and, with FER+ votes, how well they rank."""
    agrees = (table["suggested"] == table["emotion"]).to_numpy()
    figures: dict[str, Any] = {
        "accuracy": float(agrees.mean()),
        "doubtful": int(table["label_doubtful"].sum()),
        "doubtful_by_class": {
            name: float(table["label_doubtful"][table["emotion"] == name].mean()) for name in dataset.classes
        },
        "confused": confused(table),
    }
    truths = ferplus_truths(dataset.table)
    quality, doubtful = table["label_quality"].to_numpy(), table["label_doubtful"].to_numpy()
    for name, wrong in truths.items():
        parts = {"all": np.ones(len(table), bool)} | {split: (table["split"] == split).to_numpy() for split in SPLITS}
        figures[name] = {
            part: ranking_figures(wrong[rows], quality[rows], doubtful[rows]) for part, rows in parts.items()
        }
    return figures


def ferplus_truths(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Which labels FER+'s taggers call wrong, by two definitions; none where the data set has no votes.

    ``majority``: the option with the most votes is another emotion, or at least half of the ten say "not a face".
    ``unanimous``: not one of the ten chose the label.
    """
    votes = ferplus_votes(table)
    if votes.empty or votes.shape[1] == 0:
        return {}
    emotions = {emotion: name for name, emotion in FERPLUS_VOTES.items()}
    own = np.zeros(len(table))
    for emotion, name in emotions.items():
        rows = (table["emotion"] == emotion).to_numpy()
        own[rows] = votes.loc[rows, name]
    other = (ferplus_verdict(table) == OTHER).to_numpy()
    return {"majority": other | (votes["NF"] >= NO_FACE_VOTES).to_numpy(), "unanimous": own == 0}


def confused(table: pd.DataFrame, most: int = 8) -> list[dict[str, Any]]:
    """The pairs of label and suggestion with the most doubtful labels."""
    counts = table[table["label_doubtful"]].value_counts(["emotion", "suggested"]).head(most).reset_index(name="images")
    return [{str(name): value for name, value in row.items()} for row in counts.to_dict("records")]


def class_overlap(dataset: FaceDataset, probabilities: np.ndarray, most: int = 8) -> list[dict[str, Any]]:
    """The pairs of classes whose images are hardest to keep apart, by cleanlab.

    Args:
        dataset: the faces.
        probabilities: float ``[N, C]``, out of fold.
        most: how many pairs.

    Returns:
        ``one``, ``other`` (classes), ``images`` (estimated number that could be either's) and ``share`` of all.
    """
    if len(np.unique(dataset.labels)) < len(dataset.classes):
        return []  # cleanlab asks for an image of every class
    found = find_overlapping_classes(dataset.labels, probabilities, class_names=list(dataset.classes))
    rows = found[found["Num Overlapping Examples"] > 0].head(most)
    names = ("Class Name A", "Class Name B", "Num Overlapping Examples", "Joint Probability")
    return [
        {"one": str(one), "other": str(other), "images": int(images), "share": float(share)}
        for one, other, images, share in rows[list(names)].itertuples(index=False)
    ]


def drift(table: pd.DataFrame, split: str) -> dict[str, dict[str, float]]:
    """By measurement and of the classes' shares, how far a split's distribution lies from train's.

    Returns:
        By name ``distance`` and ``p`` of :func:`fer.data.distributions.distance`, p adjusted for their number.
    """
    train, other = table[table["split"] == "train"], table[table["split"] == split]
    names = (*MEASURES, "emotion")
    apart = [distance(train[name], other[name]) for name in names]
    p_values = adjusted([p for _, p in apart])
    return {name: {"distance": far, "p": p} for name, (far, _), p in zip(names, apart, p_values, strict=True)}


def cues(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By measurement, how much of it the class explains: what is high here, a network can use in place of the face.

    Returns:
        By name ``explained`` (share of the variance of ranks), the ends ``low`` and ``high`` of its 95 % interval,
        ``p`` adjusted for their number, and ``medians`` by class. Without those that are the same in all images.
    """
    names = [name for name in MEASURES if table[name].nunique() > 1]
    if table["emotion"].nunique() < 2:
        return {}
    shares = [explained(table[name], table["emotion"]) for name in names]
    p_values = adjusted([p for _, p in shares])
    found = {}
    for name, (share, _), p in zip(names, shares, p_values, strict=True):
        low, high = explained_interval(table[name], table["emotion"], RESAMPLES, SEED)
        medians = {str(k): float(v) for k, v in table.groupby("emotion")[name].median().items()}
        found[name] = {"explained": share, "low": low, "high": high, "p": p, "medians": medians}
    return found


def _quantiles(values: pd.Series) -> dict[str, float]:
    return {f"{share:g}": float(values.quantile(share)) for share in (0.01, 0.25, 0.5, 0.75, 0.99)}
