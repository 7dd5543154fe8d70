"""A plan's jobs one after the other, by priority, within the minutes that there are."""

import gc
import hashlib
import os
import platform
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from fer.errors import UserError
from fer.files import replace_file
from fer.models.common.registry import get_architecture
from fer.portable.bundle import pack_job, unpack_job
from fer.portable.clock import Clock, OutOfTimeError
from fer.portable.folder import TRAINED, WEIGHTS, Packed, PackedJob
from fer.portable.load import Load
from fer.portable.pieces import Results
from fer.portable.train import Finished, Split, Training, code_of, teacher_of
from fer.training.checkpoint import Checkpoint
from fer.training.machine import accelerator

#: Packages whose versions are told.
TOLD = ("keras", "numpy", "jax", "jaxlib", "torch", "tensorflow")


@dataclass
class Run:
    """The jobs of a packed folder.

    Attributes:
        packed: what is trained, on what.
        results: where finished jobs go.
        state: the folder of checkpoints and finished jobs, by which an interrupted run goes on.
        clock: the minutes.
        say: prints a line.
        longest: seconds that a job took at most before its first epoch: loading, compiling and measuring.
    """

    packed: Packed
    results: Results
    state: Path
    clock: Clock
    say: Callable[[str], None]
    longest: float = 0.0

    def all(self) -> None:
        """Train every job that is not finished and that there is time for; one that fails ends no other."""
        splits = self.packed.splits()
        done: dict[str, Finished] = {}
        for job in self.packed.jobs:
            finished = self._kept(job)
            if finished is None:
                try:
                    if job.trained:
                        done[job.name] = self._brought(job, job.trained)
                        continue
                    finished = self._train(job, splits, done)
                except (OutOfTimeError, UserError) as error:
                    self._left_out(job, str(error))
                    continue
                except Exception as error:
                    # Out of memory, or a bug: the minutes that are left are worth more than a clean end.
                    self.say(traceback.format_exc())
                    self._left_out(job, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
                    continue
                finally:
                    gc.collect()
            done[job.name] = finished
            self._hand_over(job, finished)

    def _train(self, job: PackedJob, splits: tuple[Split, Split], done: dict[str, Finished]) -> Finished:
        if missing := [name for name in job.teachers if name not in done]:
            raise UserError(f"its teacher {missing[0]} is not trained")
        if job.like and job.like not in done:
            raise UserError(f"{job.like}, whose number of epochs it takes, is not trained")
        folder = self.packed.path
        if job.weights and not (folder / WEIGHTS / job.weights).is_file():
            raise UserError(f"its pretrained file {WEIGHTS}/{job.weights} has not arrived; copy it to {folder}")
        checkpoint = Checkpoint(self._folder(job) / "checkpoint")
        if not checkpoint.folder.is_dir():
            self._check_clock()
        self.say(f"{job.name}: begins after {self.clock.spent() / 60:.1f} minutes")
        jobs = {one.name: one for one in self.packed.jobs}
        face_size = splits[0][0].shape[1]
        teachers = [teacher_of(jobs[name], done[name], face_size) for name in job.teachers]
        commit = self.packed.commit if code_of(job.architecture) == job.code else "unknown"
        load = Load()
        try:
            training = Training(job, splits, teachers, folder / WEIGHTS, checkpoint, commit, self.say)
            try:
                finished = training.run(self.clock, done[job.like].progress.total if job.like else None)
            finally:
                seconds = training.spent.seconds
                self.longest = max(self.longest, seconds["loading"] + seconds.get("measuring", 0.0))
        finally:
            busy = load.stop()
        if busy is not None:
            finished.seconds["card busy"] = busy * finished.seconds["all"]
        self._keep(job, finished)
        return finished

    def _check_clock(self) -> None:
        """That there is time to begin: nothing stops a network's compilation, which takes minutes.

        Raises:
            OutOfTimeError: where less is left than an earlier job took before its first epoch.
        """
        left = self.clock.left()
        if left is not None and left <= self.longest:
            raise OutOfTimeError(
                f"{max(left, 0):.0f} s are left to begin it, and an earlier job took {self.longest:.0f} s before its "
                "first epoch"
            )

    def _brought(self, job: PackedJob, name: str) -> Finished:
        """A network that was trained before, as a teacher."""
        path = self.packed.path / TRAINED / name
        if not path.is_file():
            raise UserError(f"{TRAINED}/{name} has not arrived; copy it to {self.packed.path}")
        content = path.read_bytes()
        finished = unpack_job(content, str(path))
        told = {"status": "brought", "weights": _label_of(job, finished), "sha256": hashlib.sha256(content).hexdigest()}
        self.results.tell(job.name, told)
        return finished

    def _folder(self, job: PackedJob) -> Path:
        return self.state / self.packed.digest[:16] / job.name

    def _kept(self, job: PackedJob) -> Finished | None:
        """A job that an earlier run finished."""
        path = self._folder(job) / "finished.npz"
        return unpack_job(path.read_bytes(), str(path)) if path.is_file() else None

    def _keep(self, job: PackedJob, finished: Finished) -> None:
        """For a later run, where all epochs are done: others go on from the checkpoint."""
        if finished.progress.epochs == finished.progress.total:
            with replace_file(self._folder(job) / "finished.npz") as fresh:
                fresh.write_bytes(pack_job(finished, "float32"))

    def _hand_over(self, job: PackedJob, finished: Finished) -> None:
        """Write a job to the results; its predictions alone where its weights have no room."""
        content = pack_job(finished, job.keep)
        kept = job.keep
        if not self.results.fits(content):
            content, kept = pack_job(finished, "predictions"), "predictions"
            self.say(f"{job.name}: its weights have no room in the results, its predictions have")
        told = self._told(job, finished) | {"keep": kept, "status": "finished"}
        self.results.add(job.name, content, told)
        self.say(
            f"{job.name}: validation accuracy {told['validation.accuracy']:.3f}, {told['minutes']:.1f} minutes, "
            f"{told['images_per_second']:.0f} images/s, the card waited {100 * told['waited']:.0f} % of the time"
        )

    def _told(self, job: PackedJob, finished: Finished) -> dict[str, Any]:
        """What ``results.json`` says of a job, in figures."""
        progress, seconds = finished.progress, finished.seconds
        best = progress.history[progress.best_epoch - 1]
        images = self.packed.counts["train"] * len(progress.history)
        working = seconds.get("card busy", seconds.get("training", 0.0) + seconds.get("validation", 0.0))
        return {
            "weights": _label_of(job, finished),
            "epochs": progress.epochs,
            "of": progress.total,
            "best_epoch": progress.best_epoch,
            "validation.accuracy": best["validation.accuracy"],
            "validation.macro_f1": best["validation.macro_f1"],
            "minutes": round(sum(progress.seconds) / 60, 2),
            "images_per_second": round(images / max(sum(progress.seconds), 1e-9)),
            "waited": round(1 - working / max(seconds["all"], 1e-9), 3),
            "seconds": {name: round(value, 1) for name, value in seconds.items()},
        }

    def _left_out(self, job: PackedJob, reason: str) -> None:
        self.say(f"{job.name}: left out: {reason}")
        self.results.tell(job.name, {"status": "left out", "reason": reason})


def _label_of(job: PackedJob, finished: Finished) -> str:
    """What the network began from, as tables call it."""
    name = finished.progress.weights
    return next((file.label for file in get_architecture(job.architecture).pretrained if file.name == name), name)


def run(
    packed: Packed, out: Path, state: Path, minutes: float | None, room: int, say: Callable[[str], None] = print
) -> None:
    """Train the jobs of a packed folder and write them to ``out``.

    Args:
        packed: the folder.
        out: the folder of results; what is there of an earlier run is replaced.
        state: the folder from which an interrupted run goes on.
        minutes: of the run; None for as many as it takes.
        room: bytes that the results may have.
        say: prints a line.
    """
    about = {
        "format": 1,
        "dataset": packed.dataset,
        "fingerprint": packed.fingerprint,
        "packed": packed.digest,
        "machine": describe_machine(),
        "plan": packed.plan,
    }
    results = Results(out, about, room)
    clock = Clock(minutes, packed.reserve if minutes is not None else 0.0)
    Run(packed, results, state, clock, say).all()
    results.about["minutes"] = round(clock.spent() / 60, 2)
    results.write()
    finished = sum(told["status"] == "finished" for told in results.jobs.values())
    say(f"{finished} of {len(packed.jobs)} jobs in {clock.spent() / 60:.1f} minutes: {out}")


def describe_machine() -> dict[str, Any]:
    """What computes here, and by which software."""
    software = {}
    for name in TOLD:
        try:
            software[name] = version(name)
        except ModuleNotFoundError:
            continue
    return {
        "accelerator": accelerator(),
        "cores": os.cpu_count(),
        "backend": keras.backend.backend(),
        "python": platform.python_version(),
        "software": software,
    }
