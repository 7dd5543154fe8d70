"""What trainings found, in short."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import Card
from fer.report.reference_study import Pair
from fer.report.seeds import mean_and_spread, title_of


def in_short(
    table: pd.DataFrame,
    ensemble: dict[str, Any],
    deck: list[Pair],
    families: list[list[ModelFolder]],
    released: Card | None,
) -> str:
    """The findings, a line each."""
    best, members = table.iloc[0].to_dict(), len(ensemble["weights"])
    lines = [
        f"The best of the architectures below by validation macro-F1 is {best['title']} "
        f"({best['params'] / 1e6:.1f} M parameters): accuracy {_percent(best, 'test')} from one view of a face, "
        f"{_percent(best, 'test_ten_views')} from ten."
    ]
    if released:
        one, ten = (f"{100 * released.metrics[f'{split}.accuracy']:.1f} %" for split in ("test", "test_ten_views"))
        lines.append(
            f"The model in the package, which `Classifier()` uses, and `fer webcam` where there is no `champion/`, is "
            f"`{released.architecture}`: {one} from one view, {ten} from ten."
        )
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
        counts = (f"{pair.here.run['title']} from {pair.here.run['weights']} weights {_counts(pair)}" for pair in same)
        lines.append(
            "F1 beside the deck's own of the same architecture, class by class (clearly: the deck's lies outside our "
            f"95 % interval): {'; '.join(counts)}."
        )
    for pair in deck[-1:]:
        lines.append(f"Beside the deck's highest figure of every class: {pair.here.run['title']} {_counts(pair)}.")
    return "\n".join(f"- {line}" for line in lines)


def _counts(pair: Pair) -> str:
    clearly = f"clearly in {pair.clearly_higher}, clearly lower in {pair.clearly_lower}"
    return f"higher in {pair.higher} of {len(pair.ours)} ({clearly})"


def _percent(figures: Mapping[Any, Any], split: str) -> str:
    """An accuracy with its interval in percent."""
    ends = (f"{100 * figures[f'{split}.accuracy.{end}']:.1f}" for end in ("low", "high"))
    return f"{100 * figures[f'{split}.accuracy']:.1f} % [{', '.join(ends)}]"
