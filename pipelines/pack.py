"""The data set, pretrained files and a plan in one small folder, for a machine that has Keras and little else."""

from pathlib import Path

from mlflow.utils.git_utils import get_git_commit

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.params import load_params
from fer.portable.folder import Packed
from fer.portable.plan import PlannedJob, jobs_of, read_plan
from fer.portable.plan import pack as write_packed
from pipelines import paths


def pack(plan_file: Path, folder: Path) -> None:
    """Write the folder that ``python -m fer.portable`` trains from.

    Raises:
        UserError: for a mistake in the plan, or a required pretrained file that is not found.
    """
    plan, params = read_plan(plan_file), load_params()
    if params.train.start:
        raise UserError("pack: train.start_from: the model does not travel; name a folder, such as data/raw")
    dataset = FaceDataset.load(paths.DATASET)

    def home_of(job: PlannedJob, architecture: str, seed: int) -> str:
        """Where the project has such a training."""
        if job.ablation:
            return str(paths.ABLATIONS / architecture / job.ablation)
        if job.teachers:
            return str(paths.DISTILLED / architecture)
        if seed == params.train.seed:
            return str(paths.MODELS / architecture)
        return str(paths.REPEATS / f"{architecture}_{plan.recipe}_{seed}")

    jobs = jobs_of(plan, params, dataset, home_of)
    commit = get_git_commit(".") or "unknown"
    write_packed(folder, dataset, jobs, plan.reserve, params.train.weights_folder, commit)
    for job in Packed.load(folder).jobs:
        print(f"pack: {job.name}: {job.architecture} from {job.weights or 'random weights'}, to {job.home}")
    sizes = {path: path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
    for path, size in sizes.items():
        print(f"pack: {size / 1e6:6.1f} MB  {path}")
    print(f"pack: {len(jobs)} jobs on {dataset.name}, {sum(sizes.values()) / 1e6:.1f} MB: {folder}")
