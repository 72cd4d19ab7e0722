"""Settings, wiring, logs, embedded services. The only reader of the environment."""

import os

# Read when a library that brings OpenMP is loaded (LightGBM, scikit-learn): its threads then sleep while they wait. On busy
# cores training took 28 s with spinning threads and 7 to 10 s with sleeping ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
