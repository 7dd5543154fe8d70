"""What a model version's page in the registry says: its card, its gates and where it comes from, in Markdown."""

from collections.abc import Mapping

from fer.inference.classifier import Card

#: Tags of a version that say which code and data it was made of, and how the page tells them.
ORIGIN = {
    "git_commit": "Git commit `{}`",
    "git_changes": "what was not committed (`origin/changes.patch` of the run)",
    "dvc_data": "DVC's data `{}`",
}


def version_page(card: Card, run_id: str, tags: Mapping[str, str], gates: Mapping[str, str]) -> str:
    """The page for people: figures of validation and test, thresholds, gates, and what the version is made of.

    Args:
        card: of the version.
        run_id: of its run.
        tags: of the version.
        gates: what each gate said, by its name.
    """
    rows = [("accuracy", "accuracy"), ("macro-F1", "macro_f1")] + [
        (f"F1 {name}", f"f1.{name}") for name in card.classes
    ]
    lines = [
        f"**{card.architecture}**, trained on **{card.dataset}** (fingerprint `{card.fingerprint}`)"
        + (f", its labels corrected (`{card.corrections}`)." if card.corrections else "."),
        "",
        "| | validation | test |",
        "| --- | ---: | ---: |",
    ]
    for title, metric in rows:
        figures = [card.metrics.get(f"{split}.{metric}") for split in ("validation", "test")]
        lines.append(f"| {title} | " + " | ".join("" if value is None else f"{value:.3f}" for value in figures) + " |")
    if card.thresholds:
        thresholds = ", ".join(f"{name} {value:.2f}" for name, value in card.thresholds.items())
        check = " and looks like a face" if card.face_check else "; the model has no face check"
        lines += ["", f"A prediction is certain where it lies above (1: never) {thresholds}{check}."]
    if gates:
        lines += ["", "| gate | said |", "| --- | --- |"]
        lines += [f"| {name} | {said.replace('|', '/')} |" for name, said in gates.items()]
    said = [f"run `{run_id}`", *(words.format(tags[tag]) for tag, words in ORIGIN.items() if tags.get(tag))]
    lines += ["", f"It comes from {', '.join(said)}; `python -m pipelines rebuild` with its number makes it again."]
    return "\n".join([*lines, "", f"SHA-256 of the model: `{card.model_sha256}`."]) + "\n"
