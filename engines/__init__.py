"""The models: one engine in a file, behind the protocols of `pipeline.stages`, usable without Ray."""
