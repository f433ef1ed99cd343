"""The Ray Serve graph: a thin deployment around each engine, and the ingress that composes them."""
