"""Synthetic extracts, calibrated to the figures of one printed board paper. Nothing of the pipeline belongs here.

The way of a sample: `targets` reads the printed figures; `calls`, `chats`, `reports`, `contacts` and `crimes` draw
events whose sums are exactly those figures; `mess` spreads them over deliveries as source systems would (late,
corrected, repeated, faulty); `styles` says how each file spells its cells; `writers` writes the files. The truth is
drawn first and only then spoilt, so a mess row never changes a figure. `check` recomputes the figures from the files
by the plainest means, without the warehouse, for the tests.
"""

from dagster_project.sample.generate import SampleSummary, write

__all__ = ["SampleSummary", "write"]
