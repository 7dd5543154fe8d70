import pytest

from fer.evaluation.headline import headline_metrics


def test_headline_metrics_are_few_and_grouped_by_split() -> None:
    metrics = {
        "params": 12,
        "validation.accuracy": 0.5,
        "validation.macro_f1": 0.4,
        "validation.f1.happy": 0.3,
        "test.accuracy": 0.6,
        "test.macro_f1": 0.55,
        "test.f1.happy": 0.7,
        "test.f1.sad": 0.4,
        "test.log_loss": 1.2,
        "test_ten_views.accuracy": 0.65,
    }
    assert headline_metrics(metrics, ("happy", "sad")) == {
        "validation": {"accuracy": 0.5, "macro_f1": 0.4},
        "test": {"accuracy": 0.6, "macro_f1": 0.55, "f1.happy": 0.7, "f1.sad": 0.4},
    }


def test_a_metric_that_is_missing_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match=r"validation\.accuracy"):
        headline_metrics({"test.accuracy": 0.6}, ("happy",))
