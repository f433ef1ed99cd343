"""The alert rules and the dashboard: each alert fires when it should, and leads to a section of the manual.

tests/ray/test_cluster.py checks that the program exports the metrics that they name.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.dashboard.modules.reporter.reporter_agent import METRICS_GAUGES

from deployments.dashboards import DASHBOARDS
from tests.support.monitoring import ALERTS, DEPLOY, expressions, names
from tests.support.program import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not here (Debian: apt install prometheus)")


def promtool(*arguments: str | Path) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@needs_promtool
def test_prometheus_takes_its_configuration_with_the_rules() -> None:
    promtool("check", "config", DEPLOY / "prometheus.yml")


@needs_promtool
def test_each_alert_fires_when_it_should() -> None:
    promtool("test", "rules", Path(__file__).with_name("alerts.yml"))


def test_each_alert_is_tested() -> None:
    tests = yaml.safe_load(Path(__file__).with_name("alerts.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in alerts()}


def test_each_alert_leads_to_a_section_of_the_manual() -> None:
    titles = re.findall(r"^#+ (.*)$", OPERATIONS, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    for rule in alerts():
        page, anchor = rule["annotations"]["runbook"].split("#")
        assert (page, anchor in anchors) == ("docs/operations.md", True), rule["alert"]
        assert f"`{rule['alert']}`" in OPERATIONS


def test_ray_exports_the_metrics_of_gpus_that_are_shown() -> None:
    """Only where there is a GPU, so that test_cluster.py does not see them."""
    gpu = {name for name in names(expressions()) if name.startswith(("ray_node_gpu", "ray_node_gram"))}
    assert len(gpu) >= 3
    assert gpu <= {f"ray_{name}" for name in METRICS_GAUGES}


def test_every_metric_of_ours_is_in_the_manual() -> None:
    shown = {name for name in names(expressions()) if name.startswith("ray_vivavoce")}
    assert {name for name in shown if f"`{name}`" not in OPERATIONS} == set()


def test_the_dashboards_that_rays_own_dashboard_shows_are_written(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "deployments.dashboards", tmp_path / "dashboards"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    uids = {yaml.safe_load((tmp_path / "dashboards" / name).read_text())["uid"] for name in DASHBOARDS}
    assert uids == {"rayDefaultDashboard", "rayServeDashboard", "rayServeDeploymentDashboard"}
    assert all(file.stat().st_mode & 0o777 == 0o644 for file in (tmp_path / "dashboards").iterdir())
