"""The operator's command `fcir`: a module for each command, with what it does and what it says."""
