"""What the audit finds of flaws that are planted in a data set, and how its time grows with the number of images.

    python benchmarks/audit.py planted [data/dataset]     flaws, copies of every kind, wrong labels
    python benchmarks/audit.py growth [data/dataset]      processor time of 10,000 to 300,000 images
    python benchmarks/audit.py proxies reports/data       whether fitted proxies are better than those in use

Every copy is planted beside the data set's own images, so that finding it means telling it from all of them. With
--json the figures are printed as JSON, as docs/records keeps them.
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fer.audit.copies import candidate_pairs, near_copies
from fer.audit.embedding import embeddings
from fer.audit.figures import ferplus_truths
from fer.audit.flaws import PROXIES, flaws, inversion
from fer.audit.labels import audit_labels, gradients, out_of_fold
from fer.audit.properties import image_properties, perceptual_hashes
from fer.data.cleaning import image_hashes
from fer.data.dataset import FaceDataset
from fer.data.planted import NEAR_COPIES

SEED = 11
#: Copies of every kind, and the share of labels that are made wrong.
COPIES, WRONG = 300, 0.05
#: Images that a person has judged, what a proxy is fitted to, and how often.
VERDICTS = Path("docs/records/fer-2013/audit/hand_check.csv")
FACTS = ("face_check", "face_likeness", "entropy", "outlier_score", "clipped", "contrast", "sharpness", "symmetry")
SPLITS = 40
SIZES = (10_000, 30_000, 100_000, 300_000)


def planted(dataset: FaceDataset) -> dict[str, Any]:
    return {
        "flaws": planted_flaws(dataset),
        "near_copies": planted_copies(dataset),
        "wrong_labels": planted_labels(dataset),
    }


def planted_flaws(dataset: FaceDataset) -> dict[str, Any]:
    """Recall of exact copies, leaks, blank and inverted images, planted into train rows."""
    rng = np.random.default_rng(SEED)
    images = np.array(dataset.images)
    kinds = ("exact copies", "leaks", "blank images", "inverted images")
    rows = dict(zip(kinds, rng.permutation(dataset.rows("train"))[: 4 * COPIES].reshape(4, COPIES), strict=True))
    others = np.setdiff1d(np.arange(len(images)), np.concatenate(list(rows.values())))
    images[rows["exact copies"]] = images[rng.choice(others, COPIES)]
    images[rows["leaks"]] = images[rng.choice(dataset.rows("test"), COPIES)]
    images[rows["blank images"]] = rng.integers(0, 256, (COPIES, 1, 1))
    images[rows["inverted images"]] = 255 - images[rows["inverted images"]]
    measured = image_properties(images).assign(inversion=inversion(images))
    hashes = pd.Series(image_hashes(images))
    evaluation = hashes.isin(hashes[dataset.rows("test")]).to_numpy()
    found = flaws(measured)
    recall = {
        "exact copies": float(hashes.duplicated(keep=False)[rows["exact copies"]].mean()),
        "leaks": float(evaluation[rows["leaks"]].mean()),
        "blank images": float(found["blank"][rows["blank images"]].mean()),
        "inverted images": float(found["inverted"][rows["inverted images"]].mean()),
    }
    called = float(found["inverted"][others].mean())
    return {"planted_per_kind": COPIES, "recall": recall, "others_called_inverted": called}


def planted_copies(dataset: FaceDataset) -> dict[str, Any]:
    """Recall by kind; and how many pairs of a planted image are with anything but its original and its copies."""
    rng = np.random.default_rng(SEED)
    unique = np.flatnonzero(~dataset.table["sha256"].duplicated().to_numpy())
    images = np.asarray(dataset.images[unique])
    seen = np.flatnonzero(images.reshape(len(images), -1).std(axis=1) > 10)
    made, facts = [], []
    for kind, change in NEAR_COPIES.items():
        for original in rng.permutation(seen)[:COPIES]:
            facts.append((kind, int(original), len(images) + len(made)))
            made.append(change(images[original], rng))
    everything = np.concatenate([images, np.stack(made)])
    start = time.perf_counter()
    pairs = near_copies(everything)
    seconds = time.perf_counter() - start
    table = pd.DataFrame(facts, columns=["kind", "first", "second"])
    found = table.merge(pairs, on=["first", "second"], how="left").assign(found=lambda t: t["similarity"].notna())
    hashes = np.array(perceptual_hashes(everything))
    by_hash = pd.Series(hashes[table["first"]] == hashes[table["second"]]).groupby(table["kind"]).mean()
    # A planted image may be paired with its original, with copies of it, and with what is a copy of the original.
    own = pairs[pairs["second"] < len(images)]
    alike = set(zip(own["first"], own["second"], strict=True))
    alike |= {(b, a) for a, b in alike}
    original = np.arange(len(everything))
    original[table["second"]] = table["first"]
    ends = zip(original[pairs["first"]], original[pairs["second"]], strict=True)
    planted_pair = (pairs["second"] >= len(images)).to_numpy()
    right = np.array([a == b or (a, b) in alike for a, b in ends])
    return {
        "images": len(everything),
        "planted_per_kind": COPIES,
        "seconds": round(seconds, 1),
        "recall": {kind: float(share) for kind, share in found.groupby("kind")["found"].mean().items()},
        "recall_of_equal_perceptual_hashes": {kind: float(share) for kind, share in by_hash.items()},
        "pairs_with_planted": int(planted_pair.sum()),
        "precision_of_pairs_with_planted": float(right[planted_pair].mean()),
    }


def planted_labels(dataset: FaceDataset) -> dict[str, Any]:
    """Labels made wrong where FER+ agrees with them (everywhere without votes): how many of them are found.

    The released network has not seen validation and test images, so only these count for its embedding. Copies may
    stand in different folds here, unlike in the audit.
    """
    rng = np.random.default_rng(SEED)
    truths = ferplus_truths(dataset.table)
    right = ~truths["majority"] if truths else np.ones(len(dataset), bool)
    held_out = (dataset.table["split"] != "train").to_numpy()
    figures = {}
    views = gradients(dataset.images), embeddings(dataset.images[held_out])
    for name, points, rows in (
        ("gradients, all images", (views[0],), np.arange(len(dataset))),
        ("both views, validation and test images", (views[0][held_out], views[1]), np.flatnonzero(held_out)),
    ):
        labels = dataset.labels[rows]
        wrong = np.zeros(len(rows), bool)
        wrong[rng.permutation(np.flatnonzero(right[rows]))[: round(WRONG * len(rows))]] = True
        spoilt = np.where(
            wrong, (labels + rng.integers(1, len(dataset.classes), len(rows))) % len(dataset.classes), labels
        )
        alone = np.arange(len(rows))
        parts = [out_of_fold(view, spoilt, alone, len(dataset.classes), SEED) for view in points]
        probabilities = np.mean(parts, axis=0)
        audited = audit_labels(spoilt, probabilities, dataset.classes)
        # Labels that were wrong before are neither found nor missed.
        judged = wrong | right[rows]
        quality, doubtful = audited["label_quality"].to_numpy()[judged], audited["label_doubtful"].to_numpy()[judged]
        figures[name] = {
            "images": int(judged.sum()),
            "planted": int(wrong.sum()),
            "flagged": float(doubtful.mean()),
            "recall": float(doubtful[wrong[judged]].mean()),
            "average_precision": float(average_precision_score(wrong[judged], -quality)),
            "base_rate": float(wrong[judged].mean()),
        }
    return figures


def growth(dataset: FaceDataset) -> list[dict[str, float]]:
    """Processor time and memory of the search for candidates among images that are mixed of two faces each.

    What follows, the comparison of the candidates, takes as long for each of them, so their number says how it grows.
    """
    rng = np.random.default_rng(SEED)
    rows = []
    for size in SIZES:
        images = np.empty((size, *dataset.images.shape[1:]), np.uint8)
        for number, (one, other) in enumerate(rng.integers(0, len(dataset), (size, 2))):
            share = rng.uniform(0.3, 0.7)
            images[number] = cv2.addWeighted(dataset.images[one], share, dataset.images[other], 1 - share, 0)
        start = time.process_time()
        pairs = candidate_pairs(images)
        search = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        rows.append(
            {
                "images": size,
                "candidates": len(pairs),
                "search_seconds": round(search, 1),
                "peak_gb": round(peak, 2),
            }
        )
        print(rows[-1], flush=True)
    return rows


def proxies(audited: Path) -> dict[str, Any]:
    """Average precision of a fitted proxy and of the one in use, on the verdicts that it was not fitted to."""
    checked = pd.read_csv(VERDICTS).merge(pd.read_parquet(audited / "images.parquet"), on="source_id")
    facts = checked[list(FACTS)].assign(clipped=np.sqrt(checked["clipped"]))
    found = {}
    for name in ("occlusion", "unrealistic"):
        truth, score = checked[name].to_numpy(), PROXIES[name].score(checked).to_numpy()
        pairs = []
        for seed in range(SPLITS):
            one, other = train_test_split(np.arange(len(truth)), test_size=0.5, stratify=truth, random_state=seed)
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=500))
            fitted = model.fit(facts.iloc[one], truth[one]).decision_function(facts.iloc[other])
            pairs.append([average_precision_score(truth[other], values) for values in (fitted, score[other])])
        fitted_all, in_use = np.array(pairs).T
        better = float((fitted_all > in_use).mean())
        found[name] = {"fitted": float(fitted_all.mean()), "proxy": float(in_use.mean()), "better": better}
    helped = [name for name, figures in found.items() if figures["better"] >= 0.95]
    return {"verdicts": len(checked), "splits": SPLITS, "by_proxy": found, "helped": helped}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["planted", "growth", "proxies"])
    parser.add_argument("dataset", nargs="?", type=Path, default=Path("data/dataset"))
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.what == "proxies":
        figures: Any = proxies(arguments.dataset)
    else:
        figures = {"planted": planted, "growth": growth}[arguments.what](FaceDataset.load(arguments.dataset))
    text = json.dumps({"cores": os.cpu_count(), arguments.what: figures}, indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
