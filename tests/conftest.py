"""What all tests share: one thread per worker, no display, and examples that neither chance nor a clock decides.

Numerical libraries read their settings when they are imported, so these stand before any import of them. This file sets the
tests' surroundings.
"""

import os

from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")
