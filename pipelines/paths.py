"""Where every stage's files are, as dvc.yaml says it; relative to the project's folder."""

from pathlib import Path

#: What the tools keep for themselves: MLflow's database, Prefect's, Bentos, checkpoints. Not a DVC output.
STATE = Path("state")
#: Held by the one retrain of this folder.
RETRAIN_LOCK = STATE / "retrain.lock"

DATASET = Path("data/dataset")
INGEST_REPORT = Path("reports/ingest.json")
VALIDATION_REPORT = Path("reports/validation.json")
#: The fingerprint of the data set that passed the checks. Explore and the trainings depend on it, so that a reworded
#: report reruns neither.
ACCEPTED_DATA = Path("reports/accepted.json")
DATA_DOCS = Path("reports/data_docs")

EXPLORE = Path("reports/explore")
CLASS_COUNTS = EXPLORE / "class_counts.csv"
#: The figures of ``explore`` that the page of results shows too.
DATA_FIGURES = tuple(EXPLORE / name for name in ("class_distribution.png", "average_faces.png", "contrast_images.png"))

#: What the audit found: tables, figures, doubtful labels to correct. Not a DVC output.
AUDIT = Path("reports/data")
AUDIT_PAGE = Path("docs/data-audit.md")

#: What params.yaml says of each training, an architecture a file: a training depends on its own alone.
RECIPES = Path("reports/recipes")

MODELS = Path("models")
#: Students, not below ``models``: the ensemble, which teaches them, depends on all that is there.
DISTILLED = Path("distilled")

ENSEMBLE = Path("reports/ensemble")
#: The headline figures, and beside them weights, temperatures and every metric with intervals.
ENSEMBLE_METRICS, ENSEMBLE_SUMMARY = ENSEMBLE / "metrics.json", ENSEMBLE / "ensemble.json"
ENSEMBLE_PREDICTIONS = ENSEMBLE / "predictions.parquet"
#: What a student learns from: who its teachers are, and their mean probabilities of the train split's images.
TEACHERS = ENSEMBLE / "teachers.json"
TEACHER_PREDICTIONS = ENSEMBLE / "teacher_predictions.npy"

COMPARE = Path("reports/compare")
COMPARISON_METRICS, SAMPLES = COMPARE / "metrics.json", COMPARE / "samples.png"
#: What DVC plots, a CSV per model: predictions of the test split, and metrics by epoch.
CONFUSION, CURVES = COMPARE / "confusion", COMPARE / "curves"
#: Figures by group, and the gaps between groups.
GROUPS = COMPARE / "groups"
#: With latency, which no two runs measure alike: beside the DVC outputs, not one of them.
COMPARISON, COMPARISON_FIGURE = COMPARE / "comparison.csv", COMPARE / "comparison.png"

CHAMPION = Path("champion")
#: Held by whoever changes the champion.
CHAMPION_LOCK = STATE / "champion.lock"
#: The version that waits for a person's word, for a service in shadow mode.
CHALLENGER = STATE / "challenger"
BENTO = Path("reports/bento.json")

#: What the service records, and what was found when it was held against the champion's reference.
MONITORING, WATCH = STATE / "monitoring", Path("reports/monitoring")

#: Trainings with one change of ``ablations.changes``: ``<architecture>/<its name>``.
ABLATIONS = Path("reports/ablations")
#: Trainings by seeds of their own: ``<architecture>_<recipe>_<seed>``.
REPEATS = Path("reports/repeats")

RESULTS_PAGE = Path("docs/results.md")
RESULTS_IMAGES = Path("docs/images")
#: What is kept of every training, by data set: below ``models``, by other seeds below ``repeats``, and of those with
#: one change below ``ablations``.
RECORDS = Path("docs/records")
#: Figures that show single faces: other people's photographs, which Git must not keep.
FACES = Path("reports/results")
