"""A cluster of several raylets on this machine: GPUs are declared, models sleep, and the rest of the graph is real."""
