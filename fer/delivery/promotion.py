"""Which model becomes champion."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fer.data.dataset import FaceDataset
from fer.delivery.candidate import Candidate, Facts, Outcome
from fer.delivery.gaps import gaps_of
from fer.delivery.gates import GATES, LAST_GATES, OWN_GATES, beats_champion, latency, name_of, outcomes
from fer.delivery.version_files import Registered
from fer.evaluation.abstention import thresholds_of
from fer.evaluation.face_check import fit_face_check
from fer.evaluation.model_folder import ModelFolder
from fer.inference.classifier import Card
from fer.report.tables import UNKNOWN
from fer.sections import Promote

#: That the drawn sample's table alone has: only who drew a face knows what was meant.
DRAWN_COLUMN = "true_emotion"


@dataclass(frozen=True)
class Decision:
    """What promotion decided.

    Attributes:
        champion: the name of the model to promote, or None where the current champion stays or none qualifies.
        challenger: the name of the model that waits for a person's word (``promote --accept``), or None.
        reason: one line.
        gates: what each gate that was asked said, by candidate and gate; the best candidate first.
    """

    champion: str | None
    challenger: str | None
    reason: str
    gates: dict[str, dict[str, Outcome]]


def decide(candidates: Sequence[Candidate], champion: Candidate | None, facts: Facts, wait: str = "") -> Decision:
    """Choose the candidate with the best validation macro-F1 among those that pass every gate.

    Where none does, the best that scores higher than the champion and fails in nothing but the proof of it is the
    challenger. The last gates are asked, best first, of who would be one or the other by the rest, until one is.

    Args:
        candidates: all trained on the same data; the first of equals is chosen. The champion itself is none.
        champion: the current one on the same validation images, or None where it cannot be held against them.
        facts: what else the gates need.
        wait: why whoever passes waits for a person; empty where nobody has to.
    """
    others = [model for model in candidates if champion is None or model.model_sha256 != champion.model_sha256]
    best_first = sorted(others, key=lambda candidate: -candidate.score)
    first = [gate for gate in GATES if gate not in LAST_GATES]
    gates = {candidate.name: outcomes(candidate, champion, facts, first) for candidate in best_first}

    def fails(model: Candidate) -> set[str]:
        return {gate for gate, outcome in gates[model.name].items() if not outcome.passed}

    def fails_only(model: Candidate, allowed: set[str]) -> bool:
        if fails(model) != allowed:
            return False
        said = gates[model.name] | outcomes(model, champion, facts, LAST_GATES)
        gates[model.name] = {name: said[name] for name in map(name_of, GATES) if name in said}
        return fails(model) == allowed

    stays = f"{champion.name} stays with {champion.score:.4f}; " if champion else ""
    if chosen := next((model for model in best_first if fails_only(model, set())), None):
        scored = f"{chosen.name} with validation macro-F1 {chosen.score:.4f}"
        if wait:
            return Decision(None, chosen.name, f"{stays}{scored} waits as challenger: {wait}", gates)
        ahead = f"ahead of {champion.name} with {champion.score:.4f}" if champion else "no champion to beat"
        return Decision(chosen.name, None, f"{scored}, {ahead}", gates)
    for model in best_first:
        if champion and model.score > champion.score and fails_only(model, {name_of(beats_champion)}):
            waits = f"{model.name} with {model.score:.4f} waits as challenger: it scores higher, by no more than chance"
            return Decision(None, model.name, f"{stays}{waits}", gates)
    return Decision(None, None, f"{stays}no candidate passes every gate", gates)


def refusals(decision: Decision) -> list[str]:
    """A line for each model that failed a gate: which gate, and why."""
    failed = {
        model: [f"{gate} ({outcome.words})" for gate, outcome in gates.items() if not outcome.passed]
        for model, gates in decision.gates.items()
    }
    return [f"{model} refused: {'; '.join(words)}" for model, words in failed.items() if words]


def must_wait(settings: Promote, dataset: FaceDataset, taken_back: Sequence[Registered]) -> str:
    """Why a candidate that passes every gate waits for a person, in words; empty where it does not."""
    if settings.manual:
        return "promote.manual is set"
    for version in taken_back:
        if version.card.fingerprint == dataset.fingerprint:
            return f"version {version.version}, trained on the same data, was taken back"
    return ""


def gate_table(decision: Decision) -> pd.DataFrame:
    """What every gate said of every candidate, as texts: a row a gate, a column a model."""
    table: dict[str, list[str]] = {"gate": [name_of(gate) for gate in GATES]}
    for model, said in decision.gates.items():
        last = UNKNOWN if _all_asked(said) else "not asked"
        missing = {name_of(gate): last if gate in LAST_GATES else UNKNOWN for gate in GATES}
        table[model] = [_cell(said[name]) if name in said else words for name, words in missing.items()]
    return pd.DataFrame(table)


def verdict(decision: Decision, model: str) -> str:
    """What the gates said of a candidate together, in words."""
    said = decision.gates[model]
    if failed := [name for name, outcome in said.items() if not outcome.passed]:
        return f"failed: {', '.join(failed)}"
    left = ", ".join(name_of(gate) for gate in LAST_GATES)
    return "all passed" if _all_asked(said) else f"passed; not asked: {left}"


def _all_asked(said: Mapping[str, Outcome]) -> bool:
    """Whether the last gates were asked too: of measured faces at least one has something to say."""
    return any(name_of(gate) in said for gate in LAST_GATES)


def _cell(outcome: Outcome) -> str:
    """Short: a run has eight models side by side."""
    value = UNKNOWN if math.isnan(outcome.value) else f"{outcome.value:.3g}"
    return f"{'ok' if outcome.passed else 'FAILED'} {value} ({outcome.bound:.3g})"


def _verdict(outcome: Outcome) -> str:
    return "passed" if outcome.passed else "FAILED"


def gates_in_words(gates: Mapping[str, Outcome]) -> dict[str, str]:
    """What the registry says of a version's gates: by gate, one line."""
    return {name: f"{_verdict(outcome)}: {outcome.words}" for name, outcome in gates.items()}


def gates_of_card(gates: Mapping[str, Outcome]) -> dict[str, str]:
    """What a card says of its model's own gates: nothing that differs from registry to registry, or call to call."""
    own = {name: gates[name] for gate in OWN_GATES if (name := name_of(gate)) in gates}
    return gates_in_words(
        {name: outcome if name != name_of(latency) else outcome.without_value() for name, outcome in own.items()}
    )


def is_drawn(dataset: FaceDataset) -> bool:
    """Whether the faces are the drawn sample's, whatever the data set is called."""
    return DRAWN_COLUMN in dataset.table


def card_of(folder: ModelFolder, settings: Promote, dataset: FaceDataset) -> Card:
    """The card that a model carries from the registry to the service, with a face check fitted to its data set."""
    run = folder.run
    return Card(
        architecture=folder.name,
        classes=folder.classes,
        dataset=run.dataset,
        face_size=dataset.face_size,
        fingerprint=run.fingerprint,
        model_sha256=run.model_sha256,
        metrics=folder.metrics | gaps_of(folder.predictions, dataset),
        thresholds=thresholds_of(folder.predictions, folder.classes, settings.certain_precision),
        face_check=fit_face_check(dataset),
        drawn=is_drawn(dataset),
        corrections=run.corrections or "",
    )
