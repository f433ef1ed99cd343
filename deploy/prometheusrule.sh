#!/bin/sh
# Print alerts.yml as a resource of the Prometheus operator: sh deploy/prometheusrule.sh | kubectl apply -f -
set -eu
cat <<'END'
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: vivavoce
  labels:
    release: prometheus  # FILL IN: the labels that your Prometheus selects rules by
spec:
END
sed 's/^/  /' "$(dirname "$0")/alerts.yml"
