#!/bin/sh
# One machine with Ray's dashboard and its metrics, where `vivavoce serve` has neither. VARIANT: cpu or gpu.
set -eu
python -m deployments.config "${VARIANT:-gpu}" > /tmp/serve_config.yaml
ray start --head --dashboard-host=0.0.0.0 --metrics-export-port=8080
export RAY_ADDRESS=auto
exec serve run /tmp/serve_config.yaml
