#!/bin/sh
# Remove from the image's Python packages what only their developers use: tests, C++ headers, and Ray's Java library.
set -eu
cd /opt/venv/lib/python3.*/site-packages
rm -rf torch/test torch/include torch/bin/*est* torch/bin/protoc* ray/jars onnx/backend/test
for package in matplotlib numba numpy pandas scipy sklearn sympy; do
    find "$package" -type d -name tests -prune -exec rm -rf {} +
done
