"""One job of a plan: the epochs of ``fer.training.fit``, its steps compiled together, within its minutes."""

import math
import os
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from fer.evaluation.calibration import best_temperature
from fer.inference.views import ten_views
from fer.models.common.registry import get_architecture
from fer.models.common.weights import PretrainedFile
from fer.portable.clock import Clock, OutOfTimeError, Spent
from fer.portable.engine import Engine, chunks_of, copies, engine_of, state_of
from fer.portable.folder import PackedJob
from fer.portable.lesson import Lesson
from fer.source_code import closure_digest
from fer.training.beginning import build, check, find_pretrained, load_pretrained, preprocessing_of
from fer.training.checkpoint import Checkpoint
from fer.training.epoch import history_row
from fer.training.machine import accelerator
from fer.training.optimizer import ALL, HEAD, loss_of, optimizer_of, schedule_of, set_phase
from fer.training.order import blends_in, epoch_order, row_weights
from fer.training.precision import FULL, MIXED
from fer.training.state import RANDOM, Arrays, Origin, Progress, Saved, model_variables, read, write

#: Seconds between two checkpoints: writing a large one takes as long as an epoch of a small network.
CHECKPOINT_SECONDS = 30.0
#: Share of the minutes that epochs may fill by what was measured: no two epochs take the same time.
SAFE = 0.95
#: Faces uint8 ``[N, S, S]`` and labels int64 ``[N]``.
Split = tuple[np.ndarray, np.ndarray]


@dataclass
class Finished:
    """A trained job.

    Attributes:
        weights: of the best epoch, in the order of ``keras.Model.get_weights``.
        preprocessing: the key of ``PREPROCESSINGS``.
        temperature: what its logits are divided by.
        validation: probabilities float32 ``[N, C]`` from one view of the validation split, at temperature 1.
        ten_views: the same, the mean from ten views.
        progress: the epochs; fewer than its ``total`` where the minutes ended before.
        seconds: what they were spent on.
    """

    weights: Arrays
    preprocessing: str
    temperature: float
    validation: np.ndarray
    ten_views: np.ndarray
    progress: Progress
    seconds: dict[str, float]


def code_of(architecture: str) -> str:
    """16 hex digits that change with any module that can move a weight here."""
    return closure_digest("fer.portable.train", f"fer.models.{architecture}")


