"""What ingesting costs: ``python benchmarks/ingest.py [fer2013.csv.xz]``; the drawn sample without a file.

Reads, cleans and saves the data set ROUNDS times, each in a process of its own, and prints seconds and peak memory.
Run in the project's folder.
"""

import subprocess
import sys

ROUNDS = 3
INGEST = """
import resource, sys, tempfile, time
from pathlib import Path
from fer.data.ingest import build_dataset
from fer.params import load_params

start = time.perf_counter()
data = load_params().data
if sys.argv[1:]:
    data = data.model_copy(update={"source": "csv", "path": Path(sys.argv[1])})
with tempfile.TemporaryDirectory() as folder:
    dataset, _ = build_dataset(data)
    dataset.save(Path(folder) / "dataset")
    seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(f"{dataset.name}: {len(dataset):,} images in {seconds:.1f} s, peak memory {peak:.2f} GB")
"""


def main() -> None:
    for _ in range(ROUNDS):
        subprocess.run([sys.executable, "-c", INGEST, *sys.argv[1:]], check=True)


if __name__ == "__main__":
    main()
