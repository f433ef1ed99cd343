"""Ray's own Grafana dashboards, which Ray's dashboard shows in its pages: python -m deployments.dashboards DIRECTORY

Ray writes them, too, into its session's directory, which is new at each start and closed to other users. Grafana needs them in
a place that stays.
"""

import argparse
from pathlib import Path

from ray.dashboard.modules.metrics import grafana_dashboard_factory as factory

DASHBOARDS = {
    "ray_default.json": factory.generate_default_grafana_dashboard,
    "ray_serve.json": factory.generate_serve_grafana_dashboard,
    "ray_serve_deployment.json": factory.generate_serve_deployment_grafana_dashboard,
}
"""Those of the pages *Overview*, *Metrics* and *Serve*; the others belong to libraries of Ray that are not used here."""


def write(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, generate in DASHBOARDS.items():
        content, _uid = generate()
        file = directory / name
        file.write_text(content)
        file.chmod(0o644)  # Grafana runs as another user


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deployments.dashboards", description=__doc__)
    parser.add_argument("directory", type=Path)
    write(parser.parse_args().directory)
