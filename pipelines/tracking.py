"""The tracking store, as flows open it."""

from fer.sections import Tracking
from fer.tracking import Tracker
from pipelines.flows import network_task


@network_task
def open_tracker(settings: Tracking) -> Tracker:
    """The runs of this project's store."""
    return Tracker(settings)
