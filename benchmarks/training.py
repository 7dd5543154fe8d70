"""What augmentation, mixup and checkpoints cost a training: ``python benchmarks/training.py [architecture] [recipe]``.

Times epochs of our training and of a bare Keras ``fit`` of the same network, data, batch size and optimizer without
augmentation, in turn in one run, and prints images per second of the fastest epoch of each (what else the machine does
only ever slows one down, by half on a shared machine) and their ratio. Run in the project's folder, after ingest.
"""

import sys
import tempfile
import time
from pathlib import Path

from pipelines.environment import prepare

#: Faces of an epoch, and epochs of each kind, of which the first (tracing) is left out.
FACES, EPOCHS = 8192, 5


def main(name: str, recipe_name: str) -> None:
    import keras
    import numpy as np

    from fer.data.dataset import FaceDataset
    from fer.models.common.network import build_classifier
    from fer.models.common.registry import get_architecture
    from fer.params import load_params
    from fer.training.batches import Batches
    from fer.training.checkpoint import Checkpoint
    from fer.training.memory import keep_freed_memory
    from fer.training.optimizer import ALL, compile_phase
    from fer.training.state import Progress, Saved, model_variables, read

    keep_freed_memory()
    params = load_params()
    params = params.model_copy(update={"train": params.train.model_copy(update={"recipe": recipe_name})})
    recipe = params.recipe(name)
    precision = "mixed_bfloat16" if recipe.precision == "auto" else recipe.precision
    dataset = FaceDataset.load(Path("data/dataset"))
    rows = np.resize(dataset.rows("train"), FACES)
    faces, labels = np.asarray(dataset.images[rows]), dataset.labels[rows]
    targets = np.eye(len(dataset.classes), dtype=np.float32)[labels]
    architecture = get_architecture(name)

    def network() -> keras.Model:
        model = build_classifier(
            architecture, len(dataset.classes), recipe.input_size, architecture.preprocessing, precision
        )
        compile_phase(model, recipe, ALL, FACES // recipe.batch_size)
        return model

    bare, ours = network(), network()
    seconds: dict[str, list[float]] = {"bare": [], "ours": []}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Checkpoint(Path(folder) / "checkpoint")
        for epoch in range(EPOCHS):
            start = time.perf_counter()
            bare.fit(faces, targets, batch_size=recipe.batch_size, verbose=0)
            middle = time.perf_counter()
            ours.fit(Batches(faces, labels, targets, recipe, 1, epoch, EPOCHS), shuffle=False, verbose=0)
            weights, state = read(model_variables(ours)), read(ours.optimizer.variables)
            checkpoint.save(Saved(Progress(), weights, state, weights))
            end = time.perf_counter()
            if epoch:
                seconds["bare"].append(middle - start)
                seconds["ours"].append(end - middle)
    speeds = {kind: FACES / min(times) for kind, times in seconds.items()}
    print(
        f"{name}, {recipe_name}, {precision}, {keras.backend.backend()}: bare fit {speeds['bare']:.0f} images/s, "
        f"ours with augmentation and checkpoint {speeds['ours']:.0f}, ratio {speeds['ours'] / speeds['bare']:.2f}"
    )


if __name__ == "__main__":
    prepare()
    main(*(sys.argv[1:] + ["mini", "full"][len(sys.argv) - 1 :]))
