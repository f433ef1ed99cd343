#!/bin/sh
# One machine whose dashboard and metrics other containers reach, unlike those of `vivavoce serve`. VARIANT: cpu or gpu.
set -eu
umask 077
python -m deployments.config "${VARIANT:-gpu}" > /tmp/serve_config.yaml
python -m deployments.dashboards /dashboards  # for Grafana
# Whoever reaches Ray's ports may run programs here: they ask for a token. `ray get-auth-token` says it.
export RAY_AUTH_MODE=token
ray get-auth-token --generate > /dev/null
# Below 10000, where the ports of Ray's workers begin.
ray start --head --dashboard-host=0.0.0.0 --metrics-export-port=8080
export RAY_ADDRESS=auto
exec serve run /tmp/serve_config.yaml
