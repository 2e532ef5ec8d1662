"""The plugins that the command line was told to use."""

from __future__ import annotations

import os
import re

from goncordia.plugins import Plugins

VARIABLE = "GONCORDIA_PLUGINS"
"""Names of entry points in the group `goncordia.plugins`, between commas or blanks."""


def plugins() -> Plugins:
    """Those that the variable names; raises `PluginNotFound`."""
    return Plugins(filter(None, re.split(r"[,\s]+", os.environ.get(VARIABLE, ""))))
