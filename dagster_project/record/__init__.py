"""The record of actions: who ran, published, accepted, looked up or erased what, when and why. Knows no Dagster."""
