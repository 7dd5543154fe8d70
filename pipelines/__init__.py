"""The stages of dvc.yaml as Prefect flows, one module each; ``python -m pipelines STAGE`` runs one."""
