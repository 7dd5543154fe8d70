"""What Prefect, MLflow and DVC add to a training: ``python benchmarks/orchestration.py [architecture]``.

Trains one architecture of the drawn sample in turn by the bare library, in a process of its own, and as its DVC stage
with a running Prefect server, as ``make run`` does. Both start an interpreter, import TensorFlow, train by the same
recipe and export the same files: the difference is orchestration. Of both it prints the time and the processor's time,
which tells the same on a busy computer. Run in the project's folder, after ``make run``.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time

from pipelines.environment import prepare

ROUNDS = 3
BARE = """
import sys
from pathlib import Path
from fer.data.dataset import FaceDataset
from fer.params import load_params
from fer.training.checkpoint import Checkpoint
from fer.training.fit import fit
from fer.training.save import write_outputs
from pipelines.models import make_job

folder = Path(sys.argv[2])
dataset = FaceDataset.load(Path("data/dataset"))
job = make_job(load_params(), dataset, sys.argv[1])
trained = fit(dataset, job, None, Checkpoint(folder / "checkpoint"))
write_outputs(folder / "model", dataset, job, trained)
"""


def seconds(*command: str) -> tuple[float, float]:
    """What a command took, and of the processor: of all that it started and waited for."""
    start, before = time.perf_counter(), processor()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start, processor() - before


def processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def bare(architecture: str) -> tuple[float, float]:
    folder = tempfile.mkdtemp()
    try:
        return seconds(sys.executable, "-c", BARE, architecture, folder)
    finally:
        shutil.rmtree(folder)


def stage(architecture: str) -> tuple[float, float]:
    return seconds(sys.executable, "-m", "dvc", "repro", "--force", "--single-item", f"train@{architecture}")


def main() -> None:
    from pipelines.server import running_server

    architecture = sys.argv[1] if len(sys.argv) > 1 else "mobilenetv2"
    with running_server(deployments=False):
        for _ in range(ROUNDS):
            (alone, alone_cpu), (orchestrated, orchestrated_cpu) = bare(architecture), stage(architecture)
            added, added_cpu = orchestrated - alone, orchestrated_cpu - alone_cpu
            print(f"{architecture}: library {alone:.1f} s, DVC stage {orchestrated:.1f} s, added {added:.1f} s")
            print(f"  processor: {alone_cpu:.1f} s, {orchestrated_cpu:.1f} s, added {added_cpu:.1f} s", flush=True)


if __name__ == "__main__":
    prepare()
    main()
