"""docs/results.md and its figures, from what is kept of every model. No stage: page and records are kept in Git."""

from filelock import FileLock, Timeout

from fer.data.dataset import FaceDataset
from fer.errors import UserError
from fer.evaluation.comparison import comparison_table
from fer.evaluation.model_folder import ModelFolder
from fer.files import write_text
from fer.params import Params, load_params
from fer.report import images, keeping
from fer.report.comparison import draw_comparison
from fer.report.data_reports import DataFiles, read_reports
from fer.report.latency import with_latencies
from fer.report.page import results_page
from fer.report.records import best_first
from fer.report.released import released_on
from fer.report.results import Links, Results, pairs_on, slug, summarize_ensemble
from pipelines import paths

DATA_FILES = DataFiles(paths.INGEST_REPORT, paths.VALIDATION_REPORT, paths.CLASS_COUNTS, paths.DATA_FIGURES)


def results() -> None:
    """Keep what was trained here, and write the page of all that is kept.

    Raises:
        UserError: where a stage has not run yet, nothing was trained, something is damaged or was trained on other
            data, or a second run is at it.
    """
    try:
        with FileLock(paths.STATE / "results.lock", timeout=0):
            params = load_params()
            dataset = FaceDataset.load(paths.DATASET)
            here = trained_here(params, dataset)
            found = gather(params, dataset, here)
            draw(found, here)
            write_text(paths.RESULTS_PAGE, results_page(found))
    except Timeout as error:
        raise UserError(f"{paths.RESULTS_PAGE}: another run is writing it; wait for its end") from error
    print(f"results: {paths.RESULTS_PAGE}")


def trained_here(params: Params, dataset: FaceDataset) -> list[ModelFolder]:
    """The architectures and distilled models that this machine has trained, best first."""
    own = keeping.trained_here(paths.MODELS, params.train.architectures, dataset, "train")
    return best_first([*own, *keeping.trained_here(paths.DISTILLED, params.distill.students, dataset, "distill")])


def gather(params: Params, dataset: FaceDataset, here: list[ModelFolder]) -> Results:
    """Everything that the page shows, of this machine's models and of all that are kept."""
    ingest, checks = read_reports(DATA_FILES, dataset)
    records, page = paths.RECORDS / slug(dataset), paths.RESULTS_PAGE.parent
    models = keeping.keep_models(here, records / "models", dataset)
    groups = keeping.group_seeds(models, keeping.keep_repeats(paths.REPEATS, records / "repeats", dataset))
    return Results(
        params=params,
        dataset=dataset,
        ingest=ingest,
        checks=checks,
        models=models,
        table=with_latencies(comparison_table(models, params.compare), paths.COMPARISON, records / "latency.csv"),
        ensemble=summarize_ensemble(models, groups, params),
        pairs=pairs_on(dataset, models, params),
        seed_groups=groups,
        ablations=keeping.keep_ablations(paths.ABLATIONS, params, models, records / "ablations"),
        released=released_on(dataset),
        links=Links(
            records=records.relative_to(page).as_posix(),
            images=(paths.RESULTS_IMAGES / slug(dataset)).relative_to(page).as_posix(),
            faces=paths.FACES.as_posix(),
        ),
    )


def draw(found: Results, here: list[ModelFolder]) -> None:
    """The page's figures, and those of single faces, which stay out of Git."""
    target, faces, dataset = paths.RESULTS_IMAGES / slug(found.dataset), paths.FACES, found.dataset
    for folder in (target, faces):
        folder.mkdir(parents=True, exist_ok=True)
    images.copy_figures(paths.DATA_FIGURES, target)
    draw_comparison(
        found.table,
        found.models,
        dataset,
        found.params.compare.sample_faces,
        target / paths.COMPARISON_FIGURE.name,
        faces / paths.SAMPLES.name,
    )
    images.draw_confusions(found.models, dataset, target)
    images.draw_mistakes(found.models[0], dataset, faces / "mistakes.png")
    if here:
        images.draw_saliency(here[0], dataset, faces / "saliency.png")
