"""Trace a figure back to its sums, events, files and rows."""
