"""Limits of extract files that hold for every format, and that code which reads none of them needs too."""

# A day of all forces has less than 1 GiB. A file full of holes can have any size, and reading it would take hours.
LARGEST_EXTRACT = 64 << 30
