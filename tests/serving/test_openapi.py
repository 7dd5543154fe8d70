"""The description is true: schemathesis sends what it allows and more, and every answer is one that it names."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from services import encode, noise, serving
from videos import write_video

from fer.serving.openapi import description
from fer.serving.settings import Settings

pytestmark = pytest.mark.slow

SCHEMA = schemathesis.openapi.from_dict(description(Settings()))
PICTURES = [encode(noise(seed=seed), suffix) for seed, suffix in enumerate((".png", ".jpg", ".webp", ".bmp"))]
#: A file is described as any bytes: what is none is refused with 422, and so half of them are real.
FILES = st.sampled_from(PICTURES) | st.binary(max_size=300)
for kind in ("image/jpeg", "image/png", "video/mp4"):
    schemathesis.openapi.media_type(kind, FILES)
schemathesis.openapi.format("binary", FILES)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def service(model_folder, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("openapi"), "--model", model_folder) as running:
        yield running


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_is_described(case, service):
    case.call_and_validate(base_url=service.url, checks=CHECKS, timeout=60)


def test_the_service_gives_this_very_description(service):
    with service.client() as client:
        assert client.get("/openapi.json").json() == description(Settings())
        assert client.get("/docs.json").json() == description(Settings())


def test_the_examples_are_true(service, tmp_path):
    """Real answers have the fields of the examples."""
    paths = description(Settings())["paths"]
    example = {
        path: paths[path][method]["responses"]["200"]["content"]["application/json"]["example"]
        for path, method in (("/classify", "post"), ("/analyze", "post"), ("/video/status", "get"))
    }
    with service.client() as client:
        (face,) = client.post("/classify", files={"images": PICTURES[0]}).json()
        assert face.keys() == example["/classify"][0].keys()
        boxes = {"boxes": "[[[0, 0, 48, 48]]]"}
        (photo,) = client.post("/analyze", files={"images": PICTURES[0]}, data=boxes).json()
        assert photo.keys() == example["/analyze"][0].keys()
        assert photo["faces"][0].keys() == example["/analyze"][0]["faces"][0].keys()
        clip = write_video(tmp_path / "clip.mp4", frames=3).read_bytes()
        task = client.post("/video/submit", files={"video": clip}).json()
        assert task.keys() == example["/video/status"].keys()
