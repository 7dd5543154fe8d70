"""compose.yaml and what it mounts, as far as no container engine is needed to tell."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
SERVICES = yaml.safe_load(COMPOSE)["services"]


def test_every_variable_that_must_be_set_is_in_the_example_and_no_secret_is_in_git():
    example = dict(line.split("=", 1) for line in (ROOT / "deploy/example.env").read_text().splitlines() if "=" in line)
    assert set(re.findall(r"\$\{(\w+):\?", COMPOSE)) <= example.keys()
    assert all(value.startswith("change-me") for name, value in example.items() if re.search("PASSWORD|SECRET", name))
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_every_file_that_is_mounted_or_run_is_there():
    mounted = re.findall(r"(?<=[ \[])\./?([\w./-]*):/", COMPOSE)
    run = [word for service in SERVICES.values() for word in service.get("command", []) if word.startswith("deploy/")]
    assert len(mounted) >= 5
    assert len(run) == 2
    for path in [*mounted, *run, SERVICES["service"]["build"]["dockerfile"]]:
        assert (ROOT / path).exists(), path


def test_passwords_stand_in_variables_not_in_arguments():
    for service in SERVICES.values():
        assert "$" not in json.dumps(service.get("command", []))


def test_prometheus_reads_the_service_and_grafana_reads_prometheus():
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    (target,) = job["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert SERVICES[name]["command"][-1] == port
    (source,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/service.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    (provider,) = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/fer.yaml").read_text())["providers"]
    assert any(mount.split(":")[1] == provider["options"]["path"] for mount in SERVICES["grafana"]["volumes"])


def test_a_share_of_none_is_zero():
    """A value that a label has not had yet is no series: divided, it shows no data where 0 is the news."""
    panels = json.loads((ROOT / "deploy/grafana/dashboards/service.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    shares = [expression for expression in asked if re.search(r'\{\w+="[^"]*"\}.* / ', expression)]
    assert len(shares) == 2
    assert all(re.match(r"\(.* or vector\(0\)\) / ", expression) for expression in shares)


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose here")
def test_compose_takes_the_file():
    done = subprocess.run(
        ["docker-compose", "--env-file", "deploy/example.env", "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
