"""What is kept of finished work on videos, and for how long."""

import os
import time

import pytest

from fer.serving import tasks as module
from fer.serving.problems import ApiError
from fer.serving.tasks import KEPT_SECONDS, Status, Tasks


def finished(tasks: Tasks, status: Status = Status.COMPLETED, size: int = 10, age: float = 0):
    task = tasks.create().model_copy(update={"status": status})
    tasks.write(task)
    (tasks.place(task) / "faces.csv").write_bytes(bytes(size))
    then = time.time() - age
    os.utime(tasks.place(task) / "task.json", (then, then))
    return task


def kept(tasks: Tasks, *of) -> list[bool]:
    return [tasks.place(task).exists() for task in of]


def test_results_are_kept_for_an_hour(tmp_path):
    tasks = Tasks(4, tmp_path)
    old, new = finished(tasks, age=KEPT_SECONDS + 1), finished(tasks)
    with pytest.raises(ApiError, match="no such task"):
        tasks.find(old.task_id)
    assert tasks.find(new.task_id) == new
    assert kept(tasks, old, new) == [False, True]


def test_results_are_bounded_in_number_and_bytes_those_of_nothing_go_first(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "KEPT_TASKS", 3)
    monkeypatch.setattr(module, "KEPT_BYTES", 5000)
    tasks = Tasks(4, tmp_path)
    first, second = finished(tasks, age=50), finished(tasks, age=40)
    failed = finished(tasks, Status.FAILED, age=30)
    third = finished(tasks, age=20)
    running = tasks.create()
    assert kept(tasks, first, second, failed, third, running) == [True, True, False, True, True]
    large = finished(tasks, size=4900, age=10)
    tasks.create()
    assert kept(tasks, first, second, third, large, running) == [False, False, False, True, True]


def test_a_task_that_another_worker_has_removed_meanwhile_is_no_error(tmp_path):
    tasks = Tasks(4, tmp_path)
    task = tasks.create()
    tasks.remove(task)
    tasks.cancel(task)
    tasks.write(task)
