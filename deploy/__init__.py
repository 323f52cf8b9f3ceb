"""What is needed to host the app: how its container starts, how it is watched, what it is made of."""
