"""What a model must pass to become champion: one function a gate, all of them in ``GATES``.

Gates look at validation images. Test figures play no part. A gate's bounds stand in params.yaml, section ``promote``.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from fer.delivery.candidate import Candidate, Facts, Outcome
from fer.evaluation.abstention import choose_thresholds, upper_bound
from fer.evaluation.calibration import calibration_error
from fer.evaluation.intervals import bootstrap_difference, macro_f1_difference, mean_interval
from fer.evaluation.robustness import UNCHANGED
from fer.inference.classifier import above_thresholds

#: Of the paired bootstrap intervals.
RESAMPLES, SEED = 1000, 5
#: Of a perfectly calibrated model.
DRAWS = 200
#: A part with fewer validation images says nothing of a model.
FEWEST = 30


Gate = Callable[[Candidate, Candidate | None, Facts], Outcome | None]


def _at_least(figure: str, value: float, bound: float, note: str = "") -> Outcome:
    return Outcome(figure, value, bound, value >= bound, note=note)  # what is not a number fails


def _at_most(figure: str, value: float, bound: float, note: str = "") -> Outcome:
    return Outcome(figure, value, bound, value <= bound, most=True, note=note)


def _upper(count: int, total: int) -> float:
    """The one-sided 95 % upper bound of a share (Clopper and Pearson 1934); of nothing it may be all."""
    return upper_bound(count, total) if total else 1.0


def _provable(figure: str, count: int, total: int, bound: float) -> Outcome:
    """A share that fails where even its upper bound is below."""
    end = _upper(count, total)
    note = f"{count} of {total}; up to {end:.3f} by its 95 % bound"
    return Outcome(figure, count / total, bound, end >= bound, note=note)


def every_class(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """F1 of the worst class reaches ``min_class_f1``, as far as can be told.

    It fails where even the upper end lies below. F1 is 2 J / (1 + J), J the share of hits among the images that have
    the class or are called so, which has the one-sided 95 % bound of a share.
    """
    ends = {}
    for code, name in enumerate(candidate.classes):
        labelled, called = candidate.labels == code, candidate.predicted == code
        share = _upper(int((labelled & called).sum()), int((labelled | called).sum()))
        ends[name] = 2 * share / (1 + share)
    worst = min(ends, key=lambda name: ends[name])
    value, bound = candidate.metrics[f"f1.{worst}"], facts.settings.min_class_f1
    note = f"up to {ends[worst]:.3f} by its 95 % bound"
    return Outcome(f"validation F1 of {worst}", value, bound, ends[worst] >= bound, note=note)


def above_chance(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """Macro-F1 has come ``min_skill`` of the way from chance to perfect.

    Guessing by the classes' shares has macro-F1 1 / classes; always naming the commonest class has less.
    """
    chance, skill = 1 / len(candidate.classes), facts.settings.min_skill
    return _at_least("validation macro-F1", candidate.score, chance + skill * (1 - chance) if skill else 0.0)


def onnx_parity(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """The ONNX file predicts what the network did."""
    return _at_most("difference from Keras", candidate.parity, facts.settings.parity)


def calibration(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """Probabilities are as often right as they say: the calibration error is at most ``max_calibration_error``.

    Few images give an error to a perfect model too: what such a one shows in 95 % of draws is allowed in any case.
    """
    error = calibration_error(candidate.labels, candidate.probabilities)
    chance = _error_by_chance(candidate.probabilities)
    note = f"of {len(candidate.labels)} images a perfectly calibrated model shows up to {chance:.3f}"
    return _at_most("calibration error", error, max(facts.settings.max_calibration_error, chance), note)


def certain_precision(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """The predictions that it calls certain are right: ``certain_precision`` of them, as far as can be told.

    Thresholds are chosen on one half of the images and tried on the other, both ways: on the images that chose them
    they hold by construction. It fails where even the one-sided 95 % upper bound lies below.
    """
    wanted, halves = facts.settings.certain_precision, _halves(candidate.labels)
    accepted = np.zeros(len(candidate.labels), bool)
    for half in (halves, ~halves):
        thresholds = choose_thresholds(candidate.labels[~half], candidate.probabilities[~half], wanted)
        accepted[half] = above_thresholds(candidate.probabilities[half], thresholds)
    count, right = int(accepted.sum()), int((accepted & candidate.right).sum())
    if not count:
        note = "it is never certain"
        return Outcome("share of certain predictions that are right", math.nan, wanted, True, note=note)
    return _provable("share of certain predictions that are right", right, count, wanted)


def worst_slice(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome | None:
    """Accuracy on the worst part of the images keeps ``min_slice_share`` of that on all, as far as can be told.

    It fails where even the one-sided 95 % upper bound lies below: of many parts of few images one is low by chance.
    """
    parts = {name: candidate.right[members] for name, members in facts.slices.items() if members.sum() >= FEWEST}
    if not parts:
        return None
    worst = min(parts, key=lambda name: _upper(int(parts[name].sum()), len(parts[name])))
    bound = facts.settings.min_slice_share * float(candidate.right.mean())
    return _provable(f"accuracy on {worst}", int(parts[worst].sum()), len(parts[worst]), bound)


def no_slice_lost(candidate: Candidate, champion: Candidate | None, facts: Facts) -> Outcome | None:
    """On no part of the images is it less accurate than the champion by more than ``max_loss``, as far as is proven.

    What is proven is the upper end of the paired 95 % interval of the difference.
    """
    losses = {}
    for name, members in facts.slices.items():
        if champion and members.sum() >= FEWEST:
            pair = candidate.right[members], champion.right[members]
            losses[name] = -bootstrap_difference(*pair, RESAMPLES, SEED)[2]
    if not champion or not losses:
        return None
    worst = max(losses, key=lambda name: losses[name])
    return _at_most(
        f"accuracy lost on {worst}", max(0.0, losses[worst]), facts.settings.max_loss, f"to {champion.name}"
    )


def robustness(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome | None:
    """Under blur, noise, other light, turns, JPEG and small size it keeps ``min_robustness`` of its accuracy."""
    if not candidate.correct:
        return None
    curve = {name: float(right.mean()) for name, right in candidate.correct.items()}
    plain = curve.pop(UNCHANGED)
    kept = float(np.mean(list(curve.values()))) / plain if plain else 0.0
    worst = min(curve, key=lambda name: curve[name])
    note = f"{plain:.2f} unchanged; the worst is {worst}: {curve[worst]:.2f}"
    return _at_least("share of accuracy kept on changed faces", kept, facts.settings.min_robustness, note)


def no_robustness_lost(candidate: Candidate, champion: Candidate | None, facts: Facts) -> Outcome | None:
    """On changed faces it is not less accurate than the champion by more than ``max_loss``, as far as is proven."""
    if not champion or not candidate.correct or candidate.correct.keys() != champion.correct.keys():
        return None
    changed = candidate.correct.keys() - {UNCHANGED}
    gains = [candidate.correct[name].astype(float) - champion.correct[name] for name in sorted(changed)]
    _, _, high = mean_interval(np.mean(gains, axis=0), RESAMPLES, SEED)
    return _at_most("accuracy lost on changed faces", max(0.0, -high), facts.settings.max_loss, f"to {champion.name}")


def size(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """The ONNX file has at most ``max_megabytes``."""
    return _at_most("megabytes", candidate.megabytes, facts.settings.max_megabytes)


def latency(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """One face takes at most ``max_latency_ms`` on one thread: a budget with room, as a busy machine is no fault."""
    return _at_most("ms for one face", candidate.latency_ms, facts.settings.max_latency_ms)


def data_checks(_candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """The data that it was trained on passed every critical check."""
    failed = facts.failed_checks
    note = "they were made of other data" if failed is None else "; ".join(failed)
    return _at_most("failed checks of the data", 1 if failed is None else len(failed), 0, note)


def data_drift(_candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome | None:
    """The training data are not another world than the champion's: no difference is above ``max_drift``.

    It catches an accident: a class that is gone, a folder of dark or inverted images. Another data set, by its name, is
    a decision and no drift.
    """
    if facts.drift is None:
        return None
    found = {"class mix": facts.drift.class_mix} | facts.drift.properties
    worst = max(found, key=lambda name: found[name])
    return _at_most(f"difference of {worst}", found[worst], facts.settings.max_drift, f"from {facts.drift.former}")


def not_taken_back(candidate: Candidate, _champion: Candidate | None, facts: Facts) -> Outcome:
    """It is no model that was champion and was taken back by ``rollback``."""
    known = facts.taken_back.get(candidate.model_sha256, "")
    return _at_most("times taken back", 1 if known else 0, 0, known)


def beats_champion(candidate: Candidate, champion: Candidate | None, facts: Facts) -> Outcome | None:
    """Macro-F1 is above the champion's on the same images, by more than chance.

    The lower end of the paired 95 % interval of the difference must lie above ``min_gain``.
    """
    if champion is None:
        return None
    gain, low, high = macro_f1_difference(
        candidate.labels, candidate.predicted, champion.predicted, len(candidate.classes), RESAMPLES, SEED
    )
    note = f"{candidate.score:.4f} against {champion.score:.4f}: {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
    bound = facts.settings.min_gain
    return Outcome(f"proven gain over {champion.name}", low, bound, low > bound, note=note)


#: Of a model by itself.
OWN_GATES: tuple[Gate, ...] = (
    every_class,
    above_chance,
    onnx_parity,
    calibration,
    certain_precision,
    worst_slice,
    robustness,
    size,
    latency,
    data_checks,
)
#: In the order of the table. A gate returns None where it has nothing to hold a candidate against.
GATES: tuple[Gate, ...] = (
    *OWN_GATES,
    data_drift,
    not_taken_back,
    no_slice_lost,
    no_robustness_lost,
    beats_champion,
)
#: That let a model read changed faces, seconds each: asked last, and of no more models than the decision needs.
LAST_GATES: tuple[Gate, ...] = (robustness, no_robustness_lost)


def name_of(gate: Callable[..., Outcome | None]) -> str:
    """What tables call a gate."""
    return gate.__name__.replace("_", " ")


def outcomes(
    candidate: Candidate, champion: Candidate | None, facts: Facts, gates: Sequence[Gate] = GATES
) -> dict[str, Outcome]:
    """What every one of the gates that applies says of a candidate, by the gate's name."""
    said = {name_of(gate): gate(candidate, champion, facts) for gate in gates}
    return {name: outcome for name, outcome in said.items() if outcome}


def _error_by_chance(probabilities: np.ndarray) -> float:
    """The calibration error that a perfectly calibrated model with these confidences stays below in 95 % of draws.

    Consistency resampling (Broecker and Smith 2007): every prediction is right with the probability that it says.
    """
    if len(probabilities) == 0:
        return float("nan")
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = (predicted + 1) % probabilities.shape[1]
    right = np.random.default_rng(SEED).random((DRAWS, len(confidence))) < confidence
    return float(
        np.percentile([calibration_error(np.where(hit, predicted, wrong), probabilities) for hit in right], 95)
    )


def _halves(labels: np.ndarray) -> np.ndarray:
    """bool ``[N]``: every second image of every class."""
    half = np.zeros(len(labels), bool)
    for code in np.unique(labels):
        half[np.flatnonzero(labels == code)[::2]] = True
    return half
