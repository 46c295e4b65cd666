"""Generators of files from the contracts and the catalogue of measures; not part of a run."""
