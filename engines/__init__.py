"""The models, one engine a file, each behind a protocol of `pipeline.stages` and usable without Ray."""
