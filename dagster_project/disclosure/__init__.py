"""Disclosure control: what may be published, how its cells are protected, and what a reader can still infer.

Pure functions of counts and rules, without Dagster, files or marts. The method and its proof are in `control.py`;
`docs/decisions/0016-disclosure-control.md` explains the choice. Sources: Hundepool et al., Statistical Disclosure
Control (Wiley 2012), chapter 5 on frequency tables; GSS/GSR Disclosure Control Guidance for Tables Produced from
Administrative Sources.
"""
