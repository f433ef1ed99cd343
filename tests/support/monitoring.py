"""The expressions in the dashboard and in the alert rules, and the metrics that they name."""

import json
import re
from collections.abc import Iterable

import yaml

from tests.support.program import ROOT

DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "vivavoce.json"
HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def expressions() -> list[str]:
    """PromQL of all panels and alerts."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return shown + [rule["expr"] for group in groups for rule in group["rules"]]


def names(found: Iterable[str]) -> set[str]:
    """The metrics in them; of a histogram its own name, without that of a part."""
    return {HISTOGRAM.sub("", name) for expression in found for name in re.findall(r"\bray_\w+", expression)}
