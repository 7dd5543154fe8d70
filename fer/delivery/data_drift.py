"""What a data set looks like in a few numbers, kept with every version, and how far another one is from it."""

import json
from dataclasses import asdict, dataclass

import numpy as np

from fer.data.dataset import FaceDataset

#: Train faces at most that the properties are measured on.
MOST = 5_000
#: Points of a property's cumulative distribution.
POINTS = 101


@dataclass(frozen=True)
class DataFacts:
    """A data set's train split.

    Attributes:
        dataset: its name.
        fingerprint: of the data set.
        images: how many.
        shares: of every class, summing to 1.
        quantiles: by property (``brightness``, ``contrast``: mean and standard deviation of grey values, 0 to 255), its
            ``POINTS`` evenly spaced quantiles.
    """

    dataset: str
    fingerprint: str
    images: int
    shares: dict[str, float]
    quantiles: dict[str, list[float]]

    def to_json(self) -> str:
        """The text that ``facts_of_json`` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True)
class Drift:
    """How the present data differ from those of the champion.

    Attributes:
        former: name and fingerprint of the champion's data.
        class_mix: half the sum of the differences of the classes' shares (total variation), 0 to 1.
        properties: by property, the largest difference of the two cumulative distributions, 0 to 1
            (Kolmogorov-Smirnov).
    """

    former: str
    class_mix: float
    properties: dict[str, float]


def facts_of(dataset: FaceDataset) -> DataFacts:
    """The facts of a data set's train split."""
    rows = dataset.rows("train")
    counts = np.bincount(dataset.labels[rows], minlength=len(dataset.classes))
    grey = np.asarray(dataset.images[dataset.some_rows("train", MOST)], np.float32)
    values = {"brightness": grey.mean(axis=(1, 2)), "contrast": grey.std(axis=(1, 2))}
    at = np.linspace(0, 1, POINTS)
    return DataFacts(
        dataset.name,
        dataset.fingerprint,
        len(rows),
        {name: float(count / max(1, len(rows))) for name, count in zip(dataset.classes, counts, strict=True)},
        {name: [round(float(q), 3) for q in np.quantile(found, at)] for name, found in values.items() if len(found)},
    )


def facts_of_json(text: str) -> DataFacts:
    """The facts that ``DataFacts.to_json`` wrote.

    Raises:
        ValueError, TypeError: where the text is something else.
    """
    return DataFacts(**json.loads(text))


def drift_between(former: DataFacts, present: DataFacts) -> Drift:
    """How far the present data are from the former."""
    names = former.shares.keys() | present.shares.keys()
    mix = sum(abs(former.shares.get(name, 0) - present.shares.get(name, 0)) for name in names) / 2
    shared = former.quantiles.keys() & present.quantiles.keys()
    properties = {name: _distance(former.quantiles[name], present.quantiles[name]) for name in sorted(shared)}
    return Drift(f"{former.dataset} {former.fingerprint}", mix, properties)


def _distance(first: list[float], second: list[float]) -> float:
    """Kolmogorov-Smirnov's distance of two distributions given by evenly spaced quantiles."""
    at = np.union1d(first, second)
    steps = np.linspace(0, 1, POINTS)
    return float(np.abs(np.interp(at, first, steps) - np.interp(at, second, steps)).max())
