#!/usr/bin/env bash
# Trains a packed plan on a machine with a GPU and no network: bash docs/accelerator.sh [MINUTES], in the repository.
# CARRIED holds wheels (*.whl) and packed/, or a part of it: what one call brings is added to what others brought.
# OUT comes back. WORK stays from call to call: run it again, and an interrupted plan goes on.
set -euo pipefail
minutes=${1:-9} carried=${CARRIED:-.carried} out=${OUT:-out} work=${WORK:-/tmp/fer-work}
mkdir -p "$work/packed" "$work/site" "$out"
[ ! -d "$carried/packed" ] || cp -r "$carried/packed/." "$work/packed/"
export PYTHONPATH="$work/site:$PWD" PYTHONUNBUFFERED=1
if compgen -G "$carried/*.whl" >/dev/null; then
  python3 -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$work/site" "$carried"/*.whl
fi
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader || true
sees_gpu() {
  case $1 in
    jax) python3 -c 'import jax; assert jax.devices()[0].platform == "gpu"; print("jax", jax.__version__)' 2>&1 | tail -1 ;;
    torch) python3 -c 'import torch; assert torch.cuda.is_available(); print("torch", torch.__version__)' 2>&1 | tail -1 ;;
  esac
}
for backend in jax torch; do
  if sees_gpu $backend; then export KERAS_BACKEND=$backend; break; fi
done
if [ -z "${KERAS_BACKEND:-}" ]; then echo "neither JAX nor torch sees a GPU here"; exit 1; fi
for file in pack.json faces.bin labels.npz; do
  if [ ! -f "$work/packed/$file" ]; then echo "$file is not here yet: bring it with the next call"; exit 0; fi
done
ls -l "$work/packed" "$work/packed/weights" || true
python3 -m fer.portable "$work/packed" "$out" --minutes "$minutes" --state "$work/state" 2>&1 | tee "$out/log.txt"
