"""Disclosure control: what may leave the force, how its cells are protected, what a reader can work out all the same.

Pure: knows counts and rules, and neither Dagster nor files nor the marts. The method and its proof: `control.py`; why
it is this one: `docs/decisions/0016-disclosure-control.md`. Sources: Hundepool et al., Statistical Disclosure Control
(Wiley 2012), chapter 5 on frequency tables; GSS/GSR Disclosure Control Guidance for Tables Produced from
Administrative Sources.
"""

from dagster_project.disclosure.control import control
from dagster_project.disclosure.inference import Interval, findings, intervals
from dagster_project.disclosure.releases import Controlled, Release, ReleaseError, Whole, check_releases, releases_of
from dagster_project.disclosure.rules import DisclosureRules, RulesError

__all__ = [
    "Controlled",
    "DisclosureRules",
    "Interval",
    "Release",
    "ReleaseError",
    "RulesError",
    "Whole",
    "check_releases",
    "control",
    "findings",
    "intervals",
    "releases_of",
]
