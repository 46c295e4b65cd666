"""What a force states without touching a shipped file: its folder of settings, laid over what is shipped."""
