"""Synthetic extracts, calibrated to the figures of one printed board paper. No part of the pipeline belongs here.

`targets` reads the monthly figures of each of the `forces`, printed or assumed. `calls`, `chats`, `reports`, `contacts`
and `crimes` draw events whose sums are exactly those figures. `defects` spreads them over deliveries as source systems
would (late, corrected, repeated, faulty). `styles` defines how each file spells its cells, and `writers` writes the
files. The true events are drawn before the defects are added, so a defect never changes a figure.
"""

from dagster_project.sample.generate import FIRST_DAY, LAST_DAY, SampleSummary, write, write_words

__all__ = ["FIRST_DAY", "LAST_DAY", "SampleSummary", "write", "write_words"]
