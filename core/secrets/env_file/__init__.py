"""Whether a `.env` file is safe where it lies: what git, the file system and Docker would do with it.

The folder is always the app's own or one that was made for it, never one that a visitor names.
"""

from core.secrets.env_file.check import Answer, SafetyCheck
from core.secrets.env_file.examination import examine

__all__ = ["Answer", "SafetyCheck", "examine"]
