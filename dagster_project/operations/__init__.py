"""What keeps a data root trustworthy: the record of actions, verification, and the rebuild of a warehouse."""
