"""Synthetic extracts, calibrated to the figures of one printed board paper. Nothing of the pipeline belongs here.

The way of a sample: `targets` reads the monthly figures of each of the `forces`, printed or assumed; `calls`, `chats`,
`reports`, `contacts` and `crimes` draw events whose sums are exactly those figures; `defects` spreads them over
deliveries as source systems would (late, corrected, repeated, faulty); `styles` says how each file spells its cells;
`writers` writes the files. The truth is drawn first and only then given defects, so a defect never changes a figure.
`check` recomputes the figures from the files by the plainest means, without the warehouse, for the tests.
"""

from dagster_project.sample.generate import FIRST_DAY, LAST_DAY, SampleSummary, write

__all__ = ["FIRST_DAY", "LAST_DAY", "SampleSummary", "write"]
