"""`fcir verify`: published files against their manifests, the warehouse against its audit. Changes nothing."""
