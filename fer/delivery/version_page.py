"""What a model version's page in the registry says: its card in Markdown."""

from fer.inference.classifier import Card


def version_page(card: Card) -> str:
    """The card for people: data set, figures of validation and test, F1 by class, thresholds."""
    rows = [("accuracy", "accuracy"), ("macro-F1", "macro_f1")] + [
        (f"F1 {name}", f"f1.{name}") for name in card.classes
    ]
    lines = [
        f"**{card.architecture}**, trained on **{card.dataset}** (fingerprint `{card.fingerprint}`).",
        "",
        "| | validation | test |",
        "| --- | ---: | ---: |",
    ]
    for title, metric in rows:
        figures = [card.metrics.get(f"{split}.{metric}") for split in ("validation", "test")]
        lines.append(f"| {title} | " + " | ".join("" if value is None else f"{value:.3f}" for value in figures) + " |")
    if card.thresholds:
        thresholds = ", ".join(f"{name} {value:.2f}" for name, value in card.thresholds.items())
        check = "and looks like a face" if card.face_check else "; the model has no face check"
        lines += ["", f"A prediction is certain where it lies above (1: never) {thresholds} {check}."]
    return "\n".join([*lines, "", f"SHA-256 of the model: `{card.model_sha256}`."]) + "\n"
