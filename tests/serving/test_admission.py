from contextlib import ExitStack

import pytest

from fer.serving.admission import Admission
from fer.serving.problems import ApiError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def admission(clock):
    return Admission(1.0, clock)


@pytest.fixture
def inside(admission):
    """Lets work in that stays to the end of the test."""
    with ExitStack() as stack:
        yield lambda work: stack.enter_context(admission.enter(work))


def do(admission: Admission, clock: Clock, seconds: float) -> None:
    with admission.enter(1):
        clock.now += seconds


def fail(admission: Admission, clock: Clock) -> None:
    with admission.enter(1):
        clock.now += 0.1
        raise ValueError("broken")


def test_a_service_that_has_measured_nothing_lets_everybody_in(inside):
    for _ in range(1000):
        inside(1)


def test_a_request_alone_is_let_in_however_slow_the_last_ones_were(admission, clock):
    for _ in range(5):
        do(admission, clock, 30.0)


def test_who_would_wait_longer_than_the_limit_is_refused_with_the_seconds_to_come_back_after(admission, clock, inside):
    for _ in range(10):
        do(admission, clock, 0.1)  # ten a second
    for _ in range(11):
        inside(1)
    assert admission.wait == pytest.approx(1.1)
    with pytest.raises(ApiError) as caught, admission.enter(1):
        pass
    assert caught.value.status == 503
    assert caught.value.headers == {"Retry-After": "2"}


def test_the_queue_grows_with_the_speed(admission, clock, inside):
    for _ in range(100):
        do(admission, clock, 0.001)
    for _ in range(900):
        inside(1)
    admission.check()


def test_idle_time_says_nothing_about_the_speed(admission, clock, inside):
    do(admission, clock, 0.1)
    clock.now += 3600
    for _ in range(5):
        inside(1)
    assert admission.wait == pytest.approx(0.5)


def test_after_a_change_of_speed_the_old_one_is_forgotten(admission, clock):
    for _ in range(10):
        do(admission, clock, 1.0)
    for _ in range(2000):
        do(admission, clock, 0.01)
    with admission.enter(1):
        assert admission.wait == pytest.approx(0.01, rel=0.2)


def test_large_work_counts_as_much(admission, clock, inside):
    for _ in range(10):
        do(admission, clock, 0.1)
    for _ in range(3):
        inside(20)
        admission.check()
    inside(1)
    with pytest.raises(ApiError):
        admission.check()


def test_who_leaves_with_an_error_leaves(admission, clock):
    for _ in range(100):
        with pytest.raises(ValueError, match="broken"):
            fail(admission, clock)
    assert admission.wait == 0
