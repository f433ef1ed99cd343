"""How many replicas each deployment of a cluster has: bounds for a number of GPUs, and the policy that Serve calls."""
