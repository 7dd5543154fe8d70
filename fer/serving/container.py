"""The container that ``bentoml containerize`` makes of the service."""

import bentoml

#: Versions are requirements.lock's, for this Python; BentoML adds itself. Locking again would go over the network.
IMAGE = bentoml.images.Image(python_version="3.11", lock_python_packages=False).python_packages(
    "numpy==2.4.6",
    "onnxruntime==1.32.0",
    "opencv-python-headless==4.14.0.94",  # a container has no libGL
)