class Training:
    """The state of a job between its epochs.

    Args:
        job: what is trained.
        splits: the train split, and the validation split.
        teachers: of the job, at their temperature.
        weights: the folder of pretrained files.
        checkpoint: where an interrupted training goes on.
        commit: of the code, or ``unknown``.
        say: prints a line.

    Raises:
        UserError: for missing weights, a class without images, a batch larger than the train split, a damaged
            checkpoint.
    """

    def __init__(
        self,
        job: PackedJob,
        splits: tuple[Split, Split],
        teachers: list[keras.Model],
        weights: Path,
        checkpoint: Checkpoint,
        commit: str,
        say: Callable[[str], None],
    ):
        self.job, self.checkpoint, self.say = job, checkpoint, say
        train, self.validation = splits
        self.spent = Spent()
        self.labels = train[1]
        check(job, self.labels)
        with self.spent.on("loading"):
            self.student, self.source, self.saved = self._begin(train[0], weights, commit)
            targets = np.eye(len(job.classes), dtype=np.float32)[self.labels]
            balance = row_weights(self.labels, len(job.classes), job.recipe)
            self.lesson = Lesson(
                self.student, train[0], targets, balance, job.recipe, job.seed, teachers, job.share if teachers else 0
            )
        self.progress = self.saved.progress
        self.head_epochs = job.recipe.head_epochs if self.progress.weights != RANDOM else 0
        self.calls, self.steps = chunks_of(len(self.labels) // job.recipe.batch_size)
        self.engines: dict[str, Engine] = {}

    def _begin(self, faces: np.ndarray, weights: Path, commit: str) -> tuple[keras.Model, PretrainedFile | None, Saved]:
        job, code, architecture = self.job, code_of(self.job.architecture), get_architecture(self.job.architecture)
        saved = self.checkpoint.load()
        if saved and saved.progress.code != code:
            self.say(f"{job.name}: the code has changed since the checkpoint; the training begins anew")
            saved = None
        if saved:
            source = next((file for file in architecture.pretrained if file.name == saved.progress.weights), None)
            student = build(job, architecture, source, saved.progress.precision, faces.shape[1])
            write(model_variables(student), saved.model)
            return student, source, saved
        source, path = find_pretrained(job, architecture, weights, self.say)
        precision = job.recipe.precision
        if precision == "auto":
            precision = MIXED if accelerator() else FULL
        student = build(job, architecture, source, precision, faces.shape[1])
        if source and path:
            load_pretrained(student, source, path, faces, job.seed)
        progress = Progress(weights=source.name if source else RANDOM, precision=precision, code=code)
        progress.origin = Origin(commit, os.cpu_count() or 1, accelerator())
        return student, source, Saved(progress, [], [], [])

    def run(self, clock: Clock, total: int | None = None) -> Finished:
        """All epochs that are missing, or as many as there is time for.

        Args:
            clock: of the run.
            total: epochs of both phases, where another job has settled them.

        Raises:
            OutOfTimeError: where the minutes are too few to begin.
            UserError: where the loss diverges or is no longer finite.
        """
        progress = self.progress
        if not progress.total:
            progress.total = self.head_epochs + self._affordable(clock, total and total - self.head_epochs)
        recipe = copy(self.job.recipe)
        recipe.epochs = progress.total - self.head_epochs
        rates = {phase: rates_of(recipe, phase, self.calls * self.steps) for phase in (HEAD, ALL)}
        written, on_disk = time.monotonic(), progress.epochs
        while progress.epochs < progress.total and not self._over(clock):
            start = time.monotonic()
            phase = HEAD if progress.epochs < self.head_epochs else ALL
            engine = self._engine(phase)
            if phase != progress.phase:
                progress.phase = phase
            elif self.saved.optimizer:
                write(engine.optimizer.variables, self.saved.optimizer)
            self.saved.optimizer = []
            began = progress.epochs if phase == HEAD else progress.epochs - self.head_epochs
            self._epoch(engine, rates[phase][began * self.calls * self.steps :])
            progress.seconds.append(time.monotonic() - start)
            self._say_epoch()
            if time.monotonic() - written > CHECKPOINT_SECONDS:
                self._write(engine)
                written, on_disk = time.monotonic(), progress.epochs
        if on_disk < progress.epochs:
            self._write(engine)
        return self._finish()

    def _epoch(self, engine: Engine, rates: np.ndarray) -> None:
        """One epoch, its validation, and the weights that are kept."""
        progress, recipe = self.progress, self.job.recipe
        order = epoch_order(self.labels, len(self.job.classes), recipe, self.job.seed, progress.epochs)
        blends = blends_in(recipe, progress.epochs, progress.total)
        with self.spent.on("training"):
            sums: Any = 0.0
            for call in range(self.calls):
                sums = sums + self._call(engine, order, rates, call, progress.epochs, blends)
            means = ops.convert_to_numpy(sums) / (self.calls * self.steps)
        with self.spent.on("validation"):
            values = copies(model_variables(self.student))
            engine.average(order)
            probabilities = engine.predict(self.validation[0])
        row = history_row(
            self.job.name, progress, (float(means[0]), float(means[1])), (self.validation[1], probabilities), []
        )
        progress.epochs += 1
        progress.backend = keras.backend.backend()
        progress.history.append(row)
        with self.spent.on("keeping"):
            self.saved.keep_best(self.student, row["validation.loss"])
            write(model_variables(self.student), values)

    def _call(self, engine: Engine, order: np.ndarray, rates: np.ndarray, call: int, epoch: int, blends: bool) -> Any:
        """The steps of one compiled call."""
        batch, first = self.job.recipe.batch_size, call * self.steps
        rows = order[first * batch : (first + self.steps) * batch].reshape(self.steps, batch)
        return engine.train(rows, rates[first : first + self.steps], epoch, blends)

    def _engine(self, phase: str) -> Engine:
        """The compiled steps of a phase, which the student is set to."""
        set_phase(self.student, phase)
        if phase not in self.engines:
            optimizer = optimizer_of(self.student, self.job.recipe, phase, 1.0)
            self.engines[phase] = engine_of(self.lesson, optimizer, loss_of(self.job.recipe))
        return self.engines[phase]

    def _affordable(self, clock: Clock, settled: int | None) -> int:
        """The epochs that fit into the job's minutes, by a measurement that leaves no trace."""
        wanted, limits = settled or int(self.job.recipe.epochs), [clock.left()]
        least = settled or min(self.job.least, wanted)
        if self.job.minutes is not None:
            limits.append(60 * self.job.minutes - self.spent.total())
        known = [limit for limit in limits if limit is not None]
        if not known:
            return wanted
        begun = time.monotonic()
        with self.spent.on("measuring"):
            head_seconds = self._measure(HEAD) if self.head_epochs else 0.0
            epoch_seconds = self._measure(ALL)
        left = SAFE * (min(known) - (time.monotonic() - begun)) - self.head_epochs * head_seconds
        epochs = min(wanted, math.floor(left / epoch_seconds))
        if epochs < least:
            raise OutOfTimeError(
                f"{max(epochs, 0)} epochs of {epoch_seconds:.1f} s fit into its minutes, and fewer than {least} are "
                "not worth beginning"
            )
        return epochs

    def _measure(self, phase: str) -> float:
        """Seconds of a phase's epoch once all is compiled; student and optimizer are then as they were before."""
        engine = self._engine(phase)
        before = copies(state_of(engine))
        order = epoch_order(self.labels, len(self.job.classes), self.job.recipe, self.job.seed, 0)
        rates = np.full(self.steps, self.job.recipe.learning_rate / 10, np.float32)
        seconds = []
        for _ in range(2):  # the first compiles
            start = time.monotonic()
            ops.convert_to_numpy(self._call(engine, order, rates, 0, 0, True))
            trained = time.monotonic()
            trace = copies(state_of(engine))
            engine.average(order)
            engine.predict(self.validation[0])
            write(state_of(engine), trace)
            seconds.append((trained - start) * self.calls + time.monotonic() - trained)
        write(state_of(engine), before)
        return seconds[-1]

    def _over(self, clock: Clock) -> bool:
        """Whether the run's minutes end before another epoch would."""
        left = clock.left()
        if left is None or left > (self.progress.seconds[-1] if self.progress.seconds else 0.0):
            return False
        if not self.progress.epochs:
            raise OutOfTimeError("not one epoch fits into the minutes that are left")
        self.say(f"{self.job.name}: the minutes end after epoch {self.progress.epochs} of {self.progress.total}")
        return True

    def _write(self, engine: Engine) -> None:
        with self.spent.on("checkpoints"):
            self.saved.model = read(model_variables(self.student))
            self.saved.optimizer = read(engine.optimizer.variables)
            self.checkpoint.save(self.saved)
            self.saved.optimizer = []

    def _finish(self) -> Finished:
        """The best epoch's weights, and what they predict."""
        engine = self._engine(ALL)
        with self.spent.on("predicting"):
            self.student.set_weights(self.saved.best)
            validation = engine.predict(self.validation[0])
            views = np.mean([engine.predict(view) for view in ten_views(self.validation[0])], axis=0)
        return Finished(
            self.saved.best,
            preprocessing_of(get_architecture(self.job.architecture), self.source),
            best_temperature(self.validation[1], validation),
            validation,
            views,
            self.progress,
            self.spent.seconds | {"all": self.spent.total()},
        )

    def _say_epoch(self) -> None:
        progress, row = self.progress, self.progress.history[-1]
        images = self.calls * self.steps * self.job.recipe.batch_size / progress.seconds[-1]
        self.say(
            f"{self.job.name}: epoch {progress.epochs}/{progress.total}: loss {row['loss']:.3f}, validation accuracy "
            f"{row['validation.accuracy']:.3f}, macro-F1 {row['validation.macro_f1']:.3f}, {images:.0f} images/s"
        )


def rates_of(recipe: Any, phase: str, steps: int) -> np.ndarray:
    """float32 ``[epochs * steps]``: the learning rate of every step of a phase."""
    epochs = recipe.head_epochs if phase == HEAD else recipe.epochs
    if not epochs:
        return np.empty(0, np.float32)
    schedule = schedule_of(recipe, phase, steps)
    places = np.arange(epochs * steps, dtype=np.float32)
    if keras.backend.backend() == "jax":
        return np.asarray(ops.vectorized_map(schedule, places), np.float32)
    return np.array([float(schedule(place)) for place in places], np.float32)


def teacher_of(job: PackedJob, finished: Finished, face_size: int) -> keras.Model:
    """A finished job as the teacher of another."""
    architecture, progress = get_architecture(job.architecture), finished.progress
    source = next((file for file in architecture.pretrained if file.name == progress.weights), None)
    model = build(job, architecture, source, progress.precision, face_size, finished.temperature)
    model.set_weights(finished.weights)
    return model
