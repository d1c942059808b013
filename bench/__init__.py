"""Measures speed and memory: ``python -m bench``. Figures compare within one run on one machine, never across runs."""
