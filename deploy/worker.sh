#!/bin/sh
# A worker in a clone of its own. PREFECT_API_URL, MLFLOW_TRACKING_URI, AWS_... and FER_REPOSITORY are set (docs/scale.md).
set -eu
folder=${FER_FOLDER:?name the folder of the clone}
[ -d "$folder/.git" ] || git clone --quiet "$FER_REPOSITORY" "$folder"
cd "$folder"
exec prefect worker start --pool trainers --limit 1
