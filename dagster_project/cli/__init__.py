"""The operator's command `fcir`: one module per command, with its actions and its output."""
