import subprocess
import sys

import pytest

CHECK = """
import sys

HEAVY = {"tensorflow", "keras", "mlflow", "dvc", "prefect", "great_expectations", "pandas", "matplotlib", "sklearn"}
HEAVY |= {"evidently"}


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise AssertionError(f"{name} was imported")


sys.meta_path.insert(0, Refuse())
__import__(sys.argv[1])
assert not HEAVY & {name.partition(".")[0] for name in sys.modules}
"""


@pytest.mark.parametrize(
    "module",
    [
        "fer.inference.classifier",
        "fer.inference.detection",
        "fer.serving.service",
        "fer.commands.video",
        "fer.commands.webcam",
    ],
)
def test_clients_and_service_import_nothing_of_the_training_side(module, tmp_path):
    environment = {"BENTOML_HOME": str(tmp_path), "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK, module], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_check_itself_can_fail():
    done = subprocess.run([sys.executable, "-c", CHECK, "pandas"], capture_output=True, text=True, check=False)
    assert "pandas was imported" in done.stderr


@pytest.mark.parametrize(
    ("module", "left"),
    [
        ("fer.inference.classifier", set()),
        ("fer.inference.runtime", set()),
        ("fer.serving.service", set()),
        pytest.param(
            "onnxruntime", {".ses"}, marks=pytest.mark.skipif(sys.platform != "linux", reason="as seen there")
        ),
    ],
)
def test_onnx_runtime_reports_to_nobody(module, left, tmp_path):
    """With its telemetry on, it keeps a session's number in the temporary folder from the import on."""
    environment = {"TMPDIR": str(tmp_path), "BENTOML_HOME": str(tmp_path / "home"), "BENTOML_DO_NOT_TRACK": "True"}
    subprocess.run([sys.executable, "-c", f"import {module}"], env=environment, check=True)
    assert {path.name for path in tmp_path.iterdir()} - {"home"} == left
