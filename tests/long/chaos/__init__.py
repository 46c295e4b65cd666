"""Faults on purpose: what a data root is after a kill, a full disk, damage, and a wrong clock."""
