"""The leak theatre: classic ways in which a secret leaks, each beside the right way, run for real.

Each act is two programs that read a key from the environment variable `API_KEY`. `play` plants a canary
there, runs both, and looks for it in what they print and in the files that they leave.
"""

from core.secrets.theatre.act import Act, acts
from core.secrets.theatre.stage import Play, Scene, TheatreError, play

__all__ = ["Act", "Play", "Scene", "TheatreError", "acts", "play"]
