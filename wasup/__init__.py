"""wasup, the WhatsApp account supervisor."""

from importlib.metadata import version

__version__ = version("wasup")
