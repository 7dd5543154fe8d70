#!/bin/sh
# Once for a Prefect server and an object store: the bucket, the work pool, and the deployment that trains.
set -eu
python - <<'PYTHON'
import os

import boto3

client = boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
if "fer" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
    client.create_bucket(Bucket="fer")
PYTHON
prefect --no-prompt work-pool create trainers --type process --overwrite
prefect --no-prompt deploy --prefect-file deploy/prefect.yaml --all
