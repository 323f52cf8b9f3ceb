"""The parts of the autograd lab's page."""
