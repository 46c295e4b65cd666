"""Faults on purpose: what a data root is after a kill, a full disk, damage, a wrong clock, and hostile input."""
