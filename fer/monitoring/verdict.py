"""What a window says, as JSON, as a table, and as the payload of an event."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from fer.inference.classifier import Card
from fer.monitoring.comparison import PROPERTIES, Finding


@dataclass(frozen=True)
class Verdict:
    """What became of a comparison.

    Attributes:
        model: the champion's version.
        architecture: its name.
        faces: in the window.
        reference_faces: in the reference.
        since: time of the window's first face, ISO 8601 in UTC.
        until: time of its last.
        findings: a property each.
    """

    model: str
    architecture: str
    faces: int
    reference_faces: int
    since: str
    until: str
    findings: tuple[Finding, ...]

    @property
    def drifted(self) -> tuple[str, ...]:
        """The properties that drifted."""
        return tuple(finding.name for finding in self.findings if finding.drifted)

    @property
    def alarm(self) -> bool:
        """Whether any did."""
        return bool(self.drifted)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The properties that could not be compared."""
        return tuple(name for name in PROPERTIES if name not in {finding.name for finding in self.findings})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        findings = [asdict(finding) | {"drifted": finding.drifted} for finding in self.findings]
        return asdict(self) | {"alarm": self.alarm, "properties": list(self.drifted), "findings": findings}

    def metrics(self) -> dict[str, float]:
        """Flat names and numbers for MLflow."""
        moved = {f"moved.{finding.name}": finding.moved for finding in self.findings}
        chance = {f"p.{finding.name}": finding.p for finding in self.findings}
        whole = {"alarm": float(self.alarm), "drifted": float(len(self.drifted)), "faces": float(self.faces)}
        return whole | moved | chance

    def table(self) -> pd.DataFrame:
        """Texts, a row per property."""
        rows = [
            {
                "property": finding.name,
                "reference": finding.reference,
                "window": finding.window,
                "moved": f"{finding.moved:.2f}",
                "at most": f"{finding.bound:g}",
                "by chance": "< 0.0001" if finding.p < 0.0001 else f"{finding.p:.4f}",
                "verdict": "DRIFTED" if finding.drifted else "as the reference",
            }
            for finding in self.findings
        ]
        return pd.DataFrame(rows)


def verdict_of(card: Card, reference: pd.DataFrame, window: pd.DataFrame, findings: Sequence[Finding]) -> Verdict:
    """The verdict on a window of records, oldest first, of the model with this card."""
    since, until = (window["time"].iloc[place].isoformat(timespec="microseconds") for place in (0, -1))
    return Verdict(card.version, card.architecture, len(window), len(reference), since, until, tuple(findings))
