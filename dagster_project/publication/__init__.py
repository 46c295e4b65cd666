"""Write publications: one folder each, and a pointer to the current one. All figures come from the marts."""
