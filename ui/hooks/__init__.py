"""The parts of the hooks lab."""
