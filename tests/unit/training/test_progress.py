import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer.training.progress import BLOCKS, curve, epoch_line, time_left
from fer.training.state import Progress


def after(epochs: int, total: int, seconds: float) -> Progress:
    rows = [
        {"epoch": n, "loss": 1.5, "accuracy": 0.4, "validation.accuracy": 0.1 * n, "validation.macro_f1": 0.3}
        for n in range(1, epochs + 1)
    ]
    return Progress(epochs=epochs, total=total, history=rows, seconds=[999.0] + [seconds] * epochs)


def test_the_line_has_figures_curve_and_time() -> None:
    assert epoch_line(after(4, 10, 120)) == (
        "epoch 4/10: loss 1.500, accuracy 0.400, validation accuracy 0.400, macro-F1 0.300  ▁▃▆█  12 min left"
    )


@pytest.mark.parametrize(
    ("missing", "seconds", "text"),
    [(5, 10, "50 s left"), (5, 60, "5 min left"), (100, 90, "2.5 h left"), (0, 60, "done")],
)
def test_the_time_left_is_by_the_last_epochs(missing: int, seconds: float, text: str) -> None:
    assert time_left(after(6, 6 + missing, seconds)) == text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300))
def test_a_curve_is_short_and_spans_its_blocks(values: list[float]) -> None:
    drawn = curve(values)
    assert len(drawn) == min(len(values), 24)
    assert set(drawn) <= set(BLOCKS)


def test_a_rising_curve_rises() -> None:
    assert curve([n / 7 for n in range(8)]) == BLOCKS
    assert curve([0.5, 0.5]) == "▁▁"
