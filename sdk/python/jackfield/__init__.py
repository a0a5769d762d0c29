"""Write Jackfield plugins in Python.

`plugin.py` defines the functions that its kind exports, for example `def assign(snapshot)` of a routing strategy. The
types of the contract are modules of `wit_world.imports` with short names: `routing.Plan` is the record `plan` of
cx:routing-strategy/types, `details.skills()` the function `skills` of cx:routing-strategy/details, `cx` has what all share.
A function of the host whose result can be an error raises `componentize_py_types.Err`.

What a plugin keeps in variables between two decisions may be there at the next one or not; never rely on it.
"""

import json
import linecache
import os
import sys
import traceback

from componentize_py_types import Err
from wit_world.imports import clock, cx
from wit_world.imports import config as _config

from . import _chance

__all__ = ["PluginError", "config", "now", "Err"]


class PluginError(Exception):
    """An answer "no": the host follows its fail policy and shows code and message to the administrator."""

    def __init__(self, code: str, message: str, retryable: bool = False):
        super().__init__(message)
        self.code = code
        self.retryable = retryable


def config(**defaults):
    """The binding's configuration, over what holds where it says nothing."""
    return {**defaults, **json.loads(_config.get())}


def now() -> int:
    """The decision's moment, in milliseconds since the Unix epoch. `time.time()` says the same in seconds."""
    return clock.now()


def guarded(function, *values):
    """Calls the author's function; what it raises becomes an error of the contract."""
    _chance.begin()
    try:
        return function(*values)
    except Err:
        raise
    except PluginError as error:
        raise Err(cx.Error(_text(error.code), _text(str(error)), error.retryable)) from None
    except Exception as error:
        raise Err(cx.Error("exception", _text(_told(error)), False)) from None


#: Functions of a traceback that are told, the innermost ones.
_FRAMES = 8
#: Where the author's files were when the plugin was built.
_home = ""


def keep_sources(plugin):
    """Puts the author's lines where tracebacks look for them; for the build, since a plugin reads no files when it runs."""
    global _home
    _home = os.path.join(os.path.dirname(plugin.__file__), "")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if file.startswith(_home) and (lines := linecache.getlines(file)):
            # Without a time of change, an entry is not compared with the file.
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _told(error):
    """The traceback, of what is the author's."""
    told = traceback.TracebackException.from_exception(error)
    part = told
    while part is not None:
        frames = [frame for frame in part.stack if frame.filename.startswith(_home)][-_FRAMES:]
        for frame in frames:
            frame.filename = frame.filename.removeprefix(_home)
        part.stack = traceback.StackSummary.from_list(frames)
        part = part.__cause__ or part.__context__
    return "".join(told.format())


def _text(text: str) -> str:
    """Half of a surrogate pair is no Unicode, and no text of the contract."""
    return text.encode("utf-8", "replace").decode("utf-8")
