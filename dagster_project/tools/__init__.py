"""Files that are generated from the contracts and the catalogue of measures; no part of a run."""
